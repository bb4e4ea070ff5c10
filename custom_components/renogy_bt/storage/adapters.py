"""What is known of the adapters, kept over restarts of Home Assistant.

No clock outlasts a restart: moments are kept as ages.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import Any, Final

import probatio

from homeassistant.core import HomeAssistant

from ..adapter_health.adapter_health import AdapterHealth
from ..adapter_health.climb import LONGEST_REST, RELAPSE, Climb
from ..adapter_health.history import (
    AdapterHistory,
    StepRecord,
    StepResult,
    VerdictRecord,
)
from ..adapter_health.ladder import RecoveryStep
from ..adapter_health.limits import RESETS_PER_HOUR, RateLimiter
from ..adapter_health.memory import Memory
from ..adapter_health.samples import DAY, HOUR, Reason, Verdict
from ..adapter_health.traffic import (
    EDGES,
    FAMILIARITY,
    MOST_DEVICES,
    MOST_SILENCES,
    LearnedTraffic,
)
from .shapes import fields, mapping_of, number, text, tuple_of, whole_number
from .stored_file import StoredFile

STORAGE_KEY: Final = "renogy_bt.bluetooth_health"
SAVE_DELAY: Final = 60.0
SAVE_EVERY: Final = 900.0

_ADAPTERS: Final = "adapters"
_LEFT_OFF: Final = "powered_off_by_us"
_MOST: Final = 10_000

_COUNT: Final = whole_number(0, 10**9)
_AGE: Final = number(0.0, 1e12)
_AGO: Final = probatio.Maybe(_AGE)
_NAME: Final = text(255)
_ANY_RECORD: Final = {
    "at": probatio.AsDatetime(require_timezone=True),
    "verdict": probatio.Coerce(Verdict),
}
_VERDICT_RECORD: Final = fields(
    {**_ANY_RECORD, "reason": probatio.Coerce(Reason)}, VerdictRecord
)
_STEP_RECORD: Final = fields(
    {
        **_ANY_RECORD,
        "step": probatio.Coerce(RecoveryStep),
        "result": probatio.Coerce(StepResult),
        "seconds": number(0.0, 1e6),
        "requested": bool,
        "detail": probatio.Maybe(_NAME),
    },
    StepRecord,
)
_TRAFFIC: Final = fields(
    {
        "edges": probatio.Equal(list(EDGES)),
        "weights": tuple_of(number(0.0, MOST_SILENCES), len(EDGES), len(EDGES)),
        "interval": number(0.0, EDGES[-1]),
        "devices": number(0.0, MOST_DEVICES),
        "looks": whole_number(0, FAMILIARITY),
    },
    lambda edges, **learned: LearnedTraffic(**learned),
)
_HEALTH: Final = fields(
    {
        "memory": fields(
            {
                "traffic": _TRAFFIC,
                "heard_ago": _AGO,
                "used_ago": _AGO,
                "witnesses": tuple_of(tuple_of(_NAME, 2, 2), _MOST),
            }
        ),
        "ladder": fields({"experiment_ago": _AGO, "powered_on_ago": _AGO}),
        "limiter": fields({"ages": tuple_of(_AGE, _MOST), "failures": _COUNT}),
        "history": fields(
            {
                "recoveries": _COUNT,
                "records": tuple_of(probatio.Any(_VERDICT_RECORD, _STEP_RECORD), _MOST),
            },
            AdapterHistory,
        ),
        _LEFT_OFF: bool,
    }
)


def _checked(data: Any) -> Any:
    """Return data unchanged; raises an error if no health can be made of them."""
    _HEALTH(data)
    return data


_SHAPE: Final = fields({_ADAPTERS: mapping_of(_NAME, _checked, _MOST)})


def _with_present_names(minor_version: int, data: Any) -> Any:
    """Return data with the names of recovery steps since version 1.2."""
    if minor_version < 2:
        for health in data[_ADAPTERS].values():
            for record in health["history"]["records"]:
                if "rung" in record:
                    step = record.pop("rung")
                    record["step"] = {"reload": "restart_scanning"}.get(step, step)
    return data


class AdapterStore:
    """One file for all adapters, including adapters that are not there now."""

    def __init__(
        self, hass: HomeAssistant, present: Callable[[], Iterable[AdapterHealth]]
    ) -> None:
        """Prepare; `present` gives the health of the adapters that are there."""
        self._file = StoredFile(
            hass,
            STORAGE_KEY,
            _SHAPE,
            content="histories of Bluetooth adapters",
            minor_version=2,
            migrate=_with_present_names,
        )
        self._clock = hass.loop.time
        self._present = present
        self._kept: dict[str, dict[str, Any]] = {}
        self._saved_at = 0.0

    async def async_load(self) -> None:
        """Read the file."""
        stored = await self._file.async_read()
        self._kept = stored[_ADAPTERS] if stored is not None else {}

    def health_of(self, address: str) -> AdapterHealth:
        """Return the health of an adapter as it was kept, or the health of a new adapter."""
        if address in self._kept:
            return health_from_data(address, self._kept[address], self._clock())
        if self._file.has_begun_anew:
            # It is not known how often the adapter was reset: at most an hour goes by without a reset,
            # but no damaged file leads to more resets in an hour than are allowed.
            ages = (0.0,) * RESETS_PER_HOUR
            return AdapterHealth(address, limiter=RateLimiter(ages))
        return AdapterHealth(address)

    def left_off(self) -> Iterator[str]:
        """Return the adapters that a step switched off and that are still off."""
        return (address for address, data in self._kept.items() if data[_LEFT_OFF])

    def keep(self, health: AdapterHealth) -> None:
        """Keep what is known of an adapter that is gone."""
        self._kept[health.address] = data_of(health, self._clock())

    async def async_save(self) -> None:
        """Write the file now."""
        await self._file.async_save(self._data())

    def save_now_and_then(self) -> None:
        """Write the file soon, unless it was written lately."""
        now = self._clock()
        if now - self._saved_at >= SAVE_EVERY:
            self._saved_at = now
            self._file.async_delay_save(self._data, SAVE_DELAY)

    def _data(self) -> dict[str, Any]:
        for health in self._present():
            self.keep(health)
        return {_ADAPTERS: dict(self._kept)}


def data_of(health: AdapterHealth, now: float) -> dict[str, Any]:
    """Return what is worth keeping of an adapter's health, as plain data."""
    memory, climb, limiter = health.memory, health.climb, health.limiter.at(now)
    traffic, looked_at = memory.traffic, memory.looked_at
    was_off = climb.against is Verdict.POWERED_OFF
    return {
        "memory": {
            "traffic": {
                "edges": list(EDGES),
                "weights": [round(weight, 4) for weight in traffic.faded_weights],
                "interval": round(traffic.interval, 3),
                "devices": round(traffic.devices, 3),
                "looks": traffic.looks,
            },
            "heard_ago": _age_of(memory.heard_at, looked_at),
            "used_ago": _age_of(memory.used_at, looked_at),
            "witnesses": sorted(map(list, memory.witnesses)),
        },
        "ladder": {
            "experiment_ago": _age_of(climb.experiment_at, now),
            "powered_on_ago": _age_of(climb.recovered_at, now) if was_off else None,
        },
        "limiter": {"ages": list(limiter.ages), "failures": limiter.failures},
        "history": {
            "recoveries": health.history.recoveries,
            "records": [
                {**asdict(record), "at": record.at.isoformat()}
                for record in health.history.records
            ],
        },
        _LEFT_OFF: health.powered_off_by_us,
    }


def health_from_data(address: str, data: dict[str, Any], now: float) -> AdapterHealth:
    """Return the health that `data_of` kept."""
    kept = _HEALTH(data)
    memory, ladder, limiter = kept["memory"], kept["ladder"], kept["limiter"]
    powered_on_at = _moment_of(ladder["powered_on_ago"], now, RELAPSE)
    ages = sorted((age for age in limiter["ages"] if age < HOUR), reverse=True)
    return AdapterHealth(
        address,
        memory=Memory(
            traffic=memory["traffic"],
            heard_at=_moment_of(memory["heard_ago"], now, DAY),
            used_at=_moment_of(memory["used_ago"], now, DAY),
            witnesses=frozenset(memory["witnesses"]),
        ),
        climb=Climb(
            experiment_at=_moment_of(ladder["experiment_ago"], now, LONGEST_REST),
            against=None if powered_on_at is None else Verdict.POWERED_OFF,
            recovered_at=powered_on_at,
        ),
        limiter=RateLimiter(tuple(ages), limiter["failures"]),
        # A step that was still open when Home Assistant went down stays undecided.
        history=kept["history"].concluding(StepResult.ABORTED),
        powered_off_by_us=kept[_LEFT_OFF],
    )


def _age_of(moment: float | None, now: float | None) -> float | None:
    return None if moment is None or now is None else max(now - moment, 0.0)


def _moment_of(age: float | None, now: float, oldest: float) -> float | None:
    return None if age is None or age > oldest else now - age
