# SPDX-License-Identifier: Apache-2.0
"""Repair issues about the adapters: there when needed, once, and gone when it is over."""

from dataclasses import replace
from datetime import timedelta

import pytest

from custom_components.renogy_bt.adapter_health.ladder import PLANS, RecoveryStep
from custom_components.renogy_bt.adapter_health.samples import Reason, Verdict
from custom_components.renogy_bt.adapters.advice import async_advice
from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.issues.adapters import TEXTS, async_forget_adapters
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from tests.fake_air import FakeAir
from tests.fake_supervisor import (
    ADAPTER,
    OTHER_ADAPTER,
    SINCE,
    FakeAdapters,
    adapter_issue,
    adapter_status,
    faulty_status,
)
from tests.translation_check import ENGLISH, placeholders, texts_of

ISSUE = adapter_issue("radio")


@pytest.fixture(autouse=True)
async def integration(hass: HomeAssistant, air: FakeAir) -> None:
    """Set the integration up, without any bank."""
    assert await async_setup_component(hass, DOMAIN, {})


@pytest.fixture
def changes(hass: HomeAssistant) -> list[tuple[str, str]]:
    """Return what becomes of issues from now on, as (action, issue id)."""
    seen: list[tuple[str, str]] = []

    @callback
    def note(event: Event[ir.EventIssueRegistryUpdatedData]) -> None:
        seen.append((event.data["action"], event.data["issue_id"]))

    hass.bus.async_listen(ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED, note)
    return seen


def issues(registry: ir.IssueRegistry) -> set[str]:
    """Return the ids of our issues."""
    return {issue_id for domain, issue_id in registry.issues if domain == DOMAIN}


async def test_fault_that_the_user_should_know_of(
    hass: HomeAssistant, adapters: FakeAdapters, issue_registry: ir.IssueRegistry
) -> None:
    """The issue says which adapter it is, since when, and what was tried."""
    await hass.config.async_set_time_zone("Europe/Berlin")
    adapters.show(
        faulty_status(tried=(RecoveryStep.RESTART_SCANNING, RecoveryStep.POWER_CYCLE))
    )
    issue = issue_registry.async_get_issue(DOMAIN, ISSUE)
    assert issue is not None
    assert issue.is_fixable
    assert not issue.is_persistent
    assert issue.severity is ir.IssueSeverity.ERROR
    assert issue.data == {"address": ADAPTER}
    assert issue.translation_key == "adapter_silent"
    assert issue.translation_placeholders == {
        "adapter": "hci0",
        "address": ADAPTER,
        "since": "2026-11-23 09:30",
        "steps": "2",
        "count": "0",
        **async_advice(hass),
    }


async def test_fault_without_notice(
    adapters: FakeAdapters, issue_registry: ir.IssueRegistry
) -> None:
    """A fault that is still being mended automatically makes no issue."""
    adapters.show(adapter_status(verdict=Verdict.SILENT, problem=True))
    assert not issues(issue_registry)


async def test_issue_is_not_duplicated(
    hass: HomeAssistant, adapters: FakeAdapters, changes: list[tuple[str, str]]
) -> None:
    """While the fault lasts, other news of the adapter leave its issue alone."""
    status = faulty_status()
    for rate in (0.0, 1.0, 2.0):
        adapters.show(replace(status, advertisement_rate=rate))
    await hass.async_block_till_done()
    assert changes == [("create", ISSUE)]


async def test_issue_is_brought_up_to_date(
    hass: HomeAssistant,
    adapters: FakeAdapters,
    issue_registry: ir.IssueRegistry,
    changes: list[tuple[str, str]],
) -> None:
    """The same issue tells what its notice says; the adapter's number alone is no news."""
    adapters.show(faulty_status())
    adapters.show(faulty_status(name="hci1"))
    adapters.show(faulty_status(tried=(RecoveryStep.RESTART_SCANNING,), name="hci1"))
    await hass.async_block_till_done()
    assert changes == [("create", ISSUE), ("update", ISSUE)]
    issue = issue_registry.async_get_issue(DOMAIN, ISSUE)
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["steps"] == "1"
    assert issue.translation_placeholders["adapter"] == "hci1"


async def test_other_fault_replaces_the_issue(
    adapters: FakeAdapters, issue_registry: ir.IssueRegistry
) -> None:
    """When the fault turns out to be another one, the first issue is withdrawn."""
    adapters.show(faulty_status())
    assert issues(issue_registry) == {ISSUE}
    adapters.show(faulty_status(Verdict.BLOCKED))
    assert issues(issue_registry) == {adapter_issue("power")}


async def test_other_verdict_in_the_same_trouble(
    hass: HomeAssistant, adapters: FakeAdapters, changes: list[tuple[str, str]]
) -> None:
    """Faults that turn into each other are one issue."""
    adapters.show(faulty_status(Verdict.SESSION_LOST))
    adapters.show(faulty_status(Verdict.START_REFUSED))
    await hass.async_block_till_done()
    assert changes == [("create", ISSUE), ("update", ISSUE)]


async def test_issue_is_withdrawn_when_it_is_over(
    adapters: FakeAdapters, issue_registry: ir.IssueRegistry
) -> None:
    """An adapter that works again has no issue; its next fault has."""
    adapters.show(faulty_status())
    adapters.show(adapter_status())
    assert not issues(issue_registry)
    adapters.show(faulty_status(since=SINCE + timedelta(hours=1)))
    assert issues(issue_registry) == {ISSUE}


async def test_issue_of_an_adapter_that_is_no_longer_watched(
    adapters: FakeAdapters, issue_registry: ir.IssueRegistry
) -> None:
    """When nothing watches an adapter any more, nothing is said about it."""
    adapters.show(faulty_status())
    adapters.show()
    assert not issues(issue_registry)


async def test_two_adapters(
    adapters: FakeAdapters, issue_registry: ir.IssueRegistry
) -> None:
    """Each adapter has an issue of its own."""
    adapters.show(faulty_status(), faulty_status(address=OTHER_ADAPTER, name="hci1"))
    assert issues(issue_registry) == {ISSUE, adapter_issue("radio", OTHER_ADAPTER)}
    adapters.show(adapter_status(), faulty_status(address=OTHER_ADAPTER, name="hci1"))
    assert issues(issue_registry) == {adapter_issue("radio", OTHER_ADAPTER)}


@pytest.mark.parametrize(
    ("has_other_path", "severity"),
    [(True, ir.IssueSeverity.WARNING), (False, ir.IssueSeverity.ERROR)],
)
async def test_a_fault_is_less_severe_where_something_else_hears(
    hass: HomeAssistant,
    adapters: FakeAdapters,
    issue_registry: ir.IssueRegistry,
    changes: list[tuple[str, str]],
    has_other_path: bool,
    severity: ir.IssueSeverity,
) -> None:
    """A fault is less severe where something else hears the links when it is told."""
    for heard in (has_other_path, not has_other_path, has_other_path):
        adapters.show(faulty_status(has_other_path=heard))
    issue = issue_registry.async_get_issue(DOMAIN, ISSUE)
    assert issue is not None
    assert issue.severity is severity
    await hass.async_block_till_done()
    assert changes == [("create", ISSUE)]


async def test_issue_that_the_user_ignores(
    hass: HomeAssistant, adapters: FakeAdapters, issue_registry: ir.IssueRegistry
) -> None:
    """An issue that the user has ignored stays ignored while the fault lasts."""
    adapters.show(faulty_status())
    ir.async_ignore_issue(hass, DOMAIN, ISSUE, True)
    adapters.show(faulty_status(tried=(RecoveryStep.RESTART_SCANNING,)))
    issue = issue_registry.async_get_issue(DOMAIN, ISSUE)
    assert issue is not None
    assert issue.dismissed_version is not None


async def test_issue_outlasts_a_stop(
    hass: HomeAssistant, adapters: FakeAdapters, issue_registry: ir.IssueRegistry
) -> None:
    """When Home Assistant stops or a bank is reloaded, the issue stays, and stays ignored."""
    adapters.show(faulty_status())
    ir.async_ignore_issue(hass, DOMAIN, ISSUE, True)
    adapters.watched = False
    adapters.show()
    assert issues(issue_registry) == {ISSUE}
    adapters.watched = True
    adapters.show(faulty_status())
    issue = issue_registry.async_get_issue(DOMAIN, ISSUE)
    assert issue is not None
    assert issue.dismissed_version is not None
    adapters.show(adapter_status())
    assert not issues(issue_registry)


async def test_last_bank_is_gone(
    hass: HomeAssistant, adapters: FakeAdapters, issue_registry: ir.IssueRegistry
) -> None:
    """Without a bank nobody is concerned; a bank that comes later is told again."""
    adapters.show(faulty_status())
    async_forget_adapters(hass)
    assert issues(issue_registry) == {ISSUE}
    adapters.watched = False
    async_forget_adapters(hass)
    assert not issues(issue_registry)
    adapters.watched = True
    adapters.show(faulty_status())
    assert issues(issue_registry) == {ISSUE}


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (Verdict.MISSING, Reason.DROPS_OFF),
        (Verdict.MISSING, Reason.NEVER_SEEN),
        (Verdict.MISSING, Reason.ADAPTER_ZEROED),
        (Verdict.MISSING, Reason.REPLACED),
        (Verdict.BLUETOOTHD_DOWN, Reason.SERVICE_CRASHES),
        (Verdict.BUS_LOST, Reason.BUS_ACCESS_DENIED),
        (Verdict.HOME_ASSISTANT_SIDE, Reason.ENTRY_FAILED),
        (Verdict.HOME_ASSISTANT_SIDE, Reason.ENTRY_UNLOADED),
    ],
)
async def test_reason_that_needs_other_advice(
    adapters: FakeAdapters,
    issue_registry: ir.IssueRegistry,
    verdict: Verdict,
    reason: Reason,
) -> None:
    """Where the way out depends on the reason, the text does, and the issue is the same."""
    status = faulty_status(verdict)
    assert status.notice is not None
    adapters.show(status)
    adapters.show(replace(status, notice=replace(status.notice, reason=reason)))
    (issue_id,) = issues(issue_registry)
    issue = issue_registry.async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.translation_key == TEXTS[reason]
    assert issue.translation_placeholders is not None
    for text in texts_of(ENGLISH["issues"][TEXTS[reason]]):
        assert placeholders(text) <= issue.translation_placeholders.keys()


@pytest.mark.parametrize("verdict", [each for each in Verdict if each.is_fault])
async def test_every_fault(
    adapters: FakeAdapters, issue_registry: ir.IssueRegistry, verdict: Verdict
) -> None:
    """An issue can be fixed when a step may help, and its text says all that it has to."""
    adapters.show(faulty_status(verdict, name=None))
    (issue_id,) = issues(issue_registry)
    issue = issue_registry.async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.is_fixable is bool(PLANS.get(verdict))
    assert issue.translation_key is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["adapter"] == ADAPTER
    given = issue.translation_placeholders.keys() | {"reason"}
    for text in texts_of(ENGLISH["issues"][issue.translation_key]):
        assert placeholders(text) <= given
