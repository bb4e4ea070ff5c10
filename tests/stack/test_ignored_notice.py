# SPDX-License-Identifier: Apache-2.0
"""A notice of an adapter that the user ignores, over steps, reloads and a restart."""

import asyncio
from dataclasses import replace

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.adapter_health.ladder import RecoveryLevel
from custom_components.renogy_bt.adapter_health.notices import TOLD_AFTER
from custom_components.renogy_bt.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from tests.emulator import EmulatedWorld

from .site import BANK, MINUTE, NOTICE_GOES, a_site
from .warped_time import warped_time

pytestmark = pytest.mark.usefixtures("enable_custom_integrations")


def notice_of(hass: HomeAssistant) -> ir.IssueEntry | None:
    """Return the issue about the adapter."""
    return next(
        (
            issue
            for (domain, issue_id), issue in ir.async_get(hass).issues.items()
            if domain == DOMAIN and issue_id.startswith("adapter_")
        ),
        None,
    )


async def test_ignored_notice_stays_ignored(
    hass: HomeAssistant, emulated_world: EmulatedWorld, bluetooth_entry: MockConfigEntry
) -> None:
    """It is there and ignored as long as the fault lasts; a later fault is told anew."""
    with warped_time(hass.loop, emulated_world.bus.address):
        assert await async_setup_component(hass, DOMAIN, {})
        async with a_site(hass, emulated_world, RecoveryLevel.OFF) as site:
            await asyncio.sleep(2 * MINUTE)
            await emulated_world.set_fault("powered-off")
            await site.until(lambda: notice_of(hass), TOLD_AFTER + MINUTE)
            told = notice_of(hass)
            assert told is not None
            ir.async_ignore_issue(hass, DOMAIN, told.issue_id, True)
            # A reload of the only bank.
            await site.supervisor.async_detach(BANK)
            assert notice_of(hass) is not None
            await site.supervisor.async_attach(
                BANK, [site.link.address], RecoveryLevel.OFF
            )
            await asyncio.sleep(2 * MINUTE)
            kept = notice_of(hass)
            assert kept is not None
            assert (kept.issue_id, kept.active) == (told.issue_id, True)
            assert kept.dismissed_version is not None
            # A restart of Home Assistant: so its registry reads what it has kept of an issue.
            await site.supervisor.async_detach(BANK)
            ir.async_get(hass).issues[(DOMAIN, kept.issue_id)] = replace(
                kept, active=False, data=None, translation_key=None
            )
            await site.supervisor.async_attach(
                BANK, [site.link.address], RecoveryLevel.OFF
            )
            await asyncio.sleep(2 * MINUTE)
            kept = notice_of(hass)
            assert kept is not None
            assert (kept.issue_id, kept.active) == (told.issue_id, True)
            assert kept.translation_key == "adapter_powered_off"
            assert kept.dismissed_version is not None
            await emulated_world.clear_faults()
            await site.supervisor.async_attach(
                BANK, [site.link.address], RecoveryLevel.FULL
            )
            await site.until(lambda: notice_of(hass) is None, 5 * MINUTE + NOTICE_GOES)
