# SPDX-License-Identifier: Apache-2.0
"""How strong the signal of each link is, and whether it is too weak to read the link."""

from time import monotonic

from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..renogy.weak_signal import WeakSignal
from ..supervisor.supervisor import async_get_supervisor

_SIGNALS: HassKey[dict[str, WeakSignal]] = HassKey(f"{DOMAIN}_signals")


@callback
def async_note_poll(hass: HomeAssistant, address: str, *, reached: bool) -> bool:
    """Take note of whether a poll reached a link.

    Returns whether the next poll is to be noted although it may reach the link.
    """
    signals = _signals(hass)
    signal = signals.setdefault(address, WeakSignal())
    heard = async_get_supervisor(hass).signal_of(address)
    is_weak = None if heard is None else heard.is_weak
    signal.polled(monotonic(), reached=reached, is_weak=is_weak)
    if reached and signal.is_forgotten:
        del signals[address]
    return address in signals


@callback
def async_is_followed(hass: HomeAssistant, address: str) -> bool:
    """Return whether polls of a link have been in vain of late."""
    return address in _signals(hass)


@callback
def async_forget(hass: HomeAssistant, address: str) -> None:
    """Forget how the polls of a link went: it is not polled any more."""
    _signals(hass).pop(address, None)


@callback
def async_is_too_weak(hass: HomeAssistant, address: str) -> bool:
    """Return whether the signal of a link has been too weak to read it, and for long enough."""
    signal = _signals(hass).get(address)
    return signal is not None and signal.is_on


def _signals(hass: HomeAssistant) -> dict[str, WeakSignal]:
    """Return what is known of the links; it outlives a reload of their banks."""
    if _SIGNALS not in hass.data:
        hass.data[_SIGNALS] = {}
    return hass.data[_SIGNALS]
