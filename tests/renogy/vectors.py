# SPDX-License-Identifier: Apache-2.0
"""The conformance vectors of protocol 1.10, from tests/captures."""

from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

from custom_components.renogy_bt.renogy.decoder import RegisterImage
from custom_components.renogy_bt.renogy.families import PRO, RNGPRO, STANDARD, Family

_FOLDER = Path(__file__).parents[1] / "captures"

# By the letter of a capture's name.
_FAMILIES = {"A": STANDARD, "C": RNGPRO, "D": STANDARD, "E": PRO, "F": STANDARD}

# What replies without a recorded request answered.
_ASKED = {
    "C1": (5042, 7),
    "C3": (5100, 8),
    "D1": (5042, 7),
    "D2": (5000, 34),
    "D5": (5122, 8),
    "E2": (5000, 34),
}


def _load(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((_FOLDER / f"{name}.json").read_text())
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A request and its reply as they were seen; an empty reply is silence."""

    name: str
    family: Family
    unit: int
    address: int
    count: int
    reply: bytes

    @property
    def data(self) -> bytes:
        """The register bytes of the reply."""
        return self.reply[3:-2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixed:
    """What a client may receive after a request."""

    name: str
    unit: int
    address: int
    count: int
    notifications: tuple[bytes, ...]


def _capture(row: dict[str, Any]) -> Capture:
    reply = bytes.fromhex(row["reply"] or "")
    if row["request"] is None:
        address, count = _ASKED[row["name"]]
        unit = reply[0]
    else:
        unit, address, count = _asked(row["request"])
    return Capture(
        name=row["name"],
        family=_FAMILIES[row["name"][0]],
        unit=unit,
        address=address,
        count=count,
        reply=reply,
    )


def _asked(request: str) -> tuple[int, int, int]:
    frame = bytes.fromhex(request)
    return (
        frame[0],
        int.from_bytes(frame[2:4], "big"),
        int.from_bytes(frame[4:6], "big"),
    )


CAPTURES = {row["name"]: _capture(row) for row in _load("frames")}

REQUESTS = [
    (row["unit"], row["address"], row["count"], bytes.fromhex(row["request"]))
    for row in _load("requests")
] + [
    (*_asked(row["request"]), bytes.fromhex(row["request"]))
    for row in _load("frames")
    if row["request"] is not None
]

EXCEPTIONS = [
    (row["unit"], row["code"], bytes.fromhex(row["reply"]))
    for row in _load("exceptions")
]

REFUSED = [bytes.fromhex(row["reply"]) for row in _load("refused")]

MIXED = {
    row["name"]: Mixed(
        name=row["name"],
        unit=_asked(row["request"])[0],
        address=_asked(row["request"])[1],
        count=_asked(row["request"])[2],
        notifications=tuple(map(bytes.fromhex, row["notifications"])),
    )
    for row in _load("mixed")
}

_WARM, _COLD = (
    {int(start): words for start, words in row["registers"].items()}
    for row in _load("register_dumps")
)
WARM_PACK: dict[int, list[int]] = _WARM
COLD_PACK: dict[int, list[int]] = {**_WARM, **_COLD}


def image_of(*names: str) -> RegisterImage:
    """Return the registers that captures brought together."""
    return RegisterImage(
        [(CAPTURES[name].address, CAPTURES[name].data) for name in names]
    )
