"""Probing a link that is set up, to see which batteries are behind it now."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from .probing import ProbeProblem, async_probe_link
from .settings import KnownBattery, LinkSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescan:
    """The batteries found behind a link, beside the batteries known before."""

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

        Silence is no proof of absence: known batteries are kept, except the `forgotten` units.
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
    """Probe a link and store which batteries are behind it; silent batteries are kept.

    The probe and the polls of the link wait for each other. The bank reloads if the link has
    changed.
    """
    known = LinkSettings.from_data(entry.subentries[subentry_id].data)
    report = await async_probe_link(hass, known.address, known.name)
    if isinstance(report, ProbeProblem):
        return report
    found = LinkSettings.from_probe(known.address, known.name, report)
    subentry = entry.subentries.get(subentry_id)
    if subentry is None:
        # The link was removed meanwhile: the result cannot be stored.
        return Rescan(known=known, found=found)
    rescan = Rescan(known=LinkSettings.from_data(subentry.data), found=found)
    hass.config_entries.async_update_subentry(
        entry, subentry, data=rescan.result().as_data()
    )
    return rescan
