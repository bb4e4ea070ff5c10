# SPDX-License-Identifier: Apache-2.0
"""The histories of a bank's batteries, kept over restarts and upgrades."""

from dataclasses import asdict
from typing import Any, Final

import probatio

from homeassistant.core import HomeAssistant

from ..bank.energy import EnergyTotals
from ..bank.health import MOST_SWINGS, BatteryHealth
from ..bank.history import MOST_KNOWN, BankHistory, BatteryHistory, Place
from ..const import DOMAIN
from ..renogy.models import BatteryId, battery_key
from ..renogy.registers import ALARM_SOURCES
from .shapes import by_battery, fields, mapping_of, number, text, tuple_of, whole_number
from .stored_file import StoredFile

SAVE_DELAY: Final = 600.0
"""A memory card lasts longer for it, s. What is lost when the power fails is what the last minutes were the
first to show: charges go on from the energy, which is stored at each poll."""

_MOMENT: Final = number(0.0, 1e11)
_SUM: Final = number(0.0, 1e12)
_PERCENT: Final = number(0.0, 100.0)
_VOLTS: Final = number(0.0, 100_000.0)
_COUNT: Final = whole_number(0, 10**9)
_SIGNED: Final = number(-1e12, 1e12)
_ENERGY: Final = fields({"charged": _SUM, "discharged": _SUM}, EnergyTotals)


def _of_length(length: int, item: Any) -> Any:
    return tuple_of(item, length, length)


_HEALTH: Final = fields(
    {
        "highest_total": _SUM,
        "swings": tuple_of(_of_length(2, number(1e-6, 1e12)), MOST_SWINGS),
        "full_energy": probatio.Maybe(_ENERGY),
        "depth": _PERCENT,
        "step": probatio.Maybe(_of_length(3, _SIGNED)),
        "steps": _SUM,
        "xx": _SUM,
        "xy": _SIGNED,
        "yy": _SUM,
        "warmth": _SIGNED,
        "warm_steps": _SUM,
    },
    BatteryHealth,
)
_HISTORY: Final = fields(
    {
        "began": _MOMENT,
        "seen_until": _MOMENT,
        "unseen": _SUM,
        "is_full": bool,
        "became_full": probatio.Maybe(_MOMENT),
        "last_full": probatio.Maybe(_MOMENT),
        "used": _SUM,
        "day_seconds": _SUM,
        "day_flow": _SUM,
        "cycles": probatio.Maybe(_COUNT),
        "remaining": _SUM,
        "voltage": number(1.0, 100_000.0),
        "lowest_charge": _PERCENT,
        "is_discharging": bool,
        "low": _PERCENT,
        "high": _PERCENT,
        "discharges": _COUNT,
        "depths": _SUM,
        "full_discharges": _COUNT,
        "is_empty": bool,
        "drawn": _SUM,
        "added": _SUM,
        "energy": probatio.Maybe(_ENERGY),
        "highest_voltage": _VOLTS,
        "highest_at": _MOMENT,
        "lowest_voltage": _VOLTS,
        "lowest_at": _MOMENT,
        "alarms": _COUNT,
        "health": _HEALTH,
        "active": tuple_of(probatio.In(ALARM_SOURCES), len(ALARM_SOURCES)),
    },
    BatteryHistory,
)


def _place(present: str, batteries: dict[str, BatteryHistory]) -> Place:
    if present not in batteries:
        raise probatio.Invalid("the battery that is there has no history")
    return Place(present=present, batteries=batteries)


_SHAPE: Final = by_battery(
    fields(
        {
            "present": text(64),
            "batteries": mapping_of(text(64), _HISTORY, MOST_KNOWN),
        },
        _place,
    )
)


class HistoryStore:
    """Keeps the histories of one bank on disk."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Use the file of the bank with this entry id."""
        self._file = StoredFile(
            hass, f"{DOMAIN}.history.{entry_id}", _SHAPE, content="battery_histories"
        )
        self.bank: BankHistory[BatteryId] = BankHistory(0.0, {})
        self._is_due = False

    async def async_load(self, update_interval: float) -> None:
        """Go on from what is stored."""
        self.bank = BankHistory(update_interval, await self._file.async_read() or {})

    def save_soon(self) -> None:
        """Write the file in a while; what comes until then is written with it."""
        if not self._is_due:
            self._is_due = True
            self._file.async_delay_save(self._data, SAVE_DELAY)

    async def async_save(self) -> None:
        """Write the file now if there is anything new."""
        if self._is_due:
            await self._file.async_save(self._data())

    async def async_remove(self) -> None:
        """Forget the histories of a bank that was removed."""
        await self._file.async_remove()

    def _data(self) -> dict[str, Any]:
        self._is_due = False
        return {
            battery_key(key): asdict(place) for key, place in self.bank.places.items()
        }
