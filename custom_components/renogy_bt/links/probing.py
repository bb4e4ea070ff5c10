"""Finding links, and the batteries behind one, for the config flows."""

from dataclasses import dataclass

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import BluetoothServiceInfoBleak
from homeassistant.core import HomeAssistant, callback

from ..const import LOGGER
from ..renogy.exceptions import (
    DeviceKind,
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

REFUSALS: dict[DeviceKind, str] = {
    DeviceKind.CHARGE_CONTROLLER: "charge_controller",
    DeviceKind.INVERTER: "inverter",
    DeviceKind.SHUNT: "shunt",
    DeviceKind.UNKNOWN: "not_a_battery",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeProblem:
    """Why a link cannot be set up: a translation key of the flow, and the reason given.

    A `final` problem is what the device is: asking again does not change it.
    """

    key: str
    reason: str = ""
    final: bool = False


def clean_name(advertised: str | None) -> str:
    """Return an advertised name without the blanks and NULs that pad it (protocol 1.1)."""
    return (advertised or "").strip(" \0")


def refusal_of(name: str) -> str | None:
    """Return the refusal of a device that its name gives away, or None."""
    kind = family_of(name).refused_as
    return None if kind is None else REFUSALS[kind]


def _spells_own_address(info: BluetoothServiceInfoBleak) -> bool:
    """Tell a Renogy peripheral by its manufacturer data: its own address (protocol 1.1)."""
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
    """Return the names by address of what may be a link and is in no bank yet."""
    return {
        info.address: clean_name(info.name) or info.address
        for info in bluetooth.async_discovered_service_info(hass, connectable=True)
        if _may_be_a_link(info) and async_bank_of_link(hass, info.address) is None
    }


async def async_probe_link(
    hass: HomeAssistant, address: str, name: str
) -> ProbeReport | ProbeProblem:
    """Connect to a link and look which batteries are behind it."""
    try:
        return await probe_link(async_connector(hass, address, name), family_of(name))
    except NotABattery as error:
        return ProbeProblem(key=REFUSALS[error.kind], final=True)
    except LinkNotSeen as error:
        problem = ProbeProblem(key="not_reachable", reason=str(error))
    except LinkUnreachable as error:
        problem = ProbeProblem(key="cannot_connect", reason=str(error))
    except LinkSilent as error:
        problem = ProbeProblem(key="no_answer", reason=str(error))
    except RenogyError as error:
        problem = ProbeProblem(key="connection_lost", reason=str(error))
    LOGGER.debug("Probing %s failed: %s (%s)", name, problem.key, problem.reason)
    return problem
