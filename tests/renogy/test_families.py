# SPDX-License-Identifier: Apache-2.0
"""Tests of telling families by their names."""

import pytest

from custom_components.renogy_bt.renogy.exceptions import DeviceKind
from custom_components.renogy_bt.renogy.families import (
    FAMILIES,
    PRO,
    RNGC,
    RNGPRO,
    RNGPRO12BATT,
    RNGPRO125BAT,
    RNGUSBAT,
    STANDARD,
    UNDECIDED,
    Family,
    family_by_key,
    family_of,
    family_shown,
    is_dongle,
    local_name,
    stored_family,
)


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("BT-TH-FDA1B2C3", STANDARD),
        ("BT-TH-E3383D0E    ", STANDARD),
        ("RNGRBP1228000830\0", PRO),
        ("RNGC122BAT28000194", RNGC),
        ("RNGPRO12BATT4600123", RNGPRO12BATT),
        ("rngpro125bat-1", RNGPRO125BAT),
        ("RNGPRO24BATT0001", RNGPRO),
        ("RNGUSBAT0001", RNGUSBAT),
        ("Boat battery", UNDECIDED),
        ("", UNDECIDED),
        (" \0", UNDECIDED),
        (None, UNDECIDED),
        ("6C:B2:FD:A1:B2:C3", UNDECIDED),
    ],
)
def test_names_tell_the_family(name: str | None, family: Family) -> None:
    """Padding and case do not matter; an unknown or missing name tells nothing."""
    assert family_of(name) is family


@pytest.mark.parametrize(
    ("name", "counts", "proven"),
    [
        ("BT-TH-FDA1B2C3", 100, True),
        ("RNGRBP1228000830", 10, True),
        ("RNGC122BAT28000194", 10, True),
        ("RNGPRO12BATT4600123", 10, True),
        ("RNGPRO125BAT0001", 100, True),
        ("RNGPRO24BATT0001", 100, False),
        ("RNGUSBAT0001", 100, False),
        ("6C:B2:FD:A1:B2:C3", 100, False),
    ],
)
def test_names_tell_the_scale_of_the_current(
    name: str, counts: int, proven: bool
) -> None:
    """One RNGPRO counts tenths of an ampere, another hundredths; the next is not known."""
    family = family_of(name)
    assert (family.current_divisor, family.is_current_scale_proven) == (counts, proven)


@pytest.mark.parametrize(
    (
        "name",
        "own_bluetooth",
        "own_unit",
        "trusts_alarms",
        "millivolts",
        "either_order",
    ),
    [
        ("BT-TH-FDA1B2C3", False, 255, True, False, False),
        ("RNGRBP1228000830", True, 48, True, False, False),
        ("RNGC122BAT28000194", True, 255, True, True, True),
        ("RNGPRO12BATT4600123", True, 255, False, False, False),
        ("RNGPRO125BAT0001", True, 255, False, False, False),
        ("RNGPRO24BATT0001", True, 255, False, False, False),
        ("RNGUSBAT0001", True, 255, True, False, False),
        ("6C:B2:FD:A1:B2:C3", False, 255, False, True, True),
    ],
)
def test_names_tell_what_the_words_mean(
    name: str,
    own_bluetooth: bool,
    own_unit: int,
    trusts_alarms: bool,
    millivolts: bool,
    either_order: bool,
) -> None:
    """The columns of protocol 1.6; what is not decided is believed as little as any."""
    family = family_of(name)
    assert family.built_in_bluetooth is own_bluetooth
    assert family.own_unit == own_unit
    assert family.trusts_alarm_fields is trusts_alarms
    assert family.cells_may_be_millivolts is millivolts
    assert family.cycles_may_be_low_byte_first is either_order


def test_a_scale_that_was_found_stands_in_for_the_tables() -> None:
    """One battery's own scale is known whatever its name says, or unknown if it was forgotten."""
    assert (STANDARD.known_divisor, RNGUSBAT.known_divisor) == (100, None)
    assert RNGUSBAT.counting(10).known_divisor == 10
    assert STANDARD.counting(10).known_divisor == 10
    assert STANDARD.counting(None).known_divisor is None
    assert RNGUSBAT.counting(10).name_prefix == "RNGUSBAT"


@pytest.mark.parametrize(
    ("key", "name", "family"),
    [
        ("rngpro", "RNGPRO12BATT4600123", RNGPRO12BATT),
        ("rngpro", "RNGPRO125BAT0001", RNGPRO125BAT),
        ("rngpro", "RNGPRO24BATT0001", RNGPRO),
        ("rngpro", "6C:B2:FD:A1:B2:C3", RNGPRO),
        ("rngpro", "BT-TH-FDA1B2C3", RNGPRO),
        ("standard", "RNGPRO12BATT4600123", STANDARD),
        ("rngpro12batt", "RNGPRO24BATT0001", RNGPRO12BATT),
        ("standard", "Boat battery", STANDARD),
        ("undecided", "RNGRBP1228000830", PRO),
        ("undecided", "6C:B2:FD:A1:B2:C3", UNDECIDED),
        ("undecided", "RNGRBC5000001", UNDECIDED),
    ],
)
def test_a_stored_family_gets_the_row_of_its_name(
    key: str, name: str, family: Family
) -> None:
    """What an older version stored as RNGPRO has the scale that is known by now."""
    assert stored_family(key, name) is family


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("RTMShunt300ABC", DeviceKind.SHUNT),
        ("RTMShunt5001", DeviceKind.SHUNT),
        ("RNGSHUNT500001", DeviceKind.SHUNT),
        ("RNGPMS1260001", DeviceKind.MONITOR),
        ("RNGRIU1234", DeviceKind.INVERTER),
        ("BTRIC0001", DeviceKind.INVERTER),
        ("BTRIV1234", DeviceKind.INVERTER),
        ("BTRI213AB", DeviceKind.INVERTER),
        ("BTRIL23XY", DeviceKind.INVERTER),
        ("BTRAC0001", DeviceKind.INVERTER),
        ("RNGRBC3050001", DeviceKind.CHARGE_CONTROLLER),
        ("RBC2150", DeviceKind.CHARGE_CONTROLLER),
        ("RCC20RVRE", DeviceKind.CHARGE_CONTROLLER),
        ("RNG-CTRL-RVR40", DeviceKind.CHARGE_CONTROLLER),
        ("rng-ctrl-wnd30  \0", DeviceKind.CHARGE_CONTROLLER),
    ],
)
def test_names_tell_what_is_no_battery(name: str, kind: DeviceKind) -> None:
    """The makers' other devices are refused by name, though some names begin like a battery's."""
    assert family_of(name).refused_as is kind


@pytest.mark.parametrize(
    ("models", "family"),
    [
        # A dongle has several batteries, whatever they tell.
        (("RBT50LFP48S",) * 4, STANDARD),
        ((None, None), STANDARD),
        (("RBT100LFP12SH-G1", None), STANDARD),
        (("RBT12200LFP-B", "RBT12200LFP-B"), UNDECIDED),
        # A single battery is told by its model.
        (("RBT50LFP48S",), STANDARD),
        (("RBT100LFP12-BT",), STANDARD),
        (("rbt200lfp12-bt ",), STANDARD),
        (("RBT12200LFP",), PRO),
        (("RBT12200LFP-BT",), PRO),
        (("RBT12200LFP-B",), RNGC),
        (("RBT12100LFP-BT",), RNGPRO12BATT),
        (("RBT12500LFP-SHBT",), RNGPRO125BAT),
        (("RBT12100LFP-SHBT",), RNGUSBAT),
        (("RBT24100LFP-BT",), UNDECIDED),
        (("LFP100",), UNDECIDED),
        ((None,), UNDECIDED),
    ],
)
def test_batteries_show_their_family(
    models: tuple[str | None, ...], family: Family
) -> None:
    """Without a name the batteries decide, and what decides nothing is left undecided."""
    assert family_shown(models) is family


@pytest.mark.parametrize(
    ("advertised", "name"),
    [
        ("BT-TH-FDA1B2C3   \0", "BT-TH-FDA1B2C3"),
        ("Boat battery", "Boat battery"),
        (None, None),
        ("  \0", None),
        ("6C:B2:FD:A1:B2:C3", None),
        ("6c-b2-fd-a1-b2-c3", None),
        ("6CB2FDA1B2C3", None),
        ("BT-TH-6CB2FDA1B2C3", "BT-TH-6CB2FDA1B2C3"),
    ],
)
def test_an_address_is_no_name(advertised: str | None, name: str | None) -> None:
    """Where there is no name, Home Assistant and BlueZ show the address instead."""
    assert local_name(advertised) == name


def test_keys_find_their_family() -> None:
    """A stored key leads back to its family, an unknown one is an error."""
    for family in FAMILIES:
        assert family_by_key(family.key) is family
    with pytest.raises(KeyError):
        family_by_key("lead")


@pytest.mark.parametrize(
    ("family", "models", "dongle"),
    [
        (STANDARD, [], True),
        (STANDARD, ["RBT50LFP48S"] * 4, True),
        (STANDARD, ["RBT100LFP12S"], True),
        (STANDARD, [None], True),
        (STANDARD, ["RBT100LFP12-BT"], False),
        (STANDARD, ["RBT100LFP12-BT"] * 2, True),
        (PRO, ["RBT12200LFP"], False),
        (RNGPRO, [], False),
        (UNDECIDED, [None], False),
        (UNDECIDED, [None, None], True),
    ],
)
def test_a_batterys_own_bluetooth_is_no_dongle(
    family: Family, models: list[str | None], dongle: bool
) -> None:
    """Only a lone model with built-in Bluetooth, or a family of such, is its own link."""
    assert is_dongle(family, models) is dongle
