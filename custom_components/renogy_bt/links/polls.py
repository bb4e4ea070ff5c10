"""Polls the links of a bank; those that are lost keep nobody waiting."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from ..const import DOMAIN
from ..renogy.exceptions import LinkUnreachable
from ..renogy.outcome import LinkOutcome, was_left_out
from ..renogy.transport import CONNECT_SECONDS
from .polled_link import PolledLink


class LinkPolls:
    """The links of a bank: read together, and looked for one by one when they are lost.

    A link is lost when it takes no connection, which takes its time to show, and links take
    turns in connecting. So as long as another link can be read the polls do without those that
    are lost; between the polls they are looked for, long lost ones less and less often, and
    at once when they are heard. What is found is read, and is part of the poll that follows.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        links: Mapping[str, PolledLink],
        poll_now: Callable[[], Awaitable[None]],
    ) -> None:
        """Prepare; `poll_now` has the bank polled and its report published."""
        self._hass = hass
        self._entry = entry
        self._links = links
        self._poll_now = poll_now
        self._lost: dict[str, LinkUnreachable] = {}
        self._found: dict[str, LinkOutcome] = {}
        self._polls_all = False
        self._polls: list[asyncio.Task[LinkOutcome]] = []
        self._search: asyncio.Task[None] | None = None
        self._next_poll_at = 0.0

    async def async_poll(self) -> dict[str, LinkOutcome]:
        """Return what each link brought, by address; the last error of one that is lost."""
        found, self._found = self._found, {}
        left_alone = self._left_alone(found.keys())
        self._polls_all = False
        polled = await self._async_poll_together(
            [
                link
                for address, link in self._links.items()
                if address not in left_alone and address not in found
            ]
        )
        outcomes = {**left_alone, **found, **polled}
        self._lost = {
            address: outcome
            for address, outcome in outcomes.items()
            if isinstance(outcome, LinkUnreachable)
        }
        return outcomes

    @callback
    def async_poll_all_next(self) -> None:
        """Have the next poll try the links that are lost too."""
        self._polls_all = True

    @callback
    def async_poll_finished(self, next_in: float) -> None:
        """Look for links that are lost; the next poll begins in so many seconds."""
        self._next_poll_at = self._hass.loop.time() + next_in
        if any(address not in self._lost for address in self._links):
            self._look_for_lost()

    @callback
    def async_heard(self, link: PolledLink) -> bool:
        """Look for a lost link that is heard; tell whether it is one.

        One that was heard before and took no connection must not hold up the next poll.
        """
        if link.settings.address not in self._lost:
            return False
        if link.reappearance.seems_back or self._has_time():
            self._look_for_lost()
        return True

    async def async_stop(self) -> None:
        """End what goes on."""
        tasks = [*self._polls, *([self._search] if self._search else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _left_alone(self, found: Iterable[str]) -> dict[str, LinkUnreachable]:
        """Return the lost links that this poll does without."""
        lost = {
            address: error
            for address, error in self._lost.items()
            if not self._links[address].paused
        }
        others = [
            address
            for address, link in self._links.items()
            if address not in lost and not link.paused
        ]
        if self._polls_all or not (others or any(found)):
            return {}
        return lost

    async def _async_poll_together(
        self, links: list[PolledLink]
    ) -> dict[str, LinkOutcome]:
        self._polls = [
            self._entry.async_create_background_task(
                self._hass, link.async_poll(), f"{DOMAIN} poll {link.settings.name}"
            )
            for link in links
        ]
        outcomes = await asyncio.gather(*self._polls)
        return {
            link.settings.address: outcome
            for link, outcome in zip(links, outcomes, strict=True)
        }

    def _look_for_lost(self) -> None:
        if self._search is None or self._search.done():
            self._search = self._entry.async_create_background_task(
                self._hass, self._async_search(), f"{DOMAIN} search for lost links"
            )

    async def _async_search(self) -> None:
        """Poll one lost link after the other, as long as there is time before the next poll."""
        for address in self._due():
            outcome = await self._links[address].async_poll()
            if isinstance(outcome, LinkUnreachable):
                self._lost[address] = outcome
            else:
                self._lost.pop(address, None)
                if not was_left_out(outcome):
                    self._found[address] = outcome
                    await self._poll_now()
            if not self._has_time():
                return

    def _due(self) -> list[str]:
        return [
            address
            for address in self._lost
            if not self._links[address].paused
            and self._links[address].reappearance.is_due()
        ]

    def _has_time(self) -> bool:
        """Tell whether connecting in vain would be over before the next poll."""
        return self._hass.loop.time() + CONNECT_SECONDS <= self._next_poll_at
