# SPDX-License-Identifier: Apache-2.0
"""The cases of this folder: small JSON files, of batteries and of adapters."""

import json
from pathlib import Path
from typing import Any

from custom_components.renogy_bt.renogy.modbus import crc16
from tests.renogy.fake_link import FakeBattery

FOLDER = Path(__file__).parent

ANYTHING = ((0, 0xFFFF),)

type Case = dict[str, Any]


def cases(kind: str) -> dict[str, Case]:
    """Return the cases of a kind, by the name of their file."""
    found: dict[str, Case] = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((FOLDER / kind).glob("*.json"))
    }
    assert found, f"no cases of the kind {kind}"
    return found


def cases_with(*path: str) -> dict[str, Case]:
    """Return the cases of batteries that have something in this place."""
    return {name: case for name, case in cases("batteries").items() if _has(case, path)}


def _has(told: Any, path: tuple[str, ...]) -> bool:
    return not path or (path[0] in told and _has(told[path[0]], path[1:]))


def put(battery: FakeBattery, registers: dict[str, list[int]]) -> None:
    """Set registers as they stand in a case."""
    for address, words in registers.items():
        battery.put(int(address), words)


def battery(unit: str, told: dict[str, Any]) -> FakeBattery:
    """Return a battery as reported; what was captured stands above what is made up."""
    made = FakeBattery(
        readable=told.get("readable", ANYTHING), reply_unit=told.get("reply_unit")
    )
    put(made, told.get("completed", {}))
    put(made, told.get("registers", {}))
    for asked, reply in told.get("replies", {}).items():
        frame = bytes.fromhex(reply)
        address, count = map(int, asked.split("x"))
        assert crc16(frame) == 0
        assert frame[0] == told.get("reply_unit", int(unit))
        assert (frame[1], frame[2]) == (3, 2 * count)
        data = frame[3:-2]
        made.put(
            address,
            [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)],
        )
    return made
