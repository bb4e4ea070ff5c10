"""What adapters were judged by around a fault, kept over a restart for a report.

Nothing is written while nothing happens: the file is for people, and nothing goes by it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.json import json_dumps
from homeassistant.util.json import json_loads_array

from .shapes import fields, mapping_of, text
from .stored_file import StoredFile

STORAGE_KEY: Final = "renogy_bt.flight_recorder"
SAVE_DELAY: Final = 60.0
LONGEST: Final = 200_000
"""The timeline of one adapter takes 60,000 characters."""
MOST: Final = 16

_ADAPTERS: Final = "adapters"
_SHAPE: Final = fields({_ADAPTERS: mapping_of(text(64), text(LONGEST), MOST)})

type Parts = list[Any]
"""A timeline as plain data."""


class TimelineStore:
    """One file with the timelines of all adapters."""

    def __init__(
        self, hass: HomeAssistant, present: Callable[[], Mapping[str, Parts]]
    ) -> None:
        """Prepare; `present` gives the timelines that are there, by address."""
        self._file = StoredFile(
            hass, STORAGE_KEY, _SHAPE, content="records of Bluetooth adapters"
        )
        self._present = present
        self._is_due = False
        self.before: Mapping[str, Parts] = {}
        """The timelines from before Home Assistant started, by address."""

    async def async_load(self) -> None:
        """Read the file, once."""
        stored = await self._file.async_read()
        told = {} if stored is None else stored[_ADAPTERS]
        self.before = {address: _parts(text) for address, text in told.items()}

    def save_soon(self) -> None:
        """Write the file in a while: something was judged or done."""
        self._is_due = True
        self._file.async_delay_save(self._data, SAVE_DELAY)

    async def async_save(self) -> None:
        """Write the file now if something has happened since it was written."""
        if self._is_due:
            await self._file.async_save(self._data())

    def _data(self) -> dict[str, Any]:
        self._is_due = False
        timelines = {
            address: json_dumps(parts) for address, parts in self._present().items()
        }
        return {
            _ADAPTERS: {
                address: told
                for address, told in list(timelines.items())[:MOST]
                if len(told) <= LONGEST
            }
        }


def _parts(told: str) -> Parts:
    """Return a timeline, an empty one where the text is none."""
    try:
        return json_loads_array(told)
    except ValueError:
        return []
