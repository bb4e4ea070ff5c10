"""The alarms that automations were told, kept over restarts."""

from collections.abc import Iterable
from typing import Any, Final

import probatio

from homeassistant.core import HomeAssistant, callback

from ..const import DOMAIN
from ..renogy.models import Alarm, BatteryId
from ..renogy.registers import ALARM_SOURCES, MAX_CELLS
from .shapes import battery_key, by_battery, fields, tuple_of, whole_number
from .stored_file import StoredFile

_SAVE_SECONDS: Final = 1
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

    The file is written after an alarm was told: if Home Assistant is killed in between, it tells
    the alarm twice rather than never. Home Assistant's restored states do not serve: they
    depend on the entity id, which users change, and they expire after a week.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Use the file of the bank with this entry id."""
        self._file = StoredFile(
            hass, f"{DOMAIN}.alarms.{entry_id}", _SHAPE, content="alarms"
        )
        self._known: dict[BatteryId, tuple[Alarm, ...]] = {}
        self._is_written = True

    async def async_load(self) -> None:
        """Load the alarms that are stored."""
        self._known = await self._file.async_read() or {}

    def known(self, battery: BatteryId) -> tuple[Alarm, ...]:
        """Return the alarms of a battery that were told last."""
        return self._known.get(battery, ())

    @callback
    def async_remember(self, battery: BatteryId, alarms: Iterable[Alarm]) -> None:
        """Remember the alarms that were told, and write them soon."""
        alarms = tuple(alarms)
        if alarms == self.known(battery):
            return
        self._known[battery] = alarms
        self._is_written = False
        self._file.async_delay_save(self._data, _SAVE_SECONDS)

    async def async_flush(self) -> None:
        """Write the file now if it is not up to date."""
        if not self._is_written:
            await self._file.async_save(self._data())

    async def async_remove(self) -> None:
        """Forget the alarms of a bank that was removed."""
        await self._file.async_remove()

    @callback
    def _data(self) -> dict[str, Any]:
        self._is_written = True
        return {
            battery_key(battery): [
                {"key": alarm.key, "parts": list(alarm.parts)} for alarm in alarms
            ]
            for battery, alarms in self._known.items()
        }
