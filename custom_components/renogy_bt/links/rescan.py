"""Looking again which batteries are behind a link that is set up."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from ..supervisor.supervisor import async_get_supervisor
from .probing import ProbeProblem, async_probe_link
from .settings import KnownBattery, LinkSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescan:
    """What was found behind a link, beside what was known of it."""

    known: LinkSettings
    found: LinkSettings

    @property
    def added(self) -> tuple[int, ...]:
        """The unit ids that answer and were not known."""
        return tuple(unit for unit in self.found.units if unit not in self.known.units)

    @property
    def silent(self) -> tuple[KnownBattery, ...]:
        """The known batteries that do not answer."""
        return tuple(
            battery
            for battery in self.known.batteries
            if battery.unit not in self.found.units
        )

    def result(self, forgotten: Collection[int] = ()) -> LinkSettings:
        """Return the link as it is to be stored.

        Silence is no proof of absence: known batteries are kept but for the `forgotten` units.
        """
        known = {battery.unit: battery for battery in self.known.batteries}
        found = [
            battery.completed_by(known.get(battery.unit))
            for battery in self.found.batteries
        ]
        kept = [each for each in self.silent if each.unit not in forgotten]
        batteries = sorted((*found, *kept), key=lambda battery: battery.unit)
        return replace(
            self.found, batteries=tuple(batteries), polling=self.known.polling
        )


async def async_rescan(
    hass: HomeAssistant, entry: ConfigEntry, subentry_id: str
) -> Rescan | ProbeProblem:
    """Look which batteries are behind a link and store what was found.

    A poll of the link and this wait for each other. Silent batteries are kept. A bank whose
    link has changed reloads.
    """
    known = LinkSettings.from_data(entry.subentries[subentry_id].data)
    await async_get_supervisor(hass).gate.ready(known.address)
    report = await async_probe_link(hass, known.address, known.name)
    if isinstance(report, ProbeProblem):
        return report
    found = LinkSettings.from_probe(known.address, known.name, report)
    subentry = entry.subentries.get(subentry_id)
    if subentry is None:
        # Removed meanwhile: there is nothing to store it in.
        return Rescan(known=known, found=found)
    rescan = Rescan(known=LinkSettings.from_data(subentry.data), found=found)
    hass.config_entries.async_update_subentry(
        entry, subentry, data=rescan.result().as_data()
    )
    return rescan
