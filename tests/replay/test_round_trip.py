# SPDX-License-Identifier: Apache-2.0
"""Round trips in Home Assistant: a bank's diagnostics give nobody away, and say what was shown."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
import json
from random import Random
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockUser,
    async_fire_time_changed,
)

from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.diagnostics import async_get_config_entry_diagnostics
from custom_components.renogy_bt.renogy.families import family_by_key
from custom_components.renogy_bt.renogy.models import LinkReport
from custom_components.renogy_bt.storage.flight_records import OF_LINKS, SAVE_DELAY
from homeassistant.components import bluetooth
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import Unauthorized
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.json import json_dumps
from homeassistant.util import dt as dt_util
from tests.banks import bank_entry, link_settings, next_poll, set_up
from tests.emulator.world import Timing
from tests.fake_air import DONGLE, DONGLE_NAME, SCANNER, FakeAir
from tests.renogy.fake_link import (
    Delivery,
    FakeLink,
    Fault,
    all_ones,
    four_batteries,
    in_parts,
    link_to,
    rbt50lfp48s,
    silent,
    text_words,
    wrong_crc,
)
from tests.renogy.virtual_time import VirtualTimeLoop
from tests.round_trip.secrets import spelled, spelled_text

from .emulated_line import EmulatedLine
from .field_report import Diagnostics
from .reading import parse_report
from .test_world import any_battery
from .world import checked_world, world_of

BUILT_IN = "C4:D3:6A:9F:8E:7D"
BUILT_IN_NAME = "RNGRBP9F8E7D66"
SERIALS = ("22RBH4A051020000", "PPTAH13S20017733")
LARGEST = 300_000


def secrets() -> Iterator[str]:
    """Yield what must not stand in a file."""
    for address in (DONGLE, BUILT_IN):
        yield from spelled(address)
    for text in (*SERIALS, DONGLE_NAME, BUILT_IN_NAME, DONGLE_NAME[6:], "9F8E7D66"):
        yield from spelled_text(text)


async def bank_of_two(hass: HomeAssistant, air: FakeAir) -> MockConfigEntry:
    """Return a bank of a dongle and a battery with built-in Bluetooth, that spell everything."""
    first, second = rbt50lfp48s(serial=SERIALS[0]), rbt50lfp48s(serial=SERIALS[1])
    # A battery may spell its own address where nobody expects it.
    second.put(5130, text_words(DONGLE.replace(":", "")[4:], 4))
    second.put(5136, [0xFDA1, 0xB2C3, 0xC3B2, 0xA1FD])
    air.bring(FakeLink({48: first, 49: second}))
    lone = rbt50lfp48s(serial=SERIALS[1])
    air.bring(FakeLink({48: lone}), BUILT_IN, BUILT_IN_NAME)
    air.advertise(
        manufacturer_data={
            0xB26C: bytes.fromhex("fda1b2c3"),
            0x1234: bytes.fromhex("c3b2a1fdb26c"),
        }
    )
    entry = bank_entry(
        link_settings(units=(48, 49)), link_settings(BUILT_IN, BUILT_IN_NAME, (48,))
    )
    await set_up(hass, entry)
    return entry


async def file_of(hass: HomeAssistant, entry: MockConfigEntry) -> str:
    """Return the diagnostics of a bank as a file."""
    return json_dumps(await async_get_config_entry_diagnostics(hass, entry))


@pytest.mark.usefixtures("all_enabled")
async def test_nobody_is_given_away(hass: HomeAssistant, air: FakeAir) -> None:
    """No address, serial number or full name is in the file, in whatever spelling."""
    entry = await bank_of_two(hass, air)
    await next_poll(hass)
    air.links[DONGLE].always = [wrong_crc]
    await next_poll(hass)
    air.links[
        BUILT_IN
    ].unreachable = f"{BUILT_IN_NAME} ({BUILT_IN}) failed at {SCANNER}"
    await next_poll(hass)
    text = (await file_of(hass, entry)).lower()
    assert [each for each in secrets() if each in text] == []
    for position in (hass.config.latitude, hass.config.longitude):
        assert str(position) not in text
    assert bluetooth.async_last_service_info(hass, DONGLE) is not None


@pytest.mark.usefixtures("all_enabled")
async def test_it_has_everything(hass: HomeAssistant, air: FakeAir) -> None:
    """Both links, their polls and frames, the made-up addresses, and what was shown."""
    entry = await bank_of_two(hass, air)
    await next_poll(hass)
    told = json.loads(await file_of(hass, entry))
    assert (told["kind"], told["version"]) == ("diagnostics", 1)
    dongle, lone = told["links"]
    assert dongle["recording"]["address"].startswith("6C:B2:FD:00:00:")
    assert lone["recording"]["address"].startswith("C4:D3:6A:00:00:")
    assert dongle["recording"]["address"][9:] != lone["recording"]["address"][9:]
    assert dongle["recording"]["advertisement"]["name"] == "BT-TH"
    assert len(dongle["recording"]["polls"]) == 2
    assert dongle["recording"]["answers"].keys() == {"48", "49"}
    assert dongle["batteries"][0]["published"]["voltage"] == 52.4
    assert dongle["batteries"][0]["published"]["charge_mosfet"] is True
    assert told["published"]["voltage"] == 52.4


@pytest.mark.usefixtures("all_enabled")
async def test_a_large_bank_stays_small(hass: HomeAssistant, air: FakeAir) -> None:
    """Sixteen batteries whose link fails in every way do not fill the file."""
    link = air.bring(FakeLink({unit: rbt50lfp48s() for unit in range(48, 64)}))
    entry = bank_entry(link_settings(units=tuple(range(48, 64))))
    await set_up(hass, entry)
    faults: tuple[list[Fault], ...] = ([wrong_crc], [], [all_ones], [silent])
    for poll in range(70):
        link.always = faults[poll % len(faults)]
        await next_poll(hass)
    text = await file_of(hass, entry)
    assert len(text) < LARGEST
    assert isinstance(parse_report(text), Diagnostics)


async def test_a_failing_link_is_known_after_a_restart(
    hass: HomeAssistant, air: FakeAir, hass_storage: dict[str, Any]
) -> None:
    """The frames of its last failing polls are told, without addresses, after all is well."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    key = OF_LINKS.format(entry.entry_id)
    link.always = [wrong_crc]
    await next_poll(hass)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=SAVE_DELAY + 1))
    await hass.async_block_till_done()
    assert key in hass_storage, "what begins to fail is written in a while"
    del hass_storage[key]
    await next_poll(hass)
    await hass.config_entries.async_unload(entry.entry_id)
    assert key in hass_storage, "and at a stop"
    link.always = []
    await hass.config_entries.async_setup(entry.entry_id)
    await next_poll(hass)
    text = await file_of(hass, entry)
    (told,) = json.loads(text)["links"]
    assert told["recording"]["failing"] == []
    before = told["recording_before_start"]
    assert [bool(poll["failed"]) for poll in before["polls"]][-2:] == [True, True]
    assert before["failing"][-1]["exchanges"]
    assert "no_frame" in before["dropped"][-1]["reasons"]
    assert [each for each in secrets() if each in text.lower()] == []
    await hass.config_entries.async_remove(entry.entry_id)
    assert key not in hass_storage


async def test_nothing_is_written_of_links_in_peace(
    hass: HomeAssistant, air: FakeAir, hass_storage: dict[str, Any]
) -> None:
    """Good polls, a reload and an unload leave no file."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    for _ in range(3):
        await next_poll(hass)
    await hass.config_entries.async_reload(entry.entry_id)
    await next_poll(hass)
    await hass.config_entries.async_unload(entry.entry_id)
    assert OF_LINKS.format(entry.entry_id) not in hass_storage


async def test_the_action_returns_the_same(
    hass: HomeAssistant,
    air: FakeAir,
    hass_read_only_user: MockUser,
    hass_admin_user: MockUser,
) -> None:
    """An administrator gets what the download gives; nobody else gets anything."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, entry.entry_id), entry.entry_id
    )
    assert device is not None

    async def record(user: MockUser) -> Any:
        return await hass.services.async_call(
            DOMAIN,
            "record",
            {"device_id": device.id},
            blocking=True,
            return_response=True,
            context=Context(user_id=user.id),
        )

    with pytest.raises(Unauthorized):
        await record(hass_read_only_user)
    assert await record(hass_admin_user) == json.loads(await file_of(hass, entry))


def voltages(report: LinkReport) -> dict[int, tuple[float, float | None, int | None]]:
    """Return some of what a report says, as entities show it."""
    return {
        unit: (reading.voltage, reading.current, reading.cycles)
        for unit, reading in report.readings.items()
    }


def replayed(report: Diagnostics) -> dict[int, tuple[Any, ...]]:
    """Read the first link of diagnostics once more, below the library."""
    (link,) = checked_world(world_of(report)).links
    told = report.links[0]

    async def read_again() -> LinkReport:
        # The patience of these tests is as short.
        line = EmulatedLine(link, Timing().scaled(0.0))
        units = [battery.unit for battery in told.batteries]
        family = family_by_key(told.family)
        again = link_to(FakeLink({}), units, family, line.connect)
        await again.poll()
        now = await again.poll()
        await again.close()
        return now

    loop = VirtualTimeLoop()
    try:
        return voltages(loop.run_until_complete(read_again()))
    finally:
        loop.close()


def second_of(fault: Any, delivery: Delivery) -> Delivery:
    """Let a fault fall on the second battery only."""
    is_second = delivery.fragments[0][0] == 49
    faulty: Delivery = fault(delivery) if is_second else delivery
    return faulty


@pytest.mark.usefixtures("all_enabled")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fault", [None, silent, wrong_crc, all_ones, in_parts(20)])
async def test_random_banks(
    hass: HomeAssistant, air: FakeAir, seed: int, fault: Any
) -> None:
    """What a bank of random batteries shows is what a replay of its file reads."""
    random = Random(seed)
    link = air.bring(FakeLink({unit: any_battery(random) for unit in (48, 49)}))
    entry = bank_entry(link_settings(units=(48, 49)))
    await set_up(hass, entry)
    await next_poll(hass)
    if fault is not None:
        link.always = [partial(second_of, fault)]
        # A reading that was refused is shown for some polls more.
        for _ in range(5):
            await next_poll(hass)
    report = parse_report(await file_of(hass, entry))
    assert isinstance(report, Diagnostics)
    shown = {
        battery.unit: tuple(
            battery.published[key] for key in ("voltage", "current", "cycles")
        )
        for battery in report.links[0].batteries
        if battery.was_shown
    }
    assert 48 in shown
    now = await asyncio.to_thread(replayed, report)
    assert now == shown
