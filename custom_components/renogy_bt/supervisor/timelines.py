# SPDX-License-Identifier: Apache-2.0
"""The timeline of an adapter as plain data."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any, Final

from ..adapter_health.history import AdapterHistory
from ..adapter_health.timeline import Entry, Look, Part, State, StepBegun, Timeline

RECORDS: Final = 5
"""So many of the last verdicts and steps are told of a state: a look goes by the last step."""


def plain(value: Any) -> Any:
    """Return a value as JSON has it; a mapping whose keys are no texts becomes pairs.

    Numbers stay as they are: what is due at a moment would be late after the least rounding.
    """
    match value:
        case str():
            return str(value)
        case datetime():
            return value.isoformat()
        case Mapping():
            if all(isinstance(key, str) for key in value):
                return {str(key): plain(each) for key, each in value.items()}
            return [[plain(key), plain(each)] for key, each in value.items()]
        case frozenset():
            return sorted(plain(each) for each in value)
        case list() | tuple():
            return [plain(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    return value


def timeline_data(timeline: Timeline, most: int) -> list[dict[str, Any]]:
    """Return the newest parts of a timeline, with so many looks together."""
    told: list[dict[str, Any]] = []
    for part in timeline.kept(most):
        follows = part.follows and bool(told)
        told.append(
            {
                "state": None if follows else _state(part.state),
                "entries": _entries(part),
            }
        )
    return told


def _state(state: State) -> dict[str, Any]:
    history: AdapterHistory = state["history"]
    told: dict[str, Any] = plain({**state, "history": None})
    told["history"] = {
        "records": plain(history.records[-RECORDS:]),
        "recoveries": history.recoveries,
    }
    return told


def _entries(part: Part) -> list[dict[str, Any]]:
    """Return what happened; of a sample only what differs from the one before."""
    told: list[dict[str, Any]] = []
    before: Look | None = None
    for entry in part.entries:
        told.append(_entry(entry, before))
        if isinstance(entry, Look):
            before = entry
    return told


def _entry(entry: Entry, before: Look | None) -> dict[str, Any]:
    if not isinstance(entry, Look):
        kind = "step_begun" if isinstance(entry, StepBegun) else "step_ended"
        return {"kind": kind, **plain(entry)}
    told = {
        "kind": "look",
        "at": plain(entry.at),
        "sample": _changes(entry.sample, before.sample if before else None),
    }
    for name in ("own", "level", "verdict", "reason", "step"):
        value = getattr(entry, name)
        if before is None or getattr(before, name) != value:
            told[name] = plain(value)
    return told


def _changes(value: Any, before: Any) -> Any:
    """Return of an object only what differs from the one before, of other values all."""
    if isinstance(value, tuple) and isinstance(before, tuple) and value:
        if len(value) == len(before) and all(map(is_dataclass, (*value, *before))):
            return [_changes(*pair) for pair in zip(value, before, strict=True)]
    elif is_dataclass(value) and type(value) is type(before):
        return {
            each.name: _changes(new, old)
            for each in fields(value)
            if (new := getattr(value, each.name)) != (old := getattr(before, each.name))
        }
    return plain(value)
