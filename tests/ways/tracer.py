# SPDX-License-Identifier: Apache-2.0
"""Follows what runs on behalf of some tasks through the files of the product."""

import asyncio
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
import sys
from types import CodeType, FrameType
from typing import Any, Final

PRODUCT: Final = Path(__file__).parents[2] / "custom_components" / "renogy_bt"
_PREFIX: Final = f"{PRODUCT}/"
_TOOL: Final = 4
_EVENTS: Final = sys.monitoring.events
_BEFORE: Final = -1

type Form = Callable[[CodeType, object], str | None]
type Deed = Callable[[FrameType], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A function of the product that begins, or that goes on with what another one returned."""

    file: str
    function: str
    other: str | None
    """File of the function that called it or returned to it; None: from outside the product."""
    is_return: bool = False
    since: int = _BEFORE
    """Of a return: the number of the passage since which both functions have been running."""


@dataclass(frozen=True, slots=True)
class Station:
    """Where something took a form, and the files on the call stack there, outermost first."""

    form: str
    stack: tuple[str, ...]
    at: int
    """How many passages came before."""


class Tracer:
    """Records passages and stations of the tasks that begin with one of the `origins`.

    Origins are qualified names of functions. Tasks that such a task waits for belong to it;
    what else runs at the same time does not. A function in `callbacks` is an origin too, which
    the event loop calls outside of all tasks. `deeds` are functions of others, with what tells
    which form a call of them is; `form_of` tells which one a function of the product returns.
    """

    def __init__(
        self,
        origins: Collection[str],
        *,
        callbacks: Collection[str] = (),
        deeds: Mapping[CodeType, Deed] | None = None,
        form_of: Form = lambda code, value: None,
    ) -> None:
        """Begin with nothing recorded."""
        self.passages: list[Passage] = []
        self.stations: list[Station] = []
        self.is_over: Callable[[], bool] = lambda: False
        self._origins = origins
        self._callbacks = callbacks
        self._deeds = deeds or {}
        self._form_of = form_of
        self._tasks: set[asyncio.Task[Any]] = set()
        self._began: dict[int, int] = {}
        """The number of the passage with which each function that runs began, by its frame."""

    @contextmanager
    def recording(self) -> Generator[None]:
        """Record what happens within this context."""
        monitoring = sys.monitoring
        monitoring.use_tool_id(_TOOL, "ways")
        monitoring.register_callback(_TOOL, _EVENTS.PY_START, self._started)
        monitoring.register_callback(_TOOL, _EVENTS.PY_RETURN, self._returned)
        monitoring.set_events(_TOOL, _EVENTS.PY_START | _EVENTS.PY_RETURN)
        monitoring.restart_events()
        try:
            yield
        finally:
            monitoring.set_events(_TOOL, _EVENTS.NO_EVENTS)
            monitoring.free_tool_id(_TOOL)

    def _started(self, code: CodeType, _: int) -> object:
        file, deed = _file_of(code), self._deeds.get(code)
        if file is None and deed is None:
            return sys.monitoring.DISABLE
        frame = sys._getframe(1)
        if self.is_over() or not self._belongs(frame):
            return None
        if deed is not None:
            self._note(deed(frame), frame)
        if file is not None:
            self._began[id(frame)] = len(self.passages)
            caller = _caller(frame)
            other = None if caller is None else _file_of(caller.f_code)
            self.passages.append(
                Passage(file=file, function=code.co_qualname, other=other)
            )
        return None

    def _returned(self, code: CodeType, _: int, value: object) -> object:
        file = _file_of(code)
        if file is None:
            return sys.monitoring.DISABLE
        frame = sys._getframe(1)
        if self.is_over() or not self._belongs(frame):
            return None
        self._note(self._form_of(code, value), frame)
        caller = _caller(frame)
        if caller is not None and (back := _file_of(caller.f_code)) is not None:
            self.passages.append(
                Passage(
                    file=back,
                    function=caller.f_code.co_qualname,
                    other=file,
                    is_return=True,
                    since=max(self._began_at(frame), self._began_at(caller)),
                )
            )
        return None

    def _note(self, form: str | None, frame: FrameType) -> None:
        if form is not None:
            self.stations.append(Station(form, _stack(frame), len(self.passages)))

    def _began_at(self, frame: FrameType) -> int:
        return self._began.get(id(frame), _BEFORE)

    def _belongs(self, frame: FrameType) -> bool:
        """Tell whether a frame runs on behalf of an origin."""
        try:
            task = asyncio.current_task()
        except RuntimeError:
            # A job in a thread
            return False
        if task is None:
            return _outermost(frame).f_code.co_qualname in self._callbacks
        if task in self._tasks:
            return True
        if frame.f_code.co_qualname in self._origins or self._is_waited_for(task):
            self._tasks.add(task)
            return True
        return False

    def _is_waited_for(self, task: asyncio.Task[Any]) -> bool:
        graph = asyncio.capture_call_graph(task, limit=0)
        return graph is not None and any(
            waiting.future in self._tasks for waiting in graph.awaited_by
        )


def _file_of(code: CodeType) -> str | None:
    """Return the file of a function in the product, None for those of others."""
    name = code.co_filename
    return name.removeprefix(_PREFIX) if name.startswith(_PREFIX) else None


def _callers(frame: FrameType) -> Generator[FrameType]:
    """Yield the frames of the product that a frame is called from, innermost first."""
    before = frame.f_back
    while before is not None:
        if _file_of(before.f_code) is not None:
            yield before
        before = before.f_back


def _caller(frame: FrameType) -> FrameType | None:
    return next(_callers(frame), None)


def _outermost(frame: FrameType) -> FrameType:
    return ([frame, *_callers(frame)])[-1]


def _stack(frame: FrameType) -> tuple[str, ...]:
    files = [_file_of(each.f_code) for each in (frame, *_callers(frame))]
    return tuple(dict.fromkeys(file for file in reversed(files) if file is not None))
