# SPDX-License-Identifier: Apache-2.0
"""Takes the timelines of adapters through today's detector and ladder."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, get_type_hints

from custom_components.renogy_bt.adapter_health.adapter_health import (
    STATE,
    AdapterHealth,
)
from custom_components.renogy_bt.adapter_health.history import OwnSteps
from custom_components.renogy_bt.adapter_health.ladder import (
    RecoveryLevel,
    RecoveryStep,
)
from custom_components.renogy_bt.adapter_health.samples import AdapterSample, Verdict
from custom_components.renogy_bt.adapter_health.timeline import StepBegun, StepEnded
from tests.emulator.json_checks import (
    WorldFileError,
    a_list,
    a_text_like,
    an_object,
    below,
    wrong,
)

from .address import ADDRESS
from .typed import made, made_of

MAX_PARTS: Final = 300
MAX_ENTRIES: Final = 400
MAX_RECORDS: Final = 200
MAX_LOOKS: Final = 1000
"""Of all adapters of a file: three times what the recorder keeps."""
MAX_VALUES: Final = 2000
"""Of one look: as much as all that is judged in it takes with sixteen links, some times over."""
# What is wrong with a state that no adapter was ever in.
_IMPOSSIBLE: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What was concluded or decided at one time, and what is now; None is unknown or nothing."""

    adapter: str
    at: datetime
    then: str | None
    now: str | None
    is_known: bool = True

    @property
    def differs(self) -> bool:
        """Whether it is certain that they are not the same."""
        return self.is_known and self.then != self.now


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was judged and done in a timeline, wherever one of the two sides changes."""

    verdicts: tuple[Judged, ...] = ()
    steps: tuple[Judged, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether anything would be judged or done otherwise now."""
        return any(each.differs for each in (*self.verdicts, *self.steps))


def replay_adapters(adapters: tuple[Any, ...], path: str) -> Replayed:
    """Replay the timelines of adapters as they stand in a file; raises WorldFileError."""
    verdicts: list[Judged] = []
    steps: list[Judged] = []
    looks = 0
    for index, each in enumerate(adapters):
        place = f"{path}[{index}]"
        data = an_object(each, place)
        if "timeline" not in data:
            verdicts += _verdicts_of_old(data, place, index)
            continue
        for judged, decided in _replay(data, place):
            looks += 1
            if looks > MAX_LOOKS:
                raise wrong(
                    place, f"must have at most {MAX_LOOKS} looks with the others"
                )
            verdicts.append(judged)
            steps.append(decided)
    return Replayed(
        tuple(_changes(verdicts)),
        tuple(step for step in steps if step.then is not None or step.now is not None),
    )


def _changes(judged: list[Judged]) -> Iterator[Judged]:
    before: Judged | None = None
    for each in judged:
        if before is None or (before.adapter, before.then, before.now) != (
            each.adapter,
            each.then,
            each.now,
        ):
            yield each
        before = each


def _verdicts_of_old(
    data: Mapping[str, Any], path: str, index: int
) -> Iterator[Judged]:
    """Yield the verdicts of a file without samples: what would be judged now is unknown."""
    history_path = below(path, "history")
    history = an_object(data.get("history", {}), history_path)
    place = below(history_path, "records")
    records = a_list(history.get("records", []), place, MAX_RECORDS)
    for number, each in enumerate(records):
        record = an_object(each, f"{place}[{number}]")
        if "reason" in record:
            yield Judged(
                f"adapter {index + 1}",
                made(datetime, record.get("at"), f"{place}[{number}].at"),
                made(
                    Verdict, record.get("verdict"), f"{place}[{number}].verdict"
                ).value,
                None,
                is_known=False,
            )


def _replay(data: Mapping[str, Any], path: str) -> Iterator[tuple[Judged, Judged]]:
    address = a_text_like(
        data.get("address"), below(path, "address"), ADDRESS, "02:00:00:00:00:01"
    )
    if "timeline_before_start" in data:
        place = below(path, "timeline_before_start")
        parts = a_list(data["timeline_before_start"], place, MAX_PARTS)
        yield from _parts(address, parts, place)
    place = below(path, "timeline")
    yield from _parts(address, a_list(data["timeline"], place, MAX_PARTS), place)


def _parts(
    address: str, parts: list[Any], place: str
) -> Iterator[tuple[Judged, Judged]]:
    health: AdapterHealth | None = None
    for index, each in enumerate(parts):
        part_path = f"{place}[{index}]"
        part = an_object(each, part_path)
        if part.get("state") is not None:
            health = _health(address, part["state"], below(part_path, "state"))
        if health is None:
            raise wrong(below(part_path, "state"), "is missing")
        entries_path = below(part_path, "entries")
        entries = a_list(part.get("entries"), entries_path, MAX_ENTRIES)
        yield from _part(health, entries, entries_path)


def _health(address: str, value: Any, path: str) -> AdapterHealth:
    data = an_object(value, path)
    hints = get_type_hints(AdapterHealth)
    return AdapterHealth(
        address,
        **{
            name: made(hints[name], data[name], below(path, name))
            for name in STATE
            if name in data
        },
    )


def _part(
    health: AdapterHealth, entries: list[Any], path: str
) -> Iterator[tuple[Judged, Judged]]:
    look: dict[str, Any] = {}
    for index, each in enumerate(entries):
        place = f"{path}[{index}]"
        entry = an_object(each, place)
        try:
            match entry.get("kind"):
                case "look":
                    look = merged(look, entry)
                    if are_more_than(MAX_VALUES, look):
                        raise wrong(place, f"must have at most {MAX_VALUES} values")
                    yield _look(health, look, place)
                case "step_begun":
                    begun = made_of(StepBegun, entry, place)
                    health.begin_step(
                        begun.step, begun.at, begun.now, requested=begun.requested
                    )
                case "step_ended":
                    ended = made_of(StepEnded, entry, place)
                    health.end_step(ended.now, ended.result, ended.detail)
                case _:
                    raise wrong(
                        below(place, "kind"), "must be look, step_begun or step_ended"
                    )
        except WorldFileError:
            raise
        except _IMPOSSIBLE as error:
            raise wrong(place, f"no adapter was ever so ({error!r:.100})") from error


def merged(before: Any, value: Any) -> Any:
    """Return a value of which only what differs from the one before is told."""
    if isinstance(before, dict) and isinstance(value, dict):
        return before | {
            key: merged(before.get(key), each) for key, each in value.items()
        }
    if (
        isinstance(before, list)
        and isinstance(value, list)
        and len(before) == len(value)
        and all(isinstance(each, dict) for each in (*before, *value))
    ):
        return [merged(*pair) for pair in zip(before, value, strict=True)]
    return value


def are_more_than(most: int, value: Any) -> bool:
    """Tell whether plain data have more values than that, counting no further."""
    waiting, count = [value], 0
    while waiting and count <= most:
        each = waiting.pop()
        count += 1
        if isinstance(each, dict):
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
    return count > most


def _look(
    health: AdapterHealth, look: Mapping[str, Any], path: str
) -> tuple[Judged, Judged]:
    health.own = made_of(OwnSteps, look.get("own"), below(path, "own"))
    at = made(datetime, look.get("at"), below(path, "at"))
    then = made(Verdict, look.get("verdict"), below(path, "verdict"))
    step = made(RecoveryStep | None, look.get("step"), below(path, "step"))
    health.look(
        made_of(AdapterSample, look.get("sample"), below(path, "sample")),
        made(RecoveryLevel, look.get("level"), below(path, "level")),
        at,
    )
    health.take_events()
    assert health.judgement is not None
    now_step = health.decision.step
    return (
        Judged(health.address, at, then.value, health.judgement.verdict.value),
        Judged(
            health.address,
            at,
            None if step is None else step.value,
            None if now_step is None else now_step.value,
        ),
    )
