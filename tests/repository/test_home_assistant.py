# SPDX-License-Identifier: Apache-2.0
"""Which Home Assistant is tested, how another one is chosen, and what is said about it."""

import json
import os
import re
import subprocess

from awesomeversion import AwesomeVersion
import pytest

from homeassistant.const import __version__ as home_assistant
from homeassistant.util.yaml import load_yaml_dict
from tests.repository import ROOT

PREFIX = "requirements_home_assistant_"
RELEASES = {
    path.stem.removeprefix(PREFIX): dict(
        re.findall(
            r"^([\w-]+)(?:==(\S+))?$", path.read_text(encoding="utf-8"), re.MULTILINE
        )
    )
    for path in ROOT.glob(f"{PREFIX}*.txt")
}
NEWEST = RELEASES["newest"]["homeassistant"]
OLDEST = RELEASES["oldest"]["homeassistant"]
TEST_WORKFLOW = ROOT / ".github" / "workflows" / "test.yml"


def test_tested_releases_are_pinned() -> None:
    """Each comes with its test plugin, and only the pre-release is whichever is there."""
    for release, pins in RELEASES.items():
        assert pins.keys() == {
            "homeassistant",
            "pytest-homeassistant-custom-component",
        }
        assert all(pins.values()) is (release != "pre-release")
    assert AwesomeVersion(OLDEST) <= AwesomeVersion(NEWEST)


def test_tests_run_with_a_release_of_the_files() -> None:
    """The environment has a tested Home Assistant, or a newer one on trial."""
    assert home_assistant in {OLDEST, NEWEST} or AwesomeVersion(
        home_assistant
    ) > AwesomeVersion(NEWEST)


def test_least_home_assistant_is_the_oldest_tested() -> None:
    """No older release is said to work than the oldest that is tested."""
    hacs = json.loads((ROOT / "hacs.json").read_text(encoding="utf-8"))
    assert hacs["homeassistant"] == OLDEST
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"Home Assistant (\S+) or newer", readme) == [
        OLDEST.removesuffix(".0")
    ]
    blueprints = list((ROOT / "blueprints").rglob("*.yaml"))
    assert blueprints
    for path in blueprints:
        blueprint = load_yaml_dict(str(path))["blueprint"]
        assert blueprint["homeassistant"]["min_version"] == OLDEST, path


def test_every_release_has_a_job() -> None:
    """The same is run with each; only with the pre-release it may fail."""
    job = load_yaml_dict(str(TEST_WORKFLOW))["jobs"]["test"]
    assert set(job["strategy"]["matrix"]["home-assistant"]) == RELEASES.keys()
    assert job["env"]["HOME_ASSISTANT"] == "${{ matrix.home-assistant }}"
    assert job["continue-on-error"] == ("${{ matrix.home-assistant == 'pre-release' }}")
    assert job["strategy"]["fail-fast"] is False


@pytest.mark.parametrize("release", ["2026.10.0", "../newest", "new*"])
def test_unknown_release_is_refused(release: str) -> None:
    """A wrong name installs nothing, and the right ones are told."""
    result = subprocess.run(
        [ROOT / "scripts" / "setup"],
        capture_output=True,
        check=False,
        env={**os.environ, "HOME_ASSISTANT": release},
        text=True,
    )
    assert result.returncode == 2
    assert all(name in result.stderr for name in RELEASES)
