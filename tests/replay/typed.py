# SPDX-License-Identifier: Apache-2.0
"""Makes the frozen data of the product of plain data, by their types; everything is bounded."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from types import MappingProxyType, NoneType, UnionType
from typing import (
    Any,
    Final,
    TypeAliasType,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from tests.emulator.json_checks import (
    a_boolean,
    a_list,
    a_number,
    an_integer,
    an_object,
    below,
    wrong,
)

LARGEST: Final = 1e13
LONGEST_TEXT: Final = 400
MOST: Final = 500


def made(kind: Any, value: Any, path: str) -> Any:
    """Return what the plain data of a type stand for; raises WorldFileError."""
    if isinstance(kind, TypeAliasType):
        return made(kind.__value__, value, path)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        return _one_of(arguments, value, path)
    if origin is tuple:
        return _tuple(arguments, value, path)
    if origin is frozenset:
        return frozenset(_items(arguments[0], value, path))
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(arguments, value, path)
    if is_dataclass(kind):
        return made_of(kind, value, path)
    return _plain(kind, value, path)


def made_of(kind: Any, value: Any, path: str) -> Any:
    """Return an object of a dataclass; what is not told has its default."""
    data = an_object(value, path)
    arguments = {}
    for each, hint in _hints(kind):
        if each.name in data:
            arguments[each.name] = made(hint, data[each.name], below(path, each.name))
        elif each.default is MISSING and each.default_factory is MISSING:
            raise wrong(below(path, each.name), "is missing")
    return kind(**arguments)


@cache
def _hints(kind: Any) -> tuple[tuple[Any, Any], ...]:
    hints = get_type_hints(kind)
    return tuple((each, hints[each.name]) for each in fields(kind) if each.init)


def _one_of(kinds: tuple[Any, ...], value: Any, path: str) -> Any:
    if value is None and NoneType in kinds:
        return None
    others = [kind for kind in kinds if kind is not NoneType]
    if len(others) == 1:
        return made(others[0], value, path)
    # Records of a history: a step has what a verdict has not.
    data = an_object(value, path)
    for kind in others:
        kind = kind.__value__ if isinstance(kind, TypeAliasType) else kind
        if {each.name for each, _ in _hints(kind)} >= data.keys():
            return made_of(kind, value, path)
    raise wrong(path, "is none of what may stand here")


def _items(kind: Any, value: Any, path: str) -> list[Any]:
    return [
        made(kind, each, f"{path}[{index}]")
        for index, each in enumerate(a_list(value, path, MOST))
    ]


def _tuple(kinds: tuple[Any, ...], value: Any, path: str) -> tuple[Any, ...]:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_items(kinds[0], value, path))
    entries = a_list(value, path, len(kinds), len(kinds))
    return tuple(
        made(kind, each, f"{path}[{index}]")
        for index, (kind, each) in enumerate(zip(kinds, entries, strict=True))
    )


def _mapping(kinds: tuple[Any, ...], value: Any, path: str) -> Mapping[Any, Any]:
    if isinstance(value, dict):
        value = [[key, each] for key, each in value.items()]
    pairs = [
        a_list(each, f"{path}[{index}]", 2, 2)
        for index, each in enumerate(a_list(value, path, MOST))
    ]
    return MappingProxyType(
        {
            made(kinds[0], key, f"{path}[{index}][0]"): made(
                kinds[1], each, f"{path}[{index}][1]"
            )
            for index, (key, each) in enumerate(pairs)
        }
    )


def _plain(kind: Any, value: Any, path: str) -> Any:
    if kind is bool:
        return a_boolean(value, path)
    if kind is int:
        return an_integer(value, path, -int(LARGEST), int(LARGEST))
    if kind is float:
        return a_number(value, path, -LARGEST, LARGEST)
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise wrong(path, "must be a short text")
    if kind is str:
        return value
    if issubclass(kind, Enum):
        try:
            return kind(value)
        except ValueError:
            raise wrong(path, f"must be one of {', '.join(kind)}") from None
    if kind is datetime:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise wrong(path, "must be a moment") from None
        if moment.tzinfo is None:
            raise wrong(path, "must be a moment with a time zone")
        return moment
    raise TypeError(f"no such type is stored: {kind}")
