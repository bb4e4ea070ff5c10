# SPDX-License-Identifier: Apache-2.0
"""The diagnostics of version 0.1.0, which had no recorder, as far as they tell anything."""

from collections.abc import Mapping
import re
from typing import Any, Final

from custom_components.renogy_bt.renogy.families import FAMILIES
from tests.emulator.json_checks import (
    a_list,
    a_number,
    a_text_like,
    an_integer,
    an_object,
    below,
    some_bytes,
    wrong,
)
from tests.emulator.modbus import read_request

from .field_report import Diagnostics, ReportedBattery, ReportedLink, Value
from .frames import Exchange

MAX_LINKS: Final = 16
MAX_UNITS: Final = 32
MAX_FRAME: Final = 255
MADE_UP: Final = "6C:B2:FD:00:00:{number:02X}"
REPLY_SECONDS: Final = 0.3
FAILING: Final = "failing"

_BLOCK: Final = re.compile(r"[0-9]{4,5}x[0-9]{1,3}")
_PREFIXES: Final = {family.key: family.name_prefix for family in FAMILIES}
_VALUES: Final = (
    *("voltage", "current", "remaining_capacity", "total_capacity", "cycles"),
    *("board_temperature", "charge_voltage_limit", "discharge_voltage_limit"),
    *("charge_current_limit", "discharge_current_limit"),
)
"""Fields of a reading that an entity shows under the same name."""
_SWITCHES: Final = ("charge_mosfet", "discharge_mosfet", "heater", "fully_charged")
_LISTS: Final = {
    "cell_voltages": "cell_voltage",
    "cell_temperatures": "cell_temperature",
    "environment_temperatures": "environment_temperature",
    "heater_temperatures": "heater_temperature",
}


def diagnostics_of_first_release(data: Mapping[str, Any], path: str) -> Diagnostics:
    """Return what the diagnostics of version 0.1.0 say; raises WorldFileError."""
    place = below(path, "links")
    found = data.get("links", [])
    if "link" in data:
        found, place = [data["link"]], below(path, "link")
    return Diagnostics(
        links=tuple(
            _link(each, f"{place}[{index}]", index)
            for index, each in enumerate(a_list(found, place, MAX_LINKS))
        ),
        adapters=tuple(
            a_list(
                an_object(
                    data.get("bluetooth_health", {}), below(path, "bluetooth_health")
                ).get("adapters", []),
                below(path, "bluetooth_health.adapters"),
                MAX_LINKS,
            )
        ),
    )


def _link(value: Any, path: str, index: int) -> ReportedLink:
    data = an_object(value, path)
    client = an_object(data.get("client"), below(path, "client"))
    units = an_object(client.get("units"), below(path, "client.units"))
    family = client.get("family")
    if not isinstance(family, str) or family not in _PREFIXES:
        raise wrong(below(path, "client.family"), "is not known")
    place = below(path, "batteries")
    batteries = a_list(data.get("batteries"), place, MAX_UNITS)
    return ReportedLink(
        address=MADE_UP.format(number=index + 1),
        name=_PREFIXES[family] + ("-00000001" if family == "standard" else "00000001"),
        family=family,
        beginning=_PREFIXES[family],
        batteries=tuple(
            _battery(each, f"{place}[{number}]", units, below(path, "client.units"))
            for number, each in enumerate(batteries)
        ),
    )


def _battery(
    value: Any, path: str, units: Mapping[str, Any], units_path: str
) -> ReportedBattery:
    data = an_object(value, path)
    unit = an_integer(data.get("unit"), below(path, "unit"), 1, 255)
    unit_path = below(units_path, str(unit))
    told = an_object(units.get(str(unit), {}), unit_path)
    frames = an_object(told.get("last_frames", {}), below(unit_path, "last_frames"))
    reading = data.get("reading")
    return ReportedBattery(
        unit=unit,
        published={}
        if reading is None
        else _published(an_object(reading, below(path, "reading")), f"{path}.reading"),
        answers=tuple(
            _exchange(unit, block, frame, below(f"{unit_path}.last_frames", block[:20]))
            for block, frame in frames.items()
        ),
        failure=None if data.get("failure") is None else FAILING,
    )


def _exchange(unit: int, block: str, frame: Any, path: str) -> Exchange:
    address, count = map(
        int, a_text_like(block, path, _BLOCK, "5000x53").partition("x")[::2]
    )
    an_integer(address, path, 0, 0xFFFF)
    an_integer(count, path, 1, 125)
    return Exchange(
        0.0,
        read_request(unit, address, count),
        ((REPLY_SECONDS, some_bytes(frame, path, MAX_FRAME)),),
    )


def _published(reading: Mapping[str, Any], path: str) -> dict[str, Value]:
    """Return what the entities showed of a reading."""
    shown: dict[str, Value] = {
        name: _number(reading[name], below(path, name))
        for name in _VALUES
        if name in reading
    }
    for name, key in _LISTS.items():
        values = a_list(reading.get(name, []), below(path, name), MAX_UNITS)
        for number, value in enumerate(values, 1):
            shown[f"{key}_{number}"] = _number(value, f"{path}.{name}[{number - 1}]")
    status = an_object(reading.get("status", {}), below(path, "status"))
    for name in _SWITCHES:
        if isinstance(told := status.get(name), bool):
            shown[name] = told
    return shown


def _number(value: Any, path: str) -> float | None:
    return None if value is None else a_number(value, path, -1e12, 1e12)
