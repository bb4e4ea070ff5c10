"""Polls are asked for when that makes sense, and not more often."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from custom_components.renogy_bt.bluetooth_health.link_records import LinkRecords
from custom_components.renogy_bt.bluetooth_health.supervisor_polls import (
    POLL_AFTER,
    POLL_AGAIN,
    POLL_PAUSE,
    Pollers,
)

LINK = "6C:B2:FD:A1:B2:C3"


@dataclass
class Timer:
    """A call that is due."""

    at: float
    call: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        """Do not call."""
        self.cancelled = True


@dataclass
class Clock:
    """The part of an event loop that pollers use."""

    now: float = 1000.0
    timers: list[Timer] = field(default_factory=list)

    def time(self) -> float:
        """The time."""
        return self.now

    def call_later(self, delay: float, call: Callable[[], None]) -> Timer:
        """Have something called later."""
        self.timers.append(Timer(self.now + delay, call))
        return self.timers[-1]

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while due := [t for t in self.timers if not t.cancelled and t.at <= end]:
            timer = min(due, key=lambda timer: timer.at)
            self.timers.remove(timer)
            self.now = max(self.now, timer.at)
            timer.call()
        self.now = end


@pytest.fixture
def clock() -> Clock:
    """Return a clock."""
    return Clock()


@pytest.fixture
def asked() -> list[float]:
    """Return the times at which a poll was asked for."""
    return []


@pytest.fixture
def pollers(clock: Clock, asked: list[float]) -> Pollers:
    """Return pollers of one link, whose last poll failed."""
    records = LinkRecords()
    records.keep([LINK])
    hass: Any = SimpleNamespace(loop=clock)
    pollers = Pollers(hass, records, lambda: None)
    pollers.async_add_poll_listener(lambda: asked.append(clock.now))
    poll(pollers, connected=False)
    return pollers


def poll(pollers: Pollers, *, connected: bool) -> None:
    """Poll the link."""
    pollers.poll_started(LINK)
    pollers.poll_ended(LINK, connected=connected)


def test_running_poll_that_fails_is_repeated_at_once(
    pollers: Pollers, clock: Clock, asked: list[float]
) -> None:
    """The poll that was running when the adapter recovered does not cost a minute."""
    pollers.poll_started(LINK)
    pollers.async_poll_when_heard()
    clock.run(POLL_AFTER + 8)
    assert asked == []
    pollers.poll_ended(LINK, connected=False)
    clock.run(60)
    assert asked == [1000 + POLL_AFTER + 8 + POLL_AGAIN]


def test_running_poll_that_connects_is_enough(
    pollers: Pollers, clock: Clock, asked: list[float]
) -> None:
    """A poll that was wanted while one was running is not needed if that one connects."""
    pollers.poll_started(LINK)
    pollers.async_poll_now()
    pollers.poll_ended(LINK, connected=True)
    clock.run(60)
    pollers.async_poll_now()
    clock.run(60)
    assert asked == []


def test_requests_come_in_no_burst(
    pollers: Pollers, clock: Clock, asked: list[float]
) -> None:
    """However often a poll is wanted, it is asked for every 15 s at most."""
    for _ in range(18):
        pollers.async_poll_now()
        clock.run(1)
    clock.run(60)
    assert asked == [1000, 1000 + POLL_PAUSE, 1000 + 2 * POLL_PAUSE]


async def test_step_makes_a_poll_worthwhile(
    pollers: Pollers, clock: Clock, asked: list[float]
) -> None:
    """After a step a link is polled even if its last poll went well a moment ago."""
    pollers.async_poll_now()
    poll(pollers, connected=True)
    await pollers.async_hold()
    pollers.async_release()
    pollers.async_poll_when_heard()
    clock.run(3)
    pollers.async_heard()
    assert asked == [1000, 1003]
