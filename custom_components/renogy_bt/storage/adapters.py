# SPDX-License-Identifier: Apache-2.0
"""What is known of the adapters, kept over restarts of Home Assistant.

No clock of Home Assistant outlasts a restart: moments are kept as ages. The time while Home
Assistant was down counts only where somebody else goes by the calendar: since when there has been
a fault, when an outage came that comes every day, and when another hand switched the adapter. All
else goes on where it was.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import probatio

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..adapter_health.adapter_health import AdapterHealth
from ..adapter_health.climb import LONGEST_REST, Climb
from ..adapter_health.connects import (
    CLASSES,
    LONGEST_GAP,
    MOST_LINKS,
    MOST_TRIES,
    LearnedConnects,
    LinkMemory,
)
from ..adapter_health.discovery_need import MOST as MOST_CONNECTIONS, DiscoveryNeed
from ..adapter_health.history import (
    AdapterHistory,
    OwnSteps,
    StepRecord,
    StepResult,
    VerdictRecord,
)
from ..adapter_health.ladder import RecoveryStep
from ..adapter_health.limits import RESETS_PER_HOUR, RateLimiter
from ..adapter_health.memory import Memory, OpenFault
from ..adapter_health.outages import LONGEST_TRIAL, Outages
from ..adapter_health.power import MOST_KEPT, Power
from ..adapter_health.samples import (
    DAY,
    HOUR,
    Evidence,
    Judgement,
    Reason,
    Strength,
    Verdict,
)
from ..adapter_health.spans import EDGES, MOST_SPANS, LearnedSpans
from ..adapter_health.strength import POSSIBLE
from ..adapter_health.traffic import (
    FAMILIARITY,
    LONGEST_WATCH,
    MOST_DEVICES,
    LearnedTraffic,
)
from .shapes import (
    age_of,
    ages_of,
    fields,
    mapping_of,
    moment_of,
    moments_of,
    number,
    text,
    tuple_of,
    whole_number,
)
from .stored_file import StoredFile
from .told import TOLD, note_told, told_of

STORAGE_KEY: Final = "renogy_bt.bluetooth_health"
SAVE_DELAY: Final = 60.0
SAVE_SOON: Final = 5.0
SAVE_EVERY: Final = 900.0

_ADAPTERS: Final = "adapters"
_LEFT_OFF: Final = "powered_off_by_us"
_TOLD: Final = "told"
_DIRECT: Final = "is_direct"
_BESIDE: Final = "seen_beside"
_NEED: Final = "discovery_need"
_MOST: Final = 10_000
_LONGEST_AWAY: Final = 90 * DAY
"""A calendar that says that Home Assistant was down for longer was wrong once, s."""

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
_SPANS: Final = {
    "edges": probatio.Equal(list(EDGES)),
    "weights": tuple_of(number(0.0, MOST_SPANS), len(EDGES), len(EDGES)),
}
_TRAFFIC: Final = fields(
    {
        **_SPANS,
        "interval": number(0.0, EDGES[-1]),
        "devices": number(0.0, MOST_DEVICES),
        "looks": whole_number(0, FAMILIARITY),
        "watched": number(0.0, LONGEST_WATCH),
    },
    lambda edges, **learned: LearnedTraffic(**learned),
)
# Not in every file of version 1.3.
_OUTAGES: Final = fields(
    {
        **_SPANS,
        probatio.Optional("doubted_ago", default=None): _AGO,
        probatio.Optional("doubted", default=0.0): number(0.0, LONGEST_TRIAL),
        probatio.Optional("proven_ago", default=None): _AGO,
    }
)
_DISCOVERY_NEED: Final = fields(
    {
        "successes": whole_number(0, MOST_CONNECTIONS),
        "failures": whole_number(0, MOST_CONNECTIONS),
    },
    DiscoveryNeed,
)
_NO_NEED: Final = asdict(DiscoveryNeed())
_FAULT: Final = fields(
    {
        "verdict": probatio.Coerce(Verdict),
        "reason": probatio.Coerce(Reason),
        "evidence": probatio.Coerce(Evidence),
        "severed": bool,
        "in_use": bool,
        "depended_on": bool,
        "since_ago": _AGE,
        "seen_ago": _AGE,
    }
)
_TRIES: Final = tuple_of(number(0.0, MOST_TRIES), CLASSES, CLASSES)
_STRENGTH: Final = fields(
    {"mean": number(POSSIBLE.start, POSSIBLE.stop), "spread": number(0.0, 200.0)},
    Strength,
)
_CONNECTS: Final = fields(
    {
        "tries": _TRIES,
        "failed": _TRIES,
        "since_ago": _AGO,
        "strength": probatio.Maybe(_STRENGTH),
        "usual_gap": number(0.0, LONGEST_GAP),
    }
)
_STEPS: Final = tuple_of(probatio.Coerce(RecoveryStep), len(RecoveryStep))
_HEALTH: Final = fields(
    {
        "memory": fields(
            {
                "traffic": _TRAFFIC,
                "outages": _OUTAGES,
                probatio.Optional(_NEED, default=_NO_NEED): _DISCOVERY_NEED,
                "life_ago": _AGO,
                "heard_ago": _AGO,
                "used_ago": _AGO,
                "witnesses": tuple_of(tuple_of(_NAME, 2, 2), _MOST),
                "is_undiscovered": bool,
                probatio.Optional(_DIRECT, default=False): bool,
                "fault": probatio.Maybe(_FAULT),
                "connects": mapping_of(_NAME, _CONNECTS, MOST_LINKS),
                "off_ago": _AGO,
                "offs_ago": tuple_of(_AGE, MOST_KEPT),
                "cycles_ago": tuple_of(_AGE, MOST_KEPT),
                _BESIDE: probatio.Maybe(tuple_of(_NAME, _MOST)),
            }
        ),
        "ladder": fields(
            {
                "against": probatio.Maybe(probatio.Coerce(Verdict)),
                "tried": _STEPS,
                "failed": _STEPS,
                "failures": _COUNT,
                "failed_ago": _AGO,
                "calm_ago": _AGO,
                "climbs": _COUNT,
                "rest_for": probatio.Maybe(number(0.0, LONGEST_REST)),
                "gentle_ago": tuple_of(_AGE, _MOST),
                "experiment_ago": _AGO,
                "switched_on_ago": _AGO,
                "stepped_ago": _AGO,
            }
        ),
        "limiter": fields({"ages": tuple_of(_AGE, _MOST), "failures": _COUNT}),
        "history": fields(
            {
                "recoveries": _COUNT,
                "records": tuple_of(probatio.Any(_VERDICT_RECORD, _STEP_RECORD), _MOST),
            },
            AdapterHistory,
        ),
        _LEFT_OFF: bool,
        "kept_at": probatio.Maybe(probatio.AsDatetime(require_timezone=True)),
        _TOLD: TOLD,
    }
)


def _checked(data: Any) -> Any:
    """Return data unchanged; raises an error if no health can be made of them."""
    _HEALTH(data)
    return data


_SHAPE: Final = fields({_ADAPTERS: mapping_of(_NAME, _checked, _MOST)})


def _migrated(minor_version: int, data: Any) -> Any:
    """Return data of an older version as this version writes them."""
    for health in data[_ADAPTERS].values():
        if minor_version < 2:
            _name_steps(health["history"]["records"])
        if minor_version < 3:
            _add_what_lasts(health)
    return data


def _name_steps(records: list[Any]) -> None:
    """Call the recovery steps as since version 1.2."""
    for record in records:
        if "rung" in record:
            step = record.pop("rung")
            record["step"] = {"reload": "restart_scanning"}.get(step, step)


def _add_what_lasts(health: dict[str, Any]) -> None:
    """Add what is kept since version 1.3, as of an adapter without a fault."""
    new = data_of(AdapterHealth(""), 0.0)
    health["memory"]["traffic"]["watched"] = 0.0
    switched_on_ago = health["ladder"].pop("powered_on_ago")
    for part in ("memory", "ladder"):
        health[part] = {**new[part], **health[part]}
    health["ladder"]["switched_on_ago"] = switched_on_ago
    health |= {"told": new["told"], "kept_at": None}


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
            content="adapter_histories",
            minor_version=3,
            migrate=_migrated,
        )
        self._clock = hass.loop.time
        self._present = present
        self._kept: dict[str, dict[str, Any]] = {}
        # Whoever deletes the last bank and adds it again gets no more resets by it.
        self._limiters: dict[str, RateLimiter] = {}
        self._saved_at = -SAVE_EVERY
        self._due_at: float | None = None
        """When the file will be written that waits to be, as far as that is known."""

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
        limiter = self._limiters.get(address, RateLimiter())
        return AdapterHealth(address, limiter=limiter)

    def left_off(self) -> Iterator[str]:
        """Return the adapters that a step switched off and that are still off."""
        return (address for address, data in self._kept.items() if data[_LEFT_OFF])

    def keep(self, health: AdapterHealth) -> None:
        """Keep what is known of an adapter that is gone."""
        self._kept[health.address] = data_of(health, self._clock())
        self._limiters[health.address] = health.limiter

    async def async_save(self) -> None:
        """Write the file now."""
        await self._file.async_save(self._data())

    async def async_remove(self) -> None:
        """Forget the adapters: nobody uses them any more."""
        await self._file.async_remove()

    def save_soon(self) -> None:
        """Write the file soon: something was told or done."""
        self._save_within(SAVE_SOON)

    def save_now_and_then(self) -> None:
        """Write the file in a while, unless it was written lately."""
        now = self._clock()
        if now - self._saved_at >= SAVE_EVERY:
            self._saved_at = now
            self._save_within(SAVE_DELAY)

    def _save_within(self, delay: float) -> None:
        """Write the file after a delay, or before: a write that waits must not be put off."""
        now = self._clock()
        if self._due_at is None or not now <= self._due_at <= now + delay:
            self._due_at = now + delay
            self._file.async_delay_save(self._data, delay)

    def _data(self) -> dict[str, Any]:
        self._due_at = None
        for health in self._present():
            self.keep(health)
        return {_ADAPTERS: dict(self._kept)}


def data_of(health: AdapterHealth, now: float) -> dict[str, Any]:
    """Return what is worth keeping of an adapter's health, as plain data."""
    memory, climb, limiter = health.memory, health.climb, health.limiter.at(now)
    traffic, power, rest_until = memory.traffic, memory.power, climb.rest_until
    return {
        "memory": {
            "traffic": {
                **_data_of_spans(traffic),
                "interval": round(traffic.interval, 3),
                "devices": round(traffic.devices, 3),
                "looks": traffic.looks,
                "watched": round(traffic.watched, 1),
            },
            "outages": _data_of_outages(memory.outages, now),
            _NEED: asdict(memory.discovery_need),
            "life_ago": age_of(memory.life_at, now),
            "heard_ago": age_of(memory.heard_at, now),
            "used_ago": age_of(memory.used_at, now),
            "witnesses": sorted(map(list, memory.witnesses)),
            "is_undiscovered": memory.is_undiscovered,
            _DIRECT: memory.is_direct,
            "fault": _data_of_fault(memory.open_fault, now),
            "connects": {
                address: _data_of_link(link, now)
                for address, link in memory.links.items()
            },
            "off_ago": age_of(power.off_since, now),
            "offs_ago": ages_of(power.offs, now),
            "cycles_ago": ages_of(power.cycles, now),
            _BESIDE: None if memory.seen_beside is None else sorted(memory.seen_beside),
        },
        "ladder": {
            "against": climb.against,
            "tried": list(climb.tried),
            "failed": list(climb.failed),
            "failures": climb.failures,
            "failed_ago": age_of(climb.failed_at, now),
            "calm_ago": age_of(climb.calm_since, now),
            "climbs": climb.climbs,
            "rest_for": None
            if rest_until is None
            else min(max(rest_until - now, 0.0), LONGEST_REST),
            "gentle_ago": ages_of(climb.gentle_steps, now),
            "experiment_ago": age_of(climb.experiment_at, now),
            "switched_on_ago": age_of(health.own.switched_on_at, now),
            "stepped_ago": age_of(health.own.ended_at, now),
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
        _TOLD: told_of(health, now),
        "kept_at": dt_util.utcnow().isoformat(),
    }


def _data_of_spans(spans: LearnedSpans) -> dict[str, Any]:
    return {
        "edges": list(EDGES),
        "weights": [round(weight, 4) for weight in spans.faded_weights],
    }


def _data_of_outages(outages: Outages, now: float) -> dict[str, Any]:
    return {
        **_data_of_spans(outages.learned),
        "doubted_ago": age_of(outages.doubted_since, now),
        # An outage that lasted for longer is given no longer trial.
        "doubted": round(min(outages.doubted, LONGEST_TRIAL), 1),
        "proven_ago": age_of(outages.proven_at, now),
    }


def _data_of_fault(fault: OpenFault | None, now: float) -> dict[str, Any] | None:
    if fault is None:
        return None
    judgement = fault.judgement
    return {
        "verdict": judgement.verdict,
        "reason": judgement.reason,
        "evidence": judgement.evidence,
        "severed": judgement.severed,
        "in_use": judgement.in_use,
        "depended_on": fault.depended_on,
        "since_ago": age_of(judgement.since, now),
        "seen_ago": age_of(fault.seen_at, now),
    }


def _data_of_link(link: LinkMemory, now: float) -> dict[str, Any]:
    learned, strength = link.learned, link.strength
    return {
        "tries": [round(tries, 2) for tries in learned.tries],
        "failed": [round(failed, 2) for failed in learned.failed],
        "since_ago": age_of(learned.since, now),
        "strength": asdict(strength) if strength is not None else None,
        "usual_gap": round(link.usual_gap, 1),
    }


def health_from_data(address: str, data: dict[str, Any], now: float) -> AdapterHealth:
    """Return the health that `data_of` kept."""
    kept = _HEALTH(data)
    limiter, history = kept["limiter"], kept["history"]
    ages = sorted((age for age in limiter["ages"] if age < HOUR), reverse=True)
    then = now - _time_away(kept["kept_at"])
    climb = _climb(kept["ladder"], now)
    failures = limiter["failures"]
    awaited = history.awaited
    if awaited is not None and awaited.verdict is not Verdict.OK:
        # It was not seen to help; if the fault is found again, it did not.
        climb = climb.after_result(awaited.step, StepResult.NO_EFFECT)
        failures += awaited.step.is_reset
    left_off = kept[_LEFT_OFF]
    stepped_at = moment_of(kept["ladder"]["stepped_ago"], now)
    health = AdapterHealth(
        address,
        memory=_memory(kept["memory"], now, then, left_off=left_off),
        climb=climb,
        limiter=RateLimiter(tuple(ages), failures),
        # A step that was still open when Home Assistant went down stays undecided.
        history=history.concluding(StepResult.ABORTED),
        # An adapter that was left off is switched on without any pause.
        own=OwnSteps(
            ended_at=None if left_off else stepped_at,
            switched_on_at=moment_of(kept["ladder"]["switched_on_ago"], then),
        ),
        powered_off_by_us=left_off,
    )
    note_told(health, kept[_TOLD], now)
    return health


def _memory(
    kept: Mapping[str, Any], now: float, then: float, *, left_off: bool
) -> Memory:
    """Return what the detector remembered; by the calendar it was kept `then`."""
    beside = kept[_BESIDE]
    return Memory(
        traffic=kept["traffic"],
        outages=_outages(kept["outages"], then),
        discovery_need=kept[_NEED],
        life_at=moment_of(kept["life_ago"], now),
        heard_at=moment_of(kept["heard_ago"], now),
        used_at=moment_of(kept["used_ago"], now),
        witnesses=frozenset(kept["witnesses"]),
        seen_beside=None if beside is None else frozenset(beside),
        is_undiscovered=kept["is_undiscovered"],
        is_direct=kept[_DIRECT],
        open_fault=_open_fault(kept["fault"], now, then),
        links=MappingProxyType(
            {
                address: LinkMemory(
                    learned=LearnedConnects(
                        tries=learned["tries"],
                        # A share of more than all would be none.
                        failed=tuple(
                            map(min, learned["failed"], learned["tries"], strict=True)
                        ),
                        since=moment_of(learned["since_ago"], now),
                    ),
                    strength=learned["strength"],
                    usual_gap=learned["usual_gap"],
                )
                for address, learned in kept["connects"].items()
            }
        ),
        power=Power(
            off_since=moment_of(kept["off_ago"], then),
            is_off_by_us=left_off and kept["off_ago"] is None,
            offs=moments_of(kept["offs_ago"], then),
            cycles=moments_of(kept["cycles_ago"], then),
        ),
    )


def _outages(kept: Mapping[str, Any], then: float) -> Outages:
    """Return what is known of outages, which come at a time of the day."""
    return Outages(
        learned=LearnedSpans(weights=kept["weights"]),
        doubted_since=moment_of(kept["doubted_ago"], then),
        doubted=kept["doubted"],
        proven_at=moment_of(kept["proven_ago"], then),
    )


def _open_fault(
    kept: Mapping[str, Any] | None, now: float, then: float
) -> OpenFault | None:
    if kept is None:
        return None
    return OpenFault(
        judgement=Judgement(
            verdict=kept["verdict"],
            since=then - kept["since_ago"],
            evidence=kept["evidence"],
            reason=kept["reason"],
            severed=kept["severed"],
            in_use=kept["in_use"],
        ),
        seen_at=now - kept["seen_ago"],
        depended_on=kept["depended_on"],
    )


def _climb(kept: Mapping[str, Any], now: float) -> Climb:
    rest_for, experiment_ago = kept["rest_for"], kept["experiment_ago"]
    return Climb(
        against=kept["against"],
        tried=kept["tried"],
        failed=kept["failed"],
        failures=kept["failures"],
        failed_at=moment_of(kept["failed_ago"], now),
        calm_since=moment_of(kept["calm_ago"], now),
        climbs=kept["climbs"],
        rest_until=None if rest_for is None else now + rest_for,
        gentle_steps=moments_of(kept["gentle_ago"], now),
        experiment_at=moment_of(experiment_ago, now),
    )


def _time_away(kept_at: datetime | None) -> float:
    """Return how long Home Assistant was down; 0 if the calendar was set meanwhile."""
    if kept_at is None:
        return 0.0
    away = (dt_util.utcnow() - kept_at).total_seconds()
    return away if 0.0 <= away <= _LONGEST_AWAY else 0.0
