# SPDX-License-Identifier: Apache-2.0
"""Tests of the status and alarm words."""

import pytest

from custom_components.renogy_bt.renogy.families import RNGPRO, STANDARD, Family
from custom_components.renogy_bt.renogy.models import (
    Alarm,
    AlarmSeverity,
    BatteryConfiguration,
    BatteryStatus,
)
from tests.renogy.fake_link import rbt50lfp48s
from tests.renogy.images import decoded, image_from, owners_pack
from tests.renogy.vectors import CAPTURES

WARNING = AlarmSeverity.WARNING


def _status(changes: dict[int, list[int]]) -> BatteryStatus:
    return decoded(owners_pack(changes)).status


def _double(word: int) -> list[int]:
    return [word >> 16, word & 0xFFFF]


@pytest.mark.parametrize("cell", range(1, 16))
def test_cell_voltage_alarms_name_the_cell(cell: int) -> None:
    """Cell n stands at bits 2n-1 and 2n-2: 01 below, 10 above, 11 another alarm."""
    for state, key, tenths in (
        (1, "cell_voltage_below_limit", 30),
        (2, "cell_voltage_above_limit", 36),
        (3, "cell_voltage_alarm", 34),
    ):
        changes = {5100: _double(state << 2 * (cell - 1)), 5000 + cell: [tenths]}
        assert _status(changes).alarms == (
            Alarm(key=key, severity=WARNING, parts=(cell,)),
        )


def test_sixteenth_cell_stands_in_the_highest_bits() -> None:
    """A pack of 16 cells uses bits 31 and 30 as well."""
    cells = {5000: [16, *[33] * 15, 24], 5043: [525]}
    status = _status({**cells, 5100: _double(1 << 30)})
    assert status.alarms == (
        Alarm(key="cell_voltage_below_limit", severity=WARNING, parts=(16,)),
    )


def test_cell_temperature_alarms_below_freezing() -> None:
    """5103 = 0xFF is another alarm of the temperatures of four cells, no heater level."""
    temperatures = {5018: [-35, -36, -35, -37]}
    assert _status({**temperatures, 5103: [0xFF]}).alarms == (
        Alarm(key="cell_temperature_alarm", severity=WARNING, parts=(1, 2, 3, 4)),
    )
    assert _status({**temperatures, 5103: [0x55]}).alarms == (
        Alarm(key="cell_temperature_below_limit", severity=WARNING, parts=(1, 2, 3, 4)),
    )


@pytest.mark.parametrize(
    ("low_bit", "quantity", "parts"),
    [
        (30, "board_temperature", ()),
        (28, "environment_temperature", (1,)),
        (24, "heater_temperature", (1,)),
        (20, "charge_current", ()),
        (18, "discharge_current", ()),
    ],
)
def test_other_alarms_count_from_the_high_end(
    low_bit: int, quantity: str, parts: tuple[int, ...]
) -> None:
    """5104-5105 holds two bits per quantity, the board temperature highest."""
    for state, suffix in ((1, "below_limit"), (2, "above_limit"), (3, "alarm")):
        assert _status({5104: _double(state << low_bit)}).alarms == (
            Alarm(key=f"{quantity}_{suffix}", severity=WARNING, parts=parts),
        )


def test_second_sensors_stand_below_the_first() -> None:
    """Environment and heater sensor 2 follow sensor 1 towards the low bits."""
    sensors = {5036: [2, 186, 187, 2, 95, 96]}
    assert _status({**sensors, 5104: _double(2 << 26 | 1 << 22)}).alarms == (
        Alarm(key="environment_temperature_above_limit", severity=WARNING, parts=(2,)),
        Alarm(key="heater_temperature_below_limit", severity=WARNING, parts=(2,)),
    )


def test_cells_and_sensors_that_do_not_exist_raise_no_alarm() -> None:
    """Bits beyond the real counts are ignored, and so are the reserved ones."""
    status = _status(
        {
            5100: _double(3 << 30),
            5102: _double(3 << 30),
            5104: _double(3 << 26 | 3 << 22 | 0x3FFFF),
            5108: [1 << 15],
        }
    )
    assert status.alarms == ()
    assert status.contradicted_alarms == ()


def test_all_alarm_fields_set_stay_within_the_pack() -> None:
    """Alarm fields of all ones name the cells that exist, none beyond."""
    status = _status({5100: [0xFFFF] * 4, 5108: [0xFFFF]})
    assert {part for alarm in status.alarms for part in alarm.parts} == set(
        range(1, 16)
    )


def test_unknown_sensor_counts_mask_nothing() -> None:
    """Where the counts cannot be read, the alarms of both sensors are taken."""
    pack = {
        5000: [4, 33, 33, 33, 33],
        5017: [1, 200],
        5042: [0, 133, 1, 0, 1, 34_464, 9],
        5104: _double(2 << 26),
    }
    reading = decoded(image_from(pack, [(5000, 34), (5042, 7), (5104, 6)]))
    assert [alarm.parts for alarm in reading.status.alarms] == [(2,)]


def test_cell_measurement_errors_name_the_cells() -> None:
    """5108 has one bit per cell, cell 1 the lowest."""
    status = _status({5108: [0b100_0000_0000_0101]})
    assert status.alarms == (
        Alarm(key="cell_voltage_error", severity=AlarmSeverity.ERROR, parts=(1, 3, 15)),
    )


def test_an_alarm_that_the_measured_cells_contradict_is_no_fault() -> None:
    """Cells said to be above their limit at 3.3 V are diagnostic only."""
    status = _status({5001: [33, 33, 33, 33], 5101: [0x00AA], 5043: [520]})
    assert status.alarms == ()
    assert status.contradicted_alarms == (
        Alarm(key="cell_voltage_above_limit", severity=WARNING, parts=(1, 2, 3, 4)),
    )
    assert status.problem is False


def test_part_of_an_alarm_may_be_contradicted() -> None:
    """A cell that really is high stays in the alarm, its neighbour does not."""
    status = _status({5001: [36, 33], 5101: [0b1010]})
    assert [alarm.parts for alarm in status.alarms] == [(1,)]
    assert [alarm.parts for alarm in status.contradicted_alarms] == [(2,)]


@pytest.mark.parametrize(
    ("tenths", "state", "contradicted"),
    [
        (33, 2, True),
        (34, 2, False),
        (32, 1, True),
        (31, 1, False),
        (25, 1, False),
        (20, 3, False),
    ],
)
def test_values_near_the_limit_contradict_nothing(
    tenths: int, state: int, contradicted: bool
) -> None:
    """Cells come truncated, and alarms are latched: only a wide distance is evidence."""
    module = 478 + tenths + 10
    status = _status({5001: [tenths], 5043: [module], 5101: [state]})
    assert bool(status.contradicted_alarms) is contradicted
    assert bool(status.alarms) is not contradicted


@pytest.mark.parametrize(
    ("tenths", "state", "contradicted"),
    [
        (450, 2, True),
        (451, 2, False),
        (100, 1, True),
        (99, 1, False),
        (200, 3, False),
    ],
)
def test_temperatures_contradict_as_cells_do(
    tenths: int, state: int, contradicted: bool
) -> None:
    """A cell of 20 degC is neither too warm nor too cold."""
    status = _status({5018: [tenths], 5103: [state]})
    assert bool(status.contradicted_alarms) is contradicted
    assert bool(status.alarms) is not contradicted


def test_the_batterys_own_limits_decide() -> None:
    """With a high limit of 3.2 V, 3.3 V is above it; with a low limit of -5 degC, 3 degC is not below."""
    configuration = BatteryConfiguration(
        cell_high_voltage=3.2,
        cell_low_voltage=2.8,
        charge_low_temperature=-5.0,
        charge_high_temperature=45.0,
        discharge_high_temperature=0.0,
    )
    image = owners_pack({5001: [33], 5101: [2], 5018: [30], 5103: [1]})
    status = decoded(image, STANDARD, configuration).status
    assert [alarm.key for alarm in status.alarms] == ["cell_voltage_above_limit"]
    assert [alarm.key for alarm in status.contradicted_alarms] == [
        "cell_temperature_below_limit"
    ]


def test_rngpro_trusts_only_two_words() -> None:
    """C3: 5101 = 0x00AA of a healthy RNGPRO pack is no alarm of any kind."""
    pack = {
        5000: [4, 33, 33, 33, 33],
        5017: [1, 200],
        5042: [-201, 133, 7, 18_222, 7, 41_248, 24],
    }
    ones = CAPTURES["C3"].data + bytes.fromhex("ffff00c0")
    pack[5100] = [int.from_bytes(ones[at : at + 2]) for at in range(0, len(ones), 2)]
    image = image_from(pack, [(5000, 34), (5042, 7), (5100, 10)])
    status = decoded(image, RNGPRO).status
    assert status.alarms == ()
    assert status.contradicted_alarms == ()
    assert (status.charge_mosfet, status.discharge_mosfet) == (True, True)
    assert status.heater is False
    assert status.problem is False


@pytest.mark.parametrize(
    ("blocks", "family", "words"),
    [
        ([(5100, 10)], STANDARD, (5100, 5102, 5104, 5106, 5107, 5108)),
        ([(5104, 6)], STANDARD, (5104, 5106, 5107, 5108)),
        ([(5106, 2)], STANDARD, (5106, 5107)),
        ([], STANDARD, ()),
        ([(5100, 10)], RNGPRO, (5106, 5107)),
    ],
)
def test_what_is_known_of_alarms_is_said(
    blocks: list[tuple[int, int]], family: Family, words: tuple[int, ...]
) -> None:
    """A word that was not read, or is not trusted, says nothing about its alarms."""
    registers = {address: [word] for address, word in rbt50lfp48s().registers.items()}
    image = image_from(registers, [(5000, 53), *blocks])
    assert decoded(image, family).status.alarm_words == words


def test_words_that_were_not_read_are_no_alarms() -> None:
    """Without any status word nothing is raised, doubted or known."""
    registers = {address: [word] for address, word in rbt50lfp48s().registers.items()}
    assert decoded(image_from(registers, [(5000, 53)])).status == BatteryStatus()


def test_rngpro_protections_are_believed() -> None:
    """The words that are trusted still raise alarms."""
    status = decoded(owners_pack({5106: [0x0101]}), RNGPRO).status
    assert {alarm.key for alarm in status.alarms} == {
        "cell_over_voltage",
        "short_circuit",
    }
