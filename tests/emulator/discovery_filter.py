# SPDX-License-Identifier: Apache-2.0
"""What clients want to discover (Adapter1.SetDiscoveryFilter)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_NO_RSSI = -127
_FILTER_TYPES = {
    "UUIDs": "as",
    "RSSI": "n",
    "Pathloss": "q",
    "Transport": "s",
    "DuplicateData": "b",
    "Discoverable": "b",
    "Pattern": "s",
    "AutoConnect": "b",
}


@dataclass(frozen=True, slots=True)
class DiscoveryFilter:
    """What of a client's filter decides whether a running scan fits."""

    uuids: tuple[str, ...] = ()
    transport: str = "auto"
    rssi: int = _NO_RSSI
    duplicate: bool = False
    pattern: str | None = None

    def admits(self, uuids: tuple[str, ...], rssi: int) -> bool:
        """Tell whether a device with these services and this strength passes."""
        has_service = not self.uuids or any(uuid in self.uuids for uuid in uuids)
        return has_service and rssi >= self.rssi


def parse_filter(options: Mapping[str, Any]) -> DiscoveryFilter | None:
    """Return the filter of a SetDiscoveryFilter call, None for an empty one.

    Raises `ValueError` for options that BlueZ refuses.
    """
    for name, option in options.items():
        if _FILTER_TYPES.get(name) != option.signature:
            raise ValueError(name)
    if not options:
        return None
    values = {name: option.value for name, option in options.items()}
    if values.get("Transport", "auto") not in {"auto", "bredr", "le"}:
        raise ValueError("Transport")
    if "RSSI" in values and "Pathloss" in values:
        raise ValueError("Pathloss")
    return DiscoveryFilter(
        uuids=tuple(sorted(uuid.lower() for uuid in values.get("UUIDs", ()))),
        transport=values.get("Transport", "auto"),
        rssi=values.get("RSSI", _NO_RSSI),
        duplicate=values.get("DuplicateData", False),
        pattern=values.get("Pattern"),
    )


def merged_filter(filters: Sequence[DiscoveryFilter | None]) -> DiscoveryFilter | None:
    """Return the one scan that serves several clients, None for an unfiltered one."""
    known = [wanted for wanted in filters if wanted is not None]
    if len(known) < len(filters) or not known:
        return None
    uuids = {uuid for wanted in known for uuid in wanted.uuids}
    transports = {wanted.transport for wanted in known}
    return DiscoveryFilter(
        uuids=tuple(sorted(uuids)) if all(wanted.uuids for wanted in known) else (),
        transport=transports.pop() if len(transports) == 1 else "auto",
        rssi=min(wanted.rssi for wanted in known),
    )
