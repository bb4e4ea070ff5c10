"""Energy totals that outlive Home Assistant."""

from collections.abc import Mapping
from dataclasses import asdict
import math
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryError, UnsupportedStorageVersionError
from homeassistant.helpers.storage import Store

from .bank.energy import BankEnergy, EnergyTotals
from .const import DOMAIN, LOGGER
from .links import BatteryId, battery_of_key, storage_key

_VERSION: Final = 1
_BANK: Final = "bank"
_BATTERIES: Final = "batteries"


class EnergyStore:
    """Keeps the energy totals of one bank on disk.

    Totals are written before they are published: a Home Assistant that is killed never comes
    back with a total below one that it has shown.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Use the file of the bank with this entry id."""
        self._store: Store[dict[str, Any]] = Store(
            hass, _VERSION, f"{DOMAIN}.energy.{entry_id}", atomic_writes=True
        )
        self._saved: dict[str, Any] | None = None

    async def async_load(self, update_interval: float) -> BankEnergy[BatteryId]:
        """Return the totals so far; what cannot be right starts from zero.

        Raises:
            ConfigEntryError: A newer version stored them; nothing is to be overwritten.

        """
        try:
            stored: Any = await self._store.async_load()
        except UnsupportedStorageVersionError as error:
            raise ConfigEntryError(
                translation_domain=DOMAIN, translation_key="energy_of_newer_version"
            ) from error
        saved = stored if isinstance(stored, Mapping) else {}
        batteries = saved.get(_BATTERIES)
        return BankEnergy(
            {
                battery: _totals(totals, name)
                for name, totals in (
                    batteries.items() if isinstance(batteries, dict) else ()
                )
                if (battery := battery_of_key(name)) is not None
            },
            _totals(saved.get(_BANK, {}), _BANK),
            update_interval,
        )

    async def async_save(self, energy: BankEnergy[BatteryId]) -> None:
        """Write the totals, if they have changed."""
        data = {
            _BANK: asdict(energy.bank),
            _BATTERIES: {
                storage_key(battery): asdict(totals)
                for battery, totals in energy.batteries.items()
            },
        }
        if data != self._saved:
            await self._store.async_save(data)
            self._saved = data

    async def async_remove(self) -> None:
        """Forget the totals of a bank that was removed."""
        await self._store.async_remove()


def _totals(saved: Any, name: str) -> EnergyTotals:
    """Return saved totals; anything but two sane numbers is dropped and reported."""
    if not saved:
        return EnergyTotals()
    if isinstance(saved, Mapping):
        charged: Any = saved.get("charged")
        discharged: Any = saved.get("discharged")
        if _is_energy(charged) and _is_energy(discharged):
            return EnergyTotals(charged=charged, discharged=discharged)
    LOGGER.warning("Stored energy of %s is damaged, counting starts from zero", name)
    return EnergyTotals()


def _is_energy(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value >= 0
    )
