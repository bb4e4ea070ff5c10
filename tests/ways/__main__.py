# SPDX-License-Identifier: Apache-2.0
"""Trace the ways of a value and of a fault: `python -m tests.ways --help`."""

import argparse
from contextlib import redirect_stdout
import json
from pathlib import Path
import sys
from typing import Any

import pytest

_TESTS = Path(__file__).parents[1] / "stack" / "test_ways.py"


class _Ways:
    """Collects the ways that the tests trace."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the ways of a test that has run."""
        if report.when == "call":
            for name, way in report.user_properties:
                if name == "way" and isinstance(way, dict):
                    self.found.append(way)


def _lines(way: dict[str, Any]) -> list[str]:
    """Return a way as text."""
    lines = [
        f"The way of the {way['name']}: {way['count']} files, {way['limit']} at most"
    ]
    lines += [f"  {at:2} {file}" for at, file in enumerate(way["files"], 1)]
    if way["entered"]:
        lines.append("Entered between the last notification and the link's report:")
        lines += [f"  {times:2} times {file}" for file, times in way["entered"].items()]
    if way["also_run"]:
        lines.append(f"{len(way['also_run'])} more run on the side:")
        lines += [f"     {file}" for file in way["also_run"]]
    return [*lines, ""]


def main() -> int:
    """Trace both ways and print them."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.ways",
        description="Trace the way of a value and of a fault through the files of the "
        "product, on Home Assistant with emulated batteries. The exit status is 0 when both "
        "keep to their limits and are as docs/architecture.md says.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, not text")
    arguments = parser.parse_args()
    ways = _Ways()
    with redirect_stdout(sys.stderr):
        status = pytest.main(["-q", str(_TESTS)], plugins=[ways])
    if arguments.json:
        print(json.dumps(ways.found, indent=2))
    else:
        print("\n".join(line for way in ways.found for line in _lines(way)))
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
