# SPDX-License-Identifier: Apache-2.0
"""Who reads the batteries in a trial."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One way to read the batteries, every `interval` seconds.

    `component` is the stand-in that reads them, None for the integration; its link is kept
    connected where there is a `kept_interval`.
    """

    name: str
    interval: float
    component: str | None = None
    kept_interval: int | None = None

    @property
    def has_integration(self) -> bool:
        """Whether the integration is there."""
        return self.component is None


WITH_INTEGRATION: Final = Reader(name="renogy_bt, for each poll", interval=60)
KEPT: Final = Reader(name="renogy_bt, kept", interval=5, kept_interval=5)
ALONE: Final = Reader(name="alone", interval=60, component="plain_poller")
HOLDING: Final = (
    Reader(name="aiobmsble, keep_alive", interval=30, component="aiobmsble_reader"),
    Reader(
        name="renogy-ble, persistent_session",
        interval=60,
        component="renogy_ble_reader",
    ),
)
"""The peers that hold their link."""
