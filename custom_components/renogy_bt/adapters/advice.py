# SPDX-License-Identifier: Apache-2.0
"""What the owner can do at the host, by how Home Assistant is installed, and when it was."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.hassio import is_hassio
from homeassistant.helpers.translation import async_get_cached_translations
from homeassistant.util import dt as dt_util

from ..const import DOMAIN

_ISO: Final = "{year}-{month}-{day} {hour}:{minute}"
_OPTIONS: Final = f"component.{DOMAIN}.selector.{{}}.options.{{}}"


class Advice(StrEnum):
    """What texts have a place for, where it differs with the installation."""

    RESTART_SERVICE = "restart_service"
    UNBLOCK = "unblock"
    HOST_LOG = "host_log"


INSTALLATIONS: Final = ("supervisor", "own_host")
"""With the supervisor the system is restarted from a menu; else the host has a command line."""


@callback
def async_advice(hass: HomeAssistant) -> dict[str, str]:
    """Return each piece of advice in the language of Home Assistant, as placeholders of a text."""
    installation = INSTALLATIONS[0] if is_hassio(hass) else INSTALLATIONS[1]
    return {
        advice: _text(hass, "host_advice", f"{advice}_{installation}", "")
        for advice in Advice
    }


@callback
def async_moment_in_words(hass: HomeAssistant, moment: datetime) -> str:
    """Return a moment as it is written in the language of Home Assistant."""
    local = dt_util.as_local(moment)
    return _text(hass, "moment", "format", _ISO).format(
        year=f"{local.year:04}",
        **{
            unit: f"{getattr(local, unit):02}"
            for unit in ("month", "day", "hour", "minute")
        },
    )


@callback
def _text(hass: HomeAssistant, group: str, option: str, default: str) -> str:
    texts = async_get_cached_translations(
        hass, hass.config.language, "selector", DOMAIN
    )
    return texts.get(_OPTIONS.format(group, option), default)
