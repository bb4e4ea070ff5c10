# SPDX-License-Identifier: Apache-2.0
"""Which cell, sensor and battery is at the lowest or highest value."""

from collections.abc import Callable, Iterable, Mapping, Sequence

type Values = Sequence[float | None]
"""The values of the cells or sensors of one battery."""


def extremes[K](
    values: Mapping[K, Values], extreme: Callable[[Iterable[float]], float]
) -> dict[K, tuple[int, ...]]:
    """Return the batteries that have the extreme, each with the numbers of its cells or sensors.

    `extreme` is `min` or `max`. Cells are told in steps of 0.1 V, so several share a value as a
    rule. What more than half of all share is not out of the ordinary: then none is named.
    """
    known = [each for of_one in values.values() for each in of_one if each is not None]
    if not known:
        return {}
    found = extreme(known)
    if 2 * known.count(found) > len(known):
        return {}
    numbers = {
        battery: tuple(number for number, each in enumerate(of_one, 1) if each == found)
        for battery, of_one in values.items()
    }
    return {battery: parts for battery, parts in numbers.items() if parts}


def one_place[K](
    found: Mapping[K, tuple[int, ...]], before: tuple[K, int] | None
) -> tuple[K, int] | None:
    """Return one battery that has the extreme, and the number of its cell or sensor.

    Whoever was named before is named as long as it has the extreme: temperatures move with each
    poll, and among equals another one would be the first each time.
    """
    if before is not None and before[1] in found.get(before[0], ()):
        return before
    return next(((battery, parts[0]) for battery, parts in found.items()), None)


def own_extremes(values: Values) -> tuple[list[int], list[int]]:
    """Return the numbers of one battery's lowest and of its highest cells or sensors."""
    low, high = (
        list(extremes({None: values}, extreme).get(None, ())) for extreme in (min, max)
    )
    return low, high
