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
    Family,
    family_by_key,
    family_of,
    is_dongle,
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
        ("Boat battery", STANDARD),
        ("", STANDARD),
        (None, STANDARD),
    ],
)
def test_names_tell_the_family(name: str | None, family: Family) -> None:
    """Padding and case do not matter, and an unknown name is standard."""
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
    ],
)
def test_names_tell_the_scale_of_the_current(
    name: str, counts: int, proven: bool
) -> None:
    """One RNGPRO counts tenths of an ampere, another hundredths; the next is not known."""
    family = family_of(name)
    assert (family.current_divisor, family.is_current_scale_proven) == (counts, proven)


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
        ("RNGRIU1234", DeviceKind.INVERTER),
        ("BTRIC0001", DeviceKind.INVERTER),
    ],
)
def test_names_tell_what_is_no_battery(name: str, kind: DeviceKind) -> None:
    """Shunts and inverters are refused by name."""
    assert family_of(name).refused_as is kind


def test_keys_find_their_family() -> None:
    """A stored key leads back to its family, an unknown one is an error."""
    for family in FAMILIES:
        assert family_by_key(family.key) is family
    with pytest.raises(KeyError):
        family_by_key("lead")


@pytest.mark.parametrize(
    ("name", "models", "dongle"),
    [
        ("BT-TH-FDA1B2C3", [], True),
        ("BT-TH-FDA1B2C3", ["RBT50LFP48S"] * 4, True),
        ("BT-TH-FDA1B2C3", ["RBT100LFP12S"], True),
        ("BT-TH-FDA1B2C3", [None], True),
        ("BT-TH-66EDFC11", ["RBT100LFP12-BT"], False),
        ("BT-TH-66EDFC11", ["RBT100LFP12-BT"] * 2, True),
        ("RNGRBP1228000830", ["RBT12200LFP"], False),
        ("RNGPRO12", [], False),
    ],
)
def test_a_batterys_own_bluetooth_is_no_dongle(
    name: str, models: list[str | None], dongle: bool
) -> None:
    """Only a lone model with built-in Bluetooth, or a name of such, is its own link."""
    assert is_dongle(name, models) is dongle
