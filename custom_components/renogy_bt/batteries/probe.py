# SPDX-License-Identifier: Apache-2.0
"""The action that probes a peripheral of any address, for a report."""

from collections.abc import Collection
import re
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.device_registry import format_mac
from homeassistant.util.json import JsonObjectType

from ..const import DOMAIN
from ..links.connection import LinkNotSeen, async_known_device
from ..links.probing import async_is_probed, async_probe_report, async_told
from ..links.settings import LinkSettings, async_link_at

_ADDRESS: Final = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}")
MOST_ECHOED: Final = 40
"""So much is repeated of what was given for an address and is none."""


def polling_is_off(link: LinkSettings) -> ServiceValidationError:
    """Return the error that a link is left to another app, and so is not connected to."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="link_polling_off",
        translation_placeholders={"link": link.name},
    )


async def async_probe(
    hass: HomeAssistant,
    given_address: str,
    unit_ids: Collection[int],
    *,
    connect_anyway: bool,
) -> JsonObjectType:
    """Look for batteries behind a peripheral as a set-up does, and return the report.

    Nothing is set up or changed. A link that is being polled is waited for.

    Raises:
        ServiceValidationError: This is no address, or one that is being probed already, that
            is left to another app, or that nobody hears who could connect.

    """
    address = format_mac(given_address.strip()).upper()
    if not _ADDRESS.fullmatch(address):
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="address_wrong",
            translation_placeholders={"address": given_address[:MOST_ECHOED]},
        )
    if async_is_probed(hass, address):
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="probe_running",
            translation_placeholders={"address": address},
        )
    link = async_link_at(hass, address)
    if link is not None and not link.polling and not connect_anyway:
        raise polling_is_off(link)
    name = address if link is None else link.name
    try:
        # Whoever is out of reach is not waited for.
        async_known_device(hass, address)
    except LinkNotSeen as error:
        key, told = async_told(hass, address, error)
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key=f"link_{key}",
            translation_placeholders={"link": name, "reason": told},
        ) from error
    return await async_probe_report(hass, address, name, unit_ids)
