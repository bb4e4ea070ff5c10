"""Banks with lost links: the others are read in time, and what is lost is found again."""

import asyncio
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.renogy.models import ReadingFailure
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from tests.banks import (
    bank_entry,
    bank_of,
    bank_state,
    battery_state,
    entity_id,
    link_of,
    link_settings,
    next_poll,
    set_up,
    settle,
)
from tests.fake_air import DONGLE, FakeAir
from tests.renogy.fake_link import FakeLink, rbt50lfp48s

OTHER = "60:98:66:ED:FC:11"
OTHER_NAME = "BT-TH-66EDFC11"
THIRD = "60:98:66:ED:FC:12"
THIRD_NAME = "BT-TH-66EDFC12"

SEARCH_PAUSE = "custom_components.renogy_bt.renogy.reappearance.FIRST_SEARCH_PAUSE"


class HangingAir:
    """Holds up connections to some links until they are given up."""

    def __init__(self, air: FakeAir, monkeypatch: pytest.MonkeyPatch) -> None:
        """Hold up none yet."""
        self._air = air
        self.hanging: set[str] = set()
        self.given_up = asyncio.Event()
        monkeypatch.setattr(
            "custom_components.renogy_bt.links.connection.connect", self._connect
        )

    async def _connect(self, device: Any, name: str) -> Any:
        if device.address in self.hanging:
            self._air.attempts.append("hanging")
            await self.given_up.wait()
        return await self._air.connect(device, name)


@pytest.fixture
def hanging(air: FakeAir, monkeypatch: pytest.MonkeyPatch) -> HangingAir:
    """Return what holds up connections."""
    return HangingAir(air, monkeypatch)


@pytest.fixture
async def bank(hass: HomeAssistant, air: FakeAir) -> MockConfigEntry:
    """Return a bank of two links with one battery each."""
    air.bring(FakeLink({48: rbt50lfp48s()}))
    air.bring(FakeLink({48: rbt50lfp48s()}), OTHER, OTHER_NAME)
    entry = bank_entry(
        link_settings(units=(48,)), link_settings(OTHER, OTHER_NAME, (48,))
    )
    await set_up(hass, entry)
    assert bank_state(hass, entry, "batteries_responding").state == "2"
    return entry


async def lose(hass: HomeAssistant, air: FakeAir, *addresses: str) -> None:
    """Let links fail in a poll."""
    for address in addresses or (DONGLE,):
        air.links[address].unreachable = "abort-by-local"
    await next_poll(hass)
    air.attempts.clear()


def let_time_pass(entry: MockConfigEntry, *addresses: str) -> None:
    """Have the pauses be over that lost links are given."""
    for address in addresses or (DONGLE,):
        reappearance = bank_of(entry).links[address].reappearance
        reappearance._not_before = reappearance._due_at = 0.0


def voltage(hass: HomeAssistant, address: str = DONGLE) -> str:
    """Return the voltage that is shown of a link's battery."""
    return battery_state(hass, "voltage", 48, address).state


async def test_a_lost_link_keeps_nobody_waiting(
    hass: HomeAssistant,
    air: FakeAir,
    bank: MockConfigEntry,
    hanging: HangingAir,
) -> None:
    """Values are published while connecting to a lost link still goes on."""
    await lose(hass, air)
    hanging.hanging = {DONGLE}
    for amperes in (5, 6, 7):
        let_time_pass(bank)
        air.links[OTHER].units[48].put(5042, [100 * amperes])
        await link_of(bank).async_refresh()
        await hass.async_block_till_done()
        assert battery_state(hass, "current", 48, OTHER).state == f"{amperes}.0"
        hanging.given_up.set()
        await settle(hass)
        hanging.given_up.clear()
    assert air.attempts.count("hanging") == 3
    assert voltage(hass) == STATE_UNAVAILABLE
    assert bank_state(hass, bank, "current").state == STATE_UNKNOWN
    report = bank_of(bank).data
    assert report.failed == {(DONGLE, 48): ReadingFailure.LINK_LOST}
    assert "abort-by-local" in bank_of(bank).last_errors[DONGLE]


async def test_what_is_found_is_published(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """A lost link that takes a connection again is back, read over that very connection."""
    await lose(hass, air)
    let_time_pass(bank)
    air.links[DONGLE].unreachable = None
    await next_poll(hass)
    assert voltage(hass) == "52.4"
    assert bank_state(hass, bank, "batteries_responding").state == "2"
    assert air.attempts == [OTHER, DONGLE, OTHER]
    air.attempts.clear()
    await next_poll(hass)
    assert sorted(air.attempts) == sorted([DONGLE, OTHER])


async def test_a_lost_link_is_not_hunted(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """Until its pause has passed, a lost link that is not heard is left alone."""
    await lose(hass, air)
    for _ in range(3):
        await next_poll(hass)
    assert air.attempts == [OTHER] * 3


async def test_a_lost_link_that_is_heard(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """The first advertisement of a lost link brings it back, without waiting for a poll."""
    await lose(hass, air)
    let_time_pass(bank)
    air.links[DONGLE].unreachable = None
    air.advertise()
    await settle(hass)
    assert voltage(hass) == "52.4"
    assert air.attempts == [DONGLE, OTHER]


async def test_heard_but_not_to_be_connected_to(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """A link that was heard and tried in vain is tried when it holds up no poll."""
    coordinator = bank_of(bank)
    await lose(hass, air)
    link = coordinator.links[DONGLE]
    let_time_pass(bank)
    air.advertise()
    await settle(hass)
    assert air.attempts == [DONGLE]
    assert not link.reappearance.seems_back
    coordinator._link_polls._next_poll_at = hass.loop.time() + 19
    let_time_pass(bank)
    air.advertise()
    await settle(hass)
    assert air.attempts == [DONGLE]
    await next_poll(hass)
    assert air.attempts == [DONGLE, OTHER, DONGLE]
    let_time_pass(bank)
    air.advertise()
    await settle(hass)
    assert air.attempts == [DONGLE, OTHER, DONGLE, DONGLE]
    assert voltage(hass, OTHER) == "52.4"


@pytest.mark.parametrize(
    ("interval", "tried"),
    [
        pytest.param(10, [OTHER, DONGLE], id="short interval"),
        pytest.param(60, [OTHER, DONGLE, THIRD], id="usual interval"),
    ],
)
async def test_searching_ends_before_the_next_poll(
    hass: HomeAssistant,
    air: FakeAir,
    monkeypatch: pytest.MonkeyPatch,
    interval: int,
    tried: list[str],
) -> None:
    """Of several lost links no more are looked for than there is time for."""
    monkeypatch.setattr(SEARCH_PAUSE, 0.0)
    for address, name in ((OTHER, OTHER_NAME), (THIRD, THIRD_NAME)):
        air.bring(FakeLink({48: rbt50lfp48s()}), address, name)
    air.bring(FakeLink({48: rbt50lfp48s()}))
    entry = bank_entry(
        link_settings(units=(48,)),
        link_settings(OTHER, OTHER_NAME, (48,)),
        link_settings(THIRD, THIRD_NAME, (48,)),
        update_interval=interval,
    )
    await set_up(hass, entry)
    await lose(hass, air, DONGLE, THIRD)
    await next_poll(hass)
    assert air.attempts == tried


async def test_all_links_are_lost(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """With nobody to keep waiting all are polled; what is heard is published at once."""
    await lose(hass, air, DONGLE, OTHER)
    await next_poll(hass)
    assert air.attempts == [DONGLE, OTHER]
    assert not bank_of(bank).last_update_success
    air.attempts.clear()
    air.links[OTHER].unreachable = None
    let_time_pass(bank, OTHER)
    air.advertise(OTHER, OTHER_NAME)
    await settle(hass)
    assert air.attempts == [OTHER]
    assert bank_of(bank).last_update_success
    assert voltage(hass, OTHER) == "52.4"
    assert voltage(hass) == STATE_UNAVAILABLE


async def test_switch_of_a_lost_link(
    hass: HomeAssistant, air: FakeAir, bank: MockConfigEntry
) -> None:
    """A lost link is not looked for while its polling is off, and at once when it is on again."""
    await lose(hass, air)
    switch = entity_id(hass, "switch", f"{DONGLE.lower()}_polling")
    target = {"entity_id": switch}
    await hass.services.async_call("switch", "turn_off", target, blocking=True)
    let_time_pass(bank)
    await next_poll(hass)
    assert air.attempts == [OTHER]
    air.links[DONGLE].unreachable = None
    await hass.services.async_call("switch", "turn_on", target, blocking=True)
    await settle(hass)
    assert voltage(hass) == "52.4"


async def test_switched_off_while_looked_for(
    hass: HomeAssistant,
    air: FakeAir,
    bank: MockConfigEntry,
    hanging: HangingAir,
) -> None:
    """Switching polling off ends the search for that link."""
    await lose(hass, air)
    let_time_pass(bank)
    hanging.hanging = {DONGLE}
    await link_of(bank).async_refresh()
    await hass.async_block_till_done()
    assert air.attempts == [OTHER, "hanging"]
    await bank_of(bank).async_set_polling(DONGLE, False)
    await settle(hass)
    await next_poll(hass)
    assert air.attempts == [OTHER, "hanging", OTHER]


async def test_unload_while_looking_for_a_link(
    hass: HomeAssistant,
    air: FakeAir,
    bank: MockConfigEntry,
    hanging: HangingAir,
) -> None:
    """With the bank the search ends."""
    await lose(hass, air)
    let_time_pass(bank)
    hanging.hanging = {DONGLE}
    await link_of(bank).async_refresh()
    await hass.async_block_till_done()
    assert await hass.config_entries.async_unload(bank.entry_id)
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert not any("renogy_bt" in name for name in names)
    assert air.attempts == [OTHER, "hanging"]
