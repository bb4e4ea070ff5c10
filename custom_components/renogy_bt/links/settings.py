# SPDX-License-Identifier: Apache-2.0
"""Links and batteries as they are stored in a bank's config entry."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self, override

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import CONF_ADDRESS, CONF_MODEL, CONF_NAME
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import format_mac

from ..const import (
    CONF_CELLS,
    CONF_CURRENT_SCALE,
    CONF_DIVISOR,
    CONF_FAMILY,
    CONF_KEPT_INTERVAL,
    CONF_PLACE,
    CONF_POLLING,
    CONF_SOURCE,
    CONF_UNIT,
    CONF_UNITS,
    DOMAIN,
    ENTRY_MINOR_VERSION,
    ENTRY_VERSION,
    MAX_UPDATE_INTERVAL,
    MIN_KEPT_INTERVAL,
    SUBENTRY_TYPE_LINK,
)
from ..renogy.families import (
    UNDECIDED,
    Family,
    family_of,
    family_shown,
    is_dongle,
    local_name,
    stored_family,
)
from ..renogy.found_scale import FoundScale
from ..renogy.models import BatteryId, FoundBattery, ProbeReport
from ..renogy.units import CHAIN, HUB
from . import stored_data


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBattery:
    """A battery as it was found when its link was set up or last rescanned.

    `cells` is 0 if the battery did not tell. `scale` is what was found of the scale of its
    current besides what its family says. `place` is what follows its model in its name: it stays, whatever
    joins the bank later. It is None where an older version named the battery.
    """

    unit: int
    model: str | None
    cells: int
    scale: FoundScale | None = None
    place: str | None = None

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self | None:
        """Read what is stored, None where no unit id is; the scale is not there before it was found."""
        if (unit := stored_data.unit_id(data.get(CONF_UNIT))) is None:
            return None
        scale = data.get(CONF_CURRENT_SCALE)
        return cls(
            unit=unit,
            model=stored_data.text(data.get(CONF_MODEL), stored_data.LONGEST_MODEL),
            cells=stored_data.cells(data.get(CONF_CELLS)),
            scale=FoundScale.from_stored(
                scale.get(CONF_DIVISOR), scale.get(CONF_SOURCE)
            )
            if isinstance(scale, Mapping)
            else None,
            place=stored_data.place(data.get(CONF_PLACE)),
        )

    def as_data(self) -> dict[str, Any]:
        """Return what is stored."""
        data: dict[str, Any] = {
            CONF_UNIT: self.unit,
            CONF_MODEL: self.model,
            CONF_CELLS: self.cells,
        }
        if self.scale is not None:
            data[CONF_CURRENT_SCALE] = {
                CONF_DIVISOR: self.scale.divisor,
                CONF_SOURCE: str(self.scale.source),
            }
        if self.place is not None:
            data[CONF_PLACE] = self.place
        return data

    @classmethod
    def from_found(cls, battery: FoundBattery) -> Self:
        """Take from a found battery what is stored."""
        return cls(unit=battery.unit, model=battery.model, cells=battery.cells)

    def completed_by(self, known: KnownBattery | None) -> KnownBattery:
        """Return this battery, with what was known of it and is not told now.

        The scale of its current is not that of a battery of another model.
        """
        if known is None:
            return self
        is_other = None not in {self.model, known.model} and self.model != known.model
        return replace(
            self,
            model=self.model or known.model,
            place=known.place,
            scale=None if is_other else known.scale,
        )


class DamagedLink(Exception):
    """The stored data of a link do not say which link that is; the message is its title."""


class Connection(StrEnum):
    """Whether a link is connected to for each poll, or kept connected between the polls."""

    FOR_EACH_POLL = "for_each_poll"
    KEPT = "kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSettings:
    """One link of a bank, as stored in its config subentry.

    A link that is not polled is left to others, such as Renogy's app. A link that is kept connected
    is polled every `kept_interval` seconds, which is None where each poll connects.
    """

    address: str
    name: str
    family_key: str
    batteries: tuple[KnownBattery, ...]
    polling: bool = True
    kept_interval: int | None = None

    @classmethod
    def from_subentry(cls, subentry: ConfigSubentry) -> Self:
        """Read a config subentry; raises DamagedLink where it has no address.

        What is odd or missing gives a default. Without any unit id there are no batteries.
        """
        data = subentry.data
        address = stored_data.address(data.get(CONF_ADDRESS), subentry.unique_id)
        if address is None:
            raise DamagedLink(subentry.title)
        name = stored_data.text(data.get(CONF_NAME), stored_data.LONGEST_NAME)
        batteries: dict[int, KnownBattery] = {}
        for stored in stored_data.batteries(data.get(CONF_UNITS)):
            if (battery := KnownBattery.from_data(stored)) is not None:
                batteries.setdefault(battery.unit, battery)
        return cls(
            address=address,
            name=name or address,
            family_key=stored_data.family_key(data.get(CONF_FAMILY), name or ""),
            batteries=tuple(batteries.values()),
            polling=data.get(CONF_POLLING) is not False,
            kept_interval=stored_data.whole_number(
                data.get(CONF_KEPT_INTERVAL),
                MIN_KEPT_INTERVAL,
                MAX_UPDATE_INTERVAL,
                None,
            ),
        )

    def named(self, name: str) -> Self:
        """Return this link with the name that it tells, and the family that the name tells."""
        family = family_of(name)
        if family is UNDECIDED or family.refused_as is not None:
            return replace(self, name=name)
        return replace(self, name=name, family_key=family.key)

    def with_shown_family(self) -> Self:
        """Return this link with the family that its batteries show, if it has no name."""
        if self.has_name:
            return self
        models = [battery.model for battery in self.batteries]
        return replace(self, family_key=family_shown(models).key)

    @classmethod
    def from_probe(cls, address: str, name: str, report: ProbeReport) -> Self:
        """Return the settings of a link that was probed."""
        return cls(
            address=address,
            name=name,
            family_key=report.family,
            batteries=tuple(map(KnownBattery.from_found, report.batteries)),
        )

    def as_data(self) -> MappingProxyType[str, Any]:
        """Return the data of a config subentry."""
        data = {
            CONF_ADDRESS: self.address,
            CONF_NAME: self.name,
            CONF_FAMILY: self.family_key,
            CONF_UNITS: [battery.as_data() for battery in self.batteries],
            CONF_POLLING: self.polling,
        }
        if self.kept_interval is not None:
            data[CONF_KEPT_INTERVAL] = self.kept_interval
        return MappingProxyType(data)

    def as_subentry(self) -> ConfigSubentry:
        """Return a new config subentry for this link."""
        return ConfigSubentry(
            data=self.as_data(),
            subentry_type=SUBENTRY_TYPE_LINK,
            title=self.name,
            unique_id=self.address,
        )

    def with_scales(self, scales: Mapping[int, FoundScale]) -> Self:
        """Return this link with what is found of the scales of its batteries' currents."""
        batteries = tuple(
            replace(battery, scale=scales.get(battery.unit))
            for battery in self.batteries
        )
        return replace(self, batteries=batteries)

    @property
    def connection(self) -> Connection:
        """How the link is connected to."""
        return (
            Connection.FOR_EACH_POLL if self.kept_interval is None else Connection.KEPT
        )

    @property
    def family(self) -> Family:
        """The family that the link belongs to."""
        return stored_family(self.family_key, self.name)

    @property
    def has_name(self) -> bool:
        """Whether the link has told its name; its address stands for it until then."""
        return local_name(self.name) is not None

    @property
    def is_dongle(self) -> bool:
        """Whether the link is a dongle, not a battery with built-in Bluetooth."""
        return is_dongle(self.family, [battery.model for battery in self.batteries])

    @property
    def units(self) -> tuple[int, ...]:
        """The unit ids of the link's batteries."""
        return tuple(battery.unit for battery in self.batteries)

    @property
    def battery_ids(self) -> tuple[BatteryId, ...]:
        """The ids of the link's batteries."""
        return tuple((self.address, unit) for unit in self.units)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryLabel:
    """The name of a battery: its model and its place in the bank."""

    model: str | None
    place: str

    @override
    def __str__(self) -> str:
        """Return the label for a log line."""
        return f"{self.model or 'Battery'} {self.place}".rstrip()


def position(unit: int, units: Sequence[int]) -> int:
    """Return the place of a battery behind its link, counted from the dongle.

    Behind a hub the unit ids count from 48, in a chain without a hub from 33 (protocol 1.4). A
    battery with another unit id, or in a chain beside a hub, has that id as its place, unless
    it is the only battery.
    """
    if unit in HUB:
        return unit - HUB.start + 1
    if unit in CHAIN and not any(other in HUB for other in units):
        return unit - CHAIN.start + 1
    return 1 if len(units) == 1 else unit


def battery_labels(links: Iterable[LinkSettings]) -> dict[BatteryId, BatteryLabel]:
    """Return a label for each battery, no two alike.

    A battery has the place that it was named by. To one that an older version named, the end of the link's
    address is added where two of them have the same model and the same place.
    """
    batteries = {
        (link.address, battery.unit): (battery, link)
        for link in links
        for battery in link.batteries
    }
    older = {
        key: BatteryLabel(
            model=battery.model, place=str(position(battery.unit, link.units))
        )
        for key, (battery, link) in batteries.items()
        if battery.place is None
    }
    times = Counter(older.values())
    labels = {
        key: label if times[label] == 1 else _with_address(label, key[0])
        for key, label in older.items()
    }
    taken = set(labels.values())
    for key, (battery, _) in batteries.items():
        if battery.place is not None:
            label = BatteryLabel(model=battery.model, place=battery.place)
            # A model that was not known when the battery was named may be that of another one.
            labels[key] = label if label not in taken else _with_address(label, key[0])
            taken.add(label)
    return {key: labels[key] for key in batteries}


def named(link: LinkSettings, known: Iterable[LinkSettings]) -> LinkSettings:
    """Return a link whose new batteries have names that none of those known in the bank has.

    Who is known keeps its name. A battery that is the only one, and the first, behind its link is named by its model alone.
    """
    labels = battery_labels(known)
    taken = set(labels.values())
    batteries: list[KnownBattery] = []
    for battery in link.batteries:
        if battery.place is None and (link.address, battery.unit) not in labels:
            place = position(battery.unit, link.units)
            is_lone = len(link.batteries) == 1 and place == 1
            label = BatteryLabel(
                model=battery.model, place="" if is_lone else str(place)
            )
            if label in taken:
                label = _with_address(label, link.address)
            battery = replace(battery, place=label.place)
        batteries.append(battery)
    return replace(link, batteries=tuple(batteries))


def _with_address(label: BatteryLabel, address: str) -> BatteryLabel:
    suffix = address.replace(":", "")[-4:].upper()
    return BatteryLabel(model=label.model, place=f"{label.place} ({suffix})".lstrip())


def battery_identifier(battery: BatteryId) -> str:
    """Return the identifier of a battery's device and entities."""
    address, unit = battery
    return f"{format_mac(address)}_{unit}"


def link_identifier(address: str) -> str:
    """Return the identifier of a link's entities, and of a dongle's device."""
    return format_mac(address)


@callback
def async_store_link(
    hass: HomeAssistant,
    entry: ConfigEntry,
    subentry: ConfigSubentry,
    link: LinkSettings,
) -> None:
    """Store a link that has changed; the bank reloads."""
    hass.config_entries.async_update_subentry(
        entry, subentry, data=link.as_data(), title=title_of(subentry, link)
    )


def title_of(subentry: ConfigSubentry, link: LinkSettings) -> str:
    """Return the title of a stored link: it follows the name, unless somebody changed it."""
    known = LinkSettings.from_subentry(subentry)
    return link.name if subentry.title == known.name else subentry.title


def links_of(entry: ConfigEntry) -> dict[str, LinkSettings]:
    """Return the links of a bank by the id of their config subentry.

    A bank whose data have another version (it is disabled, or a newer version stored it) is
    taken to have no links. Damaged links are left out.
    """
    if entry.version != ENTRY_VERSION or entry.minor_version < ENTRY_MINOR_VERSION:
        return {}
    links: dict[str, LinkSettings] = {}
    addresses: set[str] = set()
    for subentry in entry.get_subentries_of_type(SUBENTRY_TYPE_LINK):
        try:
            link = LinkSettings.from_subentry(subentry)
        except DamagedLink:
            continue
        if link.batteries and link.address not in addresses:
            addresses.add(link.address)
            links[subentry.subentry_id] = link
    return links


def damaged_links_of(entry: ConfigEntry) -> list[ConfigSubentry]:
    """Return the links of a bank that are left out, because nothing can be read of them."""
    links = links_of(entry)
    return [
        subentry
        for subentry in entry.get_subentries_of_type(SUBENTRY_TYPE_LINK)
        if subentry.subentry_id not in links
    ]


def addresses_of(entry: ConfigEntry) -> frozenset[str]:
    """Return the addresses of a bank's links, whatever the version of its data."""
    return frozenset(
        subentry.unique_id
        for subentry in entry.get_subentries_of_type(SUBENTRY_TYPE_LINK)
        # What a damaged file holds may be anything.
        if isinstance(subentry.unique_id, str)
    )


@callback
def async_banks(hass: HomeAssistant) -> list[ConfigEntry]:
    """Return the config entries of all banks, disabled ones too."""
    return hass.config_entries.async_entries(DOMAIN, include_ignore=False)


@callback
def async_bank_of_link(hass: HomeAssistant, address: str) -> ConfigEntry | None:
    """Return the bank that a link belongs to, or None."""
    return next(
        (entry for entry in async_banks(hass) if address in addresses_of(entry)), None
    )


@callback
def async_name_of(
    hass: HomeAssistant, battery: BatteryId, *, by_user: bool = False
) -> str | None:
    """Return the name of a battery that is set up, or only one that its owner gave it."""
    if (bank := async_bank_of_link(hass, battery[0])) is None:
        return None
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, battery_identifier(battery)), bank.entry_id
    )
    if device is None:
        return None
    return device.name_by_user if by_user else device.name_by_user or device.name


@callback
def async_link_at(hass: HomeAssistant, address: str) -> LinkSettings | None:
    """Return the link of a bank that has this address, or None."""
    bank = async_bank_of_link(hass, address)
    links = () if bank is None else links_of(bank).values()
    return next((link for link in links if link.address == address), None)
