# SPDX-License-Identifier: Apache-2.0
"""The groups of protections, against the word that tells them."""

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.renogy.alarms import decode_status
from custom_components.renogy_bt.renogy.families import STANDARD
from custom_components.renogy_bt.renogy.models import AlarmSeverity, BatteryStatus
from custom_components.renogy_bt.renogy.protections import PROTECTIONS, has_acted
from custom_components.renogy_bt.renogy.registers import ALARM_BITS

PARTS = {
    "cell_voltage": (3.3,) * 4,
    "cell_temperature": (20.0,) * 2,
    "environment_temperature": (),
    "heater_temperature": (),
}
# The bits of word 5106 (protocol 1.5).
BITS = {
    "over_voltage": (8, 6),
    "under_voltage": (15, 7),
    "charge_temperature": (14, 13),
    "discharge_temperature": (12, 11),
    "over_current": (10, 9, 5, 4),
    "short_circuit": (0,),
}


def status_of(words: dict[int, int]) -> BatteryStatus:
    """Return the status that these words tell."""
    return decode_status(words, STANDARD, PARTS)


def test_every_protection_is_in_one_group() -> None:
    """No protection is left out, none stands in two groups, and no warning in any."""
    grouped = [key for keys in PROTECTIONS.values() for key in keys]
    assert sorted(grouped) == sorted(
        bit.key for bit in ALARM_BITS if bit.severity is AlarmSeverity.PROTECTION
    )


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_groups_follow_the_word(protections: int, warnings: int) -> None:
    """A group is active when one of its bits is set, whatever is warned of."""
    status = status_of({5106: protections, 5107: warnings})
    assert {group: has_acted(status, group) for group in PROTECTIONS} == {
        group: any(protections >> bit & 1 for bit in bits)
        for group, bits in BITS.items()
    }


@pytest.mark.parametrize("words", [{}, {5107: 0x00FF}, {5100: 0xFFFF}])
def test_unknown_without_the_word(words: dict[int, int]) -> None:
    """A battery that does not let the word be read tells nothing of its protections."""
    status = status_of(words)
    assert {has_acted(status, group) for group in PROTECTIONS} == {None}
