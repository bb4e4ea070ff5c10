"""Finding the batteries behind a link, and their family."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from homeassistant.core import HomeAssistant

from ..const import LOGGER
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
from .connection import LinkNotSeen, async_end_kept_connection, async_keeping_connector
from .discovery import async_heard_name, async_search_name, refusal_of
from .reports import Attempt, async_report

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeProblem:
    """Why probing a link failed: a translation key of the flow, and the reason given.

    The problem is `final` when the device is not a battery: trying again does not help.
    `report` is what the user can send, empty where nothing was tried.
    """

    key: str
    reason: str = ""
    final: bool = False
    report: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedLink:
    """What a probe found, and the name of the link: its address where no name is known."""

    name: str
    report: ProbeReport


async def async_probe_link(
    hass: HomeAssistant, address: str, name: str, unit_ids: Collection[int] = ()
) -> ProbedLink | ProbeProblem:
    """Connect to a link and find the batteries behind it, and the family that they are of.

    `unit_ids` are asked besides the usual ones. Where the `name` is only the address, a name
    is searched as soon as the batteries do not show their family.
    """
    told = local_name(name) or async_heard_name(hass, address)
    if (refusal := refusal_of(told)) is not None:
        return ProbeProblem(key=refusal, final=True)
    recording = Recording(hass.loop.time)
    connector = recording.of(async_keeping_connector(hass, address, told or address))
    try:
        report = await probe_link(connector, family_of(told), unit_ids)
    except asyncio.CancelledError:
        # The dialogue was closed.
        await async_end_kept_connection(hass, address)
        raise
    except RenogyError as error:
        LOGGER.debug("Probing %s failed: %r", told or address, error)
        await async_end_kept_connection(hass, address)
        attempt = Attempt(
            address=address, name=told, unit_ids=tuple(unit_ids), recording=recording
        )
        problem = _problem(error)
        return replace(
            problem,
            report=await async_report(hass, attempt, problem.key, str(error)),
        )
    family = _family(told, report)
    if family is UNDECIDED and told is None:
        await async_end_kept_connection(hass, address)
        told = await async_search_name(hass, address)
        family = _family(told, report)
    return ProbedLink(name=told or address, report=replace(report, family=family.key))


def _problem(error: RenogyError) -> ProbeProblem:
    if isinstance(error, NotABattery):
        return ProbeProblem(key=error.kind, final=True)
    return ProbeProblem(key=link_problem(error), reason=str(error))


def _family(name: str | None, report: ProbeReport) -> Family:
    """Return the family that the name tells, or else the batteries that were found."""
    named = family_of(name)
    if named is not UNDECIDED and named.refused_as is None:
        return named
    return family_shown([battery.model for battery in report.batteries])
