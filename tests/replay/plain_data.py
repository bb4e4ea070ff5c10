# SPDX-License-Identifier: Apache-2.0
"""From the text of a file to plain data: JSON or YAML, also as people copy and paste it."""

import json
from typing import Any, Final

from tests.emulator.json_checks import refuse_constant, without_duplicates

from .errors import ReplayError
from .yaml_text import read_yaml

BYTE_ORDER_MARK: Final = "\ufeff"
FENCES: Final = ("```", "~~~")
_EXTRA_DATA: Final = "Extra data"


def plain_data(text: str) -> Any:
    """Return what a text says; raises ReplayError, WorldFileError or RecursionError."""
    document = _unfenced(text.removeprefix(BYTE_ORDER_MARK)).strip()
    if not document.startswith(("{", "[")):
        return read_yaml(document)
    try:
        return json.loads(
            document,
            object_pairs_hook=without_duplicates,
            parse_constant=refuse_constant,
        )
    except json.JSONDecodeError as error:
        if error.msg == _EXTRA_DATA:
            raise ReplayError(
                f"something follows the document, in line {error.lineno}: "
                "each report needs a file of its own"
            ) from error
        raise ReplayError(f"not JSON: {error}") from error


def _unfenced(text: str) -> str:
    """Return the code block of a text that is from an issue, else the text itself."""
    lines = text.splitlines(keepends=True)
    fences = [
        number for number, line in enumerate(lines) if line.lstrip().startswith(FENCES)
    ]
    if not fences or text.lstrip().startswith(("{", "[")):
        return text
    if len(fences) > 2:
        raise ReplayError(
            f"a code block begins in line {fences[2] + 1} as well: "
            "each report needs a file of its own"
        )
    return "".join(lines[fences[0] + 1 : fences[1] if len(fences) == 2 else None])
