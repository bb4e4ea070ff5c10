# SPDX-License-Identifier: Apache-2.0
"""Finding the batteries behind a link, and their family."""

import asyncio
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN, LOGGER
from ..renogy.exceptions import (
    LinkClosed,
    LinkSilent,
    LinkUnreachable,
    NotABattery,
    RenogyError,
)
from ..renogy.families import UNDECIDED, Family, family_of, family_shown, local_name
from ..renogy.models import ProbeReport
from ..renogy.probe import probe_link
from ..renogy.recording import Recording
from .connection import LinkNotSeen, async_end_left_connection, async_probing_connector
from .discovery import async_heard_name, async_search_name, refusal_of
from .reasons import OUT_OF_REACH, async_in_words, async_load_words, async_reason_of
from .reports import FOUND, Attempt, as_text, async_report

# The more special an error, the earlier.
LINK_PROBLEMS: Final[Mapping[type[RenogyError], str]] = MappingProxyType(
    {
        LinkNotSeen: "not_reachable",
        LinkClosed: "closed",
        LinkUnreachable: "cannot_connect",
        LinkSilent: "no_answer",
        RenogyError: "connection_lost",
    }
)
"""What may go wrong with a link for a while, as the end of a translation key."""


def link_problem(error: RenogyError) -> str:
    """Return the end of the translation key for an error that may pass."""
    return next(key for kind, key in LINK_PROBLEMS.items() if isinstance(error, kind))


@callback
def async_told(
    hass: HomeAssistant, address: str, error: RenogyError
) -> tuple[str, str]:
    """Return the end of the translation key for an error that may pass, and why in words."""
    reason = async_reason_of(hass, address, error)
    key = "not_reachable" if reason in OUT_OF_REACH else link_problem(error)
    return key, async_in_words(hass, reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeProblem:
    """Why probing a link failed: a translation key of the flow, and the reason given.

    `told` is the reason in the language of Home Assistant, `reason` what a report says. The
    problem is `final` when the device is not a battery: trying again does not help.
    `report` is what the user can send, empty where nothing was tried.
    """

    key: str
    reason: str = ""
    told: str = ""
    final: bool = False
    report: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedLink:
    """What a probe found, and the name of the link: its address where no name is known."""

    name: str
    report: ProbeReport


_UNDER_WAY: HassKey[list[str]] = HassKey(f"{DOMAIN}_probes")
"""The addresses that are being probed; two dialogues may probe the same one."""


@callback
def async_is_probed(hass: HomeAssistant, address: str) -> bool:
    """Return whether a link is being probed."""
    return address in hass.data.get(_UNDER_WAY, ())


async def async_probe_link(
    hass: HomeAssistant, address: str, name: str, unit_ids: Collection[int] = ()
) -> ProbedLink | ProbeProblem:
    """Connect to a link and find the batteries behind it, and the family that they are of.

    `unit_ids` are asked besides the usual ones. Where the `name` is only the address, a name
    is searched as soon as the batteries do not show their family.
    """
    attempt = _async_attempt(hass, address, name, unit_ids)
    outcome = await _async_probe(hass, attempt)
    if isinstance(outcome, ProbedLink) or refusal_of(attempt.name) is not None:
        return outcome
    report = await async_report(hass, attempt, outcome.key, outcome.reason)
    return replace(outcome, report=as_text(report))


async def async_probe_report(
    hass: HomeAssistant, address: str, name: str, unit_ids: Collection[int] = ()
) -> dict[str, Any]:
    """Probe a link as `async_probe_link` does, let go of it, and return the report."""
    attempt = _async_attempt(hass, address, name, unit_ids)
    outcome = await _async_probe(hass, attempt)
    await async_end_left_connection(hass, address)
    if isinstance(outcome, ProbeProblem):
        return await async_report(hass, attempt, outcome.key, outcome.reason)
    return await async_report(hass, attempt, FOUND, found=outcome.report)


@callback
def _async_attempt(
    hass: HomeAssistant, address: str, name: str, unit_ids: Collection[int]
) -> Attempt:
    """Begin an attempt, with the name that is given or was heard."""
    return Attempt(
        address=address,
        name=local_name(name) or async_heard_name(hass, address),
        unit_ids=tuple(unit_ids),
        recording=Recording(hass.loop.time()),
    )


async def _async_probe(
    hass: HomeAssistant, attempt: Attempt
) -> ProbedLink | ProbeProblem:
    """Make an attempt; a link that is refused by its name is not connected to."""
    address, told = attempt.address, attempt.name
    connector = async_probing_connector(hass, address, told or address)
    try:
        with _under_way(hass, address):
            report = await probe_link(
                connector, family_of(told), attempt.unit_ids, attempt.recording
            )
    except asyncio.CancelledError:
        # The dialogue was closed.
        await async_end_left_connection(hass, address)
        raise
    except RenogyError as error:
        LOGGER.debug("Probing %s failed: %r", told or address, error)
        await async_end_left_connection(hass, address)
        await async_load_words(hass)
        return _problem(hass, address, error)
    family = _family(told, report)
    if family is UNDECIDED and told is None:
        await async_end_left_connection(hass, address)
        told = await async_search_name(hass, address)
        family = _family(told, report)
    return ProbedLink(name=told or address, report=replace(report, family=family.key))


@contextmanager
def _under_way(hass: HomeAssistant, address: str) -> Iterator[None]:
    probed = hass.data.setdefault(_UNDER_WAY, [])
    probed.append(address)
    try:
        yield
    finally:
        probed.remove(address)


@callback
def _problem(hass: HomeAssistant, address: str, error: RenogyError) -> ProbeProblem:
    if isinstance(error, NotABattery):
        return ProbeProblem(key=error.kind, reason=str(error), final=True)
    key, told = async_told(hass, address, error)
    return ProbeProblem(key=key, reason=str(error), told=told)


def _family(name: str | None, report: ProbeReport) -> Family:
    """Return the family that the name tells, or else the batteries that were found."""
    named = family_of(name)
    if named is not UNDECIDED and named.refused_as is None:
        return named
    return family_shown([battery.model for battery in report.batteries])
