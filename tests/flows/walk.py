# SPDX-License-Identifier: Apache-2.0
"""Walking through the integration's flows as the user interface does."""

import json
from typing import Any

from custom_components.renogy_bt.const import DOMAIN, SUBENTRY_TYPE_LINK
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntry,
    ConfigSubentry,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowManager, FlowResultType
from tests.banks import settle

type Result = dict[str, Any]


class Flow:
    """One flow, and the step that it shows."""

    def __init__(
        self, hass: HomeAssistant, manager: FlowManager[Any, Any, Any]
    ) -> None:
        """Walk through flows of this manager."""
        self._hass = hass
        self._manager = manager
        self.step: Result = {}

    async def begin(self, handler: Any, source: str, **context: Any) -> Flow:
        """Start the flow, and wait for what it is busy with."""
        return await self._show(
            await self._manager.async_init(
                handler, context={"source": source, **context}
            )
        )

    async def take_up(self, flow_id: str) -> Flow:
        """Go on with a flow that was started by discovery."""
        return await self._show(await self._manager.async_configure(flow_id))

    async def submit(self, **user_input: Any) -> Flow:
        """Submit the form that is shown."""
        return await self._show(
            await self._manager.async_configure(self.step["flow_id"], user_input)
        )

    async def choose(self, option: str) -> Flow:
        """Choose from the menu that is shown."""
        return await self.submit(next_step_id=option)

    async def _show(self, result: Any) -> Flow:
        self.step = result
        while self.step["type"] is FlowResultType.SHOW_PROGRESS:
            await settle(self._hass)
            self.step = await self._manager.async_configure(self.step["flow_id"])
        await settle(self._hass)
        return self

    def expect_form(self, step_id: str, error: str | None = None) -> Result:
        """Check that a form is shown, with this error or none; return its placeholders."""
        assert self.step["type"] is FlowResultType.FORM, self.step
        assert self.step["step_id"] == step_id
        assert self.step["errors"] == ({"base": error} if error else {}) or (
            error is None and self.step["errors"] is None
        ), self.step["errors"]
        return dict(self.step["description_placeholders"] or {})

    def expect_menu(self, step_id: str) -> list[str]:
        """Check that a menu is shown; return its options."""
        assert self.step["type"] is FlowResultType.MENU, self.step
        assert self.step["step_id"] == step_id
        return list(self.step["menu_options"])

    def expect_abort(self, reason: str) -> Result:
        """Check that the flow ended with this reason; return its placeholders."""
        assert self.step["type"] is FlowResultType.ABORT, self.step
        assert self.step["reason"] == reason
        return dict(self.step["description_placeholders"] or {})

    def expect_entry(self) -> Result:
        """Check that the flow created something; return the result."""
        assert self.step["type"] is FlowResultType.CREATE_ENTRY, self.step
        return self.step


async def discovered(hass: HomeAssistant) -> Flow:
    """Take up the only discovery that waits for the user."""
    await settle(hass)
    (progress,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    return await Flow(hass, hass.config_entries.flow).take_up(progress["flow_id"])


async def add_integration(hass: HomeAssistant) -> Flow:
    """Add the integration from the list of integrations."""
    return await Flow(hass, hass.config_entries.flow).begin(DOMAIN, SOURCE_USER)


async def add_link(hass: HomeAssistant, bank: ConfigEntry) -> Flow:
    """Add a link on the page of a bank."""
    return await Flow(hass, hass.config_entries.subentries).begin(
        (bank.entry_id, SUBENTRY_TYPE_LINK), SOURCE_USER
    )


async def rescan_link(
    hass: HomeAssistant, bank: ConfigEntry, link: ConfigSubentry
) -> Flow:
    """Look for batteries again on the page of a bank."""
    return await (await reconfigure_link(hass, bank, link)).choose("rescan")


async def reconfigure_link(
    hass: HomeAssistant, bank: ConfigEntry, link: ConfigSubentry
) -> Flow:
    """Open the menu of a link on the page of a bank."""
    flow = await Flow(hass, hass.config_entries.subentries).begin(
        (bank.entry_id, SUBENTRY_TYPE_LINK),
        SOURCE_RECONFIGURE,
        subentry_id=link.subentry_id,
    )
    assert flow.expect_menu("reconfigure") == ["rescan", "connection"]
    return flow


def discovery_flows(hass: HomeAssistant) -> list[str]:
    """Return the addresses of the discoveries that wait for the user."""
    return [
        str(flow["context"]["unique_id"])
        for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    ]


def report_in(step: Result) -> dict[str, Any]:
    """Return the report that a form offers, in a section or alone."""
    fields = dict(step["data_schema"].schema)
    if "report" in fields and hasattr(fields["report"], "schema"):
        fields = dict(fields["report"].schema.schema)
    (marker,) = (each for each in fields if each == "report")
    report: dict[str, Any] = json.loads(marker.description["suggested_value"])
    return report


def options_of(step: Result, field: str) -> list[str]:
    """Return the values that a select field of a form offers."""
    selector = step["data_schema"].schema[field]
    return [option["value"] for option in selector.config["options"]]
