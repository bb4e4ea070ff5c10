# SPDX-License-Identifier: Apache-2.0
"""The clock that energy is counted by, in the hands of a test."""

from typing import Any

import pytest

from custom_components.renogy_bt import coordinator
from custom_components.renogy_bt.bank.meters import BankMeters


class EnergyClock:
    """A monotonic clock that only the test moves."""

    def __init__(self) -> None:
        """Start somewhere."""
        self.now = 1_000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> EnergyClock:
    """Count energy by a clock that only the test moves, and show it at each poll."""
    clock = EnergyClock()
    advance = BankMeters.advance

    def on_this_clock(self: BankMeters[Any], _: float, *args: Any) -> Any:
        return advance(self, clock.now, *args)

    monkeypatch.setattr(BankMeters, "advance", on_this_clock)
    monkeypatch.setattr(coordinator, "ENERGY_SECONDS", 0.0)
    return clock
