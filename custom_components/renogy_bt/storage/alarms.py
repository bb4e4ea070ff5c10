"""The alarms that automations have been told of, kept over restarts."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import UnsupportedStorageVersionError
from homeassistant.helpers.storage import Store

from ..const import DOMAIN, LOGGER
from ..renogy.models import Alarm, BatteryId
from ..renogy.registers import ALARM_SOURCES, MAX_CELLS
from .batteries import battery_of_key, storage_key

_VERSION: Final = 1
_KEY: Final = "key"
_PARTS: Final = "parts"
_SAVE_SECONDS: Final = 1


class AlarmStore:
    """Keeps the alarms of one bank's batteries that were active when last told of.

    They are written after they were told: a Home Assistant that is killed in between tells of
    an alarm a second time rather than never. Home Assistant's own restoring of entities would
    not do, it goes by the entity's id, which users change, and forgets after a week.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Use the file of the bank with this entry id."""
        self._store: Store[dict[str, Any]] = Store(
            hass, _VERSION, f"{DOMAIN}.alarms.{entry_id}", atomic_writes=True
        )
        self._known: dict[BatteryId, tuple[Alarm, ...]] = {}
        self._is_written = True

    async def async_load(self) -> None:
        """Take up what is stored; what cannot be right is forgotten."""
        try:
            stored: Any = await self._store.async_load()
        except UnsupportedStorageVersionError:
            LOGGER.warning("Stored alarms are of a newer version, they are forgotten")
            return
        for name, alarms in stored.items() if isinstance(stored, Mapping) else ():
            battery = battery_of_key(name)
            if battery is not None and isinstance(alarms, list):
                self._known[battery] = tuple(filter(None, map(_alarm, alarms)))

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
        self._store.async_delay_save(self._data, _SAVE_SECONDS)

    async def async_flush(self) -> None:
        """Write now what has not been written yet."""
        if not self._is_written:
            await self._store.async_save(self._data())

    async def async_remove(self) -> None:
        """Forget the alarms of a bank that was removed."""
        await self._store.async_remove()

    @callback
    def _data(self) -> dict[str, Any]:
        self._is_written = True
        return {
            storage_key(battery): [
                {_KEY: alarm.key, _PARTS: list(alarm.parts)} for alarm in alarms
            ]
            for battery, alarms in self._known.items()
        }


def _alarm(stored: Any) -> Alarm | None:
    if not isinstance(stored, Mapping):
        return None
    key, parts = stored.get(_KEY), stored.get(_PARTS)
    if not isinstance(key, str) or not isinstance(parts, list):
        return None
    if key not in ALARM_SOURCES:
        return None
    if not all(type(part) is int and 1 <= part <= MAX_CELLS for part in parts):
        return None
    return Alarm(key=key, severity=ALARM_SOURCES[key].severity, parts=tuple(parts))
