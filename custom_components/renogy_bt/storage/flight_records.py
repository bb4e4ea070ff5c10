# SPDX-License-Identifier: Apache-2.0
"""What the flight recorders kept around a fault, over a restart, for a report.

Nothing is written while nothing happens: the files are for people, and nothing goes by them.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.json import json_dumps
from homeassistant.util.json import json_loads

from .shapes import fields, mapping_of, text
from .stored_file import StoredFile

OF_ADAPTERS: Final = "renogy_bt.flight_recorder"
OF_LINKS: Final = "renogy_bt.flight_recorder.{}"
"""The files: one for all adapters, and one for the links of each bank."""
SAVE_DELAY: Final = 60.0
PAUSE: Final = 300.0
"""A link that fails at every other poll does not wear the disk, s."""
LONGEST: Final = 200_000
"""The record of one adapter takes 60,000 characters, that of a link 30,000."""
MOST: Final = 16

_RECORDS: Final = "records"
_SHAPE: Final = fields({_RECORDS: mapping_of(text(64), text(LONGEST), MOST)})

type Record = list[Any] | dict[str, Any]


class FlightRecordStore:
    """One file with the records of some devices, by address."""

    def __init__(
        self,
        hass: HomeAssistant,
        key: str,
        present: Callable[[], Mapping[str, Record]],
    ) -> None:
        """Prepare; `present` gives the records that there are now."""
        self._file = StoredFile(hass, key, _SHAPE, content="flight_records")
        self._clock = hass.loop.time
        self._present = present
        self._written_at: float | None = None
        self.is_due = False
        """Whether something has happened since the file was written."""
        self.before: Mapping[str, Record] = {}
        """The records from before the start."""

    async def async_load(self) -> None:
        """Read the file, once."""
        stored = await self._file.async_read()
        told = {} if stored is None else stored[_RECORDS]
        self.before = {
            address: record
            for address, each in told.items()
            if (record := _record(each)) is not None
        }

    def save_soon(self) -> None:
        """Write the file in a while."""
        self.is_due = True
        written_at = self._written_at
        pause = 0.0 if written_at is None else written_at + PAUSE - self._clock()
        self._file.async_delay_save(self._data, max(SAVE_DELAY, pause))

    async def async_save(self) -> None:
        """Write the file now if something has happened since it was written."""
        if self.is_due:
            await self._file.async_save(self._data())

    async def async_remove(self) -> None:
        """Remove the file."""
        await self._file.async_remove()

    def _data(self) -> dict[str, Any]:
        self.is_due, self._written_at = False, self._clock()
        told = {address: json_dumps(each) for address, each in self._present().items()}
        return {
            _RECORDS: {
                address: each
                for address, each in list(told.items())[:MOST]
                if len(each) <= LONGEST
            }
        }


def _record(told: str) -> Record | None:
    """Return a record, None where the text is none."""
    try:
        record = json_loads(told)
    except ValueError:
        return None
    return record if isinstance(record, list | dict) else None
