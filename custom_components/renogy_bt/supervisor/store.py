"""Keeps what is known of the adapters over restarts of Home Assistant."""

from collections.abc import Callable, Iterator, Mapping
import logging
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, UnsupportedStorageVersionError
from homeassistant.helpers.storage import Store

from ..adapter_health.adapter_health import is_left_off

_LOGGER = logging.getLogger(__name__)

STORAGE_KEY: Final = "renogy_bt.bluetooth_health"
STORAGE_VERSION: Final = 1
SAVE_DELAY: Final = 60.0
SAVE_EVERY: Final = 900.0

_ADAPTERS: Final = "adapters"


class HealthStore:
    """One file for all adapters, also for those that are not there at the moment."""

    def __init__(
        self, hass: HomeAssistant, collect: Callable[[], Mapping[str, object]]
    ) -> None:
        """Prepare; `collect` gives what is to be kept of the present adapters."""
        self._store: Store[dict[str, Any]] = Store(hass, STORAGE_VERSION, STORAGE_KEY)
        self._clock = hass.loop.time
        self._collect = collect
        self._kept: dict[str, object] = {}
        self._is_readable = True
        self._saved_at = 0.0

    async def async_load(self) -> None:
        """Read the file; what is damaged in it is forgotten.

        A file that cannot be read, such as one of a newer version, is left as it is:
        nothing is remembered then, and nothing is overwritten.
        """
        self._kept, self._is_readable = {}, True
        stored: Any = None
        try:
            stored = await self._store.async_load()
        except UnsupportedStorageVersionError as error:
            self._is_readable = False
            _LOGGER.warning(
                "What a newer version remembers of the Bluetooth adapters is left alone, "
                "and nothing is remembered by this one: %s",
                error,
            )
        except HomeAssistantError as error:
            self._is_readable = False
            _LOGGER.warning(
                "What was remembered of the Bluetooth adapters cannot be read: %s",
                error,
            )
        except (KeyError, TypeError, ValueError, NotImplementedError) as error:
            # Home Assistant expects that the frame of a file is as it wrote it.
            _LOGGER.warning(
                "What was remembered of the Bluetooth adapters is damaged: %r", error
            )
        adapters = stored.get(_ADAPTERS) if isinstance(stored, Mapping) else None
        if isinstance(adapters, Mapping):
            self._kept = {str(address): data for address, data in adapters.items()}

    def of(self, address: str) -> object:
        """What is kept of an adapter, None if nothing is."""
        return self._kept.get(address)

    def left_off(self) -> Iterator[str]:
        """The adapters that a step switched off and nobody has switched on since."""
        return (address for address, data in self._kept.items() if is_left_off(data))

    def keep(self, address: str, data: object) -> None:
        """Keep what is known of an adapter that goes."""
        self._kept[address] = data

    async def async_save(self) -> None:
        """Write the file now."""
        if self._is_readable:
            await self._store.async_save(self._data())

    def save_now_and_then(self) -> None:
        """Write the file soon, unless that was done lately."""
        now = self._clock()
        if self._is_readable and now - self._saved_at >= SAVE_EVERY:
            self._saved_at = now
            self._store.async_delay_save(self._data, SAVE_DELAY)

    def _data(self) -> dict[str, Any]:
        self._kept |= self._collect()
        return {_ADAPTERS: dict(self._kept)}
