# SPDX-License-Identifier: Apache-2.0
"""Tests of the register map and of reading registers from replies."""

from dataclasses import fields

import pytest

from custom_components.renogy_bt.renogy.decoder import RegisterImage
from custom_components.renogy_bt.renogy.models import (
    BatteryConfiguration,
    BatteryIdentity,
    BatteryStatus,
)
from custom_components.renogy_bt.renogy.registers import (
    CONFIGURATION_REGISTERS,
    IDENTITY_REGISTERS,
    REGISTERS,
    Register,
    RegisterType,
)
from tests.renogy.makers_document import FLAGS, REQUESTS

# As documented, not as the code has it.
REGISTER_RANGE = range(5000, 5230)

# (first, last) of each run of registers that protocol 1.5 describes.
DOCUMENTED = [(5000, 5033), (5035, 5052), (5100, 5141), (5200, 5223), (5226, 5229)]


def test_the_map_has_what_is_documented_once() -> None:
    """No documented register is in two rows, reserves are in none."""
    covered = [
        address
        for row in REGISTERS.values()
        for address in range(row.address, row.address + row.span)
    ]
    documented = {
        address for first, last in DOCUMENTED for address in range(first, last + 1)
    }
    assert len(covered) == len(set(covered))
    assert documented.issuperset(covered)
    assert (REGISTER_RANGE[0], REGISTER_RANGE[-1]) == (min(documented), max(documented))


def test_names_are_unique() -> None:
    """A register is found by its name."""
    for name, row in REGISTERS.items():
        assert row.name == name


def test_rows_are_as_long_as_their_type() -> None:
    """Numbers of 32 bits take two words, of 16 bits one."""
    for row in REGISTERS.values():
        if row.type is not RegisterType.ASCII:
            assert row.words == (2 if row.type is RegisterType.U32 else 1), row.name


@pytest.mark.parametrize(
    ("rows", "model"),
    [
        (IDENTITY_REGISTERS, BatteryIdentity),
        (CONFIGURATION_REGISTERS, BatteryConfiguration),
    ],
)
def test_models_have_a_field_per_row(
    rows: tuple[Register, ...], model: type[BatteryIdentity | BatteryConfiguration]
) -> None:
    """What is read of identity and configuration is what the models hold."""
    assert {row.name for row in rows} == {field.name for field in fields(model)}


def test_every_flag_of_a_status_is_in_the_document() -> None:
    """No flag of the model is without a bit."""
    flags = {field.name for field in fields(BatteryStatus)}
    assert flags - {"alarms", "alarm_words", "contradicted_alarms"} == {
        *FLAGS,
        *REQUESTS,
    }


def test_signed_values_are_read_as_such() -> None:
    """Currents, temperatures and their limits may be negative."""
    image = RegisterImage([(5042, bytes.fromhex("ffd0"))])
    assert image.value("current") == -0.48


def test_what_was_not_read_is_absent() -> None:
    """A register outside the blocks, or half inside one, has no value."""
    image = RegisterImage([(5042, bytes(6))])
    assert image.value("remaining_capacity") is None
    assert image.value("cell_count") is None
    assert image.values("heater_temperatures", 2) == ()
    assert image.words((5041, 5042, 5044, 5045)) == {5042: 0, 5044: 0}
    assert image.text("model") is None
    assert RegisterImage([(5042, bytes(2))]).value("voltage") is None
    last = RegisterImage([(5040, bytes.fromhex("00bc"))])
    assert last.values("heater_temperatures", 2) == (18.8,)
    last = RegisterImage([(5039, bytes.fromhex("000200bc"))])
    assert last.values("heater_temperatures", 2) == (18.8,)


def test_long_numbers_have_their_high_word_first() -> None:
    """A capacity beyond 65.535 Ah is right."""
    image = RegisterImage([(5044, bytes.fromhex("000186a0"))])
    assert image.value("remaining_capacity") == 100.0


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"RBT50LFP48S\0\0\0\0\0", "RBT50LFP48S"),
        (b"RBT100LFP12-BT  ", "RBT100LFP12-BT"),
        (b"RBT\0\xc8\xffX\0        ", "RBTX"),
        (b"A\x1fB C\x7e\x7fD\0\0\0\0\0\0\0\0", "AB C~D"),
        (bytes(16), None),
        (b"\xff" * 16, None),
        (b" " * 16, None),
    ],
)
def test_texts_lose_their_padding(data: bytes, text: str | None) -> None:
    """NUL, blanks and bytes that are no letters do not show."""
    assert RegisterImage([(5122, data)]).text("model") == text
