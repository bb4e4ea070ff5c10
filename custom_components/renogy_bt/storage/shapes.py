# SPDX-License-Identifier: Apache-2.0
"""The shapes of stored data, and the objects made of them; every size has a bound.

No clock of Home Assistant outlasts a restart: moments are kept as ages.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import probatio

from ..renogy.models import BatteryId

_MOST_BATTERIES: Final = 1000


def fields(
    shapes: dict[Any, Any], made: Callable[..., Any] = dict
) -> probatio.All[Any]:
    """Return the shape of a mapping with these keys, no more and no less."""
    schema = probatio.Schema(shapes, required=True)
    return probatio.All(schema, lambda found: made(**found))


def number(least: float, most: float) -> probatio.All[Any]:
    """Return the shape of a number between two bounds."""
    return probatio.All(float, probatio.Range(least, most))


def whole_number(least: int, most: int) -> probatio.All[Any]:
    """Return the shape of a whole number between two bounds."""
    return probatio.All(_no_boolean, int, probatio.Range(least, most))


def text(longest: int) -> probatio.All[Any]:
    """Return the shape of a text that is no longer than this."""
    return probatio.All(str, probatio.Length(max=longest))


def tuple_of(item: Any, most: int, least: int = 0) -> probatio.All[Any]:
    """Return the shape of a list that becomes a tuple."""
    length = probatio.Length(least, most)
    return probatio.All(list, length, [item], probatio.Coerce(tuple))


def mapping_of(key: Any, value: Any, most: int) -> probatio.All[Any]:
    """Return the shape of a mapping with at most so many keys."""
    length = probatio.Length(max=most)
    return probatio.All(dict, length, {probatio.Optional(key): value})


def by_battery(value: Any) -> probatio.All[Any]:
    """Return the shape of a mapping from batteries."""
    return mapping_of(_BATTERY, value, _MOST_BATTERIES)


def age_of(moment: float | None, now: float) -> float | None:
    """Return how long ago a moment was; a moment of the future is now."""
    return None if moment is None else max(now - moment, 0.0)


def ages_of(moments: Iterable[float], now: float) -> list[float]:
    """Return how long ago each moment was."""
    return [max(now - moment, 0.0) for moment in moments]


def moment_of(age: float | None, now: float) -> float | None:
    """Return the moment of an age."""
    return None if age is None else now - age


def moments_of(ages: Iterable[float], now: float) -> tuple[float, ...]:
    """Return the moments of ages, oldest first."""
    return tuple(sorted(now - age for age in ages))


def _battery(key: str) -> BatteryId:
    address, _, unit = key.partition("/")
    return address, int(unit)


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise probatio.TypeInvalid("expected a number")
    return value


_BATTERY: Final = probatio.All(
    str, probatio.Match(r"[^/]{1,64}/[1-9][0-9]{0,2}\Z"), _battery
)
