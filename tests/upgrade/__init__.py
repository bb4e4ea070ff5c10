# SPDX-License-Identifier: Apache-2.0
"""Installations of earlier versions, made by these versions."""

import json
from pathlib import Path
from typing import Any

STORAGE_0_1_0 = Path(__file__).parent / "storage_0_1_0"
WORLD_0_1_0 = Path(__file__).parent / "world_0_1_0.json"


def stored(name: str) -> Any:
    """Return the data of a file of the installation of version 0.1.0."""
    return json.loads((STORAGE_0_1_0 / name).read_text(encoding="utf-8"))["data"]


def files(kind: str) -> dict[str, Any]:
    """Return the data of all files of a kind, by the entry id of their bank."""
    return {
        path.name.removeprefix(f"renogy_bt.{kind}."): stored(path.name)
        for path in STORAGE_0_1_0.glob(f"renogy_bt.{kind}.*")
    }
