# SPDX-License-Identifier: Apache-2.0
"""Checks of the values in a world file.

Each takes a value and its place, and raises `WorldFileError` with that place and a reason.
"""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
import re
from typing import Any

_HEXADECIMAL = re.compile(r"(?:[0-9a-fA-F]{2})+")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,4}")


class WorldFileError(ValueError):
    """A world file that cannot be used; the message names the place and the reason."""


def text_of_file(path: Path, most_bytes: int) -> str:
    """Return the text of a file; raises `WorldFileError` for one that cannot be used."""
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise WorldFileError(f"{path}: {error.strerror}") from error
    if len(content) > most_bytes:
        raise WorldFileError(f"{path}: larger than {most_bytes} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise WorldFileError(f"{path}: not UTF-8 text") from error


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object's pairs; raises for a key that is given twice."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise WorldFileError(f"{key!r}: given twice in one object")
        result[key] = value
    return result


def refuse_constant(name: str) -> float:
    """Refuse NaN and the infinities, which are not JSON."""
    raise WorldFileError(f"not usable: {name} is not a number")


def wrong(path: str, reason: str) -> WorldFileError:
    """Return the error about a value at a place."""
    return WorldFileError(f"{path or 'world'}: {reason}")


def below(path: str, key: str) -> str:
    """Return the place of a key below a place."""
    return f"{path}.{key}" if path else key


def an_object(value: Any, path: str) -> dict[str, Any]:
    """Return the value if it is an object."""
    if not isinstance(value, dict):
        raise wrong(path, "must be an object")
    return value


def an_object_of(
    value: Any, path: str, required: set[str], optional: set[str]
) -> dict[str, Any]:
    """Return the value if it is an object with these keys and no others."""
    result = an_object(value, path)
    if missing := sorted(required - result.keys()):
        raise wrong(below(path, missing[0]), "is missing")
    if unknown := sorted(result.keys() - required - optional):
        raise wrong(below(path, unknown[0]), "is not a key of the world file")
    return result


def a_list(value: Any, path: str, at_most: int, at_least: int = 0) -> list[Any]:
    """Return the value if it is a list of that length."""
    if not isinstance(value, list):
        raise wrong(path, "must be a list")
    if not at_least <= len(value) <= at_most:
        raise wrong(path, f"must have {at_least} to {at_most} entries")
    return value


def an_integer(value: Any, path: str, low: int, high: int) -> int:
    """Return the value if it is an integer from `low` to `high`."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong(path, "must be an integer")
    if not low <= value <= high:
        raise wrong(path, f"must be {low} to {high}")
    return value


def a_number(
    value: Any, path: str, low: float, high: float, what: str = "a number"
) -> float:
    """Return the value if it is a finite number from `low` to `high`."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise wrong(path, f"must be {what}")
    if not low <= value <= high:
        raise wrong(path, f"must be {low:g} to {high:g}")
    return float(value)


def a_boolean(value: Any, path: str) -> bool:
    """Return the value if it is true or false."""
    if not isinstance(value, bool):
        raise wrong(path, "must be true or false")
    return value


def a_text(value: Any, path: str, at_most: int) -> str:
    """Return the value if it is a printable text of at most so many bytes."""
    if not isinstance(value, str) or not value:
        raise wrong(path, "must be a text that is not empty")
    try:
        encoded = value.encode()
    except UnicodeEncodeError as error:
        raise wrong(path, "must be valid Unicode") from error
    if len(encoded) > at_most:
        raise wrong(path, f"must be at most {at_most} bytes long")
    if not value.isprintable():
        raise wrong(path, "must be printable")
    return value


def a_text_like(value: Any, path: str, pattern: re.Pattern[str], example: str) -> str:
    """Return the value if it is a text of this pattern."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise wrong(path, f"must look like {example}")
    return value


def some_bytes(value: Any, path: str, at_most: int) -> bytes:
    """Return the bytes that a text spells in hexadecimal, at least one."""
    if not isinstance(value, str) or not _HEXADECIMAL.fullmatch(value):
        raise wrong(path, "must be bytes in hexadecimal")
    if len(value) > 2 * at_most:
        raise wrong(path, f"must be at most {at_most} bytes")
    return bytes.fromhex(value)


def a_member[E: StrEnum](value: Any, path: str, kind: type[E]) -> E:
    """Return the member of an enumeration that the value names."""
    if not isinstance(value, str) or value not in list(kind):
        raise wrong(path, f"must be one of {', '.join(kind)}")
    return kind(value)


def a_key_number(
    key: str, path: str, low: int, high: int, also: int | None = None
) -> int:
    """Return the number that a key is: from `low` to `high`, or one other."""
    number = int(key) if _DECIMAL.fullmatch(key) else None
    if number is not None and (low <= number <= high or number == also):
        return number
    other = "" if also is None else f", or {also}"
    raise wrong(
        below(path, key), f"the key must be a number from {low} to {high}{other}"
    )


def all_different[T](
    items: list[T], path: str, name: str, value_of: Callable[[T], str]
) -> tuple[T, ...]:
    """Return the items if no two have the same value."""
    seen: set[str] = set()
    for index, item in enumerate(items):
        if value_of(item) in seen:
            raise wrong(f"{path}[{index}].{name}", "is used twice")
        seen.add(value_of(item))
    return tuple(items)
