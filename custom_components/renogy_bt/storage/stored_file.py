"""The one way to read and write what is kept on disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, override

import probatio

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from ..const import LOGGER

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

    A file is read as a whole or not at all. A file that is damaged, that has another shape or
    that a newer version wrote cannot be read: it is renamed, the log says so once, and the
    content begins anew.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        key: str,
        shape: Any,
        *,
        content: str,
        minor_version: int = 1,
        migrate: Callable[[int, Any], Any] = lambda _, data: data,
    ) -> None:
        """Use the file with this key; `content` is the name of its content in the log.

        `migrate` brings data of an older minor version up to date.
        """
        super().__init__(
            hass, _VERSION, key, atomic_writes=True, minor_version=minor_version
        )
        self._schema = probatio.Schema(shape)
        self._content = content
        self._migrate = migrate
        self.has_begun_anew = False
        """Whether the file was there at the last reading, but could not be read."""

    async def async_read(self) -> dict[Any, Any] | None:
        """Return what the schema makes of the file, None if there is no file."""
        self.has_begun_anew = False
        path = Path(self.path)
        was_there = await self.hass.async_add_executor_job(path.exists)
        try:
            stored = await self.async_load()
            # Home Assistant itself sets a file aside that is no JSON, and tells of it.
            if stored is None and not was_there:
                return None
            read: dict[Any, Any] = self._schema(stored)
        except _UNREADABLE as error:
            await self._async_begin_anew(path, error)
            return None
        return read

    @override
    async def _async_migrate_func(
        self, old_major_version: int, old_minor_version: int, old_data: Any
    ) -> dict[str, Any]:
        if old_major_version != self.version or type(old_minor_version) is not int:
            raise ValueError(f"version {old_major_version!r}.{old_minor_version!r}")
        migrated: dict[str, Any] = self._migrate(old_minor_version, old_data)
        # Home Assistant writes what comes from here: nothing that it could not read.
        self._schema(migrated)
        return migrated

    async def _async_begin_anew(self, path: Path, error: Exception) -> None:
        self.has_begun_anew = True
        try:
            kept_as = await self.hass.async_add_executor_job(_keep_beside, path)
            outcome = f"the old file is kept as {kept_as}"
        except FileNotFoundError:
            # Home Assistant has renamed the file, and logged it.
            return
        except OSError as trouble:
            self.make_read_only()
            outcome = f"nothing is written, because {path} cannot be renamed: {trouble}"
        LOGGER.error(
            "Stored %s cannot be read and begin anew; %s (%.200r)",
            self._content,
            outcome,
            f"{type(error).__name__}: {error}",
        )


def _keep_beside(path: Path) -> Path:
    """Rename a file as Home Assistant does with damaged ones; return its new path."""
    name = f"{path.name}.corrupt.{dt_util.utcnow().isoformat()}"
    kept_as = path.with_name(name)
    # Two damaged files of one name at the same moment: neither is to be lost.
    while kept_as.exists():
        kept_as = kept_as.with_name(f"{kept_as.name}.")
    return path.rename(kept_as)
