# SPDX-License-Identifier: Apache-2.0
"""Tests of decoding: from captured registers to readings."""

from dataclasses import asdict

import pytest

from custom_components.renogy_bt.renogy.decoder import (
    RegisterImage,
    decode_configuration,
    decode_identity,
)
from custom_components.renogy_bt.renogy.exceptions import InvalidBlock
from custom_components.renogy_bt.renogy.families import (
    PRO,
    RNGC,
    RNGPRO125BAT,
    STANDARD,
    Family,
)
from custom_components.renogy_bt.renogy.models import ChargingState
from tests.renogy.images import POLLED, READ_AT, decoded, image_from, owners_pack
from tests.renogy.vectors import CAPTURES, COLD_PACK, WARM_PACK, image_of

# What the standard poll reads of the capture's two parts.
MODULE = {5042: [0, 524, 0, 49_842, 0, 50_000, 41]}


def test_the_owners_battery() -> None:
    """The captured RBT50LFP48S reads as its own app shows it."""
    reading = decoded(owners_pack())
    assert reading.read_at == READ_AT
    assert reading.cell_voltages == (*[3.4] * 9, 3.5, 3.5, *[3.4] * 4)
    assert reading.cell_temperatures == (*[13.0] * 8, *[14.0] * 7)
    assert (reading.current, reading.voltage) == (0.0, 52.4)
    assert (reading.remaining_capacity, reading.total_capacity) == (49.842, 50.0)
    assert reading.state_of_charge == pytest.approx(99.684)
    assert reading.cell_voltage_spread == 0.1
    assert (reading.cell_voltage_min, reading.cell_voltage_max) == (3.4, 3.5)
    assert reading.temperature == pytest.approx(13.47)
    assert (reading.temperature_min, reading.temperature_max) == (13.0, 14.0)
    assert (reading.charge_voltage_limit, reading.discharge_voltage_limit) == (
        55.5,
        37.5,
    )
    assert (reading.charge_current_limit, reading.discharge_current_limit) == (
        50.0,
        -100.0,
    )
    assert reading.charging_state is ChargingState.IDLE
    assert reading.status.problem is False
    assert reading.status.fully_charged is True
    assert reading.status.charge_mosfet is True
    assert reading.status.discharge_mosfet is True
    assert reading.status.heater is False


def test_captured_blocks_of_the_owners_battery_make_a_reading() -> None:
    """A5, A1 and A3 as they came are enough; what they lack is unknown, not zero."""
    image = image_of("A5", "A1", "A3")
    reading = decoded(image)
    assert reading.voltage == 52.4
    assert reading.cycles is None
    assert reading.board_temperature is None
    assert reading.environment_temperatures == ()
    assert reading.charge_voltage_limit is None
    assert reading.status.problem is False
    identity = decode_identity(image)
    assert identity.model == "RBT50LFP48S"
    assert identity.serial_number == "22RBH4A051020000"
    assert identity.software_version == "V104"
    assert identity.manufacture_version == "01"
    assert identity.main_line_version == "0001"
    assert identity.protocol_version == "19"
    assert identity.manufacturer is None


def test_capacity_keeps_its_fraction() -> None:
    """A total of 49.995 Ah is not 49 Ah."""
    measured = decoded(image_of("A5", "A2"))
    assert (measured.remaining_capacity, measured.total_capacity) == (49.837, 49.995)


@pytest.mark.parametrize(
    ("name", "family", "current", "voltage", "remaining", "total", "cycles"),
    [
        ("C1", RNGPRO125BAT, -2.01, 13.3, 476.91, 500.0, 24),
        ("D1", STANDARD, -0.86, 13.6, 97.2, 100.0, 15),
        ("D1", PRO, -8.6, 13.6, 97.2, 100.0, 15),
    ],
)
def test_currents_are_signed_and_scaled_by_family(
    name: str,
    family: Family,
    current: float,
    voltage: float,
    remaining: float,
    total: float,
    cycles: int,
) -> None:
    """A discharge is negative, and one count is 0.1 A in the Pro family."""
    image = image_of(name, "D2")
    measured = decoded(image, family)
    assert measured.current == pytest.approx(current)
    assert measured.voltage == voltage
    assert (measured.remaining_capacity, measured.total_capacity) == (remaining, total)
    assert measured.cycles == cycles


def test_the_battery_with_built_in_bluetooth() -> None:
    """D1, D2 and D5 make a whole reading of an RBT100LFP12-BT."""
    reading = decoded(image_of("D1", "D2"))
    assert reading.cell_voltages == (3.5, 3.3, 3.3, 3.3)
    assert reading.cell_temperatures == (17.0, 17.0)
    assert reading.power == pytest.approx(-11.696)
    assert reading.charging_state is ChargingState.DISCHARGING
    assert reading.status.problem is None
    assert decode_identity(image_of("D5")).model == "RBT100LFP12-BT"


def test_the_pro_battery() -> None:
    """E2 has four cells of 3.3 V and three sensors."""
    image = RegisterImage(
        [
            (5000, CAPTURES["E2"].data),
            (5042, bytes.fromhex("fff4008500032fb4000337280006")),
        ]
    )
    reading = decoded(image, PRO)
    assert reading.cell_voltages == (3.3, 3.3, 3.3, 3.3)
    assert reading.cell_temperatures == (27.3, 26.8, 27.5)
    assert reading.current == -1.2
    assert reading.total_capacity == 210.728


def test_a_count_smaller_than_what_is_filled_is_used() -> None:
    """F3: of four filled temperature registers only the counted three are sensors."""
    image = RegisterImage(
        [
            (5000, CAPTURES["F2"].data),
            (5017, CAPTURES["F3"].data + bytes(24)),
            (5042, bytes.fromhex("0000008200016b48000186a00000")),
            (5104, CAPTURES["F5"].data),
        ]
    )
    reading = decoded(image)
    assert reading.cell_temperatures == (20.0, 19.0, 19.0)
    assert reading.cell_voltages == (3.2, 3.3, 3.3, 3.2)
    assert reading.status.discharge_mosfet is True


def test_the_warm_example_pack() -> None:
    """The dump of an RBT100LFP12SH-G1 decodes to its owner's figures."""
    reading = decoded(image_from(WARM_PACK))
    assert reading.cell_voltages == (3.3, 3.3, 3.3, 3.3)
    assert reading.cell_temperatures == (18.0, 18.0, 18.0)
    assert reading.environment_temperatures == (20.0,)
    assert reading.heater_temperatures == (18.0,)
    assert reading.board_temperature is None
    assert (reading.remaining_capacity, reading.total_capacity) == (93.0, 100.0)
    assert reading.cycles == 0
    assert reading.discharge_current_limit == -100.0
    configuration = decode_configuration(image_from(WARM_PACK, [(5200, 24)]))
    assert configuration.cell_over_voltage == 3.7
    assert configuration.charge_high_temperature == 50.0
    assert configuration.charge_low_temperature == 5.0
    assert configuration.discharge_high_temperature == 50.0
    assert configuration.discharge_low_temperature == -10.0


def test_the_cold_example_pack() -> None:
    """The same pack below freezing and discharging is as believable."""
    registers = {**COLD_PACK, 5018: [-35, -41, -40, 0], 5037: [-123]}
    reading = decoded(image_from(registers))
    assert reading.cell_temperatures == (-3.5, -4.1, -4.0)
    assert reading.environment_temperatures == (-12.3,)
    assert reading.current == -0.48
    assert reading.remaining_capacity == 75.334


def test_a_tenth_below_zero_is_a_value() -> None:
    """0xFFFF in a signed register is -0.1 degC or -0.01 A, not "no value"."""
    reading = decoded(owners_pack({5018: [0xFFFF], 5035: [0xFFFF], 5042: [0xFFFF]}))
    assert reading.cell_temperatures[0] == -0.1
    assert reading.board_temperature == -0.1
    assert reading.current == -0.01


def test_unsigned_registers_full_of_ones_hold_no_value() -> None:
    """Limits and cycles of 0xFFFF are unknown, the rest of the reading stands."""
    reading = decoded(owners_pack({5048: [0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF]}))
    assert reading.cycles is None
    assert reading.charge_voltage_limit is None
    assert reading.discharge_voltage_limit is None
    assert reading.charge_current_limit is None


def test_a_recalibrated_battery_is_full_not_fuller() -> None:
    """More remaining than total reads as 100 %."""
    reading = decoded(owners_pack({5044: [0, 51_000, 0, 50_000]}))
    assert reading.state_of_charge == 100.0
    assert reading.remaining_capacity == 51.0


def test_rngc_cells_may_come_in_millivolts() -> None:
    """An RNGC pack is right with cells in mV and with cells in tenths of a volt."""
    module = {5042: [12, 133, 3, 0, 3, 3400, 0x0600]}
    blocks = [(5000, 34), (5042, 7)]
    cells = {5000: [4, 3321, 3325, 3330, 3324], 5017: [1, 200]}
    reading = decoded(image_from({**cells, **module}, blocks), RNGC)
    assert reading.cell_voltages == (3.321, 3.325, 3.33, 3.324)
    assert reading.cell_voltage_spread == 0.009
    assert reading.current == 1.2
    assert reading.cycles == 6
    cells = {5000: [4, 33, 33, 33, 33], 5017: [1, 200]}
    reading = decoded(image_from({**cells, **module}, blocks), RNGC)
    assert reading.cell_voltages == (3.3, 3.3, 3.3, 3.3)


def test_rngc_cycles_that_only_one_byte_order_allows() -> None:
    """200 the other way round would be 51,200, which is no number of cycles."""
    module = {5042: [12, 133, 3, 0, 3, 3400, 200]}
    cells = {5000: [4, 33, 33, 33, 33], 5017: [1, 200]}
    reading = decoded(image_from({**cells, **module}, [(5000, 34), (5042, 7)]), RNGC)
    assert reading.cycles == 200


def test_missing_registers_make_no_reading() -> None:
    """Without cells or module there is nothing to publish."""
    with pytest.raises(InvalidBlock, match="cell_count"):
        decoded(image_of("A1", "A3"))
    with pytest.raises(InvalidBlock, match="current"):
        decoded(image_of("A5", "A3"))


def test_readings_without_sensors_derive_nothing() -> None:
    """Mean and extremes of nothing are unknown."""
    empty = {"cell_voltages": (), "cell_temperatures": ()}
    reading = decoded(owners_pack())
    bare = type(reading)(
        **{name: getattr(reading, name) for name in asdict(reading)} | empty
    )
    assert bare.temperature is None
    assert bare.temperature_min is None
    assert bare.temperature_max is None
    assert bare.cell_voltage_min is None
    assert bare.cell_voltage_max is None
    assert bare.cell_voltage_spread is None


def test_a_charging_battery() -> None:
    """A positive current charges, and power and energy follow from it."""
    reading = decoded(owners_pack({5042: [1234]}))
    assert reading.charging_state is ChargingState.CHARGING
    assert reading.power == pytest.approx(646.616)
    assert reading.stored_energy == pytest.approx(49.842 * 52.4, abs=0.001)


def test_one_wide_block_is_as_good_as_two() -> None:
    """5000x110 in one reply decodes to the same reading as two blocks."""
    registers = {5000: [4, 33, 33, 33, 33], 5017: [1, 200], **MODULE}
    registers[5042] = [0, 133, *MODULE[5042][2:]]
    registers[5106] = [14, 0, 0, 192]
    assert decoded(image_from(registers, [(5000, 110)])) == decoded(
        image_from(registers, POLLED)
    )
