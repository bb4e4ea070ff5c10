# SPDX-License-Identifier: Apache-2.0
"""How a notice names what it is about without telling who or where that is.

Home Assistant adds the ids of all notices to each download of diagnostics, and all that those
tell which outlast a restart. None of that holds an address or a serial number: a link and its
batteries go by the random id of the link's subentry, an adapter by a mark that nobody else can
work out. Both are the same after a restart.
"""

from hashlib import blake2s
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers import instance_id
from homeassistant.util.hass_dict import HassKey

from ..adapter_health.troubles import Trouble
from ..const import DOMAIN
from ..links.coordinator import LinkCoordinator

ADAPTER_PREFIX: Final = "adapter_"
LINK_PREFIX: Final = "link_"

_MARK_BYTES: Final = 8
_SECRET: HassKey[bytes] = HassKey(f"{DOMAIN}_secret")


async def async_prepare_marks(hass: HomeAssistant) -> None:
    """Get ready to give marks; they go by the id of this Home Assistant, which no download holds."""
    hass.data[_SECRET] = (await instance_id.async_get(hass)).encode()[:32]


def mark_of(hass: HomeAssistant, secret: str) -> str:
    """Return what stands for an address or a serial number; without the key it cannot be found."""
    key = hass.data[_SECRET]
    return blake2s(secret.encode(), key=key, digest_size=_MARK_BYTES).hexdigest()


def battery_issue_id(kind: str, link: LinkCoordinator, unit: int) -> str:
    """Return the id of a notice of some kind about a battery."""
    return battery_id_of(kind, link.subentry_id, unit)


def battery_id_of(kind: str, subentry_id: str, unit: int) -> str:
    """Return the same where the link is not set up."""
    return f"{kind}_{subentry_id}-{unit}"


def link_issue_id(kind: str, subentry_id: str) -> str:
    """Return the id of a notice of some kind about a link."""
    return f"{LINK_PREFIX}{kind}_{subentry_id}"


def adapter_issue_id(hass: HomeAssistant, trouble: Trouble, address: str) -> str:
    """Return the id of a notice about an adapter.

    It stays the same while a trouble lasts, whatever the verdicts are meanwhile.
    """
    plain = address.replace(":", "").lower()
    return f"{ADAPTER_PREFIX}{trouble}_{mark_of(hass, plain)}"


def end_of_serial(serial: str | None) -> str | None:
    """Return what a notice shows of a serial number: its last two characters."""
    return f"…{serial[-2:]}" if serial else None
