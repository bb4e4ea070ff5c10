"""An event loop whose clock leaps over waiting, with everything on it still real.

Home Assistant, habluetooth, bleak, the emulated bluetoothd and the batteries share one event
loop. When nothing has happened on it for a moment, its clock leaps to the next timer. The
dbus-daemon between them is a process of its own: the moment has to be long enough for it to
hand a message on.
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
import selectors
import sys
import time
from typing import Any, override

import pytest

from homeassistant.util import dt as dt_util

MOMENT = 0.008


class _LeapingSelector(selectors.BaseSelector):
    """Waits for a moment at most, then lets the rest of the time-out have passed."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self.leapt = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None or timeout <= MOMENT:
            return self._selector.select(timeout)
        begun = time.monotonic()
        events = self._selector.select(MOMENT)
        if not events:
            self.leapt += max(timeout - (time.monotonic() - begun), 0.0)
        return events

    @override
    def register(self, fileobj: Any, events: int, data: Any = None) -> Any:
        return self._selector.register(fileobj, events, data)

    @override
    def unregister(self, fileobj: Any) -> Any:
        return self._selector.unregister(fileobj)

    @override
    def modify(self, fileobj: Any, events: int, data: Any = None) -> Any:
        return self._selector.modify(fileobj, events, data)

    @override
    def close(self) -> None:
        self._selector.close()

    @override
    def get_key(self, fileobj: Any) -> Any:
        return self._selector.get_key(fileobj)

    @override
    def get_map(self) -> Any:
        return self._selector.get_map()


@contextmanager
def warped_time(loop: asyncio.AbstractEventLoop) -> Generator[None]:
    """Let the clock of a loop, of habluetooth and of Home Assistant leap together."""
    selector = loop._selector  # type: ignore[attr-defined]
    leaping = _LeapingSelector(selector)

    def now() -> float:
        return time.monotonic() + leaping.leapt

    began, real_utcnow = now(), dt_util.utcnow()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "_selector", leaping)
        patch.setattr(loop, "time", now)
        patch.setattr(
            dt_util, "utcnow", lambda: real_utcnow + timedelta(seconds=now() - began)
        )
        for name, module in list(sys.modules.items()):
            if name.startswith("habluetooth.") and hasattr(
                module, "monotonic_time_coarse"
            ):
                patch.setattr(module, "monotonic_time_coarse", now)
        yield
    # Timers that were set by the leaping clock must not be left waiting by the real one.
    real = loop.time
    patched_offset = leaping.leapt
    for handle in loop._scheduled:  # type: ignore[attr-defined]
        handle._when -= patched_offset
    assert real is loop.time
