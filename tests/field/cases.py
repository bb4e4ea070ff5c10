"""The cases of this folder: small JSON files, one folder a kind."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent

type Case = dict[str, Any]


def cases(kind: str) -> dict[str, Case]:
    """Return the cases of a kind, by the name of their file."""
    found: dict[str, Case] = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((FOLDER / kind).glob("*.json"))
    }
    assert found, f"no cases of the kind {kind}"
    return found
