# SPDX-License-Identifier: Apache-2.0
"""Why a link cannot be read, in the language of Home Assistant.

What other libraries say of it is English, and for the log and for reports.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.translation import (
    async_get_cached_translations,
    async_get_translations,
)

from ..const import DOMAIN
from ..renogy.exceptions import LinkClosed, LinkSilent, LinkUnreachable, RenogyError
from ..supervisor.neighbours import failure_of
from ..supervisor.poll_gate import ConnectingBrokenOff
from .connection import LinkNotSeen, TurnIsOver

# A peripheral in range is heard every few seconds, and Home Assistant remembers it for minutes:
# one that has not been heard for a minute is more likely out of range than busy.
LONGEST_UNHEARD: Final = 60.0

_TEXTS: Final = f"component.{DOMAIN}.selector.link_reason.options."
_MOST_CAUSES: Final = 10


class LinkReason(StrEnum):
    """Why a link cannot be read."""

    NO_SCANNER = "no_scanner"
    NOT_HEARD = "not_heard"
    NOT_CONNECTABLE = "not_connectable"
    HEARD = "heard"
    DENIED = "denied"
    NO_SLOT = "no_slot"
    BEING_REPAIRED = "being_repaired"
    TIMED_OUT = "timed_out"
    OTHER_SERVICES = "other_services"
    REFUSED = "refused"
    CLOSED = "closed"
    SILENT = "silent"
    LOST = "lost"


_FAILURES: Final[Mapping[str, LinkReason]] = MappingProxyType(
    {"denied": LinkReason.DENIED, "no_slot": LinkReason.NO_SLOT}
)


@callback
def async_hearing(hass: HomeAssistant, address: str) -> LinkReason:
    """Return how well a link is heard by what could connect to it."""
    if not bluetooth.async_scanner_count(hass, connectable=True):
        return LinkReason.NO_SCANNER
    heard = bluetooth.async_last_service_info(hass, address, connectable=True)
    if heard is not None and bluetooth.MONOTONIC_TIME() - heard.time <= LONGEST_UNHEARD:
        return LinkReason.HEARD
    if heard is None and bluetooth.async_address_present(
        hass, address, connectable=False
    ):
        return LinkReason.NOT_CONNECTABLE
    return LinkReason.NOT_HEARD


@callback
def async_reason_of(
    hass: HomeAssistant, address: str, error: RenogyError
) -> LinkReason:
    """Return why a link could not be read, by the kinds of the errors, not by their texts."""
    if isinstance(error, LinkClosed):
        return LinkReason.CLOSED
    if isinstance(error, LinkSilent):
        return LinkReason.SILENT
    if not isinstance(error, LinkUnreachable):
        return LinkReason.LOST
    hearing = async_hearing(hass, address)
    if isinstance(error, LinkNotSeen):
        return hearing
    if error.characteristics:
        return LinkReason.OTHER_SERVICES
    if (told := _FAILURES.get(failure_of(error))) is not None:
        return told
    causes = _causes(error)
    if any(isinstance(each, ConnectingBrokenOff) for each in causes):
        return LinkReason.BEING_REPAIRED
    if hearing is not LinkReason.HEARD:
        return hearing
    if any(isinstance(each, TimeoutError | TurnIsOver) for each in causes):
        return LinkReason.TIMED_OUT
    return LinkReason.REFUSED


OUT_OF_REACH: Final = frozenset(
    {LinkReason.NO_SCANNER, LinkReason.NOT_HEARD, LinkReason.NOT_CONNECTABLE}
)
"""Reasons for which nobody could have connected."""


@callback
def async_in_words(hass: HomeAssistant, reason: LinkReason) -> str:
    """Return a reason in the language of Home Assistant."""
    texts = async_get_cached_translations(
        hass, hass.config.language, "selector", DOMAIN
    )
    return texts.get(_TEXTS + reason, reason)


async def async_load_words(hass: HomeAssistant) -> None:
    """Have the words there, also for who sets the first bank up."""
    await async_get_translations(hass, hass.config.language, "selector", {DOMAIN})


def _causes(error: BaseException) -> list[BaseException]:
    causes: list[BaseException] = []
    while error.__cause__ is not None and len(causes) < _MOST_CAUSES:
        error = error.__cause__
        causes.append(error)
    return causes
