# SPDX-License-Identifier: Apache-2.0
"""The clock by which alarms are over, in the hands of a test."""

import pytest

from custom_components.renogy_bt.renogy.alarm_changes import ActiveAlarms
from custom_components.renogy_bt.renogy.models import BatteryStatus
from homeassistant.core import HomeAssistant
from tests.banks import next_poll

MINUTE = 60.0
POLLS_TO_CLEAR = 4
"""How many polls without an alarm end it, a minute apart."""


class AlarmClock:
    """A monotonic clock that only the test moves."""

    def __init__(self) -> None:
        """Start somewhere."""
        self.now = 1_000.0

    async def polls(self, hass: HomeAssistant, count: int = POLLS_TO_CLEAR) -> None:
        """Poll every minute, as often as it takes for an alarm that is gone to be over."""
        for _ in range(count):
            self.now += MINUTE
            await next_poll(hass)


@pytest.fixture
def alarm_clock(monkeypatch: pytest.MonkeyPatch) -> AlarmClock:
    """Let alarms be over by a clock that only the test moves."""
    clock, read = AlarmClock(), ActiveAlarms.read

    def on_this_clock(
        self: ActiveAlarms, status: BatteryStatus, _: float
    ) -> ActiveAlarms:
        return read(self, status, clock.now)

    monkeypatch.setattr(ActiveAlarms, "read", on_this_clock)
    return clock
