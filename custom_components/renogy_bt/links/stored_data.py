# SPDX-License-Identifier: Apache-2.0
"""What is stored of a bank, read value by value: what is odd or missing gives a default."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
import re
from types import MappingProxyType
from typing import Any, Final

from ..const import (
    CONF_FAILED_POLLS,
    CONF_FULL_CHARGE_DAYS,
    CONF_IMBALANCE_LIMIT,
    CONF_RESERVE,
    CONF_SILENT_HOURS,
    CONF_UPDATE_INTERVAL,
    DEFAULT_FAILED_POLLS,
    DEFAULT_FULL_CHARGE_DAYS,
    DEFAULT_IMBALANCE_LIMIT,
    DEFAULT_RESERVE,
    DEFAULT_SILENT_HOURS,
    DEFAULT_UPDATE_INTERVAL,
    MAX_FAILED_POLLS,
    MAX_FULL_CHARGE_DAYS,
    MAX_IMBALANCE_LIMIT,
    MAX_RESERVE,
    MAX_SILENT_HOURS,
    MAX_UPDATE_INTERVAL,
    MIN_UPDATE_INTERVAL,
)
from ..renogy.families import FAMILIES, UNDECIDED, family_of
from ..renogy.modbus import BROADCAST_UNIT
from ..renogy.registers import MAX_CELLS

HIGHEST_UNIT: Final = 247
LONGEST_NAME: Final = 248
"""More bytes than this no Bluetooth device has in its name."""
LONGEST_MODEL: Final = 64
LONGEST_PLACE: Final = 16

# An address, or what stands for one where a system does not tell it.
_ADDRESS: Final = re.compile(r"[0-9A-F]{2}(?:[:-]?[0-9A-F]{2}){5,15}", re.IGNORECASE)

NUMBERS: Final[Mapping[str, tuple[int, int, int]]] = MappingProxyType(
    {
        CONF_UPDATE_INTERVAL: (
            DEFAULT_UPDATE_INTERVAL,
            MIN_UPDATE_INTERVAL,
            MAX_UPDATE_INTERVAL,
        ),
        CONF_FAILED_POLLS: (DEFAULT_FAILED_POLLS, 1, MAX_FAILED_POLLS),
        CONF_SILENT_HOURS: (DEFAULT_SILENT_HOURS, 0, MAX_SILENT_HOURS),
        CONF_IMBALANCE_LIMIT: (DEFAULT_IMBALANCE_LIMIT, 0, MAX_IMBALANCE_LIMIT),
        CONF_RESERVE: (DEFAULT_RESERVE, 0, MAX_RESERVE),
        CONF_FULL_CHARGE_DAYS: (DEFAULT_FULL_CHARGE_DAYS, 0, MAX_FULL_CHARGE_DAYS),
    }
)
"""The options that are whole numbers: the default, the least and the most."""


def number_option(options: Mapping[str, Any], key: str) -> int:
    """Return an option of a bank that is a whole number."""
    default, least, most = NUMBERS[key]
    return whole_number(options.get(key), least, most, default)


def choice_option[E: StrEnum](options: Mapping[str, Any], key: str, default: E) -> E:
    """Return an option of a bank that is one of a few."""
    told = options.get(key)
    return next((each for each in type(default) if each == told), default)


def whole_number[D](stored: Any, least: int, most: int, default: D) -> int | D:
    """Return a whole number between two bounds, the default where it is none."""
    if isinstance(stored, bool) or not isinstance(stored, int | float):
        return default
    return int(stored) if least <= stored <= most and stored == int(stored) else default


def address(*stored: Any) -> str | None:
    """Return the first of these that is the address of a link, None where none is."""
    return next(
        (
            each
            for each in stored
            if isinstance(each, str) and _ADDRESS.fullmatch(each) is not None
        ),
        None,
    )


def text(stored: Any, longest: int) -> str | None:
    """Return a text that can be shown, cut short, None where there is none."""
    if not isinstance(stored, str):
        return None
    return "".join(filter(str.isprintable, stored))[:longest].strip() or None


def family_key(stored: Any, name: str) -> str:
    """Return the key of a family; one that is not known is told by the name."""
    known = {family.key for family in FAMILIES if family.refused_as is None}
    if isinstance(stored, str) and stored in known:
        return stored
    told = family_of(name).key
    return told if told in known else UNDECIDED.key


def batteries(stored: Any) -> Iterable[Mapping[str, Any]]:
    """Yield what is stored of each battery, as far as that is what it should be."""
    if isinstance(stored, list | tuple):
        yield from (each for each in stored if isinstance(each, Mapping))


def unit_id(stored: Any) -> int | None:
    """Return the unit id of a battery, None where there can be none of it."""
    if not isinstance(stored, bool) and stored == BROADCAST_UNIT:
        return BROADCAST_UNIT
    return whole_number(stored, 1, HIGHEST_UNIT, None)


def place(stored: Any) -> str | None:
    """Return what follows the model in the name of a battery, which may be nothing; None where it is not told."""
    if not isinstance(stored, str):
        return None
    return text(stored, LONGEST_PLACE) or ""


def cells(stored: Any) -> int:
    """Return a number of cells, 0 where it is not known."""
    return whole_number(stored, 0, MAX_CELLS, 0)
