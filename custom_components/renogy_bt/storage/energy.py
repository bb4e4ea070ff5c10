# SPDX-License-Identifier: Apache-2.0
"""Energy totals that outlive Home Assistant."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, override

import probatio

from homeassistant.core import HomeAssistant
from homeassistant.util.file import WriteError

from ..bank.charge_counter import Agreement, ChargeState, CounterRecord, Habits
from ..bank.energy import BankEnergy, EnergyTotals, PowerSample
from ..const import DOMAIN
from ..renogy.models import BatteryId, battery_key
from .shapes import by_battery, fields, number, text
from .stored_file import NOT_WRITTEN, CheckedFile

_BANK: Final = "bank"
_BATTERIES: Final = "batteries"
_SAMPLES: Final = "samples"
_COUNTERS: Final = "counters"
_CLOCK: Final = "clock"
_MINOR_VERSION: Final = 2

# The monotonic clock counts from the start of the machine, which has this name.
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")

# More than any battery takes or gives, W, and than it ever will, Wh.
_POWER: Final = number(-100_000.0, 100_000.0)
_ENERGY: Final = number(0.0, 1e12)
_TOTALS: Final = fields({"charged": _ENERGY, "discharged": _ENERGY}, EnergyTotals)
# More than any battery's, V, A and Ah.
_CURRENT: Final = number(-100_000.0, 100_000.0)
_POSITIVE: Final = number(0.0, 100_000.0)
_CHARGE: Final = fields(
    {
        "voltage": _POSITIVE,
        "current": _CURRENT,
        "remaining": _POSITIVE,
        "total": _POSITIVE,
    },
    ChargeState,
)
_SAMPLE: Final = fields(
    {
        "at": number(0.0, 1e12),
        "power": _POWER,
        "charge": probatio.Maybe(_CHARGE),
    },
    PowerSample,
)
_SUM: Final = number(0.0, 1e12)
_AGREEMENT: Final = fields({"stretches": _SUM, "fits": _SUM, "misses": _SUM}, Agreement)
_COUNTER: Final = fields(
    {
        "charging": _AGREEMENT,
        "discharging": _AGREEMENT,
        "habits": fields(
            {
                "most_in": _POSITIVE,
                "most_out": _POSITIVE,
                "load": _SUM,
                "load_square": _SUM,
                "drop": number(-1e12, 1e12),
                "change_square": _SUM,
            },
            Habits,
        ),
        "stands_still": bool,
    },
    CounterRecord,
)
_SHAPE: Final = fields(
    {
        _BANK: _TOTALS,
        _BATTERIES: by_battery(_TOTALS),
        _SAMPLES: by_battery(_SAMPLE),
        _COUNTERS: by_battery(_COUNTER),
        _CLOCK: probatio.Maybe(text(100)),
    }
)


_ONE_TOTAL: Final = probatio.Schema(_TOTALS)
_ONE_BATTERY: Final = probatio.Schema(by_battery(_TOTALS))


class _EnergyFile(CheckedFile):
    """The file of the totals, which is written at each poll before a value is shown."""

    @override
    async def _async_write_data(self, data: dict[str, Any]) -> None:
        # As any file is written, but for leaving the other module out of the way of each value.
        try:
            await super()._async_write_data(data)
        except NOT_WRITTEN as error:
            self._has_failed(error)
            raise WriteError(error) from error
        if not self.is_written:
            self._has_recovered()


class EnergyStore:
    """Keeps the energy totals of one bank on disk.

    Totals are written before they are published: a Home Assistant that is killed never comes
    back with a total below one that it has shown. The samples that they count up to are
    written with them, so that a reload or a restart is no more than a longer pause between
    two polls. After a start of the machine their times mean nothing. What was seen of the charge
    counters is kept beside them.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Use the file of the bank with this entry id."""
        self._hass = hass
        self._file = _EnergyFile(
            hass,
            f"{DOMAIN}.energy.{entry_id}",
            _SHAPE,
            content="energy_totals",
            minor_version=_MINOR_VERSION,
            migrate=_migrated,
            salvage=_salvaged,
        )
        self._saved: tuple[dict[str, Any], Collection[str]] | None = None
        self._clock: str | None = None

    async def async_load(self, update_interval: float) -> BankEnergy[BatteryId]:
        """Return the totals so far."""
        self._clock = await self._hass.async_add_executor_job(_clock)
        stored = await self._file.async_read()
        if stored is None:
            return BankEnergy({}, EnergyTotals(), update_interval)
        is_same_clock = self._clock is not None and self._clock == stored[_CLOCK]
        return BankEnergy(
            stored[_BATTERIES],
            stored[_BANK],
            update_interval,
            stored[_SAMPLES] if is_same_clock else None,
            stored[_COUNTERS],
        )

    async def async_save(self, energy: BankEnergy[BatteryId]) -> None:
        """Write the totals, if they have changed or a sample was forgotten."""
        totals = {_BANK: asdict(energy.bank), _BATTERIES: _plain(energy.batteries)}
        samples = _plain(energy.last_samples)
        if (totals, samples.keys()) != self._saved:
            await self._file.async_save(
                {
                    **totals,
                    _SAMPLES: samples,
                    _COUNTERS: {
                        battery_key(battery): _lasting(record)
                        for battery, record in energy.records.items()
                    },
                    _CLOCK: self._clock,
                }
            )
            if self._file.is_written:
                self._saved = totals, samples.keys()

    async def async_remove(self) -> None:
        """Forget the totals of a bank that was removed."""
        await self._file.async_remove()


def _migrated(minor_version: int, data: Any) -> Any:
    """Bring what an older version kept up to date: it knew the power alone."""
    if minor_version >= _MINOR_VERSION:
        return data
    samples = {
        battery: {"charge": None, **sample}
        for battery, sample in data[_SAMPLES].items()
    }
    return {_COUNTERS: {}, **data, _SAMPLES: samples}


def _salvaged(data: Any) -> dict[Any, Any] | None:
    """Return the totals that are still right in a file that is not, None without any.

    Where the total of the bank is lost, it is what its batteries' totals add up to.
    """
    if not isinstance(data, dict):
        return None
    stored = data.get(_BATTERIES)
    found: dict[BatteryId, EnergyTotals] = {}
    for key, totals in stored.items() if isinstance(stored, dict) else ():
        with suppress(probatio.Invalid):
            found |= _ONE_BATTERY({key: totals})
    bank = sum(found.values(), EnergyTotals())
    with suppress(probatio.Invalid):
        bank = _ONE_TOTAL(data.get(_BANK))
    if not found and bank == EnergyTotals():
        return None
    return {_BATTERIES: found, _BANK: bank, _SAMPLES: {}, _COUNTERS: {}, _CLOCK: None}


def _lasting(record: CounterRecord) -> dict[str, Any]:
    """Return what of a record outlasts a restart."""
    return {
        "charging": asdict(record.charging),
        "discharging": asdict(record.discharging),
        "habits": asdict(record.habits),
        "stands_still": record.stands_still,
    }


def _plain(
    values: Mapping[BatteryId, EnergyTotals] | Mapping[BatteryId, PowerSample],
) -> dict[str, dict[str, Any]]:
    return {battery_key(battery): asdict(each) for battery, each in values.items()}


def _clock() -> str | None:
    """Return the name of the monotonic clock, None if the system has none."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip() or None
    except OSError, UnicodeDecodeError:
        return None
