# SPDX-License-Identifier: Apache-2.0
"""Thresholds of adapter health, changed for a replay of what was recorded of adapters."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib import import_module
import re
from typing import Any, Final

from tests.health_months.mutant import PACKAGE, Mutation, changes_of
from tests.health_months.mutations import numbers
from tests.mutants.loading import load_anew

from .errors import ReplayError

_TIMELINES: Final = "tests.replay.timelines"
_CHANGE: Final = re.compile(r"([a-z_.]+:\w+)(?:@([0-9.e+-]+))?=([0-9.e+-]+)")
_FORM: Final = "WHERE=NUMBER, or WHERE@OLD=NUMBER where several numbers stand"


def thresholds() -> Mapping[str, tuple[float, ...]]:
    """Return the numbers of adapter health by where they stand: a module, a colon, a name."""
    found: dict[str, tuple[float, ...]] = {}
    for where, value, _ in numbers():
        found[where] = (*found.get(where, ()), value)
    return found


def threshold(text: str) -> Mutation:
    """Return the change that a text asks for; raises ReplayError."""
    parts = _CHANGE.fullmatch(text)
    if parts is None:
        raise ReplayError(f"--set {text}: must be {_FORM}")
    where, old, new = parts.groups()
    known = thresholds()
    if where not in known:
        alike = get_close_matches(where, known, cutoff=0.5) or sorted(known)[:3]
        raise ReplayError(
            f"--set {text}: there is no {where}; {', '.join(alike)}? "
            "--thresholds names all"
        )
    values = {*known[where]}
    if old is not None:
        values = {value for value in values if value == _number(old, text)}
    if len(values) != 1:
        stand = ", ".join(f"{value:g}" for value in known[where])
        raise ReplayError(f"--set {text}: in {where} stand {stand}; it must be {_FORM}")
    (was,) = values
    number = _number(new, text)
    # A count stays a count: it may be a length.
    value = int(number) if isinstance(was, int) and number.is_integer() else number
    return Mutation(where=where, was=was, value=value, world="")


def _number(text: str, change: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ReplayError(f"--set {change}: {text} is no number") from None


def timelines_with(changes: Iterable[Mutation]) -> Any:
    """Return the module `timelines` on an adapter health in which numbers are other ones.

    Leaves modules behind that know the other numbers: to be called once in a process.
    """
    load_anew(changes_of(changes), (PACKAGE, _TIMELINES))
    return import_module(_TIMELINES)
