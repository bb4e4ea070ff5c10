# SPDX-License-Identifier: Apache-2.0
"""When a link that is kept connected is let go for the scanner."""

import pytest

from custom_components.renogy_bt.links.breathing import (
    BREATHE_AFTER,
    BREATHE_AGAIN_AFTER,
    CROWD,
    CROWD_SECONDS,
    LONGEST_BREATH,
    Company,
    is_breath_due,
    is_breath_over,
)

# What Home Assistant does: see habluetooth's SCANNER_WATCHDOG_TIMEOUT.
PATIENCE = 90.0
# Between two looks, and what a poll, a disconnect and a connect take at most.
CHECK, POLL, DISCONNECT, CONNECT = 5.0, 3.0, 2.2, 4.0


@pytest.mark.parametrize(
    ("silences", "is_due"),
    [
        pytest.param([], False, id="no local adapter is near"),
        pytest.param([0.0], False, id="something is heard all the time"),
        pytest.param([BREATHE_AFTER - 0.1], False, id="not yet"),
        pytest.param([BREATHE_AFTER], True, id="now"),
        pytest.param(
            [3.0, BREATHE_AFTER], True, id="one of two adapters hears nothing"
        ),
    ],
)
def test_silence_of_an_adapter_decides(silences: list[float], *, is_due: bool) -> None:
    """A link breathes only where an adapter near it has heard nothing for long."""
    assert is_breath_due(silences, None, another_breathes=False) is is_due


def test_one_link_at_a_time_breathes() -> None:
    """Whoever is heard breaks the silence for all."""
    assert not is_breath_due([PATIENCE], None, another_breathes=True)


@pytest.mark.parametrize(
    ("ago", "is_due"), [(BREATHE_AGAIN_AFTER - 0.1, False), (BREATHE_AGAIN_AFTER, True)]
)
def test_a_breath_that_went_by_unheard_is_repeated(ago: float, *, is_due: bool) -> None:
    """Not at once: the batteries are read in between."""
    assert is_breath_due([70.0], ago, another_breathes=False) is is_due


@pytest.mark.parametrize(
    ("silences", "since", "is_over"),
    [
        pytest.param([60.0], 1.0, False, id="nothing was heard yet"),
        pytest.param([0.5], 1.0, True, id="it was heard"),
        pytest.param([0.5, 60.0], 1.0, False, id="the other adapter has not heard it"),
        pytest.param([60.0], LONGEST_BREATH - 0.1, False, id="a little longer"),
        pytest.param([60.0], LONGEST_BREATH, True, id="long enough, heard or not"),
        pytest.param([], 0.0, False, id="not known, just begun"),
        pytest.param([], LONGEST_BREATH, True, id="not known, long enough"),
    ],
)
def test_a_breath_is_over_when_everybody_has_heard_something(
    silences: list[float], since: float, *, is_over: bool
) -> None:
    """What was heard before the link was let go does not count."""
    assert is_breath_over(silences, since) is is_over


def test_two_breaths_fit_into_the_patience_of_home_assistant() -> None:
    """The first may go by unheard; both leave no gap above 15 s between two readings."""
    breath = DISCONNECT + LONGEST_BREATH
    assert DISCONNECT + LONGEST_BREATH + CONNECT + 1.0 <= 15.0
    first_ends = BREATHE_AFTER + CHECK + POLL + breath
    second_ends = first_ends + BREATHE_AGAIN_AFTER + CHECK + breath
    # An unheard breath may last to its end; the last one is heard within its time.
    assert second_ends <= PATIENCE + CHECK


@pytest.mark.parametrize(
    ("devices", "silence", "later", "has_vanished"),
    [
        pytest.param(CROWD, 0.0, 60.0, True, id="a crowd falls silent at once"),
        pytest.param(CROWD - 1, 0.0, 60.0, False, id="the last of them go"),
        pytest.param(CROWD, 0.0, CROWD_SECONDS, False, id="they are gone all the same"),
        pytest.param(CROWD, 40.0, 60.0, False, id="they have been silent for long"),
    ],
)
def test_a_crowd_that_falls_silent_at_once(
    devices: int, silence: float, later: float, *, has_vanished: bool
) -> None:
    """It is the scan that is stuck, for as long as somebody may still mend it."""
    company = Company()
    company.seen(1000.0, silence, devices)
    assert company.has_vanished(1000.0 + later) is has_vanished


def test_a_scan_that_was_restarted_and_hears_nothing_says_nothing_of_a_crowd() -> None:
    """Home Assistant counts a silence anew from a start of its scan."""
    company = Company()
    company.seen(1000.0, 0.0, CROWD)
    company.seen(1100.0, 1.0, 0)
    assert company.has_vanished(1200.0)
