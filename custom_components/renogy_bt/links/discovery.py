# SPDX-License-Identifier: Apache-2.0
"""Which peripherals in the air may be links, by what they advertise (protocol 1.1)."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import (
    BluetoothCallbackMatcher,
    BluetoothScanningMode,
    BluetoothServiceInfoBleak,
)
from homeassistant.core import HomeAssistant, callback

from ..renogy.families import UNDECIDED, family_of, local_name
from .settings import async_bank_of_link

NAME_SEARCH_SECONDS: Final = 10
"""How long a name is waited for: as long as Home Assistant's own active scans take."""

MOST_CANDIDATES: Final = 50
"""A longer list nobody reads."""


def name_of(info: BluetoothServiceInfoBleak) -> str | None:
    """Return the name that a peripheral tells, None while it tells none."""
    return local_name(info.name)


def refusal_of(name: str | None) -> str | None:
    """Return why a device with this name is refused, None if it may be a battery."""
    return family_of(name).refused_as


def spells_own_address(info: BluetoothServiceInfoBleak) -> bool:
    """Return whether the manufacturer data are the address, as of Renogy (protocol 1.1)."""
    address = info.address.replace(":", "").lower()
    return any(
        (company.to_bytes(2, "little") + data).hex() == address
        for company, data in info.manufacturer_data.items()
    )


def may_be_a_link(info: BluetoothServiceInfoBleak) -> bool:
    """Return whether a peripheral may be a battery or a dongle."""
    family = family_of(name_of(info))
    if family is UNDECIDED:
        return spells_own_address(info)
    return family.refused_as is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A peripheral that the user can pick.

    `is_sure` says that its name tells what it is, which need not be a battery.
    """

    name: str
    is_sure: bool


@callback
def async_candidates(hass: HomeAssistant) -> dict[str, Candidate]:
    """Return what may be picked and is in no bank yet, by address.

    What is sure comes first, then what is near: what somebody makes up from afar does not hide
    the owner's link.
    """
    found = [
        (info, name, family_of(name) is not UNDECIDED)
        for info in bluetooth.async_discovered_service_info(hass, connectable=True)
        for name in [name_of(info)]
        if (may_be_a_link(info) or refusal_of(name) is not None)
        and async_bank_of_link(hass, info.address) is None
    ]
    found.sort(key=lambda each: (not each[2], -each[0].rssi))
    return {
        info.address: Candidate(name=name or info.address, is_sure=is_sure)
        for info, name, is_sure in found[:MOST_CANDIDATES]
    }


@callback
def async_heard_name(hass: HomeAssistant, address: str) -> str | None:
    """Return the name that was heard of a peripheral."""
    info = bluetooth.async_last_service_info(hass, address, connectable=False)
    return None if info is None else name_of(info)


def name_matcher(address: str) -> BluetoothCallbackMatcher:
    """Return the matcher for what any scanner hears of a peripheral."""
    return BluetoothCallbackMatcher(address=address, connectable=False)


async def async_search_name(hass: HomeAssistant, address: str) -> str | None:
    """Return the name of a peripheral, searched with an active scan where none was heard.

    The name often stands in the scan response, which a passive scan does not ask for.
    """
    if (name := async_heard_name(hass, address)) is not None:
        return name
    with suppress(TimeoutError):
        info = await bluetooth.async_process_advertisements(
            hass,
            lambda info: name_of(info) is not None,
            name_matcher(address),
            BluetoothScanningMode.ACTIVE,
            NAME_SEARCH_SECONDS,
        )
        return name_of(info)
    return None
