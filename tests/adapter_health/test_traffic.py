# SPDX-License-Identifier: Apache-2.0
"""What silence is normal in a place."""

from itertools import pairwise

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.adapter_health.adapter_health import AdapterHealth
from custom_components.renogy_bt.adapter_health.memory import Memory
from custom_components.renogy_bt.adapter_health.traffic import LearnedTraffic
from tests.restart import after_restart

# As documented, not as the code has it.
EDGES = (
    90.0,
    120.0,
    180.0,
    240.0,
    360.0,
    480.0,
    720.0,
    960.0,
    1440.0,
    1920.0,
    2700.0,
    3600.0,
    5400.0,
    7200.0,
    10800.0,
    14400.0,
    21600.0,
    28800.0,
    43200.0,
    57600.0,
    86400.0,
    172800.0,
    345600.0,
    691200.0,
)
FAMILIARITY = 20
LEAST_SILENCE = 120.0

HOUR = 3600.0
DAY = 24 * HOUR


def after(*silences: float) -> LearnedTraffic:
    """What is learned from these silences."""
    traffic = LearnedTraffic()
    for silence in silences:
        traffic = traffic.after_silence(silence, silence)
    return traffic


def test_edges_are_sorted() -> None:
    """The classes of silences follow each other."""
    assert all(lower < upper for lower, upper in pairwise(EDGES))


def test_unknown_place() -> None:
    """Where nothing is known, two minutes of silence mean something."""
    assert LearnedTraffic().meaningful_silence == LEAST_SILENCE


def test_lively_place() -> None:
    """Signs of life every few seconds leave it at two minutes."""
    assert after(*[5.0] * 1000).meaningful_silence == LEAST_SILENCE


def test_rare_signs_of_life() -> None:
    """Where there is a sign once a minute, four must be missed."""
    assert after(*[60.0] * 200).meaningful_silence == pytest.approx(240)


def test_connected_device_is_silent() -> None:
    """Of the silence of who was connected only the end is learned; all of it was watched."""
    traffic = LearnedTraffic()
    for _ in range(200):
        traffic = traffic.after_silence(60.0, 2.0)
    assert traffic.meaningful_silence == LEAST_SILENCE
    assert traffic.watched == pytest.approx(200 * 60.0)


def test_one_night_is_enough() -> None:
    """A silence of eight hours makes the next one normal."""
    assert after(*[30.0] * 1000, 8 * HOUR).meaningful_silence >= 12 * HOUR


def test_old_silences_are_forgotten() -> None:
    """A single night a month ago no longer counts."""
    traffic = after(8 * HOUR, *[60.0] * int(31 * DAY / 60))
    assert traffic.meaningful_silence == pytest.approx(240)


def test_liveliness_takes_time_and_several_devices() -> None:
    """Three devices, seen over twenty looks, make a place lively."""
    traffic = LearnedTraffic()
    for look in range(FAMILIARITY):
        assert not traffic.is_lively, look
        traffic = traffic.after_look(4)
    assert traffic.is_lively
    for _ in range(100):
        traffic = traffic.after_look(1)
    assert not traffic.is_lively


@given(
    st.lists(st.floats(allow_nan=True), max_size=60),
    st.lists(st.integers(-5, 10**9), max_size=60),
)
def test_it_survives_any_input_and_a_restart(
    silences: list[float], devices: list[int]
) -> None:
    """Nothing can make it forget its bounds, and what is stored is read again."""
    traffic = after(*silences)
    for heard in devices:
        traffic = traffic.after_look(heard)
    assert LEAST_SILENCE <= traffic.meaningful_silence <= 1.5 * EDGES[-1]
    health = after_restart(AdapterHealth("", memory=Memory(traffic=traffic)))
    kept = health.memory.traffic
    assert kept.meaningful_silence == pytest.approx(
        traffic.meaningful_silence, rel=0.01
    )
    assert kept.is_lively == traffic.is_lively
    assert kept.watched == pytest.approx(traffic.watched, abs=1.0)


def test_a_place_is_known_after_two_weeks() -> None:
    """Not the number of silences counts, but the time over which they were seen."""
    traffic = after(*[30.0] * 1000)
    assert not traffic.is_known
    assert not traffic.after_silence(13 * DAY, 13 * DAY).is_known
    assert traffic.after_silence(14 * DAY, 14 * DAY).is_known
