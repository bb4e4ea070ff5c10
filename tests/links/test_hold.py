# SPDX-License-Identifier: Apache-2.0
"""Batteries that keep their last values although polls bring no new ones."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.links.hold import Hold
from custom_components.renogy_bt.links.stored_data import number_option
from custom_components.renogy_bt.renogy.exceptions import LinkUnreachable
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from tests.banks import (
    bank_entry,
    bank_of,
    bank_state,
    battery_state,
    link_of,
    link_settings,
    set_up,
    settle,
)
from tests.fake_air import DONGLE, FakeAir
from tests.insides import end_hold, end_of_hold, hold_of
from tests.renogy.fake_link import FakeLink, rbt50lfp48s

INTERVAL = 60.0


class Clock:
    """How far the clock is ahead by which readings are held."""

    ahead = 0.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Hold readings by a clock that the test moves ahead."""
    clock = Clock()
    polled = Hold.polled
    monkeypatch.setattr(
        Hold, "polled", lambda hold, at, fresh: polled(hold, at + clock.ahead, fresh)
    )
    return clock


class Place:
    """A bank of two batteries behind one dongle, polled by the test."""

    def __init__(self, hass: HomeAssistant, link: FakeLink, clock: Clock) -> None:
        """Remember what the batteries are behind."""
        self._hass = hass
        self.link = link
        self.clock = clock
        self.entry = MockConfigEntry()

    async def set_up(self, **options: Any) -> None:
        """Set the bank up and read it."""
        self.entry = bank_entry(link_settings(units=(48, 49)), **options)
        await set_up(self._hass, self.entry)
        assert self.voltages == ["52.4", "52.4"]

    async def poll(self, seconds: float = INTERVAL) -> None:
        """Poll the link some time after the last poll."""
        self.clock.ahead += seconds
        await link_of(self.entry).async_refresh()
        await settle(self._hass)

    @property
    def voltages(self) -> list[str]:
        """What is shown of both batteries."""
        return [battery_state(self._hass, "voltage", unit).state for unit in (48, 49)]

    def of_bank(self, key: str) -> str:
        """What is shown of the bank."""
        return bank_state(self._hass, self.entry, key).state


@pytest.fixture
def place(hass: HomeAssistant, air: FakeAir, clock: Clock) -> Place:
    """Return a place whose bank is not set up yet; both batteries are charged with 10 A."""
    batteries = {unit: rbt50lfp48s(current=1000) for unit in (48, 49)}
    return Place(hass, air.bring(FakeLink(batteries)), clock)


def lose(link: FakeLink) -> None:
    """Take no connection."""
    link.unreachable = "abort-by-local"


def silence(link: FakeLink) -> None:
    """Take connections, and have no battery answer."""
    link.wedged = True


@pytest.mark.parametrize("fail", [lose, silence])
@pytest.mark.parametrize("polls", [1, 2, 3, 10])
async def test_values_stay_until_so_many_polls_have_failed(
    place: Place, fail: Any, polls: int
) -> None:
    """The last values stay for all polls that fail but the last of them; then they go."""
    await place.set_up(failed_polls=polls)
    read_at = link_of(place.entry).readings[48].read_at
    fail(place.link)
    for _ in range(polls - 1):
        await place.poll()
        assert place.voltages == ["52.4", "52.4"]
        assert link_of(place.entry).readings[48].read_at == read_at
        assert link_of(place.entry).fresh == frozenset()
    await place.poll()
    assert place.voltages == [STATE_UNAVAILABLE] * 2
    assert place.of_bank("voltage") == STATE_UNAVAILABLE
    place.link.unreachable, place.link.wedged = None, False
    await place.poll()
    assert place.voltages == ["52.4", "52.4"]


async def test_default_is_the_first_failed_poll(place: Place) -> None:
    """Without the option, as in a bank of an older version, nothing stays."""
    await place.set_up()
    lose(place.link)
    await place.poll()
    assert place.voltages == [STATE_UNAVAILABLE] * 2


async def test_one_battery_that_is_silent(place: Place) -> None:
    """A battery that does not answer keeps its values as well; the other one goes on."""
    await place.set_up(failed_polls=3)
    del place.link.units[49]
    place.link.units[48].put(5043, [530])
    for _ in range(2):
        await place.poll()
        assert place.voltages == ["53.0", "52.4"]
        assert place.of_bank("batteries_responding") == "1"
        assert place.of_bank("current") == "20.0"
    await place.poll()
    assert place.voltages == ["53.0", STATE_UNAVAILABLE]
    assert place.of_bank("current") == STATE_UNKNOWN


async def test_tries_in_between_do_not_count(place: Place) -> None:
    """A link that is tried again each few seconds does not use up what may fail."""
    await place.set_up(failed_polls=3)
    lose(place.link)
    for _ in range(20):
        await place.poll(5.0)
        assert place.voltages == ["52.4", "52.4"]
    await place.poll(25.0)
    assert place.voltages == [STATE_UNAVAILABLE] * 2


async def test_values_go_in_time_although_polls_are_put_off(
    place: Place, hass: HomeAssistant
) -> None:
    """The pauses after failures grow; the last values do not stay longer for that."""
    await place.set_up(failed_polls=3)
    lose(place.link)
    await place.poll()
    link = link_of(place.entry)
    ends_at = end_of_hold(link)
    assert ends_at is not None
    place.clock.ahead = 0.0
    wait = ends_at - hass.loop.time() - INTERVAL
    assert wait == pytest.approx(2 * INTERVAL, abs=2)
    hold_of(link).expire(ends_at - 1.0)
    assert place.voltages == ["52.4", "52.4"]
    hold_of(link).expire(ends_at)
    end_hold(link)
    await settle(hass)
    assert place.voltages == [STATE_UNAVAILABLE] * 2
    assert place.of_bank("voltage") == STATE_UNAVAILABLE
    assert end_of_hold(link) is None


@pytest.mark.usefixtures("all_enabled")
async def test_nothing_is_counted_from_values_that_stay(
    place: Place, hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Energy, its bank's sum, and the scale wait; the last read says from when the values are."""
    await place.set_up(failed_polls=5)
    link = link_of(place.entry)
    kept: list[object] = []
    monkeypatch.setattr(link, "_keep", lambda *each: kept.append(each))
    before = battery_state(hass, "energy_charged").state
    read_at = battery_state(hass, "last_read").state
    assert read_at == dt_util.as_utc(link.readings[48].read_at).isoformat(
        timespec="seconds"
    )
    lose(place.link)
    for _ in range(3):
        await place.poll()
        assert battery_state(hass, "energy_charged").state == before
        assert battery_state(hass, "last_read").state == read_at
        assert bank_of(place.entry).data.fresh == frozenset()
        assert place.of_bank("batteries_responding") == "0"
        assert place.of_bank("power") == "1048.0"
    assert kept == []
    assert isinstance(link.error, LinkUnreachable)


async def test_alarm_is_told_when_it_is_read(place: Place, hass: HomeAssistant) -> None:
    """While values stay no alarm is told anew or cleared; the next reading tells."""
    await place.set_up(failed_polls=5)
    entity = er.async_get(hass).async_get_entity_id(
        "event", "renogy_bt", f"{DONGLE.lower()}_48_alarm"
    )
    assert entity is not None
    state = hass.states.get(entity)
    lose(place.link)
    place.link.units[48].put(5107, [1])
    for _ in range(3):
        await place.poll()
    assert hass.states.get(entity) == state
    place.link.unreachable = None
    await place.poll()
    assert hass.states.get(entity) != state


async def test_polling_that_is_switched_off(place: Place) -> None:
    """What is not polled has no failed polls, and old values do not come back with them."""
    await place.set_up(failed_polls=10)
    link = link_of(place.entry)
    lose(place.link)
    await place.poll()
    await link.async_set_polling(False)
    assert link.held == frozenset()
    for _ in range(4):
        await place.poll()
    assert place.voltages == [STATE_UNAVAILABLE] * 2
    await link.async_set_polling(True)
    await place.poll()
    assert place.voltages == [STATE_UNAVAILABLE] * 2


async def test_battery_whose_scale_becomes_known(place: Place) -> None:
    """A reading that stays is told by the scale of the current that is known now."""
    await place.set_up(failed_polls=10)
    lose(place.link)
    await place.poll()
    link = link_of(place.entry)
    assert link.readings[48].current == 10.0
    link.async_tell_current_scale(48, 10)
    assert link.readings[48].current == 100.0


async def test_values_that_were_gone_do_not_come_back(place: Place) -> None:
    """After its time is over a battery stays unavailable until it is read."""
    await place.set_up(failed_polls=2)
    lose(place.link)
    for _ in range(6):
        await place.poll()
    assert place.voltages == [STATE_UNAVAILABLE] * 2


@pytest.mark.parametrize(
    ("stored", "polls"),
    [
        *((number, number) for number in range(1, 11)),
        *((0, 1), (-1, 1), (11, 1), (2.5, 1), ("3", 1), (True, 1), (None, 1), ([2], 1)),
    ],
)
async def test_option_as_it_is_stored(place: Place, stored: Any, polls: int) -> None:
    """What is no number of polls is taken for the default."""
    assert number_option({"failed_polls": stored}, "failed_polls") == polls
    assert number_option({}, "failed_polls") == 1
    await place.set_up(failed_polls=stored)
