# SPDX-License-Identifier: Apache-2.0
"""What GitHub runs and shows: workflows, updates of dependencies, issue forms."""

from collections.abc import Iterator
import json
from pathlib import Path
import re
import subprocess
import sys
from typing import Any

import pytest

from homeassistant.util.yaml import load_yaml_dict
from tests.repository import INTEGRATION, ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").iterdir())
FORMS = sorted((GITHUB / "ISSUE_TEMPLATE").iterdir())
VERSION = json.loads((INTEGRATION / "manifest.json").read_text(encoding="utf-8"))[
    "version"
]
RIGHTS_TO_WRITE = {
    ("release", "build"): {"id-token", "attestations"},
    ("release", "release"): {"contents"},
}
KINDS_OF_CHANGE = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def _name(path: Path) -> str:
    return path.name


def steps(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every step of every job."""
    for job in workflow["jobs"].values():
        yield from job["steps"]


def test_workflows_are_complete() -> None:
    """The rules of hassfest and HACS, the tests, the release and the real BlueZ are run."""
    assert {path.stem for path in WORKFLOWS} == {
        "nightly",
        "real-bluez",
        "release",
        "test",
        "validate",
    }
    used = {
        step["uses"].partition("@")[0]
        for step in steps(load_yaml_dict(str(GITHUB / "workflows" / "validate.yml")))
        if "uses" in step
    }
    assert {"hacs/action", "home-assistant/actions/hassfest"} <= used


@pytest.mark.parametrize("path", WORKFLOWS, ids=_name)
def test_workflow_has_few_rights(path: Path) -> None:
    """A workflow has no right to write, but for the jobs that attest and publish a release."""
    workflow = load_yaml_dict(str(path))
    assert workflow["permissions"] in ({}, {"contents": "read"})
    for name, job in workflow["jobs"].items():
        written = {
            key for key, right in job.get("permissions", {}).items() if right != "read"
        }
        assert written == RIGHTS_TO_WRITE.get((path.stem, name), set())


def test_what_comes_next_is_tried_every_night_and_stops_nobody() -> None:
    """Unit and stack tests run with Home Assistant's development branch, and may fail."""
    workflow = load_yaml_dict(str(GITHUB / "workflows" / "nightly.yml"))
    (when,) = (
        workflow[True]["schedule"] if True in workflow else workflow["on"]["schedule"]
    )
    assert re.fullmatch(r"\d+ \d+ \* \* \*", when["cron"])
    job = workflow["jobs"]["development"]
    assert job["continue-on-error"] is True
    commands = [step.get("run", "") for step in job["steps"]]
    branch = next(at for at, each in enumerate(commands) if "development" in each)
    assert [each.rpartition("pytest ")[2] for each in commands[branch + 1 :]] == [
        "tests --ignore=tests/stack",
        "tests/stack",
    ]


@pytest.mark.parametrize(
    ("name", "script"), [("mutants", "scripts/mutate"), ("soak", "scripts/soak")]
)
def test_something_else_is_tried_every_night(name: str, script: str) -> None:
    """The seed is the day; what is found fails the job."""
    workflow = load_yaml_dict(str(GITHUB / "workflows" / "nightly.yml"))
    job = workflow["jobs"][name]
    assert "continue-on-error" not in job
    (command,) = (step["run"] for step in job["steps"] if script in step.get("run", ""))
    assert "--seed" in command
    assert "date" in command


def test_what_publishes_runs_nothing_of_the_checkout() -> None:
    """The job that may write has what was built before, and checks its sum."""
    release = load_yaml_dict(str(GITHUB / "workflows" / "release.yml"))["jobs"]
    assert (release["release"]["needs"], release["build"]["needs"]) == ("build", "test")
    used = [step.get("uses", "") for step in release["release"]["steps"]]
    assert not any("checkout" in each for each in used)
    commands = [step.get("run", "") for step in release["release"]["steps"]]
    assert "sha256sum --check renogy_bt.zip.sha256" in commands


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("requirements_[!h]*.txt")), ids=lambda path: path.stem
)
def test_tools_are_pinned_by_hash(path: Path) -> None:
    """All that is installed, but for Home Assistant and what that needs, is what was looked at."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines
    for line in lines:
        assert re.fullmatch(r"[\w.-]+==[\w.]+( +--hash=sha256:[0-9a-f]{64})+", line)


@pytest.mark.parametrize("path", WORKFLOWS, ids=_name)
def test_actions_are_pinned(path: Path) -> None:
    """Every action is pinned to a commit, with the version beside it for readers."""
    lines = re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))
    assert lines
    for line in lines:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # \S+", line), line


@pytest.mark.parametrize("path", WORKFLOWS, ids=_name)
def test_scripts_of_a_workflow_exist(path: Path) -> None:
    """What a step runs of this repository is there."""
    for step in steps(load_yaml_dict(str(path))):
        for script in re.findall(r"(?:scripts|\.ci)/[\w.-]+", step.get("run", "")):
            assert (ROOT / script).is_file(), script


def test_home_assistant_is_not_raised_unasked() -> None:
    """Home Assistant's versions are chosen by hand, no robot proposes another one."""
    document = load_yaml_dict(str(GITHUB / "dependabot.yml"))
    updates = {each["package-ecosystem"]: each for each in document["updates"]}
    assert updates.keys() == {"github-actions", "pip"}
    ignored = {each["dependency-name"] for each in updates["pip"]["ignore"]}
    assert {"homeassistant", "pytest-homeassistant-custom-component"} <= ignored


@pytest.mark.parametrize("path", FORMS, ids=_name)
def test_issue_form_is_valid(path: Path) -> None:
    """A form has what GitHub needs to show it, and each of its fields a label."""
    form = load_yaml_dict(str(path))
    if path.stem == "config":
        assert form["blank_issues_enabled"] is False
        return
    assert {"name", "description", "body"} <= form.keys()
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert all(field["attributes"]["label"] for field in fields)
    names = [field["id"] for field in fields]
    assert len(set(names)) == len(names)
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_bug_form_asks_for_what_is_needed() -> None:
    """A report comes with diagnostics and system health, and may come with a log."""
    form = load_yaml_dict(str(GITHUB / "ISSUE_TEMPLATE" / "bug.yml"))
    required = {
        field["id"]: field.get("validations", {}).get("required", False)
        for field in form["body"]
        if "id" in field
    }
    assert required["diagnostics"]
    assert required["system-health"]
    assert required["log"] is False


def test_development_files_are_valid() -> None:
    """The development container and the hooks use what this repository has."""
    container = json.loads((ROOT / ".devcontainer.json").read_text(encoding="utf-8"))
    assert (ROOT / container["postCreateCommand"]).is_file()
    requirements = (ROOT / "requirements_test.txt").read_text(encoding="utf-8")
    hooks = load_yaml_dict(str(ROOT / ".pre-commit-config.yaml"))["repos"][0]["hooks"]
    for hook in hooks:
        tool = hook["entry"].split()[0]
        assert tool.startswith(".venv/bin/")
        name = Path(tool).name
        assert name == "python" or re.search(rf"^{name}==", requirements, re.MULTILINE)


def test_changelog_keeps_its_form() -> None:
    """Sections go from the newest to the oldest, each with a link and known kinds of change."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## \[([^\]]+)\]", changelog, re.MULTILINE)
    links = re.findall(r"^\[([^\]]+)\]: \S+$", changelog, re.MULTILINE)
    assert sections[0] == "Unreleased"
    assert links == sections
    versions = [tuple(map(int, version.split("."))) for version in sections[1:]]
    assert versions == sorted(versions, reverse=True)
    kinds = re.findall(r"^### (.+)$", changelog, re.MULTILINE)
    assert set(kinds) <= KINDS_OF_CHANGE


def release_notes(version: str) -> subprocess.CompletedProcess[str]:
    """Ask for the notes of a version as the release workflow does."""
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / "release_notes.py", version],
        capture_output=True,
        check=False,
        text=True,
    )


def test_release_has_notes() -> None:
    """The notes of the version at hand are its section of the changelog, and no more."""
    result = release_notes(VERSION)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("### ")
    assert "## [" not in result.stdout
    assert "]: http" not in result.stdout


@pytest.mark.parametrize("version", ["0.0.1", "Unreleased", f"{VERSION}rc1", ".*"])
def test_release_of_another_version_is_refused(version: str) -> None:
    """A tag that is not the manifest's version publishes nothing."""
    result = release_notes(version)
    assert result.returncode == 1
    assert result.stdout == ""
    assert VERSION in result.stderr
