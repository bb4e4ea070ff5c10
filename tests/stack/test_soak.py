# SPDX-License-Identifier: Apache-2.0
"""Two hours of what `scripts/soak` lives through for days."""

import json
from pathlib import Path
import subprocess
import sys

import pytest

from tests.soak.troubles import Kind

ROOT = Path(__file__).parents[2]
SEED = 1829
"""Something of every kind goes wrong, and Home Assistant is restarted once and killed once."""
LIMIT = 900.0
"""A soak that does not end is ended, s."""


@pytest.mark.timeout(LIMIT)
def test_hours_in_which_something_goes_wrong_every_ten_minutes() -> None:
    """Everything is read again each time; nothing falls, takes long or goes unhandled."""
    command = [sys.executable, "-m", "tests.soak", "--json"]
    soaked = subprocess.run(
        [*command, "--days", "0.09", "--seed", str(SEED)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        timeout=LIMIT,
        check=False,
    )
    report = json.loads(soaked.stdout)
    assert report["misses"] == []
    assert soaked.returncode == 0
    assert set(report["troubles"]) == set(Kind)
    assert report["runs"] == 4
