# SPDX-License-Identifier: Apache-2.0
"""Removing what a Home Assistant left behind that was killed while it wrote our files."""

from contextlib import suppress
from pathlib import Path
import re
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import STORAGE_DIR

from ..const import DOMAIN, LOGGER

# A file is written under a name of this form, which says nothing of it, and then renamed. Its
# beginning says whose it is; an empty one may be anybody's.
_NAME: Final = re.compile(r"tmp[a-z0-9_]{8}")
_OURS: Final = re.compile(
    rb'\s*\{\s*"version":[^{}]{1,80}"key":\s*"%b\.' % DOMAIN.encode()
)
_HEAD_BYTES: Final = 256


async def async_remove_leftovers(hass: HomeAssistant) -> None:
    """Remove half-written files of ours; call this before anything of ours is written."""
    folder = Path(hass.config.path(STORAGE_DIR))
    removed = await hass.async_add_executor_job(_remove_leftovers, folder)
    if removed:
        LOGGER.info("Removed %d files of a write that was broken off", removed)


def _remove_leftovers(folder: Path) -> int:
    removed = 0
    for path in folder.glob("tmp*"):
        with suppress(OSError):
            if _NAME.fullmatch(path.name) and _is_ours(path):
                path.unlink()
                removed += 1
    return removed


def _is_ours(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return _OURS.match(file.read(_HEAD_BYTES)) is not None
