# SPDX-License-Identifier: Apache-2.0
"""Tests of single odd words: each costs its own value, never the reading."""

from dataclasses import replace

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.renogy.decoder import decode_configuration
from custom_components.renogy_bt.renogy.families import PRO, RNGPRO, STANDARD, Family
from custom_components.renogy_bt.renogy.models import BatteryReading
from tests.renogy.fake_link import four_batteries, link_to
from tests.renogy.images import decoded, image_from, owners_pack
from tests.renogy.vectors import WARM_PACK
from tests.renogy.virtual_time import on_virtual_time

HEALTHY = decoded(owners_pack())

type Words = dict[int, list[int]]

# Register, words that no battery can mean, what is doubted, what becomes of the reading.
ODD_WORDS = [
    (5017, (0, 17, 300, 0x8000, 0xFFFF), "cell_temperature_count", "cell_temperatures"),
    (5036, (3, 255, 0x0100, 0x8000, 0xFFFF), "environment_count", "environment_temperatures"),
    (5039, (3, 255, 0x0100, 0x8000, 0xFFFF), "heater_count", "heater_temperatures"),
    (5035, (0x8000, 0x7FFF, 1501, -601), "board_temperature", "board_temperature"),
    (5048, (20_001, 24_576, 0xFFFE), "cycles", "cycles"),
    (5049, (5550, 1001, 0xFFFE, 55), "charge_voltage_limit", "charge_voltage_limit"),
    (5050, (3750, 1001, 0xFFFE, 37), "discharge_voltage_limit", "discharge_voltage_limit"),
    (5051, (0xFFFE, 50_000), "charge_current_limit", "charge_current_limit"),
    (5052, (0x8001, 0x7FFF), "discharge_current_limit", "discharge_current_limit"),
]  # fmt: skip
NO_VALUE = [
    (5048, "cycles"),
    (5049, "charge_voltage_limit"),
    (5050, "discharge_voltage_limit"),
    (5051, "charge_current_limit"),
    (5052, "discharge_current_limit"),
]


def _without(name: str, doubted: tuple[str, ...]) -> BatteryReading:
    """Return the healthy pack's reading without one value."""
    nothing = () if name.endswith("temperatures") else None
    changes: dict[str, object] = {name: nothing, "doubted": doubted}
    return replace(HEALTHY, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("address", "word", "doubted", "value"),
    [
        (address, word, doubted, value)
        for address, words, doubted, value in ODD_WORDS
        for word in words
    ],
)
def test_an_odd_word_costs_its_value_only(
    address: int, word: int, doubted: str, value: str
) -> None:
    """The value is unknown and named, every other value is what it would be."""
    reading = decoded(owners_pack({address: [word]}))
    assert reading == _without(value, (doubted,))


@pytest.mark.parametrize(("address", "value"), NO_VALUE)
def test_a_word_of_ones_is_no_value(address: int, value: str) -> None:
    """What the battery does not tell is unknown, and nothing is doubted."""
    assert decoded(owners_pack({address: [0xFFFF]})) == _without(value, ())


def test_no_discharge_limit_is_no_limit_of_minus_328_amperes() -> None:
    """0x8000 is how a signed register says that it has no value."""
    pack = {**WARM_PACK, 5052: [0x8000]}
    assert decoded(image_from(pack)).discharge_current_limit is None


@pytest.mark.parametrize("word", [0x8000, 0x7FFF, 1501, -601])
def test_an_odd_cell_temperature_leaves_the_others(word: int) -> None:
    """Mean, lowest and highest temperature follow from what is known."""
    reading = decoded(owners_pack({5019: [word], 5018 + 14: [word]}))
    assert reading.cell_temperatures == (
        *(13.0, None, *[13.0] * 6),
        *(*[14.0] * 6, None),
    )
    assert reading.temperature == 13.46
    assert (reading.temperature_min, reading.temperature_max) == (13.0, 14.0)
    assert reading.doubted == ("cell_temperatures",)
    assert replace(reading, cell_temperatures=(), doubted=()) == replace(
        HEALTHY, cell_temperatures=()
    )


def test_nothing_is_derived_from_temperatures_that_are_all_unknown() -> None:
    """Without a believable sensor there is no mean."""
    reading = decoded(owners_pack({5018: [0x8000] * 15}))
    assert reading.cell_temperatures == (None,) * 15
    assert (reading.temperature, reading.temperature_min, reading.temperature_max) == (
        *(None, None, None),
    )


@pytest.mark.parametrize("word", [0x8000, 0x7FFF, 1501, -601])
@pytest.mark.parametrize(
    ("first", "name"),
    [(5036, "environment_temperatures"), (5039, "heater_temperatures")],
)
def test_an_odd_sensor_leaves_the_one_beside_it(
    first: int, name: str, word: int
) -> None:
    """Sensor 2 keeps its place."""
    reading = decoded(owners_pack({first: [2, word, 187]}))
    assert getattr(reading, name) == (None, 18.7)
    assert reading.doubted == (name,)


def test_limits_of_the_usual_kind_are_believed() -> None:
    """No limit of a documented pack is doubted, nor a switched-off one."""
    for pack in (WARM_PACK, {**WARM_PACK, 5049: [0, 0, 0, 0]}):
        assert decoded(image_from(pack)).doubted == ()
    nothing = decoded(image_from({**WARM_PACK, 5049: [0, 0, 0, 0]}))
    assert (nothing.charge_voltage_limit, nothing.discharge_current_limit) == (0, 0)


@pytest.mark.parametrize("register", [5049, 5050])
@pytest.mark.parametrize(
    ("tenths", "volts"), [(60, 6.0), (59, None), (200, 20.0), (201, None), (0, 0.0)]
)
def test_voltage_limits_are_those_of_cells(
    register: int, tenths: int, volts: float | None
) -> None:
    """A limit of four cells lies within 1.5 and 5 V each, or is none."""
    reading = decoded(image_from({**WARM_PACK, register: [tenths]}))
    limits = (reading.charge_voltage_limit, reading.discharge_voltage_limit)
    assert limits[register - 5049] == volts


@pytest.mark.parametrize(
    ("register", "word", "amperes"),
    [
        (5051, 40_000, 400.0),
        (5051, 40_001, None),
        (5052, -32_767 % 0x10000, -327.67),
        (5052, 32_767, 327.67),
    ],
)
def test_current_limits_are_those_of_the_capacity(
    register: int, word: int, amperes: float | None
) -> None:
    """A battery of 100 Ah allows 400 A at most."""
    reading = decoded(image_from({**WARM_PACK, register: [word]}))
    limits = (reading.charge_current_limit, reading.discharge_current_limit)
    assert limits[register - 5051] == amperes


def test_the_edges_of_what_is_believed() -> None:
    """A shorted or open sensor reads within -60 to 150 degC and is shown."""
    reading = decoded(owners_pack({5018: [-600, 1500], 5035: [1500], 5048: [20_000]}))
    assert reading.cell_temperatures[:2] == (-60.0, 150.0)
    assert (reading.board_temperature, reading.cycles) == (150.0, 20_000)
    assert reading.doubted == ()
    assert decoded(owners_pack({5035: [0] * 7})).doubted == ()


def test_alarms_of_sensors_of_unknown_number_are_not_lost() -> None:
    """A count that cannot be true hides no alarm, and names no sensor beyond the cells."""
    status = decoded(owners_pack({5017: [0], 5102: [0xE000, 0b10]})).status
    assert [(alarm.key, alarm.parts) for alarm in status.alarms] == [
        ("cell_temperature_above_limit", (1, 15))
    ]
    status = decoded(owners_pack({5036: [9], 5104: [0b10 << 10, 0]})).status
    assert [(alarm.key, alarm.parts) for alarm in status.alarms] == [
        ("environment_temperature_above_limit", (2,))
    ]


def test_an_odd_temperature_contradicts_no_alarm() -> None:
    """-3276.8 degC is no evidence that a cell is cool."""
    status = decoded(owners_pack({5018: [0x8000], 5103: [0b10]})).status
    assert [alarm.parts for alarm in status.alarms] == [(1,)]
    assert status.contradicted_alarms == ()


def test_an_odd_temperature_limit_contradicts_no_alarm() -> None:
    """Where the limit cannot be true, the usual one stands in."""
    limits = {5200: [37, 35, 30, 25, 550, 0xFFFF, 50, 0], 5216: [0xFFFF, -100]}
    configuration = decode_configuration(image_from(limits, [(5200, 24)]))
    assert configuration.charge_high_temperature is None
    assert configuration.discharge_high_temperature is None
    image = owners_pack({5018: [530], 5103: [0b10]})
    status = decoded(image, STANDARD, configuration).status
    assert [alarm.parts for alarm in status.alarms] == [(1,)]


WORD = st.integers(0, 0xFFFF)
OPTIONAL_WORDS = [*range(5017, 5042), *range(5048, 5053)]


@given(
    st.dictionaries(st.sampled_from(OPTIONAL_WORDS), WORD, max_size=30),
    st.sampled_from([STANDARD, PRO, RNGPRO]),
)
def test_no_optional_word_refuses_a_reading(
    words: dict[int, int], family: Family
) -> None:
    """Whatever stands in them, the rest is published as it is."""
    changes = {address: [word] for address, word in words.items()}
    reading = decoded(owners_pack(changes), family)
    for name in ("cell_voltages", "voltage", "current_count", "remaining_capacity"):
        assert getattr(reading, name) == getattr(HEALTHY, name)
    assert reading.total_capacity == HEALTHY.total_capacity


@on_virtual_time
async def test_doubted_values_are_counted() -> None:
    """The diagnostics say how often which value could not be believed."""
    fake = four_batteries()
    fake.units[49].put(5048, [30_000])
    fake.units[49].put(5018, [0x8000])
    link = link_to(fake)
    reports = [await link.poll() for _ in range(3)]
    units = link.diagnostics()["units"]
    assert units["49"]["doubted_values"] == {"cycles": 3, "cell_temperatures": 3}
    assert units["48"]["doubted_values"] == {}
    assert units["49"]["counters"] == {"good": 3}
    await link.close()

    for report in reports:
        assert report.failed == {}
        assert report.readings[49].cycles is None
        assert report.readings[49].cell_temperatures[0] is None
        assert report.readings[49].voltage == 52.4
