# SPDX-License-Identifier: Apache-2.0
"""When an imbalance is worth a notice, and when it is over."""

from collections.abc import Iterable

import pytest

from custom_components.renogy_bt.bank.imbalance import ImbalanceWatch

# As documented, not as the code has it.
LONGEST_GAP = 1800.0
NOTICE_SECONDS = 3600.0

MINUTE = 60.0
LIMIT = 20.0


class Bank:
    """A bank that is polled every minute."""

    def __init__(self, watch: ImbalanceWatch) -> None:
        """Begin at an odd moment of the clock."""
        self._watch = watch
        self._at = 12_345.0

    def polls(
        self, spread: float | None, seconds: float, every: float = MINUTE
    ) -> bool:
        """Poll for a while; return whether there is a notice in the end."""
        for _ in range(int(seconds / every)):
            self._at += every
            self._watch.advance(self._at, spread)
        return self._watch.is_noticed


@pytest.fixture
def bank() -> Bank:
    """Return a bank with a limit of 20 %."""
    return Bank(ImbalanceWatch(LIMIT))


def test_lasting_imbalance_is_noticed(bank: Bank) -> None:
    """It takes an hour, no less and no more."""
    assert not bank.polls(21.0, NOTICE_SECONDS)
    assert bank.polls(21.0, MINUTE)


@pytest.mark.parametrize("spread", [0.0, 19.9, LIMIT])
def test_what_is_within_the_limit_is_not_noticed(bank: Bank, spread: float) -> None:
    """Up to the limit, however long, there is nothing to say."""
    assert not bank.polls(spread, 10 * NOTICE_SECONDS)


def test_passing_imbalance_is_not_noticed(bank: Bank) -> None:
    """What comes and goes is counted from its beginning each time."""
    for _ in range(5):
        assert not bank.polls(40.0, 0.9 * NOTICE_SECONDS)
        assert not bank.polls(LIMIT, MINUTE)


def test_notice_does_not_flutter(bank: Bank) -> None:
    """It stays while the spread goes about the limit, and ends well below it."""
    assert bank.polls(21.0, 2 * NOTICE_SECONDS)
    for spread in (19.0, 21.0, 16.5, 20.0):
        assert bank.polls(spread, MINUTE)
    assert not bank.polls(16.0, MINUTE)
    assert not bank.polls(19.0, 2 * NOTICE_SECONDS)


def test_missing_battery_changes_nothing(bank: Bank) -> None:
    """While one is silent there is neither a new notice nor an end of the old one."""
    assert not bank.polls(21.0, 0.9 * NOTICE_SECONDS)
    assert not bank.polls(None, MINUTE)
    assert bank.polls(21.0, 0.2 * NOTICE_SECONDS)
    assert bank.polls(None, 10 * NOTICE_SECONDS)


def test_battery_that_was_away_for_a_week(bank: Bank) -> None:
    """What nobody has seen did not last: the hour begins anew."""
    assert not bank.polls(21.0, 0.9 * NOTICE_SECONDS)
    assert not bank.polls(None, 7 * 24 * NOTICE_SECONDS)
    assert not bank.polls(21.0, 0.9 * NOTICE_SECONDS)
    assert bank.polls(21.0, 0.2 * NOTICE_SECONDS)


def test_longest_interval_is_no_gap(bank: Bank) -> None:
    """A bank that is polled every ten minutes is watched as well."""
    assert LONGEST_GAP > 600
    assert bank.polls(21.0, 2 * NOTICE_SECONDS, every=600.0)


@pytest.mark.parametrize("spreads", [(100.0,), (100.0, 0.0, 50.0)])
def test_no_limit_no_notice(spreads: Iterable[float]) -> None:
    """0 switches it off, also what was noticed before."""
    bank = Bank(ImbalanceWatch(0, is_noticed=True))
    for spread in spreads:
        assert not bank.polls(spread, 2 * NOTICE_SECONDS)


@pytest.mark.parametrize(
    ("spread", "is_noticed"), [(25.0, True), (24.0, False), (17.0, False)]
)
def test_limit_that_was_raised(spread: float, is_noticed: bool) -> None:
    """What is within the new limit is over at once; what is beyond goes on as before."""
    bank = Bank(ImbalanceWatch(24.0, is_noticed=True, noticed_limit=LIMIT))
    assert bank.polls(spread, MINUTE) is is_noticed
    if is_noticed:
        assert bank.polls(23.0, MINUTE)


def test_limit_that_was_lowered() -> None:
    """The notice goes on until well below the new limit."""
    bank = Bank(ImbalanceWatch(LIMIT, is_noticed=True, noticed_limit=24.0))
    assert bank.polls(19.0, MINUTE)
    assert not bank.polls(16.0, MINUTE)


def test_notice_from_before_goes_on() -> None:
    """A bank that is set up again goes on from where it was."""
    bank = Bank(ImbalanceWatch(LIMIT, is_noticed=True))
    assert bank.polls(17.0, MINUTE)
    assert not bank.polls(15.0, MINUTE)
