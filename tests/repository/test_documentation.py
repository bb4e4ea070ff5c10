# SPDX-License-Identifier: Apache-2.0
"""The documents name what the code has, and nothing that it has not."""

from collections.abc import Iterator
from pathlib import Path
import re
from typing import Any

import pytest

from custom_components.renogy_bt.adapter_health.ladder import (
    RecoveryLevel,
    RecoveryStep,
)
from custom_components.renogy_bt.adapter_health.samples import Verdict
from custom_components.renogy_bt.renogy.families import FAMILIES
from custom_components.renogy_bt.renogy.registers import REGISTERS
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util.yaml import load_yaml_dict
from tests.banks import bank_entry, link_settings, set_up
from tests.emulator import FAULTS
from tests.fake_air import DONGLE, FakeAir
from tests.fake_supervisor import FakeAdapters, adapter_status
from tests.fault_matrix.cases import CASES
from tests.health_months.registry import BENIGN, FAULTY
import tests.health_months.worlds  # noqa: F401
from tests.renogy.fake_link import four_batteries
from tests.repository import INTEGRATION, ROOT
from tests.translation_check import ENGLISH

DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("tests/**/*.md")]
)
README = (ROOT / "README.md").read_text(encoding="utf-8")

type Row = list[str]
type EntityRow = tuple[str, str, str]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def document(name: str) -> str:
    """Return the text of a document in docs/."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """Return what stands below a heading, up to the next one of its level or above."""
    heading = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    assert heading, f"no section {title}"
    below = text[heading.end() :]
    following = re.search(rf"^#{{1,{len(heading[1])}}} ", below, re.MULTILINE)
    return below[: following.start()] if following else below


def rows(text: str) -> Iterator[Row]:
    """Yield the rows of the tables in a text, without their heads."""
    in_table = False
    for line in text.splitlines():
        if not line.startswith("|"):
            in_table = False
        elif set(line) <= set("|- :"):
            in_table = True
        elif in_table:
            yield [cell.strip() for cell in line[1:-1].split("|")]


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives the headings of a text."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_links_lead_somewhere(path: Path) -> None:
    """Every link within the repository has a target, and every anchor a heading."""
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    pictures = re.findall(r'<img src="([^"]+)"', text)
    for link in links + pictures:
        if "://" in link or link.startswith("../../issues"):
            continue
        target, _, anchor = link.partition("#")
        linked = (path.parent / target) if target else path
        assert linked.exists(), link
        if anchor:
            assert anchor in anchors(linked.read_text(encoding="utf-8")), link


def test_references_to_the_protocol_lead_somewhere() -> None:
    """Where the code names a section of the protocol, the document has it."""
    sections = set(re.findall(r"^## (1\.\d+) ", document("protocol.md"), re.MULTILINE))
    numbered = set(
        re.findall(
            r"^(\d+)\. ",
            section(document("protocol.md"), "1.9 What cannot be trusted"),
            re.MULTILINE,
        )
    )
    for path in (*INTEGRATION.rglob("*.py"), *(ROOT / "tests").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for reference in re.findall(r"protocol (1\.\d+)", text):
            assert reference in sections, path
        for number in re.findall(r"protocol 1\.9, number (\d+)", text):
            assert number in numbered, path


def test_registers_are_those_of_the_code() -> None:
    """The tables of registers have every row of the map, and no other."""
    documented = {
        (cells[0], cells[1].strip("`"))
        for cells in rows(section(document("protocol.md"), "1.5 Registers"))
        if cells[1].startswith("`")
    }
    assert documented == {
        (
            f"{register.address}"
            if register.span == 1
            else f"{register.address}-{register.address + register.span - 1}",
            register.name,
        )
        for register in REGISTERS.values()
    }


def test_families_are_those_of_the_code() -> None:
    """Every name that peripherals advertise is explained."""
    for text in (section(document("protocol.md"), "1.1 Advertisement"), README):
        for family in FAMILIES:
            assert family.name_prefix in text


def test_verdicts_and_steps_are_those_of_the_code() -> None:
    """The tables of adapter health have every verdict with its name, step and option."""
    text = document("adapter-health.md")
    events = ENGLISH["entity"]["event"]["adapter_recovery"]["state_attributes"]
    states = events["verdict"]["state"]
    found = {
        cells[0].strip("`"): cells[1]
        for cells in rows(section(text, "What can be found"))
    }
    assert found == {str(verdict): states[verdict] for verdict in Verdict}
    steps = ENGLISH["entity"]["event"]["adapter_recovery"]["state_attributes"]["step"]
    done = [cells for cells in rows(section(text, "What is done")) if len(cells) == 4]
    assert {cells[0].strip("`"): cells[1] for cells in done} == {
        str(step): steps["state"][step] for step in RecoveryStep
    }
    levels = ENGLISH["selector"]["recovery"]["options"]
    chosen = [
        cells[0].removesuffix(" (default)")
        for cells in rows(section(text, "How to tell it what it may do"))
    ]
    assert chosen == [levels[level].partition(":")[0] for level in RecoveryLevel]
    for event in events["event_type"]["state"]:
        assert f"`{event}`" in section(text, "What you see")


@pytest.fixture
async def entities(
    hass: HomeAssistant,
    air: FakeAir,
    adapters: FakeAdapters,
    entity_registry: er.EntityRegistry,
) -> dict[str, set[EntityRow]]:
    """Every entity of a bank that is set up: by device, its name, platform and default."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    adapters.show(adapter_status())
    await set_up(hass, entry)
    link = DONGLE.lower()
    patterns = {
        "Battery": rf"{link}_\d+_",
        "Link": rf"{link}_",
        "Bank": rf"{entry.entry_id}_",
        "Bluetooth adapter": r"adapter_",
    }
    found: dict[str, set[EntityRow]] = {}
    for entity in er.async_entries_for_config_entry(entity_registry, entry.entry_id):
        kind = next(
            kind
            for kind, pattern in patterns.items()
            if re.match(pattern, entity.unique_id)
        )
        assert entity.translation_key is not None
        name = ENGLISH["entity"][entity.domain][entity.translation_key]["name"]
        found.setdefault(kind, set()).add(
            (
                f"**{name.replace('{number}', '*n*')}**",
                entity.domain.replace("_", " "),
                "off" if entity.disabled_by else "on",
            )
        )
    return found


async def test_entities_are_those_of_the_code(
    entities: dict[str, set[EntityRow]],
) -> None:
    """The tables of entities have each with its platform and default, and no other."""
    text = document("entities.md")
    for kind, found in entities.items():
        documented = {
            (name, platform, default)
            for name, platform, _, default, _ in rows(section(text, kind))
        }
        assert documented == found, kind


def test_alarms_are_those_of_the_code() -> None:
    """The table of alarms has every alarm with its text."""
    alarms = ENGLISH["entity"]["event"]["alarm"]["state_attributes"]["alarm"]["state"]
    documented = {
        cells[0].strip("`"): cells[1]
        for cells in rows(section(document("entities.md"), "Alarms"))
    }
    assert documented == alarms


def test_notices_are_those_of_the_code() -> None:
    """The table of repair notices has each, and tells whether it can be repaired there."""
    documented = {
        (title, fixable)
        for title, fixable in rows(section(document("entities.md"), "Repair notices"))
    }
    assert documented == {
        (
            re.sub(r"\{\w+\}", "…", issue["title"]),
            "yes" if "fix_flow" in issue else "no",
        )
        for issue in ENGLISH["issues"].values()
    }


def test_symptoms_of_every_fault_are_explained() -> None:
    """Troubleshooting has a row for each state of an adapter that is not simply fine."""
    states = ENGLISH["entity"]["sensor"]["adapter_state"]["state"]
    explained = {
        cells[0].strip("*") for cells in rows(section(README, "The Bluetooth adapter"))
    }
    assert explained == {
        states[verdict]
        for verdict in Verdict
        if verdict.is_fault or verdict is Verdict.QUIET
    }


def test_options_and_fields_are_explained() -> None:
    """Every field of a form is explained by the name that it has there."""
    explained = {
        cells[0].strip("*") for cells in rows(section(README, "Configuration"))
    }
    forms = (
        ENGLISH["config"],
        ENGLISH["options"],
        ENGLISH["config_subentries"]["link"],
    )
    assert explained == {
        label
        for form in forms
        for step in form["step"].values()
        for part in (step, *step.get("sections", {}).values())
        for label in part.get("data", {}).values()
    }


def test_actions_are_explained() -> None:
    """Every action has a heading of its own, its fields in a table and its options named."""
    described = load_yaml_dict(str(INTEGRATION / "services.yaml"))
    actions = section(README, "Actions")
    assert set(re.findall(r"^### (.+)$", actions, re.MULTILINE)) == {
        ENGLISH["services"][action]["name"] for action in described
    }
    for action, description in described.items():
        text = section(README, ENGLISH["services"][action]["name"])
        assert f"`renogy_bt.{action}`" in text
        documented = {cells[0].strip("`"): cells[1] for cells in rows(text)}
        fields: dict[str, Any] = description.get("fields", {})
        assert documented.keys() == fields.keys()
        for name, field in fields.items():
            select = field["selector"].get("select") or {}
            for option in select.get("options", ()):
                assert f"`{option}`" in documented[name]


def test_places_that_notices_point_to_exist() -> None:
    """The parts of the README that the code links to are there."""
    linked = {
        anchor
        for path in INTEGRATION.rglob("*.py")
        for anchor in re.findall(
            r"DOCUMENTATION_URL\}#([\w-]+)", path.read_text(encoding="utf-8")
        )
    }
    assert linked
    assert linked <= anchors(README)


def test_measured_faults_are_those_of_the_matrix() -> None:
    """The table of measured recoveries has every fault of the matrix, each within its limits."""
    text = section(document("adapter-health.md"), "Measured")
    measured = [cells for cells in rows(text) if cells[0].startswith("`")]
    assert {cells[0].strip("`"): float(cells[5]) for cells in measured} == {
        case.name: case.limit for case in CASES
    }
    for _, alone, _, seconds, worst, limit, *_ in measured:
        assert float(seconds) <= float(limit)
        assert float(seconds) <= float(worst)
        assert alone == "-" or float(seconds) <= float(alone)


FIELD_TESTS = sorted((ROOT / "tests" / "stack" / "field").glob("test_*.py"))
REPORTS = list(rows(section(document("adapter-health.md"), "Public reports")))


@pytest.mark.parametrize("row", REPORTS, ids=lambda row: row[0])
def test_public_reports_are_held_by_something(row: Row) -> None:
    """Faults, worlds and tests that the table names exist, and a report has one at least."""
    _, _, faults, worlds, _, _, _, tests = (
        re.findall(r"`(.+?)`", cell) for cell in row
    )
    assert set(faults) <= set(FAULTS)
    assert set(worlds) <= {*BENIGN, *FAULTY}
    defined = "".join(path.read_text(encoding="utf-8") for path in FIELD_TESTS)
    for name in tests:
        assert re.search(rf"^(async def|class) {name}\b", defined, re.MULTILINE), name
    assert worlds or tests


def test_every_test_of_a_report_is_in_the_table() -> None:
    """What the field tests hold is told."""
    defined = "".join(path.read_text(encoding="utf-8") for path in FIELD_TESTS)
    held = re.findall(r"^(?:async def|class) (test_\w+|Test\w+)", defined, re.MULTILINE)
    named = re.findall(r"`(\w+)`", " ".join(row[-1] for row in REPORTS))
    assert set(held) == set(named)


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_named_tests_exist(path: Path) -> None:
    """A document that says which test shows something names one that is there."""
    for name in re.findall(r"`(tests/[a-z0-9_/.]+)`", path.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name
