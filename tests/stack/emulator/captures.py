# SPDX-License-Identifier: Apache-2.0
"""The captured frames, for tests."""

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parents[2] / "captures"


def load_captures(name: str) -> list[dict[str, Any]]:
    """Return the rows of one file of captured frames."""
    rows: list[dict[str, Any]] = json.loads((_FOLDER / f"{name}.json").read_text())
    return rows


def frame(name: str) -> bytes:
    """Return a captured reply by its name."""
    return next(
        bytes.fromhex(row["reply"])
        for row in load_captures("frames")
        if row["name"] == name
    )
