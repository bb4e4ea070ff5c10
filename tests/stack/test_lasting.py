# SPDX-License-Identifier: Apache-2.0
"""What lasts through a restart of Home Assistant."""

import asyncio
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.adapter_health.samples import Verdict
from custom_components.renogy_bt.adapter_health.status import EventKind
from homeassistant.core import HomeAssistant
from tests.emulator import EmulatedWorld
from tests.insides import forget_supervisor

from .site import MINUTE, Site, a_site, a_witness, batteries_of
from .warped_time import warped_time

HOUR = 60 * MINUTE
ADVERTISING = 10.0


def begin_anew(hass: HomeAssistant) -> None:
    """Let nothing remain in memory of adapter health, as over a restart."""
    forget_supervisor(hass)


async def settled(site: Site, verdict: Verdict, limit: float) -> None:
    """Wait for a verdict; the adapter must not be called well before."""

    def is_judged() -> bool:
        now = site.supervisor.adapters.get(site.address)
        assert now is None or now.verdict is not Verdict.OK
        return now is not None and now.verdict is verdict

    await site.until(is_judged, limit)


@pytest.mark.parametrize("scanner_mode", ["active"])
async def test_deaf_through_restarts(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    bluetooth_entry: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    """A deaf adapter is deaf after each restart, rests as it did, and is told of once."""
    link = batteries_of(emulated_world)[0]
    with warped_time(hass.loop, emulated_world.bus.address):
        async with a_witness(hass, emulated_world, link):
            await stays_deaf(hass, emulated_world, bluetooth_entry, hass_storage)


async def stays_deaf(
    hass: HomeAssistant,
    emulated_world: EmulatedWorld,
    bluetooth_entry: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    """Let an adapter go deaf, restart Home Assistant again and again, and mend it."""
    async with a_site(hass, emulated_world) as site:
        await asyncio.sleep(5 * MINUTE)
        assert site.status.verdict is Verdict.OK
        await emulated_world.set_fault("discovery-stuck", until="cleared")
        await site.until(lambda: site.status.verdict is Verdict.SILENT, 10 * MINUTE)
        await asyncio.sleep(HOUR)
        assert len(site.steps()) >= 2
        before = site.health
        assert before.climb.rest_until is not None
        assert before.judgement is not None
    stored = hass_storage["renogy_bt.bluetooth_health"]["data"]["adapters"]
    assert stored[site.address]["memory"]["fault"]["verdict"] == "silent"
    for _ in range(3):
        begin_anew(hass)
        await hass.config_entries.async_reload(bluetooth_entry.entry_id)
        async with a_site(hass, emulated_world) as site:
            await settled(site, Verdict.SILENT, 10 * MINUTE)
            after = site.health
            assert after.judgement is not None
            assert after.judgement.since == pytest.approx(
                before.judgement.since, abs=5.0
            )
            assert after.climb.tried == before.climb.tried
            assert after.climb.rest_until == pytest.approx(
                before.climb.rest_until, abs=5.0
            )
            assert EventKind.DETECTED not in [each.kind for _, each in site.events]
            assert site.steps() == []
    begin_anew(hass)
    await emulated_world.clear_faults()
    async with a_site(hass, emulated_world) as site:
        await site.until(
            lambda: site.supervisor.adapters and site.status.verdict is Verdict.OK,
            10 * MINUTE,
        )
