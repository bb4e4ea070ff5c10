# SPDX-License-Identifier: Apache-2.0
"""What happened in a run and when, one JSON object a line."""

import json
import logging
from pathlib import Path
import time
from typing import Any, Final, override


class EventLog:
    """Writes events with the virtual seconds since the run began."""

    def __init__(self, path: Path, began: float | None = None) -> None:
        """Begin a log, or go on with one; `began` is when the run did, now by default."""
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._began = time.monotonic() if began is None else began

    def now(self) -> float:
        """Return the age of the run, in seconds."""
        return round(time.monotonic() - self._began, 3)

    def write(self, kind: str, **contents: Any) -> None:
        """Write one event."""
        text = json.dumps({"t": self.now(), "kind": kind} | contents, default=str)
        self._file.write(text + "\n")


class LogRecords(logging.Handler):
    """Copies log records of Home Assistant into the event log.

    Counts what Home Assistant itself does to the adapter, and keeps what is an error.
    """

    RESET_TEXT: Final = "executing reset"
    # Wants a network, which the guest has not.
    UNRELATED: Final = ("homeassistant.components.analytics",)

    def __init__(self, log: EventLog) -> None:
        """Take the log to copy to."""
        super().__init__()
        self._log = log
        self.resets = 0
        self.errors: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        self.resets += self.RESET_TEXT in message
        if record.name in self.UNRELATED:
            return
        if record.levelno >= logging.ERROR and record.exc_info:
            self.errors.append(f"{record.name}: {message}".splitlines()[0])
        self._log.write(
            "log", level=record.levelname, logger=record.name, message=message
        )
