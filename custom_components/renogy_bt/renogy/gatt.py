# SPDX-License-Identifier: Apache-2.0
"""What a peripheral offers over GATT, as it was found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedCharacteristic:
    """One characteristic, by its service and uuid, and what can be done with it."""

    service: str
    uuid: str
    properties: tuple[str, ...]
