"""The world file: JSON, checked strictly, turned into a `World`.

Every message names the place of the bad value, such as
`links[0].units.48.readable[1]: the range ends before it begins`.
"""

from collections.abc import Callable, Mapping
import json
import math
from pathlib import Path
import re
from typing import Any

from .world import DEFAULT_ADAPTER, Adapter, Kind, Link, SolarDay, Timing, Unit, World

MAX_FILE_BYTES = 1_000_000
MAX_LINKS = 16
MAX_UNITS = 32
MAX_ADAPTERS = 8
MAX_RANGES = 64
MAX_WORDS_PER_UNIT = 4096
MAX_NAME_BYTES = 26
MAX_DESCRIPTION = 1000

_ADDRESS = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}")
_ADAPTER_NAME = re.compile(r"hci[0-9]{1,2}")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,4}")


class WorldFileError(ValueError):
    """A world file that cannot be used; the message names the place and the reason."""


def load_world(path: Path) -> World:
    """Read a world file.

    Raises `WorldFileError` for a file that is missing, too large, not JSON or wrong.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise WorldFileError(f"{path}: {error.strerror}") from error
    if len(content) > MAX_FILE_BYTES:
        raise WorldFileError(f"{path}: larger than {MAX_FILE_BYTES} bytes")
    try:
        return parse_world(content.decode())
    except UnicodeDecodeError as error:
        raise WorldFileError(f"{path}: not UTF-8 text") from error
    except WorldFileError as error:
        raise WorldFileError(f"{path}: {error}") from error


def parse_world(text: str) -> World:
    """Return the world that a JSON text describes; raises `WorldFileError`."""
    try:
        value = json.loads(
            text, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant
        )
    except json.JSONDecodeError as error:
        raise WorldFileError(f"not JSON: {error}") from error
    except RecursionError as error:
        raise WorldFileError("not usable: nested too deeply") from error
    return _world(value, "")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise WorldFileError(f"{key!r}: given twice in one object")
        result[key] = value
    return result


def _refuse_constant(name: str) -> float:
    raise WorldFileError(f"not usable: {name} is not a number")


def _fail(path: str, reason: str) -> WorldFileError:
    return WorldFileError(f"{path or 'world'}: {reason}")


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _object(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _fail(path, "must be an object")
    return value


def _keys(
    value: Any, path: str, required: set[str], optional: set[str]
) -> dict[str, Any]:
    result = _object(value, path)
    if missing := sorted(required - result.keys()):
        raise _fail(_join(path, missing[0]), "is missing")
    if unknown := sorted(result.keys() - required - optional):
        raise _fail(_join(path, unknown[0]), "is not a key of the world file")
    return result


def _list(value: Any, path: str, at_most: int, at_least: int = 0) -> list[Any]:
    if not isinstance(value, list):
        raise _fail(path, "must be a list")
    if not at_least <= len(value) <= at_most:
        raise _fail(path, f"must have {at_least} to {at_most} entries")
    return value


def _integer(value: Any, path: str, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _fail(path, "must be an integer")
    if not low <= value <= high:
        raise _fail(path, f"must be {low} to {high}")
    return value


def _number(value: Any, path: str, low: float, high: float) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _fail(path, "must be a number")
    if not math.isfinite(value) or not low <= value <= high:
        raise _fail(path, f"must be {low:g} to {high:g}")
    return float(value)


def _boolean(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise _fail(path, "must be true or false")
    return value


def _text(value: Any, path: str, at_most: int) -> str:
    if not isinstance(value, str) or not value:
        raise _fail(path, "must be a text that is not empty")
    try:
        encoded = value.encode()
    except UnicodeEncodeError as error:
        raise _fail(path, "must be valid Unicode") from error
    if len(encoded) > at_most:
        raise _fail(path, f"must be at most {at_most} bytes long")
    if not value.isprintable():
        raise _fail(path, "must be printable")
    return value


def _matching(value: Any, path: str, pattern: re.Pattern[str], example: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise _fail(path, f"must look like {example}")
    return value


def _address(value: Any, path: str) -> str:
    return _matching(value, path, _ADDRESS, "6C:B2:FD:A1:B2:C3")


def _key_number(key: str, path: str, low: int, high: int) -> int:
    if not _DECIMAL.fullmatch(key) or not low <= int(key) <= high:
        raise _fail(_join(path, key), f"the key must be a number from {low} to {high}")
    return int(key)


def _world(value: Any, path: str) -> World:
    data = _keys(
        value,
        path,
        {"links"},
        {
            "description",
            "adapters",
            "temporary_timeout",
            "advertisement_monitor",
            "advertising_interval",
            "rssi_wobble",
            "solar_day",
            "timing",
            "seed",
        },
    )
    if "description" in data:
        _text(data["description"], "description", MAX_DESCRIPTION)
    return World(
        links=_links(data["links"], "links"),
        adapters=_adapters(data["adapters"], "adapters")
        if "adapters" in data
        else (DEFAULT_ADAPTER,),
        temporary_timeout=_number(
            data.get("temporary_timeout", 30), "temporary_timeout", 0.1, 3600
        ),
        advertisement_monitor=_boolean(
            data.get("advertisement_monitor", True), "advertisement_monitor"
        ),
        advertising_interval=_number(
            data.get("advertising_interval", 1.0), "advertising_interval", 0.02, 10.24
        ),
        rssi_wobble=_integer(data.get("rssi_wobble", 5), "rssi_wobble", 0, 30),
        solar_day=_solar_day(data.get("solar_day"), "solar_day"),
        timing=_timing(data.get("timing", {}), "timing"),
        seed=_integer(data.get("seed", 1), "seed", 0, 2**32 - 1),
    )


def _solar_day(value: Any, path: str) -> SolarDay | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        return SolarDay(seconds=_number(value, path, 10, 86400))
    data = _keys(value, path, {"seconds"}, {"start_hour"})
    return SolarDay(
        seconds=_number(data["seconds"], _join(path, "seconds"), 10, 86400),
        start_hour=_number(
            data.get("start_hour", 10), _join(path, "start_hour"), 0, 24
        ),
    )


def _timing(value: Any, path: str) -> Timing:
    names = set(Timing.__slots__)
    data = _keys(value, path, set(), names)
    return Timing(
        **{
            name: _number(given, _join(path, name), 0, 60)
            for name, given in data.items()
        }
    )


def _unique[T](
    items: list[T], path: str, name: str, value_of: Callable[[T], str]
) -> tuple[T, ...]:
    seen: set[str] = set()
    for index, item in enumerate(items):
        if value_of(item) in seen:
            raise _fail(f"{path}[{index}].{name}", "is used twice")
        seen.add(value_of(item))
    return tuple(items)


def _adapters(value: Any, path: str) -> tuple[Adapter, ...]:
    adapters = [
        _adapter(entry, f"{path}[{index}]")
        for index, entry in enumerate(_list(value, path, MAX_ADAPTERS, 1))
    ]
    _unique(adapters, path, "name", lambda adapter: adapter.name)
    return _unique(adapters, path, "address", lambda adapter: adapter.address)


def _adapter(value: Any, path: str) -> Adapter:
    data = _keys(value, path, {"name", "address"}, {"attenuation"})
    return Adapter(
        name=_matching(data["name"], _join(path, "name"), _ADAPTER_NAME, "hci0"),
        address=_address(data["address"], _join(path, "address")),
        attenuation=_integer(
            data.get("attenuation", 0), _join(path, "attenuation"), -40, 60
        ),
    )


def _links(value: Any, path: str) -> tuple[Link, ...]:
    links = [
        _link(entry, f"{path}[{index}]")
        for index, entry in enumerate(_list(value, path, MAX_LINKS))
    ]
    return _unique(links, path, "address", lambda link: link.address)


def _link(value: Any, path: str) -> Link:
    data = _keys(value, path, {"name", "address"}, {"mtu", "kind", "units", "rssi"})
    kind = _kind(data.get("kind", Kind.BATTERY), _join(path, "kind"))
    if kind is Kind.BATTERY and "units" not in data:
        raise _fail(_join(path, "units"), "is missing")
    return Link(
        name=_text(data["name"], _join(path, "name"), MAX_NAME_BYTES),
        address=_address(data["address"], _join(path, "address")),
        mtu=_integer(data.get("mtu", 251), _join(path, "mtu"), 23, 517),
        kind=kind,
        units=_units(data.get("units", {}), _join(path, "units")),
        rssi=_integer(data.get("rssi", -60), _join(path, "rssi"), -110, 0),
    )


def _kind(value: Any, path: str) -> Kind:
    if not isinstance(value, str) or value not in list(Kind):
        raise _fail(path, f"must be one of {', '.join(Kind)}")
    return Kind(value)


def _units(value: Any, path: str) -> Mapping[int, Unit]:
    data = _object(value, path)
    if len(data) > MAX_UNITS:
        raise _fail(path, f"must have at most {MAX_UNITS} units")
    return {
        unit_id: _unit(unit_id, data[key], _join(path, key))
        for key in data
        for unit_id in [_key_number(key, path, 1, 247)]
    }


def _unit(unit_id: int, value: Any, path: str) -> Unit:
    data = _keys(value, path, {"registers", "readable"}, {"reply_unit"})
    reply_unit = data.get("reply_unit")
    return Unit(
        unit_id=unit_id,
        registers=_registers(data["registers"], _join(path, "registers")),
        readable=_readable(data["readable"], _join(path, "readable")),
        reply_unit=None
        if reply_unit is None
        else _integer(reply_unit, _join(path, "reply_unit"), 1, 255),
    )


def _registers(value: Any, path: str) -> Mapping[int, int]:
    registers: dict[int, int] = {}
    for key, run in _object(value, path).items():
        start = _key_number(key, path, 0, 0xFFFF)
        run_path = _join(path, key)
        for offset, word in enumerate(_list(run, run_path, MAX_WORDS_PER_UNIT, 1)):
            address = start + offset
            if address > 0xFFFF:
                raise _fail(f"{run_path}[{offset}]", "is beyond register 65535")
            if address in registers:
                raise _fail(
                    f"{run_path}[{offset}]", f"gives register {address} a second time"
                )
            registers[address] = _integer(word, f"{run_path}[{offset}]", 0, 0xFFFF)
        if len(registers) > MAX_WORDS_PER_UNIT:
            raise _fail(path, f"must have at most {MAX_WORDS_PER_UNIT} words")
    return registers


def _readable(value: Any, path: str) -> tuple[tuple[int, int], ...]:
    return tuple(
        _range(entry, f"{path}[{index}]")
        for index, entry in enumerate(_list(value, path, MAX_RANGES))
    )


def _range(value: Any, path: str) -> tuple[int, int]:
    low, high = (
        _integer(end, f"{path}[{index}]", 0, 0xFFFF)
        for index, end in enumerate(_list(value, path, 2, 2))
    )
    if high < low:
        raise _fail(path, "the range ends before it begins")
    return low, high
