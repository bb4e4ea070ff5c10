# SPDX-License-Identifier: Apache-2.0
"""Adding a link to a bank, and rescanning it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, override

import probatio

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigSubentryFlow,
    SubentryFlowContext,
    SubentryFlowResult,
)
from homeassistant.const import CONF_NAME
from homeassistant.data_entry_flow import AbortFlow

from ..const import CONF_CONNECT_ANYWAY, CONF_FORGET
from ..links.markdown import escaped
from ..links.probing import ProbeProblem
from ..links.rescan import Rescan, async_tell_rescanned
from ..links.settings import (
    DamagedLink,
    KnownBattery,
    LinkSettings,
    async_name_of,
    links_of,
    named,
    position,
    title_of,
)
from .connection import connection_fields, kept_interval_of
from .joining import async_rows_of_mixed, is_parallel
from .link import LinkFlow, async_option_text, battery_rows
from .selectors import choice


class LinkSubentryFlow(
    LinkFlow[SubentryFlowContext, SubentryFlowResult, tuple[str, str]],
    ConfigSubentryFlow,
):
    """Adds a link to a bank and rescans it."""

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Search for links to add."""
        return await self.async_step_search()

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask what is to be changed; who comes from a notice looks for batteries again."""
        if user_input is not None:
            return await self.async_step_rescan()
        return self.async_show_menu(
            step_id="reconfigure",
            menu_options=["rescan", "connection"],
            description_placeholders={CONF_NAME: escaped(self._known.name)},
        )

    async def async_step_connection(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask whether the link is kept connected."""
        if user_input is None:
            return self.async_show_form(
                step_id="connection",
                data_schema=probatio.Schema(
                    connection_fields(self._known.kept_interval)
                ),
                description_placeholders={CONF_NAME: escaped(self._known.name)},
            )
        link = replace(self._known, kept_interval=kept_interval_of(user_input))
        return await self._async_store(link)

    async def async_step_rescan(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask before the link is rescanned."""
        self._address = self._known.address
        self._name = self._known.name
        fields: dict[Any, Any] = {}
        if not self._known.polling:
            fields[probatio.Optional(CONF_CONNECT_ANYWAY, default=False)] = bool
        if user_input is None:
            return self._ask_for_probe("rescan", fields)
        if fields and not user_input.get(CONF_CONNECT_ANYWAY):
            # It is left to another app, which a connection would disturb.
            self._given, self._problem = user_input, ProbeProblem(key="polling_off")
            return self._ask_for_probe("rescan", fields)
        return await self._async_probe_with(user_input)

    @override
    def _advanced_fields(self) -> Mapping[Any, Any]:
        is_known = self.source == SOURCE_RECONFIGURE
        return {} if is_known else super()._advanced_fields()

    @property
    @override
    def _asked_units(self) -> tuple[int, ...]:
        if self.source != SOURCE_RECONFIGURE:
            return self._unit_ids
        return (*self._unit_ids, *self._known.units)

    @property
    def _known(self) -> LinkSettings:
        try:
            return LinkSettings.from_subentry(self._get_reconfigure_subentry())
        except DamagedLink as error:
            raise AbortFlow(
                "damaged", description_placeholders={CONF_NAME: str(error)}
            ) from error

    @override
    async def _async_ask_again(self) -> SubentryFlowResult:
        if self.source == SOURCE_RECONFIGURE:
            return await self.async_step_rescan()
        return await self.async_step_pick()

    @override
    async def _async_use_link(self, user_input: dict[str, Any]) -> SubentryFlowResult:
        link = named(self._link, self._others)
        return await self._async_join(
            [*self._others, link], partial(self._async_add, link)
        )

    async def _async_join(
        self,
        links: Iterable[LinkSettings],
        join: Callable[[], Awaitable[SubentryFlowResult]],
    ) -> SubentryFlowResult:
        """Go on with the bank as it will be; a bank that is mixed already is as its owner wants it."""
        bank = self._get_entry()
        known = links_of(bank).values()
        if not is_parallel(bank) or async_rows_of_mixed(self.hass, known):
            return await join()
        return await self._async_join_unless_mixed(links, join)

    @property
    def _others(self) -> list[LinkSettings]:
        """The links of the bank but for this one."""
        links = links_of(self._get_entry()).values()
        return [link for link in links if link.address != self._address]

    @override
    async def _async_keep_apart(self) -> SubentryFlowResult:
        return self.async_abort(reason="not_joined")

    async def _async_add(self, link: LinkSettings) -> SubentryFlowResult:
        subentry = link.as_subentry()
        return self.async_create_entry(
            title=subentry.title, data=subentry.data, unique_id=subentry.unique_id
        )

    @override
    async def async_step_found(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show what was found."""
        if self.source == SOURCE_RECONFIGURE:
            return await self.async_step_rescanned()
        return await super().async_step_found(user_input)

    async def async_step_rescanned(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show the batteries that were found, and which of them are new."""
        rescan = Rescan(known=self._known, found=self._link)
        if user_input is None:
            return await self._async_show_rescanned(rescan)
        forgotten = {int(unit) for unit in user_input.get(CONF_FORGET, ())}
        known = links_of(self._get_entry()).values()
        result = named(rescan.result(forgotten), known)
        async_tell_rescanned(self.hass, rescan)
        return await self._async_join(
            [*self._others, result], partial(self._async_store, result)
        )

    async def _async_store(self, link: LinkSettings) -> SubentryFlowResult:
        """Store the link as it is now, and say whether anything has changed."""
        subentry = self._get_reconfigure_subentry()
        title = title_of(subentry, link)
        if link == self._known and title == subentry.title:
            return self.async_abort(
                reason="nothing_changed",
                description_placeholders={CONF_NAME: escaped(link.name)},
            )
        return self.async_update_and_abort(
            self._get_entry(), subentry, data=link.as_data(), title=title
        )

    async def async_step_rescanned_silent(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask about the known batteries that did not answer."""
        return await self.async_step_rescanned(user_input)

    async def _async_show_rescanned(self, rescan: Rescan) -> SubentryFlowResult:
        if TYPE_CHECKING:
            assert self._report is not None
        units = sorted({*rescan.known.units, *rescan.found.units})
        names = {
            unit: name
            for unit in units
            if (name := async_name_of(self.hass, (self._address, unit), by_user=True))
        }
        placeholders = {
            CONF_NAME: escaped(self._name),
            "batteries": battery_rows(self._report.batteries, units, names),
            "news": await self._async_news(rescan, units),
        }
        if not rescan.silent:
            return self.async_show_form(
                step_id="rescanned", description_placeholders=placeholders
            )
        return self.async_show_form(
            step_id="rescanned_silent",
            data_schema=_forget_schema(rescan.silent, units, names),
            description_placeholders={
                **placeholders,
                "silent": _places((each.unit for each in rescan.silent), units),
            },
        )

    async def _async_news(self, rescan: Rescan, units: list[int]) -> str:
        """Say at which positions batteries are new, or that none is."""
        key = "new" if rescan.added else "none_new"
        text = await async_option_text(self.hass, "found_batteries", key)
        return text.format(positions=_places(rescan.added, units))


def _places(selected: Iterable[int], units: list[int]) -> str:
    places = (str(position(unit, units)) for unit in sorted(selected))
    return ", ".join(places)


def _forget_schema(
    silent: Iterable[KnownBattery], units: list[int], names: Mapping[int, str]
) -> probatio.Schema:
    labels = {
        str(battery.unit): (
            f"{position(battery.unit, units)}: "
            f"{names.get(battery.unit) or battery.model or battery.unit}"
        )
        for battery in silent
    }
    return probatio.Schema(
        {probatio.Optional(CONF_FORGET, default=list): choice(labels, multiple=True)}
    )
