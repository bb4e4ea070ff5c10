# SPDX-License-Identifier: Apache-2.0
"""What became of a stored file, for who tells people."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from homeassistant.util.signal_type import SignalType

from ..const import DOMAIN


class FileState(StrEnum):
    """How reading or writing a file went."""

    READ = "read"
    DAMAGED = "damaged"
    """It was kept beside, and its content begins anew."""
    NEWER = "newer"
    """A newer version wrote it: it is left as it is."""
    WRITTEN = "written"
    NOT_WRITTEN = "not_written"
    GONE = "gone"
    """Nobody needs it any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileNews:
    """What became of one file; `detail` is where it is kept, or why it was not written."""

    key: str
    content: str
    state: FileState
    detail: str = ""


FILE_NEWS: Final[SignalType[FileNews]] = SignalType(f"{DOMAIN}_file_news")
