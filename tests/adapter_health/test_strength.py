# SPDX-License-Identifier: Apache-2.0
"""The strength of a link is what lasted, not what was told last."""

import pytest

from custom_components.renogy_bt.adapter_health.strength import StrengthOverTime


def test_one_advertisement_is_what_is_known() -> None:
    """A single strength is better than none."""
    heard = StrengthOverTime(100.0, -71)
    strength = heard.strength(100.0)
    assert (strength.mean, strength.spread) == (-71.0, 0.0)


def test_last_value_alone_does_not_count() -> None:
    """A strength that lasted for minutes outweighs a moment of a better one."""
    known = StrengthOverTime(0.0, -92).heard(290.0, -70).heard(292.0, -92)
    strength = known.strength(300.0)
    assert strength.mean == pytest.approx(-92, abs=0.5)


def test_values_that_last_equally_long_count_equally() -> None:
    """Mean and spread are those of the time, however often a value is told."""
    known = StrengthOverTime(0.0, -80)
    for second in range(1, 120):
        known = known.heard(float(second), -80 if second % 20 < 10 else -90)
    strength = known.strength(120.0)
    assert strength.mean == pytest.approx(-85, abs=0.5)
    assert strength.spread == pytest.approx(5, abs=0.2)


def test_old_strengths_fade() -> None:
    """A link that was moved nearer is soon a strong one."""
    known = StrengthOverTime(0.0, -90)
    for minute in range(1, 61):
        known = known.heard(60.0 * minute, -90 if minute < 30 else -60)
    strength = known.strength(3600.0)
    assert strength.mean == pytest.approx(-61, abs=1.5)


def _long_at(strength: int) -> StrengthOverTime:
    """A link that is heard at one strength for twenty minutes."""
    known = StrengthOverTime(0.0, strength)
    for minute in range(1, 21):
        known = known.heard(60.0 * minute, strength)
    return known


def test_strength_before_a_fall_does_not_count() -> None:
    """A link that somebody took away is a weak one at once, not when its past has faded."""
    known = _long_at(-62).heard(1230.0, -84)
    strength = known.strength(1231.0)
    assert (strength.mean, strength.spread) == (-84.0, 0.0)


@pytest.mark.parametrize("packet", [-72, -66, -40])
def test_a_weaker_packet_is_no_fall(packet: int) -> None:
    """Packets of one link differ by some dB; a stronger one proves nothing either."""
    strength = _long_at(-62).heard(1230.0, packet).strength(1231.0)
    assert strength.mean == pytest.approx(-62, abs=0.3)


@pytest.mark.parametrize("strength", [-84, -68, -50])
def test_strength_of_long_ago_fades(strength: int) -> None:
    """A link that comes back after a day is soon as strong as it is heard now."""
    known = _long_at(-60).heard(86400.0, strength)
    for minute in range(1, 31):
        known = known.heard(86400.0 + 60.0 * minute, strength)
    assert known.strength(88200.0).mean == pytest.approx(strength, abs=1.5)


def test_clock_of_another_scanner() -> None:
    """A stamp from before the last one changes nothing."""
    known = StrengthOverTime(100.0, -60)
    assert known.heard(50.0, -90) is known
    assert known.strength(50.0) == known.strength(100.0)
