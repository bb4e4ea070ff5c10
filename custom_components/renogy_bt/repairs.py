# SPDX-License-Identifier: Apache-2.0
"""Repair flows of the integration."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import probatio

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    FlowType,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigEntryState,
    ConfigSubentry,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir

from .adapter_health.ladder import RecoveryStep
from .adapter_health.samples import Verdict
from .adapters.recovery import async_recover
from .const import CONF_DIVISOR, DOMAIN, REPORT_HELP_URL, SUBENTRY_TYPE_LINK
from .flows.selectors import choice
from .issues.adapters import ATTR_ADDRESS, FIXABLE as FIXABLE_ADAPTERS
from .issues.batteries import ATTR_CELLS, ATTR_MODEL, ATTR_UNIT, REPLACED
from .issues.links import ATTR_ENTRY_ID, ATTR_SUBENTRY_ID, FIXABLE
from .issues.scales import SCALE_NOTICES
from .issues.storage import DATA_DAMAGED
from .links.coordinator import LinkCoordinator
from .links.markdown import escaped
from .links.settings import DamagedLink, KnownBattery, LinkSettings
from .renogy.current_scale import HUNDREDTHS, TENTHS
from .supervisor.supervisor import async_get_supervisor


class AdapterRepairFlow(RepairsFlow):
    """Takes a step of the recovery ladder and shows the result."""

    _recovery: asyncio.Task[str | None] | None = None
    _outcome: str = ""
    _placeholders: Mapping[str, str] = MappingProxyType({})

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Offer the steps that may help, unless the fault is over."""
        issue = ir.async_get(self.hass).async_get_issue(self.handler, self.issue_id)
        status = async_get_supervisor(self.hass).adapters.get(self._address)
        notice = status.notice if status is not None else None
        is_over = status is not None and status.verdict is Verdict.OK
        if issue is None or notice is None or is_over:
            return self.async_abort(reason="over")
        self._placeholders = issue.translation_placeholders or {}
        return self.async_show_menu(
            step_id="init",
            menu_options=[str(step) for step in notice.remedies],
            description_placeholders=self._placeholders,
        )

    async def async_step_own_links(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Drop the connections of this integration."""
        return await self._async_run(RecoveryStep.OWN_LINKS)

    async def async_step_restart_scanning(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Restart scanning."""
        return await self._async_run(RecoveryStep.RESTART_SCANNING)

    async def async_step_power_cycle(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Switch the adapter off and on."""
        return await self._async_run(RecoveryStep.POWER_CYCLE)

    async def async_step_full_reset(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Reset the adapter."""
        return await self._async_run(RecoveryStep.FULL_RESET)

    async def async_step_recovered(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """End: the adapter works."""
        return self.async_create_entry(data={})

    async def async_step_failed(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Say what went wrong, then offer the steps again."""
        if user_input is not None:
            return await self.async_step_init()
        return self.async_show_form(
            step_id="failed",
            description_placeholders={
                **self._placeholders,
                "reason": escaped(self._outcome),
            },
        )

    async def _async_run(self, step: RecoveryStep) -> RepairsFlowResult:
        if self._recovery is None:
            # Not started at once: a step that is refused would end before its progress is
            # shown, and the choice from the menu would count as the answer to the refusal.
            self._recovery = self.hass.async_create_task(
                self._async_recover(step),
                f"{DOMAIN} repair of {self._address}",
                eager_start=False,
            )
        if not self._recovery.done():
            return self.async_show_progress(
                step_id=step,
                progress_action="recovering",
                progress_task=self._recovery,
                description_placeholders=self._placeholders,
            )
        error = await self._recovery
        self._recovery = None
        if error is None:
            return self.async_show_progress_done(next_step_id="recovered")
        self._outcome = error
        return self.async_show_progress_done(next_step_id="failed")

    async def _async_recover(self, step: RecoveryStep) -> str | None:
        """Take a step; return why it did not help, None if it helped."""
        try:
            await async_recover(self.hass, self._address, step)
        except HomeAssistantError as error:
            return str(error)
        return None

    @property
    def _address(self) -> str:
        assert self.data is not None
        return str(self.data[ATTR_ADDRESS])


class LinkRepairFlow(RepairsFlow):
    """A repair of a link, or of a battery behind a link."""

    def _issue_and_link(self) -> tuple[ir.IssueEntry, ConfigEntry, ConfigSubentry]:
        """Return the issue, the bank and its link; ends the flow if one of them is gone."""
        assert self.data is not None
        issue = ir.async_get(self.hass).async_get_issue(self.handler, self.issue_id)
        bank = self.hass.config_entries.async_get_entry(str(self.data[ATTR_ENTRY_ID]))
        if issue is not None and bank is not None:
            link = bank.subentries.get(str(self.data[ATTR_SUBENTRY_ID]))
            if link is not None:
                return issue, bank, link
        raise AbortFlow("over")

    @staticmethod
    def _settings_of(subentry: ConfigSubentry) -> LinkSettings:
        """Return a link; ends the flow if what is stored of it is damaged."""
        try:
            return LinkSettings.from_subentry(subentry)
        except DamagedLink as error:
            raise AbortFlow("over") from error


class RescanRepairFlow(LinkRepairFlow):
    """Says what is wrong with the unit ids behind a link, then opens the rescan of the link.

    The rescan shows and stores what it finds. The issue goes when its cause does.
    """

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Begin; the input of this step is the id of the issue, not an answer."""
        return await self.async_step_rescan()

    async def async_step_rescan(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Say what to do before the rescan."""
        issue, bank, link = self._issue_and_link()
        if user_input is None:
            return self.async_show_form(
                step_id="rescan",
                description_placeholders=_placeholders(issue),
            )
        flow = await self.hass.config_entries.subentries.async_init(
            (bank.entry_id, SUBENTRY_TYPE_LINK),
            context={"source": SOURCE_RECONFIGURE, "subentry_id": link.subentry_id},
            data={},
        )
        return self.async_abort(
            reason="rescan",
            next_flow=(FlowType.CONFIG_SUBENTRIES_FLOW, flow["flow_id"]),
        )


class ReplacedBatteryFlow(LinkRepairFlow):
    """Asks the user to confirm that a battery was replaced, and stores what the new one is."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Begin; the input of this step is the id of the issue, not an answer."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Say what changed."""
        issue, bank, subentry = self._issue_and_link()
        if user_input is None:
            return self.async_show_form(
                step_id="confirm",
                description_placeholders=_placeholders(issue),
            )
        link = self._settings_of(subentry)
        batteries = tuple(map(self._as_it_is_now, link.batteries))
        self.hass.config_entries.async_update_subentry(
            bank, subentry, data=replace(link, batteries=batteries).as_data()
        )
        return self.async_create_entry(data={})

    def _as_it_is_now(self, battery: KnownBattery) -> KnownBattery:
        assert self.data is not None
        if battery.unit != self.data[ATTR_UNIT]:
            return battery
        model, cells = self.data[ATTR_MODEL], self.data[ATTR_CELLS]
        return replace(
            battery,
            model=str(model) if model else battery.model,
            cells=int(cells) if cells else battery.cells,
        )


class CurrentScaleFlow(LinkRepairFlow):
    """Asks which of two values another meter shows, and stores the scale of the current."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Begin; the input of this step is the id of the issue, not an answer."""
        return await self.async_step_scale()

    async def async_step_scale(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Show what the current is by either scale; select the measured one."""
        issue, bank, subentry = self._issue_and_link()
        assert self.data is not None
        unit = int(str(self.data[ATTR_UNIT]))
        link = _loaded_link(bank, self._settings_of(subentry).address)
        reading = link.readings.get(unit) if link is not None else None
        if link is None or reading is None:
            return self.async_abort(reason="not_read")
        if user_input is not None:
            link.async_tell_current_scale(unit, int(user_input[CONF_DIVISOR]))
            return self.async_create_entry(data={})
        count = reading.current_count
        found = link.scales.found.get(unit)
        default = probatio.UNDEFINED if found is None else str(found.divisor)
        values = {
            str(TENTHS): f"{count / TENTHS:.1f} A",
            str(HUNDREDTHS): f"{count / HUNDREDTHS:.2f} A",
        }
        return self.async_show_form(
            step_id="scale",
            data_schema=probatio.Schema(
                {probatio.Required(CONF_DIVISOR, default=default): choice(values)}
            ),
            description_placeholders=_placeholders(issue),
        )


def _placeholders(issue: ir.IssueEntry) -> Mapping[str, str]:
    """Return what the texts of a dialogue name: that of the notice, and the way to report."""
    return {
        **(issue.translation_placeholders or {}),
        "report_url": REPORT_HELP_URL,
    }


def _loaded_link(bank: ConfigEntry, address: str) -> LinkCoordinator | None:
    """Return a link of a bank, None while the bank is not set up."""
    if bank.state is not ConfigEntryState.LOADED:
        return None
    link: LinkCoordinator | None = bank.runtime_data.links.get(address)
    return link


FLOWS: Final[Mapping[str, Callable[[], RepairsFlow]]] = MappingProxyType(
    {
        **dict.fromkeys(FIXABLE_ADAPTERS, AdapterRepairFlow),
        **{f"link_{kind}": RescanRepairFlow for kind in FIXABLE},
        REPLACED: ReplacedBatteryFlow,
        **dict.fromkeys(SCALE_NOTICES, CurrentScaleFlow),
        DATA_DAMAGED: ConfirmRepairFlow,
    }
)
"""The flows that fix issues, by translation key."""


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return the flow that fixes an issue."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None and issue.translation_key is not None
    return FLOWS[issue.translation_key]()
