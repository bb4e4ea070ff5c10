"""The alarms that automations have been told of, kept over restarts."""

from collections.abc import Iterable
from typing import Any, Final

import probatio

from homeassistant.core import HomeAssistant, callback

from ..const import DOMAIN
from ..renogy.models import Alarm, BatteryId
from ..renogy.registers import ALARM_SOURCES, MAX_CELLS
from .stored_file import (
    BATTERY,
    MOST_BATTERIES,
    StoredFile,
    fields,
    list_of,
    mapping_of,
    storage_key,
    whole_number,
)

_KEY: Final = "key"
_PARTS: Final = "parts"
_SAVE_SECONDS: Final = 1
_MOST_ALARMS: Final = 100


def _alarm(stored: dict[str, Any]) -> Alarm:
    key = stored[_KEY]
    return Alarm(
        key=key, severity=ALARM_SOURCES[key].severity, parts=tuple(stored[_PARTS])
    )


_ALARM: Final = probatio.All(
    fields(
        {
            _KEY: probatio.In(ALARM_SOURCES),
            _PARTS: list_of(whole_number(1, MAX_CELLS), MAX_CELLS),
        }
    ),
    _alarm,
)
_SCHEMA: Final = probatio.Schema(
    mapping_of(BATTERY, list_of(_ALARM, _MOST_ALARMS), MOST_BATTERIES)
)


class AlarmStore:
    """Keeps the alarms of one bank's batteries that were active when last told of.

    They are written after they were told: a Home Assistant that is killed in between tells of
    an alarm a second time rather than never. Home Assistant's own restoring of entities would
    not do, it goes by the entity's id, which users change, and forgets after a week.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Use the file of the bank with this entry id."""
        self._file = StoredFile(
            hass, f"{DOMAIN}.alarms.{entry_id}", _SCHEMA, content="alarms"
        )
        self._known: dict[BatteryId, tuple[Alarm, ...]] = {}
        self._is_written = True

    async def async_load(self) -> None:
        """Take up what is stored."""
        stored = await self._file.async_read() or {}
        self._known = {battery: tuple(alarms) for battery, alarms in stored.items()}

    def known(self, battery: BatteryId) -> tuple[Alarm, ...]:
        """Return the alarms of a battery that have been told of."""
        return self._known.get(battery, ())

    @callback
    def async_remember(self, battery: BatteryId, alarms: Iterable[Alarm]) -> None:
        """Take note of what has been told, and write it soon."""
        alarms = tuple(alarms)
        if alarms == self.known(battery):
            return
        self._known[battery] = alarms
        self._is_written = False
        self._file.async_delay_save(self._data, _SAVE_SECONDS)

    async def async_flush(self) -> None:
        """Write now what has not been written yet."""
        if not self._is_written:
            await self._file.async_save(self._data())

    async def async_remove(self) -> None:
        """Forget the alarms of a bank that was removed."""
        await self._file.async_remove()

    @callback
    def _data(self) -> dict[str, Any]:
        self._is_written = True
        return {
            storage_key(battery): [
                {_KEY: alarm.key, _PARTS: list(alarm.parts)} for alarm in alarms
            ]
            for battery, alarms in self._known.items()
        }
