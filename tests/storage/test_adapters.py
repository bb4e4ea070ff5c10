"""What is known of the adapters on disk: what is damaged gives nothing away."""

from datetime import UTC, datetime
from math import inf, nan

import pytest

from custom_components.renogy_bt.adapter_health.adapter_health import AdapterHealth
from custom_components.renogy_bt.adapter_health.limits import (
    LONGEST_PAUSE,
    RESETS_PER_HOUR,
)
from custom_components.renogy_bt.adapter_health.memory import Memory
from custom_components.renogy_bt.adapter_health.traffic import EDGES, LearnedTraffic
from custom_components.renogy_bt.storage.adapters import data_of, health_from_data

ADAPTER = "B8:27:EB:00:00:01"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = 24 * 3600.0


@pytest.mark.parametrize(
    "change",
    [
        {"edges": [1.0]},
        {"weights": [1.0]},
        {"weights": ["x"] * len(EDGES)},
        {"weights": [float("nan")] * len(EDGES)},
        {"weights": [-1.0] * len(EDGES)},
        {"interval": None},
        {"interval": 1e30},
        {"devices": True},
        {"looks": 1.5},
        {"looks": -1},
    ],
)
def test_damaged_traffic_is_forgotten(change: dict[str, object]) -> None:
    """Learned traffic that makes no sense is learned anew."""
    traffic = LearnedTraffic().after_silence(8 * 3600.0)
    stored = data_of(AdapterHealth(ADAPTER, memory=Memory(traffic=traffic)), 0.0)
    stored["memory"]["traffic"] |= change
    assert health_from_data(ADAPTER, stored, 0.0) == AdapterHealth(ADAPTER)


@pytest.mark.parametrize(
    "data",
    [
        None,
        "x",
        {"memory": "x"},
        {"memory": {"heard_ago": -1, "used_ago": nan, "witnesses": "x"}},
        {
            "memory": {
                "heard_ago": 2 * DAY,
                "used_ago": True,
                "witnesses": [["a"], 5, ["a", 5]],
            }
        },
        {"ladder": []},
        {"ladder": {"experiment_ago": "x", "powered_on_ago": -1}},
        {"ladder": {"experiment_ago": True}},
        {"limiter": []},
        {"limiter": {"ages": "x"}},
        {"history": []},
        {"history": {"records": "x", "recoveries": -1}},
        {"history": {"recoveries": True}},
    ],
)
def test_damaged_health_is_forgotten(data: object) -> None:
    """What cannot be read is not believed."""
    assert health_from_data(ADAPTER, data, 0.0) == AdapterHealth(ADAPTER)


@pytest.mark.parametrize("age", [0, 0.0, 1, DAY])
def test_ages_up_to_the_oldest_are_taken(age: float) -> None:
    """A moment is found again by another clock; the oldest itself is still taken."""
    data = {"memory": {"heard_ago": age}}
    assert health_from_data(ADAPTER, data, 5.0).memory.heard_at == 5.0 - age


@pytest.mark.parametrize("age", [None, "40", True, False, -1.0, DAY + 1, nan, inf, []])
def test_what_cannot_be_an_age_is_forgotten(age: object) -> None:
    """A damaged file says nothing, rather than something wrong."""
    data = {"memory": {"heard_ago": age}}
    assert health_from_data(ADAPTER, data, 5.0).memory.heard_at is None


@pytest.mark.parametrize(
    "record",
    [
        None,
        {},
        {"at": "x", "verdict": "ok", "reason": "working"},
        {"at": "2026-11-23T12:00:00", "verdict": "ok", "reason": "working"},
        {"at": 5, "verdict": "ok", "reason": "working"},
        {"at": NOW.isoformat(), "rung": "reload", "verdict": "ok", "result": "?"},
        {
            "at": NOW.isoformat(),
            "rung": "reload",
            "verdict": "ok",
            "result": "failed",
            "seconds": "x",
            "requested": 1,
        },
    ],
)
def test_damaged_record_is_left_out(record: object) -> None:
    """Records that cannot be read are dropped without a fuss."""
    data = {"history": {"records": [record]}}
    assert health_from_data(ADAPTER, data, 0.0) == AdapterHealth(ADAPTER)


@pytest.mark.parametrize(
    ("limiter", "ages"),
    [
        ({"ages": [nan, -5, "x", None, True]}, (1.0, 0.0, 0.0, 0.0, 0.0)),
        ({"ages": [inf, 10**400, 20], "failures": -1}, (20.0,)),
        ({"ages": [0] * 1000, "failures": 10**9}, (0.0,) * RESETS_PER_HOUR),
    ],
)
def test_damaged_limiter_never_gives_extra_resets(
    limiter: object, ages: tuple[float, ...]
) -> None:
    """What cannot be read counts as a reset made just now."""
    kept = health_from_data(ADAPTER, {"limiter": limiter}, 0.0).limiter
    assert kept.ages == ages
    assert kept.at(0.0).pause <= LONGEST_PAUSE
