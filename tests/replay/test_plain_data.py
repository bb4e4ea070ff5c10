# SPDX-License-Identifier: Apache-2.0
"""Tests of the texts that reports come in: as downloaded, and as people copy and paste them."""

from collections.abc import Callable
from dataclasses import replace
import json

import pytest

from .errors import ReplayError
from .field_report import Diagnostics
from .reading import parse_report
from .test_reading import diagnostics, failed

DATA = diagnostics()["data"]
TEXT = json.dumps(DATA, indent=2)


@pytest.mark.parametrize(
    "put",
    [
        lambda text: f"\ufeff{text}",
        lambda text: text.replace("\n", "\r\n"),
        lambda text: f"\n\n  {text}\n\n",
        lambda text: f"```json\n{text}\n```",
        lambda text: f"~~~\n{text}\n~~~\n",
        lambda text: (
            f"<details>\n\nMy diagnostics:\n\n```json\n{text}\n```\n\n</details>"
        ),
        lambda text: f"```\n{text}",
        lambda text: f'{{"home_assistant": {{}}, "data": {text}}}',
        lambda text: f'{{"changed_states": [], "service_response": {text}}}',
        lambda text: f'{{"context": {{"id": "x"}}, "response": {text}}}',
    ],
    ids=[
        *("byte order mark", "line ends of Windows", "blank lines"),
        *("code block", "another code block", "in an issue", "without its end"),
        *("download", "REST API", "WebSocket API"),
    ],
)
def test_ways_to_hand_a_report_on(put: Callable[[str], str]) -> None:
    """Each is read as the same report."""
    report, plain = parse_report(put(TEXT)), parse_report(TEXT)
    assert isinstance(report, Diagnostics)
    assert isinstance(plain, Diagnostics)
    assert replace(report, adapters_path=plain.adapters_path) == plain


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{TEXT}\n{json.dumps(failed())}", "each report needs a file of its own"),
        (
            f"```json\n{TEXT}\n```\nand\n```json\n{TEXT}\n```",
            "each report needs a file of its own",
        ),
        (TEXT[: len(TEXT) // 2], "not JSON: .* line"),
        (f"```json\n{TEXT[:-20]}\n```", "not JSON"),
        ("```json\n```", "must be an object"),
        (f'{{"data": {TEXT}, "data": 1}}', "given twice"),
        ('{"kind": ' + "9" * 5000 + "}", "neither JSON nor YAML"),
        ("kind: " + "9" * 5000, "neither JSON nor YAML"),
    ],
    ids=[
        *("two reports", "two code blocks", "cut off", "cut off in a code block"),
        *("empty code block", "two wrappers", "endless number", "the same in YAML"),
    ],
)
def test_what_is_no_report(text: str, message: str) -> None:
    """The reason is told."""
    with pytest.raises(ReplayError, match=message):
        parse_report(text)
