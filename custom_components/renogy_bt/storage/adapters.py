"""What is known of the adapters, kept over restarts of Home Assistant.

No clock outlasts a restart: moments are kept as ages.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
import logging
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, UnsupportedStorageVersionError
from homeassistant.helpers.storage import Store

from ..adapter_health.adapter_health import AdapterHealth
from ..adapter_health.climb import LONGEST_REST, RELAPSE, Climb
from ..adapter_health.history import (
    CAPACITY,
    AdapterHistory,
    Record,
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

_LOGGER = logging.getLogger(__name__)

STORAGE_KEY: Final = "renogy_bt.bluetooth_health"
STORAGE_VERSION: Final = 1
SAVE_DELAY: Final = 60.0
SAVE_EVERY: Final = 900.0

_ADAPTERS: Final = "adapters"


class AdapterStore:
    """One file for all adapters, also for those that are not there at the moment."""

    def __init__(
        self, hass: HomeAssistant, present: Callable[[], Iterable[AdapterHealth]]
    ) -> None:
        """Prepare; `present` gives the health of the adapters that are there."""
        self._store: Store[dict[str, Any]] = Store(hass, STORAGE_VERSION, STORAGE_KEY)
        self._clock = hass.loop.time
        self._present = present
        self._kept: dict[str, object] = {}
        self._is_readable = True
        self._saved_at = 0.0

    async def async_load(self) -> None:
        """Read the file; what is damaged in it is forgotten.

        A file that cannot be read, such as one of a newer version, is left as it is:
        nothing is remembered then, and nothing is overwritten.
        """
        self._kept, self._is_readable = {}, True
        stored: Any = None
        try:
            stored = await self._store.async_load()
        except UnsupportedStorageVersionError as error:
            self._is_readable = False
            _LOGGER.warning(
                "What a newer version remembers of the Bluetooth adapters is left alone, "
                "and nothing is remembered by this one: %s",
                error,
            )
        except HomeAssistantError as error:
            self._is_readable = False
            _LOGGER.warning(
                "What was remembered of the Bluetooth adapters cannot be read: %s",
                error,
            )
        except (KeyError, TypeError, ValueError, NotImplementedError) as error:
            # Home Assistant expects that the frame of a file is as it wrote it.
            _LOGGER.warning(
                "What was remembered of the Bluetooth adapters is damaged: %r", error
            )
        adapters = stored.get(_ADAPTERS) if isinstance(stored, Mapping) else None
        if isinstance(adapters, Mapping):
            self._kept = {str(address): data for address, data in adapters.items()}

    def health_of(self, address: str) -> AdapterHealth:
        """Return the health of an adapter as it is kept, that of a new one if nothing is."""
        return health_from_data(address, self._kept.get(address), self._clock())

    def left_off(self) -> Iterator[str]:
        """The adapters that a step switched off and nobody has switched on since."""
        return (address for address, data in self._kept.items() if _is_left_off(data))

    def keep(self, health: AdapterHealth) -> None:
        """Keep what is known of an adapter that goes."""
        self._kept[health.address] = data_of(health, self._clock())

    async def async_save(self) -> None:
        """Write the file now."""
        if self._is_readable:
            await self._store.async_save(self._data())

    def save_now_and_then(self) -> None:
        """Write the file soon, unless that was done lately."""
        now = self._clock()
        if self._is_readable and now - self._saved_at >= SAVE_EVERY:
            self._saved_at = now
            self._store.async_delay_save(self._data, SAVE_DELAY)

    def _data(self) -> dict[str, Any]:
        for health in self._present():
            self.keep(health)
        return {_ADAPTERS: dict(self._kept)}


def data_of(health: AdapterHealth, now: float) -> dict[str, Any]:
    """Return what is worth keeping of an adapter's health, as plain data."""
    limiter = health.limiter.at(now)
    return {
        "memory": _data_of_memory(health.memory),
        "ladder": _data_of_climb(health.climb, now),
        "limiter": {"ages": list(limiter.ages), "failures": limiter.failures},
        "history": {
            "recoveries": health.history.recoveries,
            "records": [_data_of_record(record) for record in health.history.records],
        },
        "powered_off_by_us": health.powered_off_by_us,
    }


def health_from_data(address: str, data: object, now: float) -> AdapterHealth:
    """Return the health that `data_of` kept; what is damaged is forgotten."""
    if not isinstance(data, Mapping):
        return AdapterHealth(address)
    return AdapterHealth(
        address,
        memory=_memory_from(data.get("memory"), now),
        climb=_climb_from(data.get("ladder"), now),
        limiter=_limiter_from(data.get("limiter")),
        history=_history_from(data.get("history")),
        powered_off_by_us=_is_left_off(data),
    )


def _is_left_off(data: object) -> bool:
    return isinstance(data, Mapping) and data.get("powered_off_by_us") is True


def _data_of_memory(memory: Memory) -> dict[str, Any]:
    now, traffic = memory.looked_at, memory.traffic
    return {
        "traffic": {
            "edges": list(EDGES),
            "weights": [round(weight, 4) for weight in traffic.faded_weights],
            "interval": round(traffic.interval, 3),
            "devices": round(traffic.devices, 3),
            "looks": traffic.looks,
        },
        "heard_ago": _age_of(memory.heard_at, now),
        "used_ago": _age_of(memory.used_at, now),
        "witnesses": sorted(map(list, memory.witnesses)),
    }


def _memory_from(data: object, now: float) -> Memory:
    if not isinstance(data, Mapping):
        return Memory()
    witnesses = data.get("witnesses")
    return Memory(
        traffic=_traffic_from(data.get("traffic")),
        heard_at=_moment_of(data.get("heard_ago"), now, DAY),
        used_at=_moment_of(data.get("used_ago"), now, DAY),
        witnesses=frozenset(
            (pair[0], pair[1])
            for pair in (witnesses if isinstance(witnesses, list) else [])
            if isinstance(pair, list)
            and len(pair) == 2
            and all(isinstance(part, str) for part in pair)
        ),
    )


def _traffic_from(data: object) -> LearnedTraffic:
    """Return the traffic that was kept; nothing is known if any of it is damaged."""
    if not isinstance(data, Mapping):
        return LearnedTraffic()
    weights, looks = data.get("weights"), data.get("looks")
    interval = _amount(data.get("interval"), EDGES[-1])
    devices = _amount(data.get("devices"), MOST_DEVICES)
    if data.get("edges") != list(EDGES) or not isinstance(weights, list):
        return LearnedTraffic()
    amounts = [_amount(weight, MOST_SILENCES) for weight in weights]
    if (
        len(amounts) != len(EDGES)
        or None in amounts
        or interval is None
        or devices is None
        or type(looks) is not int
        or not 0 <= looks <= FAMILIARITY
    ):
        return LearnedTraffic()
    return LearnedTraffic(
        tuple(amount or 0.0 for amount in amounts), interval, devices, looks
    )


def _data_of_climb(climb: Climb, now: float) -> dict[str, Any]:
    return {
        "experiment_ago": _age_of(climb.experiment_at, now),
        "powered_on_ago": (
            _age_of(climb.recovered_at, now)
            if climb.against is Verdict.POWERED_OFF
            else None
        ),
    }


def _climb_from(data: object, now: float) -> Climb:
    if not isinstance(data, Mapping):
        return Climb()
    powered_on_at = _moment_of(data.get("powered_on_ago"), now, RELAPSE)
    return Climb(
        experiment_at=_moment_of(data.get("experiment_ago"), now, LONGEST_REST),
        against=None if powered_on_at is None else Verdict.POWERED_OFF,
        recovered_at=powered_on_at,
    )


def _limiter_from(data: object) -> RateLimiter:
    """Return the limiter that was kept; damaged ages count as resets made just now."""
    if not isinstance(data, Mapping):
        return RateLimiter()
    stored = data.get("ages")
    ages = (
        [_age(item) for item in stored[-RESETS_PER_HOUR:]]
        if isinstance(stored, list)
        else []
    )
    failures = data.get("failures")
    return RateLimiter(
        tuple(sorted((age for age in ages if age < HOUR), reverse=True)),
        min(failures, 10) if type(failures) is int and failures >= 0 else 0,
    )


def _age(item: object) -> float:
    if isinstance(item, int | float) and item >= 0:
        return float(min(item, HOUR))
    return 0.0


def _data_of_record(record: Record) -> dict[str, Any]:
    match record:
        case StepRecord():
            return {
                "at": record.at.isoformat(),
                "rung": record.step,
                "verdict": record.verdict,
                "result": record.result,
                "seconds": record.seconds,
                "requested": record.requested,
                "detail": record.detail,
            }
        case VerdictRecord():
            return {
                "at": record.at.isoformat(),
                "verdict": record.verdict,
                "reason": record.reason,
            }


def _history_from(data: object) -> AdapterHistory:
    """Return the history that was kept; what is damaged is left out."""
    if not isinstance(data, Mapping):
        return AdapterHistory()
    stored = data.get("records")
    records = map(_record_from, stored) if isinstance(stored, list) else ()
    recoveries = data.get("recoveries")
    return AdapterHistory(
        tuple(record for record in records if record is not None)[-CAPACITY:],
        recoveries if type(recoveries) is int and recoveries >= 0 else 0,
    )


def _record_from(item: object) -> Record | None:
    if not isinstance(item, Mapping):
        return None
    try:
        at = datetime.fromisoformat(item["at"])
        if at.tzinfo is None:
            return None
        if "rung" not in item:
            return VerdictRecord(
                at=at, verdict=Verdict(item["verdict"]), reason=Reason(item["reason"])
            )
        detail = item.get("detail")
        result = StepResult(item["result"])
        return StepRecord(
            at=at,
            step=RecoveryStep(item["rung"]),
            verdict=Verdict(item["verdict"]),
            # A step that was still open when Home Assistant went down stays undecided.
            result=StepResult.ABORTED if result is StepResult.PENDING else result,
            seconds=float(item["seconds"]),
            requested=bool(item["requested"]),
            detail=detail if isinstance(detail, str) else None,
        )
    except KeyError, TypeError, ValueError:
        return None


def _age_of(moment: float | None, now: float | None) -> float | None:
    return None if moment is None or now is None else now - moment


def _moment_of(age: object, now: float, oldest: float) -> float | None:
    amount = _amount(age, oldest)
    return None if amount is None else now - amount


def _amount(item: object, most: float) -> float | None:
    if (
        isinstance(item, int | float)
        and not isinstance(item, bool)
        and 0 <= item <= most
    ):
        return float(item)
    return None
