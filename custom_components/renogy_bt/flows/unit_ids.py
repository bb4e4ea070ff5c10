# SPDX-License-Identifier: Apache-2.0
"""The field for unit ids that their owner has set."""

from collections.abc import Iterator, Mapping
import re
from types import MappingProxyType
from typing import Any, Final

import probatio

from homeassistant.data_entry_flow import section

from ..const import CONF_UNIT_IDS
from ..renogy.modbus import BROADCAST_UNIT

SECTION_ADVANCED: Final = "advanced"
LOWEST_UNIT: Final = 1
HIGHEST_UNIT: Final = 247
# Each absent id costs up to a second and a half.
MOST_UNITS: Final = 32
MOST_ECHOED: Final = 40

_ID_OR_RANGE: Final = re.compile(r"([0-9]{1,5})(?:[-\u2013]([0-9]{1,5}))?")


def advanced_fields(
    more: Mapping[Any, Any] = MappingProxyType({}), *, is_open: bool
) -> dict[Any, Any]:
    """Return the part of a form that asks for unit ids and more, open or folded away."""
    fields = probatio.Schema(
        {probatio.Optional(CONF_UNIT_IDS, default=""): str, **more}
    )
    return {
        probatio.Optional(SECTION_ADVANCED): section(fields, {"collapsed": not is_open})
    }


class WrongUnitIds(Exception):
    """The text is no list of unit ids; the message is the part that is wrong, cut short."""

    def __init__(self, part: str) -> None:
        """Remember what is wrong."""
        super().__init__(part[:MOST_ECHOED])


def unit_ids_of(user_input: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the unit ids that the user has given in a form; raises WrongUnitIds."""
    return parse_unit_ids(user_input.get(SECTION_ADVANCED, {}).get(CONF_UNIT_IDS, ""))


def parse_unit_ids(text: str) -> tuple[int, ...]:
    """Return the ids in a list such as "10, 11, 33-35", in order; raises WrongUnitIds.

    255 is everybody: it can only be asked alone.
    """
    parts = re.split(r"[\s,;]+", re.sub(r"\s*([-\u2013])\s*", r"\1", text.strip()))
    units: dict[int, None] = {}
    for part in filter(None, parts):
        for unit in _units_of(part):
            units[unit] = None
            if len(units) > MOST_UNITS:
                raise WrongUnitIds(part)
    if BROADCAST_UNIT in units and len(units) > 1:
        raise WrongUnitIds(str(BROADCAST_UNIT))
    return tuple(sorted(units))


def _units_of(part: str) -> Iterator[int]:
    match = _ID_OR_RANGE.fullmatch(part)
    if match is None:
        raise WrongUnitIds(part)
    first, last = int(match[1]), int(match[2] or match[1])
    is_everybody = first == last == BROADCAST_UNIT
    if not is_everybody and not LOWEST_UNIT <= first <= last <= HIGHEST_UNIT:
        raise WrongUnitIds(part)
    yield from range(first, last + 1)
