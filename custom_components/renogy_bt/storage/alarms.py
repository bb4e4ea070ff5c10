# SPDX-License-Identifier: Apache-2.0
"""The alarms that automations were told, kept over restarts."""

from collections.abc import Container, Iterable
from typing import Any, Final

import probatio

from homeassistant.core import HomeAssistant, callback

from ..const import DOMAIN
from ..renogy.models import Alarm, BatteryId, battery_key
from ..renogy.registers import ALARM_SOURCES, MAX_CELLS
from .shapes import by_battery, fields, tuple_of, whole_number
from .stored_file import StoredFile

_MOST_ALARMS: Final = 100


def _alarm(key: str, parts: tuple[int, ...]) -> Alarm:
    return Alarm(key=key, severity=ALARM_SOURCES[key].severity, parts=parts)


_ALARM: Final = fields(
    {
        "key": probatio.In(ALARM_SOURCES),
        "parts": tuple_of(whole_number(1, MAX_CELLS), MAX_CELLS),
    },
    _alarm,
)
_SHAPE: Final = by_battery(tuple_of(_ALARM, _MOST_ALARMS))


class AlarmStore:
    """Keeps the alarms of a bank's batteries that automations were told last.

    The file is written at once after an alarm was told, not before: a Home Assistant that is
    killed in the milliseconds between tells the alarm twice rather than never. Home Assistant's
    restored states do not serve: they depend on the entity id, which users change, and they
    expire after a week.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Use the file of the bank with this entry id."""
        self._file = StoredFile(
            hass, f"{DOMAIN}.alarms.{entry_id}", _SHAPE, content="alarms"
        )
        self._hass = hass
        self._known: dict[BatteryId, tuple[Alarm, ...]] = {}
        self._has_changed = False

    async def async_load(self, batteries: Container[BatteryId]) -> None:
        """Load the alarms of these batteries, the bank's, and forget those of any other.

        A battery that was taken out of the bank is new when it comes back: an alarm of long ago
        does not keep the same alarm of today from being told.
        """
        stored = await self._file.async_read() or {}
        self._known = {each: stored[each] for each in stored if each in batteries}
        self._has_changed = self._known.keys() != stored.keys()

    def known(self, battery: BatteryId) -> tuple[Alarm, ...]:
        """Return the alarms of a battery that were told last."""
        return self._known.get(battery, ())

    @callback
    def async_remember(self, battery: BatteryId, alarms: Iterable[Alarm]) -> None:
        """Remember the alarms that were told, and write them."""
        alarms = tuple(alarms)
        if alarms == self.known(battery):
            return
        self._known[battery] = alarms
        self._has_changed = True
        self._hass.async_create_task(
            self._file.async_save(self._data()), f"{DOMAIN} alarms told"
        )

    async def async_flush(self) -> None:
        """Write the file now if it changed since this was last asked.

        What is being written just now may be on disk or not: so the file is written again.
        """
        if self._has_changed:
            self._has_changed = False
            await self._file.async_save(self._data())

    async def async_remove(self) -> None:
        """Forget the alarms of a bank that was removed."""
        await self._file.async_remove()

    def _data(self) -> dict[str, Any]:
        return {
            battery_key(battery): [
                {"key": alarm.key, "parts": list(alarm.parts)} for alarm in alarms
            ]
            for battery, alarms in self._known.items()
        }
