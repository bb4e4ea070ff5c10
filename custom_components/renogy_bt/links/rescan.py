# SPDX-License-Identifier: Apache-2.0
"""Probing a link that is set up, to see which batteries are behind it now."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util.signal_type import SignalType

from ..const import DOMAIN
from ..renogy.families import UNDECIDED
from .probing import ProbeProblem, async_probe_link
from .settings import KnownBattery, LinkSettings, async_store_link, links_of, named

SIGNAL_RESCANNED: Final[SignalType[Rescan]] = SignalType(f"{DOMAIN}_rescanned")


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

        Silence is no proof of absence: known batteries are kept, except the `forgotten` units,
        and so is a family that was decided when nothing decides it now.
        """
        known = {battery.unit: battery for battery in self.known.batteries}
        found = [
            battery.completed_by(known.get(battery.unit))
            for battery in self.found.batteries
        ]
        kept = [each for each in self.silent if each.unit not in forgotten]
        batteries = sorted((*found, *kept), key=lambda battery: battery.unit)
        is_undecided = self.found.family_key == UNDECIDED.key
        return replace(
            self.found,
            family_key=(self.known if is_undecided else self.found).family_key,
            batteries=tuple(batteries),
            polling=self.known.polling,
            kept_interval=self.known.kept_interval,
        )


@callback
def async_tell_rescanned(hass: HomeAssistant, rescan: Rescan) -> None:
    """Tell that the owner of a link has looked for its batteries, and used what was found."""
    async_dispatcher_send(hass, SIGNAL_RESCANNED, rescan)


async def async_rescan(
    hass: HomeAssistant, entry: ConfigEntry, subentry_id: str
) -> Rescan | ProbeProblem:
    """Probe a link and store which batteries are behind it; silent batteries are kept.

    The probe and the polls of the link wait for each other. The bank reloads if the link has
    changed.
    """
    known = LinkSettings.from_subentry(entry.subentries[subentry_id])
    probed = await async_probe_link(hass, known.address, known.name, known.units)
    if isinstance(probed, ProbeProblem):
        return probed
    found = LinkSettings.from_probe(known.address, probed.name, probed.report)
    subentry = entry.subentries.get(subentry_id)
    if subentry is None:
        # The link was removed meanwhile: the result cannot be stored.
        return Rescan(known=known, found=found)
    rescan = Rescan(known=LinkSettings.from_subentry(subentry), found=found)
    result = named(rescan.result(), links_of(entry).values())
    async_store_link(hass, entry, subentry, result)
    async_tell_rescanned(hass, rescan)
    return rescan
