"""Repair flows about links and the batteries behind them."""

from typing import Any

from homeassistant.components.repairs import FlowType, RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import SOURCE_RECONFIGURE
from homeassistant.helpers import issue_registry as ir

from .const import SUBENTRY_TYPE_LINK
from .link_issues import ATTR_ENTRY_ID, ATTR_SUBENTRY_ID


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
