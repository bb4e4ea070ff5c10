# SPDX-License-Identifier: Apache-2.0
"""Config flow of the Renogy Bluetooth batteries integration."""

from functools import partial
from itertools import chain, count
from typing import Any, override

import probatio

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import (
    BluetoothChange,
    BluetoothScanningMode,
    BluetoothServiceInfoBleak,
)
from homeassistant.config_entries import (
    SOURCE_BLUETOOTH,
    ConfigEntry,
    ConfigFlow,
    ConfigFlowContext,
    ConfigFlowResult,
    ConfigSubentryFlow,
    OptionsFlow,
)
from homeassistant.const import CONF_NAME
from homeassistant.core import CALLBACK_TYPE, callback

from .bank.summary import Wiring
from .const import (
    CONF_BANK,
    CONF_UPDATE_INTERVAL,
    CONF_WIRING,
    DEFAULT_UPDATE_INTERVAL,
    DOMAIN,
    ENTRY_MINOR_VERSION,
    ENTRY_VERSION,
    SUBENTRY_TYPE_LINK,
)
from .flows.discoveries import async_offered_links
from .flows.joining import is_parallel
from .flows.link import LinkFlow
from .flows.options import NEW_BANK_SCHEMA, BankOptionsFlow
from .flows.selectors import choice
from .flows.subentry import LinkSubentryFlow
from .links.discovery import (
    async_heard_name,
    async_search_name,
    may_be_a_link,
    name_matcher,
    name_of,
    refusal_of,
)
from .links.markdown import cut, escaped
from .links.settings import async_banks, links_of, named

DEFAULT_TITLE = "Battery bank"


class RenogyConfigFlow(
    LinkFlow[ConfigFlowContext, ConfigFlowResult, str], ConfigFlow, domain=DOMAIN
):
    """Sets up a bank with its first link, or adds a discovered link to a bank."""

    _stop_waiting: CALLBACK_TYPE | None = None

    VERSION = ENTRY_VERSION
    MINOR_VERSION = ENTRY_MINOR_VERSION

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        """Return the options flow of a bank."""
        return BankOptionsFlow()

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return the kinds of subentries of a bank."""
        return {SUBENTRY_TYPE_LINK: LinkSubentryFlow}

    @override
    async def async_step_bluetooth(
        self, discovery_info: BluetoothServiceInfoBleak
    ) -> ConfigFlowResult:
        """Offer a link that Home Assistant has discovered."""
        self._address = discovery_info.address
        self._name = name_of(discovery_info) or self._address
        if not async_offered_links(self.hass).async_offer(self.flow_id, self._address):
            return self.async_abort(
                reason="enough_offered", description_placeholders=self._placeholders
            )
        self._abort_if_refused()
        if not may_be_a_link(discovery_info):
            return self.async_abort(
                reason="not_supported", description_placeholders=self._placeholders
            )
        self._abort_if_link_configured()
        await self.async_set_unique_id(self._address)
        self._abort_if_unique_id_configured()
        # Without a name, the device may be one that is refused by its name.
        name = await async_search_name(self.hass, self._address)
        self._name = name or self._address
        self._abort_if_refused()
        self.context["title_placeholders"] = {CONF_NAME: cut(self._name)}
        return await self.async_step_bluetooth_confirm()

    async def async_step_bluetooth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask before connecting to a discovered link."""
        self._async_stop_waiting_for_name()
        if user_input is not None:
            return await self._async_probe_with(user_input)
        if self._name == self._address:
            # Home Assistant may have heard the name while the link was probed.
            self._name = async_heard_name(self.hass, self._address) or self._address
            self._abort_if_refused()
        if self._name == self._address:
            self._async_wait_for_name()
        self._set_confirm_only()
        return self._ask_for_probe("bluetooth_confirm")

    @callback
    def _async_wait_for_name(self) -> None:
        """Show the name of a discovered link as soon as it is heard, or drop the discovery."""

        @callback
        def heard(info: BluetoothServiceInfoBleak, _: BluetoothChange) -> None:
            if (name := name_of(info)) is None:
                return
            self._async_stop_waiting_for_name()
            self._name = name
            if refusal_of(name) is None:
                self.async_update_title_placeholders({CONF_NAME: cut(name)})
            else:
                self.hass.config_entries.flow.async_abort(self.flow_id)

        self._stop_waiting = bluetooth.async_register_callback(
            self.hass, heard, name_matcher(self._address), BluetoothScanningMode.PASSIVE
        )

    @callback
    def _async_stop_waiting_for_name(self) -> None:
        if self._stop_waiting is not None:
            self._stop_waiting()
            self._stop_waiting = None

    @callback
    @override
    def async_remove(self) -> None:
        """Listen no longer when the flow is over."""
        super().async_remove()
        self._async_stop_waiting_for_name()
        async_offered_links(self.hass).async_end(self.flow_id)

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Search for links, because the user adds the integration."""
        return await self.async_step_search()

    @override
    async def async_step_pick(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Let the user pick a link; its discovery is not offered meanwhile."""
        if user_input is not None:
            await self.async_set_unique_id(
                user_input["address"], raise_on_progress=False
            )
        return await super().async_step_pick(user_input)

    @override
    async def _async_ask_again(self) -> ConfigFlowResult:
        if self.source == SOURCE_BLUETOOTH:
            return await self.async_step_bluetooth_confirm()
        return await self.async_step_pick()

    @override
    def _found_schema(self) -> probatio.Schema:
        if async_banks(self.hass):
            return super()._found_schema()
        return NEW_BANK_SCHEMA

    @override
    async def _async_use_link(self, user_input: dict[str, Any]) -> ConfigFlowResult:
        if CONF_WIRING in user_input:
            return await self._async_wire(user_input)
        if not async_banks(self.hass):
            return await self.async_step_new_bank()
        return await self.async_step_bank()

    async def async_step_bank(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which bank the link belongs to."""
        banks = async_banks(self.hass)
        return self.async_show_menu(
            step_id="bank",
            menu_options=[
                "add_to_bank" if len(banks) == 1 else "add_to_existing_bank",
                "new_bank",
            ],
            description_placeholders={
                CONF_NAME: escaped(self._name),
                CONF_BANK: banks[0].title,
            },
        )

    async def async_step_add_to_bank(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Add the link to the only bank."""
        if not (banks := async_banks(self.hass)):
            return await self.async_step_new_bank()
        return await self._async_join(banks[0])

    async def async_step_add_to_existing_bank(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Add the link to one of several banks."""
        banks = {bank.entry_id: bank for bank in async_banks(self.hass)}
        if user_input is not None and user_input[CONF_BANK] in banks:
            return await self._async_join(banks[user_input[CONF_BANK]])
        titles = {entry_id: bank.title for entry_id, bank in banks.items()}
        return self.async_show_form(
            step_id="add_to_existing_bank",
            data_schema=probatio.Schema({probatio.Required(CONF_BANK): choice(titles)}),
            description_placeholders={CONF_NAME: escaped(self._name)},
        )

    async def async_step_new_bank(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Create another bank for the link."""
        if user_input is not None:
            return await self._async_wire(user_input)
        return self.async_show_form(
            step_id="new_bank",
            data_schema=NEW_BANK_SCHEMA,
            description_placeholders={CONF_NAME: escaped(self._name)},
        )

    async def _async_wire(self, options: dict[str, Any]) -> ConfigFlowResult:
        """Create a bank; batteries that cannot be in parallel are asked about."""
        if options[CONF_WIRING] != Wiring.PARALLEL:
            return await self._async_create_bank(options)
        return await self._async_join_unless_mixed(
            [named(self._link, ())], partial(self._async_create_bank, options)
        )

    async def _async_join(self, bank: ConfigEntry) -> ConfigFlowResult:
        """Add the link to a bank; batteries that cannot be in parallel are asked about."""
        if not is_parallel(bank):
            return await self._async_add_to(bank)
        known = links_of(bank).values()
        return await self._async_join_unless_mixed(
            [*known, named(self._link, known)], partial(self._async_add_to, bank)
        )

    @override
    async def _async_keep_apart(self) -> ConfigFlowResult:
        if async_banks(self.hass):
            return await self.async_step_bank()
        return await self.async_step_new_bank()

    async def _async_add_to(self, bank: ConfigEntry) -> ConfigFlowResult:
        self._abort_if_link_configured()
        # The bank ends the discovery flows of its links; it must not end this flow.
        await self.async_set_unique_id(None)
        link = named(self._link, links_of(bank).values())
        self.hass.config_entries.async_add_subentry(bank, link.as_subentry())
        return self.async_abort(
            reason="added_to_bank",
            description_placeholders={
                CONF_NAME: escaped(self._name),
                CONF_BANK: bank.title,
            },
        )

    async def _async_create_bank(self, options: dict[str, Any]) -> ConfigFlowResult:
        self._abort_if_link_configured()
        # The unique id of a link must not stay with the bank: the link may move to another bank.
        await self.async_set_unique_id(None)
        subentry = named(self._link, ()).as_subentry()
        return self.async_create_entry(
            title=self._new_title(),
            data={},
            options={**options, CONF_UPDATE_INTERVAL: DEFAULT_UPDATE_INTERVAL},
            subentries=[
                {
                    # Not the read-only view: the flow's result goes to the browser as JSON.
                    "data": dict(subentry.data),
                    "subentry_type": subentry.subentry_type,
                    "title": subentry.title,
                    "unique_id": subentry.unique_id,
                }
            ],
        )

    def _new_title(self) -> str:
        """Return a name that no bank has."""
        taken = {bank.title for bank in async_banks(self.hass)}
        numbered = (f"{DEFAULT_TITLE} {number}" for number in count(2))
        return next(
            name for name in chain([DEFAULT_TITLE], numbered) if name not in taken
        )
