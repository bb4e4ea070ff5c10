"""Repair flows about links and the batteries behind them."""

from dataclasses import replace
from typing import Any

from homeassistant.components.repairs import FlowType, RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import SOURCE_RECONFIGURE
from homeassistant.helpers import issue_registry as ir

from .battery_issues import ATTR_CELLS, ATTR_MODEL, ATTR_UNIT
from .const import SUBENTRY_TYPE_LINK
from .link_issues import ATTR_ENTRY_ID, ATTR_SUBENTRY_ID
from .links import KnownBattery, LinkSettings


class RescanRepairFlow(RepairsFlow):
    """Says what is wrong with the ids of a link, then goes on to looking again.

    What is found is shown, and stored, where the user looks for batteries otherwise as well.
    The issue goes when its cause does.
    """

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Begin; what is given here is the id of the issue, no answer."""
        return await self.async_step_rescan()

    async def async_step_rescan(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Say what to do before looking again."""
        assert self.data is not None
        entry_id = str(self.data[ATTR_ENTRY_ID])
        subentry_id = str(self.data[ATTR_SUBENTRY_ID])
        entry = self.hass.config_entries.async_get_entry(entry_id)
        issue = ir.async_get(self.hass).async_get_issue(self.handler, self.issue_id)
        if issue is None or entry is None or subentry_id not in entry.subentries:
            return self.async_abort(reason="over")
        if user_input is None:
            return self.async_show_form(
                step_id="rescan",
                description_placeholders=issue.translation_placeholders,
            )
        flow = await self.hass.config_entries.subentries.async_init(
            (entry_id, SUBENTRY_TYPE_LINK),
            context={"source": SOURCE_RECONFIGURE, "subentry_id": subentry_id},
        )
        return self.async_abort(
            reason="rescan",
            next_flow=(FlowType.CONFIG_SUBENTRIES_FLOW, flow["flow_id"]),
        )


class ReplacedBatteryFlow(RepairsFlow):
    """Has the user confirm that another battery answers, and stores what it is."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Begin; what is given here is the id of the issue, no answer."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Say what changed."""
        assert self.data is not None
        entry = self.hass.config_entries.async_get_entry(str(self.data[ATTR_ENTRY_ID]))
        issue = ir.async_get(self.hass).async_get_issue(self.handler, self.issue_id)
        if issue is None or entry is None:
            return self.async_abort(reason="over")
        subentry = entry.subentries.get(str(self.data[ATTR_SUBENTRY_ID]))
        if subentry is None:
            return self.async_abort(reason="over")
        if user_input is None:
            return self.async_show_form(
                step_id="confirm",
                description_placeholders=issue.translation_placeholders,
            )
        link = LinkSettings.from_data(subentry.data)
        batteries = tuple(map(self._as_it_is_now, link.batteries))
        self.hass.config_entries.async_update_subentry(
            entry, subentry, data=replace(link, batteries=batteries).as_data()
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
