# SPDX-License-Identifier: Apache-2.0
"""The steps that every way of adding a link shares."""

from abc import abstractmethod
import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import probatio

from homeassistant.components import bluetooth
from homeassistant.const import CONF_ADDRESS, CONF_NAME
from homeassistant.core import HomeAssistant, callback
from homeassistant.data_entry_flow import AbortFlow, FlowContext, FlowResult
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component

from ..const import DOMAIN
from ..links.discovery import Candidate, async_candidates, refusal_of
from ..links.markdown import cut, escaped
from ..links.probing import ProbedLink, ProbeProblem, async_probe_link
from ..links.settings import LinkSettings, async_bank_of_link, position
from ..renogy.models import FoundBattery, ProbeReport
from .connection import connection_fields, kept_interval_of
from .joining import JoiningFlow
from .report import REPORT_PLACEHOLDERS, report_fields, report_section
from .selectors import choice
from .unit_ids import SECTION_ADVANCED, WrongUnitIds, advanced_fields, unit_ids_of


async def async_option_text(hass: HomeAssistant, selector: str, option: str) -> str:
    """Return a text of the forms in the user's language."""
    texts = await async_get_translations(
        hass, hass.config.language, "selector", {DOMAIN}
    )
    return texts.get(f"component.{DOMAIN}.selector.{selector}.options.{option}", "")


def battery_rows(
    batteries: Iterable[FoundBattery],
    units: list[int],
    names: Mapping[int, str] = MappingProxyType({}),
) -> str:
    """Return the rows of a Markdown table: position, unit id, battery, and what it is known by.

    A battery to which its owner has given a name has it before its model.
    """
    return "\n".join(
        _row(each, position(each.unit, units), names) for each in batteries
    )


def _row(battery: FoundBattery, place: int, names: Mapping[int, str]) -> str:
    name = " · ".join(filter(None, (names.get(battery.unit), battery.model)))
    charge, voltage = battery.state_of_charge, battery.voltage
    cells = (
        str(place),
        str(battery.unit),
        escaped(name) or "–",
        str(battery.cells or "–"),
        "–" if charge is None else f"{charge:.0f} %",
        "–" if voltage is None else f"{voltage:.1f} V",
        f"…{escaped(battery.serial_end)}" if battery.serial_end else "–",
    )
    return f"| {' | '.join(cells)} |"


def _label(address: str, candidate: Candidate, unsure: str) -> str:
    name = cut(candidate.name)
    if candidate.name != address:
        name = f"{name} ({address})"
    return name if candidate.is_sure else f"{name}: {unsure}"


class LinkFlow[ContextT: FlowContext, ResultT: FlowResult[Any, Any], HandlerT](
    JoiningFlow[ContextT, ResultT, HandlerT]
):
    """Searches for links, lets the user pick one, probes it and shows what was found."""

    _address: str
    _name: str = ""
    _candidates: dict[str, Candidate]
    _given: dict[str, Any]
    _unit_ids: tuple[int, ...] = ()
    _kept_interval: int | None = None
    _search: asyncio.Task[None] | None = None
    _probe: asyncio.Task[ProbedLink | ProbeProblem] | None = None
    _problem: ProbeProblem | None = None
    _report: ProbeReport | None = None

    @abstractmethod
    async def _async_ask_again(self) -> ResultT:
        """Show the form from which the probe was started."""

    @abstractmethod
    async def _async_use_link(self, user_input: dict[str, Any]) -> ResultT:
        """Go on with the link whose batteries the user has seen."""

    @property
    def _link(self) -> LinkSettings:
        """The link as the probe found it."""
        if TYPE_CHECKING:
            assert self._report is not None
        link = LinkSettings.from_probe(self._address, self._name, self._report)
        return replace(link, kept_interval=self._kept_interval)

    @property
    def _errors(self) -> dict[str, str]:
        return {} if self._problem is None else {"base": self._problem.key}

    @property
    def _placeholders(self) -> dict[str, str]:
        reason = "" if self._problem is None else self._problem.told
        return {CONF_NAME: escaped(self._name), "reason": escaped(reason)}

    @callback
    def _abort_if_refused(self) -> None:
        """End the flow where the name says that the device is no battery."""
        if (refusal := refusal_of(self._name)) is not None:
            raise AbortFlow(refusal, description_placeholders=self._placeholders)

    @callback
    def _abort_if_link_configured(self) -> None:
        if async_bank_of_link(self.hass, self._address) is not None:
            raise AbortFlow("already_configured")

    async def async_step_search(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Search for links with an active scan: names come in scan responses."""
        if self._search is None:
            self._search = self.hass.async_create_task(
                bluetooth.async_request_active_scan(self.hass),
                f"{DOMAIN} search for links",
                # A task that is over at once would leave no progress to show.
                eager_start=False,
            )
        if not self._search.done():
            return self.async_show_progress(
                step_id="search", progress_action="search", progress_task=self._search
            )
        await self._search
        self._candidates = async_candidates(self.hass)
        return self.async_show_progress_done(
            next_step_id="pick" if self._candidates else "nothing_found"
        )

    async def async_step_nothing_found(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Say that there is nothing to set up."""
        await self._async_offer_actions()
        return self.async_abort(reason="no_devices_found")

    async def async_step_pick(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Let the user pick one of the links that were heard."""
        if user_input is not None:
            self._address = user_input[CONF_ADDRESS]
            self._name = self._candidates[self._address].name
            self._abort_if_link_configured()
            self._abort_if_refused()
            return await self._async_probe_with(user_input)
        labels = await self._async_labels()
        return self._ask_for_probe(
            "pick", {probatio.Required(CONF_ADDRESS): choice(labels)}
        )

    async def _async_labels(self) -> dict[str, str]:
        """Return the labels of what may be picked, by address."""
        unsure = await async_option_text(self.hass, "link", "may_be_a_battery")
        return {
            address: _label(address, candidate, unsure)
            for address, candidate in self._candidates.items()
        }

    def _ask_for_probe(
        self, step_id: str, fields: Mapping[Any, Any] = MappingProxyType({})
    ) -> ResultT:
        """Show a form that starts a probe, with what was given before it failed."""
        has_failed = self._problem is not None
        advanced = advanced_fields(self._advanced_fields(), is_open=has_failed)
        schema = probatio.Schema({**fields, **advanced})
        if self._problem is not None:
            schema = self.add_suggested_values_to_schema(schema, self._given).extend(
                report_section(self._problem.report)
            )
        return self.async_show_form(
            step_id=step_id,
            data_schema=schema,
            errors=self._errors,
            description_placeholders={**self._placeholders, **REPORT_PLACEHOLDERS},
        )

    async def _async_probe_with(self, user_input: dict[str, Any]) -> ResultT:
        """Probe the link as the user has asked for."""
        self._given = user_input
        try:
            self._unit_ids = unit_ids_of(user_input)
        except WrongUnitIds as error:
            self._problem = ProbeProblem(key="unit_ids_wrong", told=str(error))
            return await self._async_ask_again()
        self._kept_interval = kept_interval_of(user_input.get(SECTION_ADVANCED, {}))
        return await self.async_step_probe()

    async def async_step_probe(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Find the batteries behind the link."""
        if self._probe is None:
            self._probe = self.hass.async_create_task(
                async_probe_link(
                    self.hass, self._address, self._name, self._asked_units
                ),
                f"{DOMAIN} probe of {self._name}",
                eager_start=False,
            )
        if not self._probe.done():
            return self.async_show_progress(
                step_id="probe",
                progress_action="probe",
                progress_task=self._probe,
                description_placeholders={CONF_NAME: escaped(self._name)},
            )
        outcome = await self._probe
        self._probe = None
        if isinstance(outcome, ProbeProblem):
            self._problem = outcome
            return self.async_show_progress_done(next_step_id="probe_failed")
        self._problem = None
        self._name = outcome.name
        self._report = outcome.report
        return self.async_show_progress_done(next_step_id="found")

    async def async_step_probe_failed(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Offer another try, unless the device is not a battery."""
        await self._async_offer_actions()
        if self._problem is not None and self._problem.final:
            return await self.async_step_refused()
        return await self._async_ask_again()

    async def _async_offer_actions(self) -> None:
        """Have the actions there for who has no bank yet: a probe may tell why."""
        await async_setup_component(self.hass, DOMAIN, {})

    async def async_step_refused(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Say what the device is, and offer the report before the flow ends."""
        if TYPE_CHECKING:
            assert self._problem is not None
        if user_input is not None or not self._problem.report:
            return self.async_abort(
                reason=self._problem.key, description_placeholders=self._placeholders
            )
        return self.async_show_form(
            step_id="refused",
            data_schema=probatio.Schema(report_fields(self._problem.report)),
            errors=self._errors,
            description_placeholders={**self._placeholders, **REPORT_PLACEHOLDERS},
        )

    async def async_step_found(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Show what was found before anything is created."""
        if user_input is not None:
            self._abort_if_link_configured()
            return await self._async_use_link(user_input)
        if TYPE_CHECKING:
            assert self._report is not None
        report = self._report
        units = [battery.unit for battery in report.batteries]
        step_id = "found"
        placeholders = {
            CONF_NAME: escaped(self._name),
            "batteries": battery_rows(report.batteries, units),
        }
        if report.others:
            step_id = "found_beside_others"
            placeholders["others"] = ", ".join(
                str(other.unit) for other in report.others
            )
        return self.async_show_form(
            step_id=step_id,
            data_schema=self._found_schema(),
            description_placeholders=placeholders,
        )

    async def async_step_found_beside_others(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Show what was found beside devices that are no batteries."""
        return await self.async_step_found(user_input)

    def _advanced_fields(self) -> Mapping[Any, Any]:
        """Return what is asked besides unit ids before a link is probed."""
        return connection_fields()

    @property
    def _asked_units(self) -> tuple[int, ...]:
        """The unit ids that are asked besides the usual ones."""
        return self._unit_ids

    def _found_schema(self) -> probatio.Schema:
        """Return what is asked together with the list of batteries."""
        return probatio.Schema({})
