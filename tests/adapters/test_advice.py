# SPDX-License-Identifier: Apache-2.0
"""Advice that fits the installation, and moments as they are written in a language."""

from datetime import UTC, datetime

import pytest

from custom_components.renogy_bt.adapters.advice import (
    Advice,
    async_advice,
    async_moment_in_words,
)
from custom_components.renogy_bt.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from tests.fake_air import FakeAir


async def in_language(hass: HomeAssistant, language: str) -> None:
    """Have the texts of a language there."""
    hass.config.language = language
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()


@pytest.mark.parametrize(
    ("language", "menu"),
    [("en", "Reboot system"), ("de", "System neu starten"), ("nl", "Systeem opnieuw")],
)
async def test_advice_fits_the_installation(
    hass: HomeAssistant, air: FakeAir, language: str, menu: str
) -> None:
    """With the supervisor the system is restarted from a menu; nobody has a command line there."""
    await in_language(hass, language)
    own_host = async_advice(hass)
    assert "systemctl restart bluetooth" in own_host[Advice.RESTART_SERVICE]
    assert "rfkill unblock" in own_host[Advice.UNBLOCK]
    hass.config.components.add("hassio")
    supervised = async_advice(hass)
    assert supervised.keys() == own_host.keys() == set(Advice)
    assert menu in supervised[Advice.RESTART_SERVICE]
    assert menu in supervised[Advice.UNBLOCK]
    assert not [text for text in supervised.values() if "`" in text]


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("cs", "03.11.2026 09:05"),
        ("pl", "03.11.2026 09:05"),
        ("sv", "2026-11-03 09:05"),
        ("en", "2026-11-03 09:05"),
        ("de", "03.11.2026 09:05"),
        ("nl", "03-11-2026 09:05"),
        ("es", "03/11/2026 09:05"),
        ("fr", "03/11/2026 09:05"),
        ("it", "03/11/2026 09:05"),
        ("fi", "2026-11-03 09:05"),
    ],
)
async def test_a_moment_is_local_and_as_the_language_writes_it(
    hass: HomeAssistant, air: FakeAir, language: str, expected: str
) -> None:
    """A moment is local, and written as people of the language do."""
    await hass.config.async_set_time_zone("Europe/Berlin")
    await in_language(hass, language)
    moment = datetime(2026, 11, 3, 8, 5, tzinfo=UTC)
    assert async_moment_in_words(hass, moment) == expected
