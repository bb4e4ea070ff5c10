# SPDX-License-Identifier: Apache-2.0
"""The world file: JSON, checked strictly, turned into a `World`.

Every message names the place of the bad value, such as
`links[0].units.48.readable[1]: the range ends before it begins`.
"""

from collections.abc import Mapping
import json
from pathlib import Path
import re
from typing import Any

from .json_checks import (
    WorldFileError,
    a_boolean,
    a_key_number,
    a_list,
    a_member,
    a_number,
    a_text,
    a_text_like,
    all_different,
    an_integer,
    an_object,
    an_object_of,
    below,
    refuse_constant,
    some_bytes,
    text_of_file,
    without_duplicates,
    wrong,
)
from .modbus import BROADCAST_UNIT
from .world import (
    ADAPTER_NAME,
    DEFAULT_ADAPTER,
    Adapter,
    Kind,
    Link,
    NameIn,
    SolarDay,
    Timing,
    Turn,
    Unit,
    World,
)

__all__ = ["MAX_FILE_BYTES", "WorldFileError", "load_world", "parse_world"]

MAX_FILE_BYTES = 1_000_000
MAX_LINKS = 16
MAX_UNITS = 32
MAX_ADAPTERS = 8
MAX_RANGES = 64
MAX_WORDS_PER_UNIT = 4096
MAX_NAME_BYTES = 26
MAX_DESCRIPTION = 1000
MAX_UNIT_ID = 247
MAX_REQUESTS = 512
MAX_TURNS = 64
MAX_NOTIFICATIONS = 512
MAX_NOTIFICATION = 517
MAX_SHOWN = 40

_ADDRESS = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}")


def load_world(path: Path) -> World:
    """Read a world file.

    Raises `WorldFileError` for a file that is missing, too large, not JSON or wrong.
    """
    text = text_of_file(path, MAX_FILE_BYTES)
    try:
        return parse_world(text)
    except WorldFileError as error:
        raise WorldFileError(f"{path}: {error}") from error


def parse_world(text: str) -> World:
    """Return the world that a JSON text describes; raises `WorldFileError`."""
    try:
        value = json.loads(
            text, object_pairs_hook=without_duplicates, parse_constant=refuse_constant
        )
    except WorldFileError:
        raise
    except ValueError as error:
        raise WorldFileError(f"not JSON: {error}") from error
    except RecursionError as error:
        raise WorldFileError("not usable: nested too deeply") from error
    return _world(value, "")


def _address(value: Any, path: str) -> str:
    return a_text_like(value, path, _ADDRESS, "6C:B2:FD:A1:B2:C3")


def _world(value: Any, path: str) -> World:
    data = an_object_of(
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
        a_text(data["description"], "description", MAX_DESCRIPTION)
    return World(
        links=_links(data["links"], "links"),
        adapters=_adapters(data["adapters"], "adapters")
        if "adapters" in data
        else (DEFAULT_ADAPTER,),
        temporary_timeout=a_number(
            data.get("temporary_timeout", 30), "temporary_timeout", 0.1, 3600
        ),
        advertisement_monitor=a_boolean(
            data.get("advertisement_monitor", True), "advertisement_monitor"
        ),
        advertising_interval=a_number(
            data.get("advertising_interval", 1.0), "advertising_interval", 0.02, 10.24
        ),
        rssi_wobble=an_integer(data.get("rssi_wobble", 5), "rssi_wobble", 0, 30),
        solar_day=_solar_day(data.get("solar_day"), "solar_day"),
        timing=_timing(data.get("timing", {}), "timing"),
        seed=an_integer(data.get("seed", 1), "seed", 0, 2**32 - 1),
    )


def _solar_day(value: Any, path: str) -> SolarDay | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        return SolarDay(seconds=a_number(value, path, 10, 86400))
    data = an_object_of(value, path, {"seconds"}, {"start_hour"})
    return SolarDay(
        seconds=a_number(data["seconds"], below(path, "seconds"), 10, 86400),
        start_hour=a_number(
            data.get("start_hour", 10), below(path, "start_hour"), 0, 24
        ),
    )


def _timing(value: Any, path: str) -> Timing:
    names = set(Timing.__slots__)
    data = an_object_of(value, path, set(), names)
    return Timing(
        **{
            name: a_number(given, below(path, name), 0, 60)
            for name, given in data.items()
        }
    )


def _adapters(value: Any, path: str) -> tuple[Adapter, ...]:
    adapters = [
        _adapter(entry, f"{path}[{index}]")
        for index, entry in enumerate(a_list(value, path, MAX_ADAPTERS, 1))
    ]
    all_different(adapters, path, "name", lambda adapter: adapter.name)
    return all_different(adapters, path, "address", lambda adapter: adapter.address)


def _adapter(value: Any, path: str) -> Adapter:
    data = an_object_of(value, path, {"name", "address"}, {"attenuation"})
    return Adapter(
        name=a_text_like(data["name"], below(path, "name"), ADAPTER_NAME, "hci0"),
        address=_address(data["address"], below(path, "address")),
        attenuation=an_integer(
            data.get("attenuation", 0), below(path, "attenuation"), -40, 60
        ),
    )


def _links(value: Any, path: str) -> tuple[Link, ...]:
    links = [
        _link(entry, f"{path}[{index}]")
        for index, entry in enumerate(a_list(value, path, MAX_LINKS))
    ]
    return all_different(links, path, "address", lambda link: link.address)


def _link(value: Any, path: str) -> Link:
    data = an_object_of(
        value,
        path,
        {"name", "address"},
        {
            *("mtu", "kind", "units", "rssi", "name_in", "services"),
            *("kept_interval", "replies"),
        },
    )
    rssi, spread = _strength(data.get("rssi", -60), below(path, "rssi"))
    kind = a_member(data.get("kind", Kind.BATTERY), below(path, "kind"), Kind)
    if kind is Kind.BATTERY and "units" not in data:
        raise wrong(below(path, "units"), "is missing")
    return Link(
        name=a_text(data["name"], below(path, "name"), MAX_NAME_BYTES),
        address=_address(data["address"], below(path, "address")),
        mtu=an_integer(data.get("mtu", 251), below(path, "mtu"), 23, 517),
        kind=kind,
        units=_units(data.get("units", {}), below(path, "units")),
        rssi=rssi,
        spread=spread,
        name_in=a_member(
            data.get("name_in", NameIn.ADVERTISEMENT), below(path, "name_in"), NameIn
        ),
        services=a_boolean(data.get("services", True), below(path, "services")),
        kept_interval=_kept_interval(
            data.get("kept_interval"), below(path, "kept_interval")
        ),
        replies=_replies(data.get("replies", {}), below(path, "replies")),
    )


def _kept_interval(value: Any, path: str) -> int | None:
    """Return the interval of a link that is kept connected, within the limits of the form."""
    return None if value is None else an_integer(value, path, 2, 600)


def _replies(value: Any, path: str) -> Mapping[bytes, tuple[Turn, ...]]:
    data = an_object(value, path)
    if len(data) > MAX_REQUESTS:
        raise wrong(path, f"must have at most {MAX_REQUESTS} requests")
    return {
        some_bytes(request, below(path, request[:MAX_SHOWN]), MAX_NOTIFICATION): tuple(
            _turn(turn, f"{below(path, request)}[{index}]")
            for index, turn in enumerate(
                a_list(turns, below(path, request[:MAX_SHOWN]), MAX_TURNS, 1)
            )
        )
        for request, turns in data.items()
    }


def _turn(value: Any, path: str) -> Turn:
    return tuple(
        _notification(entry, f"{path}[{index}]")
        for index, entry in enumerate(a_list(value, path, MAX_NOTIFICATIONS))
    )


def _notification(value: Any, path: str) -> tuple[float, bytes]:
    seconds, data = a_list(value, path, 2, 2)
    return (
        a_number(seconds, f"{path}[0]", 0, 60),
        some_bytes(data, f"{path}[1]", MAX_NOTIFICATION),
    )


def _strength(value: Any, path: str) -> tuple[int, float | None]:
    """Return a mean and its spread, None where only a number is given."""
    if not isinstance(value, list):
        return round(a_number(value, path, -110, 0, "a number or [mean, spread]")), None
    mean, spread = a_list(value, path, 2, 2)
    return (
        round(a_number(mean, f"{path}[0]", -110, 0)),
        a_number(spread, f"{path}[1]", 0, 30),
    )


def _units(value: Any, path: str) -> Mapping[int, Unit]:
    data = an_object(value, path)
    if len(data) > MAX_UNITS:
        raise wrong(path, f"must have at most {MAX_UNITS} units")
    return {
        unit_id: _unit(unit_id, data[key], below(path, key))
        for key in data
        for unit_id in [a_key_number(key, path, 1, MAX_UNIT_ID, BROADCAST_UNIT)]
    }


def _unit(unit_id: int, value: Any, path: str) -> Unit:
    data = an_object_of(value, path, {"registers", "readable"}, {"reply_unit"})
    reply_unit = data.get("reply_unit")
    return Unit(
        unit_id=unit_id,
        registers=_registers(data["registers"], below(path, "registers")),
        readable=_readable(data["readable"], below(path, "readable")),
        reply_unit=None
        if reply_unit is None
        else an_integer(reply_unit, below(path, "reply_unit"), 1, 255),
    )


def _registers(value: Any, path: str) -> Mapping[int, int]:
    registers: dict[int, int] = {}
    for key, run in an_object(value, path).items():
        start = a_key_number(key, path, 0, 0xFFFF)
        run_path = below(path, key)
        for offset, word in enumerate(a_list(run, run_path, MAX_WORDS_PER_UNIT, 1)):
            address = start + offset
            if address > 0xFFFF:
                raise wrong(f"{run_path}[{offset}]", "is beyond register 65535")
            if address in registers:
                raise wrong(
                    f"{run_path}[{offset}]", f"gives register {address} a second time"
                )
            registers[address] = an_integer(word, f"{run_path}[{offset}]", 0, 0xFFFF)
        if len(registers) > MAX_WORDS_PER_UNIT:
            raise wrong(path, f"must have at most {MAX_WORDS_PER_UNIT} words")
    return registers


def _readable(value: Any, path: str) -> tuple[tuple[int, int], ...]:
    return tuple(
        _range(entry, f"{path}[{index}]")
        for index, entry in enumerate(a_list(value, path, MAX_RANGES))
    )


def _range(value: Any, path: str) -> tuple[int, int]:
    low, high = (
        an_integer(end, f"{path}[{index}]", 0, 0xFFFF)
        for index, end in enumerate(a_list(value, path, 2, 2))
    )
    if high < low:
        raise wrong(path, "the range ends before it begins")
    return low, high
