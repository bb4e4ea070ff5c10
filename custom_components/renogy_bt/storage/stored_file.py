# SPDX-License-Identifier: Apache-2.0
"""The one way to read and write what is kept on disk."""

from collections.abc import Callable
from contextlib import suppress
import glob
from pathlib import Path
from typing import Any, Final, override

import probatio

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.storage import Store, UnsupportedStorageVersionError
from homeassistant.util import dt as dt_util
from homeassistant.util.file import WriteError
from homeassistant.util.json import SerializationError

from ..const import LOGGER
from .file_news import FILE_NEWS, FileNews, FileState

_VERSION: Final = 1
_BESIDE: Final = ".corrupt."
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


NOT_WRITTEN: Final = (OSError, WriteError, SerializationError)
"""What writing a file may raise."""


class _NewerVersion(ValueError):
    """The file was written by a newer version, and cannot be read by this one."""


class CheckedFile(Store[dict[str, Any]]):
    """A file in Home Assistant's storage whose shape is known.

    A file is read as a whole, or what can be salvaged of it. A file that is damaged or that has
    another shape is renamed, and the content begins anew. One that a newer version wrote is left
    as it is, and nothing is written. The log says so once, and a notice does.
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
        salvage: Callable[[Any], dict[Any, Any] | None] = lambda _: None,
    ) -> None:
        """Use the file with this key; `content` names what is in it.

        `migrate` brings data of an older minor version up to date, `salvage` returns what is
        still right in data of another shape.
        """
        super().__init__(
            hass, _VERSION, key, atomic_writes=True, minor_version=minor_version
        )
        self._schema = probatio.Schema(shape)
        self._content = content
        self._migrate = migrate
        self._salvage = salvage
        self.has_begun_anew = False
        """Whether the file was there at the last reading, but could not be read."""
        self.is_written = True
        """Whether the last writing succeeded."""

    async def async_read(self) -> dict[Any, Any] | None:
        """Return what the schema makes of the file, None if there is no file."""
        self.has_begun_anew = False
        path = Path(self.path)
        was_there = await self.hass.async_add_executor_job(path.exists)
        stored: Any = None
        try:
            stored = await self.async_load()
            # Home Assistant itself sets a file aside that is no JSON, and tells of it.
            if stored is None and not was_there:
                return None
            read: dict[Any, Any] = self._schema(stored)
        except (UnsupportedStorageVersionError, _NewerVersion) as error:
            self._leave_as_it_is(error)
            return None
        except _UNREADABLE as error:
            await self._async_begin_anew(path, error)
            return self._salvage(stored)
        self._tell(FileState.READ)
        return read

    @override
    async def async_remove(self) -> None:
        """Remove the file and what is kept beside it, and tell that nobody needs it any more."""
        await super().async_remove()
        await self.hass.async_add_executor_job(_remove_kept_beside, Path(self.path))
        self._tell(FileState.GONE)

    def _has_recovered(self) -> None:
        self.is_written = True
        self._tell(FileState.WRITTEN)

    def _has_failed(self, error: Exception) -> None:
        self.is_written = False
        cause = error if isinstance(error, OSError) else error.__cause__
        # Without the name of the file, which is another one each time.
        reason = cause.strerror if isinstance(cause, OSError) else None
        self._tell(FileState.NOT_WRITTEN, reason or type(error).__name__)

    def _tell(self, state: FileState, detail: str = "") -> None:
        news = FileNews(key=self.key, content=self._content, state=state, detail=detail)
        async_dispatcher_send(self.hass, FILE_NEWS, news)

    @override
    async def _async_migrate_func(
        self, old_major_version: int, old_minor_version: int, old_data: Any
    ) -> dict[str, Any]:
        if old_major_version != self.version or type(old_minor_version) is not int:
            raise ValueError(f"version {old_major_version!r}.{old_minor_version!r}")
        is_newer = old_minor_version > self.minor_version
        try:
            migrated: dict[str, Any] = self._migrate(old_minor_version, old_data)
            # Home Assistant writes what comes from here: nothing that it could not read.
            self._schema(migrated)
        except _UNREADABLE as error:
            if not is_newer:
                raise
            version = f"version {old_major_version}.{old_minor_version}"
            raise _NewerVersion(version) from error
        return migrated

    def _leave_as_it_is(self, error: Exception) -> None:
        self.has_begun_anew = True
        self.make_read_only()
        self._tell(FileState.NEWER)
        LOGGER.error(
            "Stored %s were written by a newer version and are left as they are; until the"
            " integration is updated nothing is written to %s (%.200r)",
            self._content.replace("_", " "),
            self.path,
            f"{type(error).__name__}: {error}",
        )

    async def _async_begin_anew(self, path: Path, error: Exception) -> None:
        self.has_begun_anew = True
        try:
            kept_as = await self.hass.async_add_executor_job(_keep_beside, path)
            outcome = f"the old file is kept as {kept_as}"
            self._tell(FileState.DAMAGED, kept_as.name)
        except FileNotFoundError:
            # Home Assistant has renamed the file, and logged it.
            return
        except OSError as trouble:
            self.make_read_only()
            self._has_failed(trouble)
            outcome = f"nothing is written, because {path} cannot be renamed: {trouble}"
        LOGGER.error(
            "Stored %s cannot be read and begin anew; %s (%.200r)",
            self._content.replace("_", " "),
            outcome,
            f"{type(error).__name__}: {error}",
        )


class StoredFile(CheckedFile):
    """A file whose writing is watched, too."""

    @override
    async def _async_write_data(self, data: dict[str, Any]) -> None:
        """Write, and take note of how that went: Home Assistant only logs it."""
        try:
            await super()._async_write_data(data)
        except NOT_WRITTEN as error:
            self._has_failed(error)
            raise WriteError(error) from error
        if not self.is_written:
            self._has_recovered()


def _remove_kept_beside(path: Path) -> None:
    """Remove what became of a file each time that it was damaged."""
    for kept in path.parent.glob(f"{glob.escape(path.name)}{_BESIDE}*"):
        with suppress(OSError):
            kept.unlink()


def _keep_beside(path: Path) -> Path:
    """Rename a file as Home Assistant does with damaged ones; return its new path."""
    name = f"{path.name}{_BESIDE}{dt_util.utcnow().isoformat()}"
    kept_as = path.with_name(name)
    # Two damaged files of one name at the same moment: neither is to be lost.
    while kept_as.exists():
        kept_as = kept_as.with_name(f"{kept_as.name}.")
    return path.rename(kept_as)
