"""One link of a bank: polls it, unless its batteries are left to others."""

from datetime import datetime

from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..const import LOGGER
from ..renogy.exceptions import LinkClosed, LinkSilent, RenogyError
from ..renogy.link import RenogyLink
from ..renogy.models import LinkReport, ReadingFailure
from ..renogy.outcome import LinkOutcome, was_left_out
from ..renogy.reappearance import Reappearance
from ..renogy.transport import Transport
from ..supervisor.poll_gate import PollGate
from .connection import async_connector
from .serving import async_serving_scanner
from .settings import LinkSettings


class PolledLink:
    """A link of the bank with what polls it and what watches for its return.

    While it is `paused` its polls are left out. `poll_seconds` is how long the last poll took
    that got an answer, `succeeded_at` when a battery was last read, `served_by` the name of
    the adapter or proxy that the last poll went through; each None where it is not known.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        subentry_id: str,
        settings: LinkSettings,
        gate: PollGate,
    ) -> None:
        """Prepare polling; nothing is connected yet."""
        self.subentry_id = subentry_id
        self.settings = settings
        self.client = RenogyLink(
            settings.name,
            settings.units,
            self._async_connect,
            family=settings.family,
        )
        self.reappearance = Reappearance(hass.loop.time)
        self.paused = not settings.polling
        self.poll_seconds: float | None = None
        self.succeeded_at: datetime | None = None
        self.served_by: str | None = None
        self._hass = hass
        self._gate = gate
        self._connector = async_connector(hass, settings.address, settings.name)
        self._connected_by: str | None = None

    async def async_poll(self) -> LinkOutcome:
        """Poll the link; once more if an adapter was being repaired meanwhile."""
        outcome, excused = await self._async_poll_once()
        if excused:
            outcome, _ = await self._async_poll_once()
        self._note(outcome)
        return outcome

    async def async_read_registers(
        self, unit: int, address: int, count: int
    ) -> tuple[int, ...]:
        """Read up to 125 registers of one battery, in turn with the polls.

        Raises RenogyError, as RenogyLink does.
        """
        await self._gate.ready(self.settings.address)
        return await self.client.read_registers(unit, address, count)

    async def async_pause(self) -> None:
        """Leave the link to others: end what goes on and disconnect."""
        self.paused = True
        self._gate.polling_paused(self.settings.address)
        await self.client.close()

    @callback
    def async_resume(self) -> None:
        """Let the link be polled again."""
        self.paused = False

    @callback
    def async_advertisement_heard(self) -> bool:
        """Tell whether an advertisement is worth a poll at once."""
        return not self.paused and self.reappearance.advertisement_heard()

    async def _async_connect(self) -> Transport:
        transport = await self._connector()
        self._connected_by = async_serving_scanner(self._hass, self.settings.address)
        return transport

    async def _async_poll_once(self) -> tuple[LinkOutcome, bool]:
        address = self.settings.address
        await self._gate.ready(address)
        if self.paused:
            return self.client.skip_poll(), False
        self._gate.poll_started(address)
        self._connected_by = None
        connected = False
        try:
            outcome = await self._async_outcome()
            connected = _was_connected(outcome)
        finally:
            excused = self._gate.poll_ended(address, connected=connected)
        if isinstance(outcome, LinkClosed):
            self._gate.polling_paused(address)
            return self.client.skip_poll(), False
        return outcome, excused and isinstance(outcome, RenogyError)

    async def _async_outcome(self) -> LinkOutcome:
        try:
            return await self.client.poll()
        except RenogyError as error:
            LOGGER.debug("Polling %s failed: %s", self.settings.name, error)
            return error

    def _note(self, outcome: LinkOutcome) -> None:
        if was_left_out(outcome):
            return
        self.served_by = self._connected_by
        if isinstance(outcome, LinkReport):
            self.poll_seconds = outcome.statistics.seconds
            if outcome.readings.keys() - outcome.failed.keys():
                self.succeeded_at = dt_util.utcnow()
        if _was_reached(outcome):
            self.reappearance.poll_succeeded()
        else:
            self.reappearance.poll_failed()


def _was_connected(outcome: LinkOutcome) -> bool:
    """Tell whether the link could be connected to, whatever came of it then."""
    return not isinstance(outcome, RenogyError) or isinstance(outcome, LinkSilent)


def _was_reached(outcome: LinkOutcome) -> bool:
    """Tell whether the link could be connected to and stayed connected."""
    if isinstance(outcome, RenogyError):
        return _was_connected(outcome)
    return ReadingFailure.LINK_LOST not in outcome.failed.values()
