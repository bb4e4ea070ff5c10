# SPDX-License-Identifier: Apache-2.0
"""What fuzzing starts from: for each target, inputs that lead deep into it."""

from collections.abc import Callable
import json
from pathlib import Path
from typing import Final

_TESTS: Final = Path(__file__).parents[1]
_FOUND: Final = Path(__file__).parent / "found"


def seeds_of(target: str) -> list[bytes]:
    """Return a target's seeds, and with them every input that once failed."""
    found = sorted((_FOUND / target).glob("*")) if _FOUND.exists() else []
    return [*_SEEDS[target](), *(path.read_bytes() for path in found)]


def _captured_frames() -> list[bytes]:
    rows = json.loads((_TESTS / "captures" / "frames.json").read_text())
    return [bytes.fromhex(row["reply"]) for row in rows if row["reply"]]


def _framing() -> list[bytes]:
    """Return frames whole, in two pieces, and without their CRC."""
    seeds = []
    for frame in _captured_frames():
        body, half = frame[:-2], len(frame) // 4 * 2
        seeds.append(_piece(frame[:half]) + _piece(frame[half:]))
        seeds.append(_piece(body) if len(body) % 2 else _piece(frame))
    return seeds


def _piece(data: bytes) -> bytes:
    return bytes((len(data),)) + data


def _decoder() -> list[bytes]:
    """Return each family, healthy and with one register changed."""
    return [
        bytes((family, register, *word))
        for family in range(4)
        for register in (0, 17, 36, 42, 43, 100, 106, 108, 200)
        for word in ((0x00, 0x10), (0xFF, 0xFF))
    ]


def _scripts() -> list[bytes]:
    """Return scripts in which each kind of reply comes early and late."""
    return [
        bytes((family, units)) + bytes((kind,)) * 3 + bytes(range(12)) * 4
        for family in range(4)
        for units in (0x00, 0x01, 0x0F)
        for kind in range(10)
    ]


def _worlds() -> list[bytes]:
    return [
        path.read_bytes()
        for path in sorted((_TESTS / "emulator" / "worlds").glob("*.json"))
    ]


_SEEDS: Final[dict[str, Callable[[], list[bytes]]]] = {
    "framing": _framing,
    "decoder": _decoder,
    "probe": _scripts,
    "poll": _scripts,
    "world": _worlds,
    "bank": lambda: [bytes((seed,)) * (1 + seed % 8) for seed in range(64)],
    "files": lambda: [bytes((seed,)) for seed in range(256)],
}
