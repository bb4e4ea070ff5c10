"""One link of a bank: polls it, unless its batteries are left to others."""

from homeassistant.core import HomeAssistant, callback

from .bluetooth_health.poll_gate import PollGate
from .connection import async_connector
from .const import LOGGER
from .links import LinkSettings
from .reappearance import Reappearance
from .renogy.exceptions import LinkClosed, LinkSilent, RenogyError
from .renogy.link import RenogyLink
from .renogy.models import ReadingFailure
from .report import LinkOutcome, was_left_out


class PolledLink:
    """A link of the bank with what polls it and what watches for its return.

    While it is `paused` its polls are left out.
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
            async_connector(hass, settings.address, settings.name),
            family=settings.family,
        )
        self.reappearance = Reappearance(hass.loop.time)
        self.paused = not settings.polling
        self._gate = gate

    async def async_poll(self) -> LinkOutcome:
        """Poll the link; once more if an adapter was being repaired meanwhile."""
        outcome, excused = await self._async_poll_once()
        if excused:
            outcome, _ = await self._async_poll_once()
        self._note(outcome)
        return outcome

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

    async def _async_poll_once(self) -> tuple[LinkOutcome, bool]:
        address = self.settings.address
        await self._gate.ready(address)
        if self.paused:
            return self.client.skip_poll(), False
        self._gate.poll_started(address)
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
