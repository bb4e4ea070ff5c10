"""One way to read and write what is kept on disk, and the words to say what shape it has."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, override

import probatio

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from ..const import LOGGER
from ..renogy.models import BatteryId

_VERSION: Final = 1
# What Home Assistant's own reading, a migration and a schema raise on what they do not expect.
_UNREADABLE: Final = (
    AttributeError,
    HomeAssistantError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
    probatio.Invalid,
)


class StoredFile(Store[dict[str, Any]]):
    """A file in Home Assistant's storage whose shape is known.

    A file is read as a whole or not at all. One that cannot be read is kept beside under
    another name, which is said once in the log, and its content begins anew. Cannot be read:
    it is damaged, it does not have the shape, or a newer version wrote it.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        key: str,
        schema: probatio.Schema,
        *,
        content: str,
        minor_version: int = 1,
        migrate: Callable[[int, Any], Any] = lambda _, data: data,
    ) -> None:
        """Use the file with this key; `content` is what it is called in the log.

        `migrate` brings data of an older minor version up to date.
        """
        super().__init__(
            hass, _VERSION, key, atomic_writes=True, minor_version=minor_version
        )
        self._schema = schema
        self._content = content
        self._migrate = migrate
        self.has_begun_anew = False
        """Whether the file was there when it was last read, and could not be read."""

    async def async_read(self) -> dict[Any, Any] | None:
        """Return what the schema makes of the file, None where there is none."""
        self.has_begun_anew = False
        path = Path(self.path)
        was_there = await self.hass.async_add_executor_job(path.exists)
        try:
            stored = await self.async_load()
            # Home Assistant itself sets a file aside that is no JSON, and tells of it.
            if stored is None and not was_there:
                return None
            return self._read(stored)
        except _UNREADABLE as error:
            self.has_begun_anew = True
            await self._async_keep_beside(path, error)
            return None

    @override
    async def _async_migrate_func(
        self, old_major_version: int, old_minor_version: int, old_data: Any
    ) -> dict[str, Any]:
        if old_major_version != self.version or type(old_minor_version) is not int:
            raise ValueError(f"version {old_major_version!r}.{old_minor_version!r}")
        migrated: dict[str, Any] = self._migrate(old_minor_version, old_data)
        # Home Assistant writes what comes from here: nothing that it could not read.
        self._read(migrated)
        return migrated

    def _read(self, stored: Any) -> dict[Any, Any]:
        read: dict[Any, Any] = self._schema(stored)
        return read

    async def _async_keep_beside(self, path: Path, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        try:
            kept_as = await self.hass.async_add_executor_job(_keep_beside, path)
        except FileNotFoundError:
            LOGGER.debug("Stored %s: Home Assistant set the file aside", self._content)
        except OSError as trouble:
            self.make_read_only()
            LOGGER.error(
                "Stored %s begin anew, because they cannot be read: %.200r; nothing is "
                "written, because their file %s cannot be renamed: %s",
                self._content,
                reason,
                path,
                trouble,
            )
        else:
            LOGGER.error(
                "Stored %s begin anew, because they cannot be read: %.200r; the old file "
                "is kept as %s",
                self._content,
                reason,
                kept_as,
            )


def _keep_beside(path: Path) -> Path:
    """Rename a file as Home Assistant does with damaged ones; return its new path."""
    name = f"{path.name}.corrupt.{dt_util.utcnow().isoformat()}"
    kept_as = path.with_name(name)
    # Two damaged files of one name at the same moment: neither is to be lost.
    while kept_as.exists():
        kept_as = kept_as.with_name(f"{kept_as.name}.")
    return path.rename(kept_as)


def fields(shapes: dict[str, Any]) -> probatio.Schema:
    """Return the shape of a mapping with these keys, no more and no less."""
    return probatio.Schema(shapes, required=True)


def number(least: float, most: float) -> probatio.All[Any]:
    """Return the shape of a number between two bounds."""
    return probatio.All(float, probatio.Range(least, most))


def whole_number(least: int, most: int) -> probatio.All[Any]:
    """Return the shape of a whole number between two bounds."""
    return probatio.All(_no_boolean, int, probatio.Range(least, most))


def text(longest: int) -> probatio.All[Any]:
    """Return the shape of a text that is no longer than this."""
    return probatio.All(str, probatio.Length(max=longest))


def list_of(item: Any, most: int) -> probatio.All[Any]:
    """Return the shape of a list with at most so many items."""
    return probatio.All(list, probatio.Length(max=most), [item])


def mapping_of(key: Any, value: Any, most: int) -> probatio.All[Any]:
    """Return the shape of a mapping with at most so many keys."""
    return probatio.All(
        dict, probatio.Length(max=most), {probatio.Optional(key): value}
    )


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise probatio.TypeInvalid("expected a number")
    return value


def storage_key(battery: BatteryId) -> str:
    """Return what a battery is called in files."""
    address, unit = battery
    return f"{address}/{unit}"


def _battery(key: str) -> BatteryId:
    address, _, unit = key.partition("/")
    return address, int(unit)


BATTERY: Final = probatio.All(
    str, probatio.Match(r"[^/]{1,64}/[1-9][0-9]{0,2}\Z"), _battery
)
MOST_BATTERIES: Final = 1000
