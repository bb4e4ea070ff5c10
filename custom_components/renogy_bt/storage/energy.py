"""Energy totals that outlive Home Assistant."""

from collections.abc import Mapping
from dataclasses import asdict
import math
from pathlib import Path
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryError, UnsupportedStorageVersionError
from homeassistant.helpers.storage import Store

from ..bank.energy import BankEnergy, EnergyTotals, PowerSample
from ..const import DOMAIN, LOGGER
from ..renogy.models import BatteryId
from .batteries import battery_of_key, storage_key

_VERSION: Final = 1
_BANK: Final = "bank"
_BATTERIES: Final = "batteries"
_SAMPLES: Final = "samples"
_CLOCK: Final = "clock"

# The monotonic clock counts from the start of the machine, which has this name.
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
# More than any battery takes or gives, W.
_MOST_POWER: Final = 100_000.0


class EnergyStore:
    """Keeps the energy totals of one bank on disk.

    Totals are written before they are published: a Home Assistant that is killed never comes
    back with a total below one that it has shown. The samples that they count up to are
    written with them, so that a reload or a restart is no more than a longer pause between
    two polls. After a start of the machine their times mean nothing.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Use the file of the bank with this entry id."""
        self._hass = hass
        self._store: Store[dict[str, Any]] = Store(
            hass, _VERSION, f"{DOMAIN}.energy.{entry_id}", atomic_writes=True
        )
        self._saved: dict[str, Any] | None = None
        self._clock: str | None = None

    async def async_load(self, update_interval: float) -> BankEnergy[BatteryId]:
        """Return the totals so far; what cannot be right starts from zero, and is reported.

        Raises:
            ConfigEntryError: A newer version stored them; nothing is to be overwritten.

        """
        self._clock = await self._hass.async_add_executor_job(_clock)
        saved = await self._async_saved()
        batteries = _mapping(saved.get(_BATTERIES, {}), _BATTERIES)
        for name in batteries:
            if battery_of_key(name) is None:
                _report_damage(repr(name))
        return BankEnergy(
            {
                battery: _totals(totals, name)
                for name, totals in batteries.items()
                if (battery := battery_of_key(name)) is not None
            },
            _totals(saved[_BANK], _BANK) if _BANK in saved else EnergyTotals(),
            update_interval,
            self._samples(saved),
        )

    async def async_save(self, energy: BankEnergy[BatteryId]) -> None:
        """Write the totals, if they have changed."""
        totals = {
            _BANK: asdict(energy.bank),
            _BATTERIES: {
                storage_key(battery): asdict(each)
                for battery, each in energy.batteries.items()
            },
        }
        if totals != self._saved:
            samples = {
                storage_key(battery): asdict(sample)
                for battery, sample in energy.last_samples.items()
            }
            await self._store.async_save(
                {**totals, _SAMPLES: samples, _CLOCK: self._clock}
            )
            self._saved = totals

    async def _async_saved(self) -> Mapping[str, Any]:
        try:
            saved: Any = await self._store.async_load()
        except UnsupportedStorageVersionError as error:
            raise ConfigEntryError(
                translation_domain=DOMAIN, translation_key="energy_of_newer_version"
            ) from error
        except KeyError, TypeError:
            # Not even what Home Assistant puts around the data is there.
            saved = False
        if saved is None:
            return {}
        totals = _mapping(saved, "all batteries")
        if totals and _BANK not in totals:
            _report_damage(_BANK)
        return totals

    def _samples(self, saved: Mapping[str, Any]) -> dict[BatteryId, PowerSample]:
        """Return the samples of before, if the clock still counts from the same moment."""
        samples = saved.get(_SAMPLES)
        if self._clock is None or saved.get(_CLOCK) != self._clock:
            return {}
        return {
            battery: PowerSample(at=sample["at"], power=sample["power"])
            for name, sample in (
                samples.items() if isinstance(samples, Mapping) else ()
            )
            if (battery := battery_of_key(name)) is not None and _is_sample(sample)
        }

    async def async_remove(self) -> None:
        """Forget the totals of a bank that was removed."""
        await self._store.async_remove()


def _clock() -> str | None:
    """Return the name of the monotonic clock, None where the system tells none."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip() or None
    except OSError, UnicodeDecodeError:
        return None


def _report_damage(name: str) -> None:
    LOGGER.warning("Stored energy of %s is damaged, counting starts from zero", name)


def _mapping(saved: Any, name: str) -> Mapping[str, Any]:
    """Return a saved mapping; anything else is dropped and reported."""
    if isinstance(saved, Mapping):
        return saved
    _report_damage(name)
    return {}


def _totals(saved: Any, name: str) -> EnergyTotals:
    """Return saved totals; anything but two sane numbers is dropped and reported."""
    if isinstance(saved, Mapping):
        charged: Any = saved.get("charged")
        discharged: Any = saved.get("discharged")
        if _is_energy(charged) and _is_energy(discharged):
            return EnergyTotals(charged=charged, discharged=discharged)
    _report_damage(name)
    return EnergyTotals()


def _is_energy(value: Any) -> bool:
    return _is_number(value) and value >= 0


def _is_sample(saved: Any) -> bool:
    if not isinstance(saved, Mapping):
        return False
    power: Any = saved.get("power")
    return (
        _is_number(saved.get("at")) and _is_number(power) and abs(power) <= _MOST_POWER
    )


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )
