"""Finding links, and the batteries behind a link."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import BluetoothServiceInfoBleak
from homeassistant.core import HomeAssistant, callback

from ..const import LOGGER
from ..renogy.exceptions import (
    LinkClosed,
    LinkSilent,
    LinkUnreachable,
    NotABattery,
    RenogyError,
)
from ..renogy.families import FAMILIES, family_of
from ..renogy.models import ProbeReport
from ..renogy.probe import probe_link
from .connection import LinkNotSeen, async_connector
from .settings import async_bank_of_link

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
    """

    key: str
    reason: str = ""
    final: bool = False


def clean_name(advertised: str | None) -> str:
    """Return an advertised name without the blanks and NULs that pad it (protocol 1.1)."""
    return (advertised or "").strip(" \0")


def refusal_of(name: str) -> str | None:
    """Return why a device with this name is refused, None if it may be a battery."""
    return family_of(name).refused_as


def _spells_own_address(info: BluetoothServiceInfoBleak) -> bool:
    """Return whether the manufacturer data are the address, as of Renogy (protocol 1.1)."""
    address = bytes.fromhex(info.address.replace(":", ""))
    return any(
        company.to_bytes(2, "little") + data == address
        for company, data in info.manufacturer_data.items()
    )


def _may_be_a_link(info: BluetoothServiceInfoBleak) -> bool:
    name = clean_name(info.name).upper()
    if refusal_of(name):
        return False
    return _spells_own_address(info) or any(
        name.startswith(family.name_prefix.upper()) for family in FAMILIES
    )


@callback
def async_unconfigured_links(hass: HomeAssistant) -> dict[str, str]:
    """Return the names of possible links that are in no bank yet, by address."""
    return {
        info.address: clean_name(info.name) or info.address
        for info in bluetooth.async_discovered_service_info(hass, connectable=True)
        if _may_be_a_link(info) and async_bank_of_link(hass, info.address) is None
    }


async def async_probe_link(
    hass: HomeAssistant, address: str, name: str
) -> ProbeReport | ProbeProblem:
    """Connect to a link and find the batteries behind it."""
    try:
        return await probe_link(async_connector(hass, address, name), family_of(name))
    except NotABattery as error:
        return ProbeProblem(key=error.kind, final=True)
    except RenogyError as error:
        LOGGER.debug("Probing %s failed: %r", name, error)
        return ProbeProblem(key=link_problem(error), reason=str(error))
