# SPDX-License-Identifier: Apache-2.0
"""The RS485 side of a link: units that share one line, its timing and its faults."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random

from . import modbus
from .devices import Device
from .faults import ActiveFault
from .modbus import Request
from .statistics import LinkStatistics
from .timers import Timers
from .world import Timing, Turn

MAX_QUEUED_REQUESTS = 32


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a reply reaches the central.

    `pieces` are notifications, `gap` seconds apart, the first one `delay` after the
    usual moment; then the link breaks if `breaks_link`.
    """

    pieces: tuple[bytes, ...]
    delay: float = 0.0
    gap: float = 0.0
    breaks_link: bool = False


@dataclass(slots=True)
class _UnitMemory:
    replies: int = 0
    previous: bytes | None = None


def collision(frames: Iterable[bytes]) -> bytes:
    """Return what is heard when several units talk at once: bits pulled low, bad CRC."""
    heard = bytearray()
    for frame in frames:
        heard.extend(b"\xff" * (len(frame) - len(heard)))
        for index, byte in enumerate(frame):
            heard[index] &= byte
    if modbus.has_valid_crc(bytes(heard)):
        heard[-1] ^= 0xFF
    return bytes(heard)


def pieces_of(frame: bytes, size: int) -> tuple[bytes, ...]:
    """Return a frame cut into notifications of at most `size` bytes."""
    return tuple(frame[start : start + size] for start in range(0, len(frame), size))


@dataclass(slots=True)
class Line:
    """Answers requests in turn, after the captured time; later requests queue.

    `deliver` gets each reply at its moment. `payload` is what one notification holds,
    `replies` are given word for word.
    """

    devices: list[Device]
    timing: Timing
    timers: Timers
    statistics: LinkStatistics
    faults: Callable[[int], list[ActiveFault]]
    deliver: Callable[[bytes], None]
    break_link: Callable[[], None]
    payload: int
    random: Random
    replies: Mapping[bytes, tuple[Turn, ...]] = field(default_factory=dict)
    _turns: Counter[bytes] = field(default_factory=Counter)
    _queue: deque[bytes] = field(default_factory=deque)
    _busy: bool = False
    _memory: dict[int, _UnitMemory] = field(default_factory=dict)

    def write(self, data: bytes) -> None:
        """Take what the central wrote; a full queue loses it, as a dongle would."""
        self.statistics.requests += 1
        self.statistics.request_bytes += len(data)
        if len(self._queue) >= MAX_QUEUED_REQUESTS:
            self.statistics.ignored_requests += 1
            return
        self._queue.append(data)
        self._next()

    def clear(self) -> None:
        """Forget the requests that wait, as a closed link does."""
        self._queue.clear()

    def _next(self) -> None:
        while self._queue and not self._busy:
            self._serve(self._queue.popleft())

    def _serve(self, data: bytes) -> None:
        request = modbus.parse_request(data)
        if request is None:
            self.statistics.ignored_requests += 1
            return
        if request.is_write:
            self.statistics.count_violation(data)
        if data in self.replies:
            self._play(data)
            return
        faults = self.faults(request.unit)
        frame = self._answer(request, faults)
        duration = self.timing.reply
        if frame is not None:
            duration += self.timing.reply_per_byte * len(frame)
            self._count_reply(frame)
        self._busy = True
        self.statistics.reply_seconds += duration
        self.timers.call_later(duration, lambda: self._finish(request, frame, faults))

    def _play(self, data: bytes) -> None:
        """Give the next turn of a request that is answered word for word."""
        turns = self.replies[data]
        turn = turns[min(self._turns[data], len(turns) - 1)]
        self._turns[data] += 1
        for delay, piece in turn:
            self.timers.call_later(delay, partial(self.deliver, piece))
        self._busy = True
        self.timers.call_later(
            max((delay for delay, _ in turn), default=self.timing.reply), self._free
        )

    def _free(self) -> None:
        self._busy = False
        self._next()

    def _finish(
        self, request: Request, frame: bytes | None, faults: list[ActiveFault]
    ) -> None:
        self._busy = False
        if frame is not None:
            self._send(self._delivery(request, frame, faults))
        self._next()

    def _count_reply(self, frame: bytes) -> None:
        self.statistics.replies += 1
        self.statistics.reply_bytes += len(frame)
        self.statistics.exceptions += bool(frame[1] & modbus.EXCEPTION_FLAG)

    def _answer(self, request: Request, faults: list[ActiveFault]) -> bytes | None:
        """Return what the line carries in answer, None for silence."""
        active = {fault.name: fault for fault in faults}
        if "dongle-wedged" in active:
            return None
        wide = active.get("wide-read-refused")
        frames = [
            self._wide_refusal(device, request, wide) or device.answer(request)
            for device in self.devices
            if self._hears(device, request.unit)
        ]
        if not frames:
            return None
        if "id-collision" in active:
            frames.append(bytes(byte ^ 0x55 for byte in frames[0]))
        return frames[0] if len(frames) == 1 else collision(frames)

    def _hears(self, device: Device, unit: int) -> bool:
        if unit != modbus.BROADCAST_UNIT:
            return unit in device.unit_ids and not self._is_silent(unit)
        return not any(self._is_silent(own) for own in device.unit_ids)

    def _is_silent(self, unit: int) -> bool:
        return any(fault.name == "silent" for fault in self.faults(unit))

    @staticmethod
    def _wide_refusal(
        device: Device, request: Request, fault: ActiveFault | None
    ) -> bytes | None:
        if fault is None or request.count <= fault.integer("words"):
            return None
        return modbus.exception_reply(
            device.reply_unit, request.function, fault.integer("code")
        )

    def _delivery(
        self, request: Request, frame: bytes, faults: list[ActiveFault]
    ) -> Delivery | None:
        """Return how a reply arrives, its faults worked in; None when it gets lost."""
        memory = self._memory.setdefault(request.unit, _UnitMemory())
        memory.replies += 1
        delay, gap, size, breaks = 0.0, 0.0, self.payload, False
        previous, memory.previous = memory.previous, frame
        for fault in faults:
            if memory.replies % int(fault.values.get("every") or 1):
                continue
            match fault.name:
                case "lost-reply":
                    if self._is_lost(fault):
                        return None
                case "late-reply":
                    delay += fault.number("delay")
                case "wrong-crc":
                    frame = frame[:-1] + bytes((frame[-1] ^ 0x5A,))
                case "foreign-unit":
                    frame = self._foreign(request, frame)
                case "all-ff-reply":
                    frame = _all_ff(frame)
                case "glued-notifications":
                    frame = (previous or b"") + frame
                case "fragmented-notifications":
                    size, gap = min(size, fault.integer("size")), fault.number("gap")
                case "disconnect-mid-reply":
                    frame, breaks = frame[: fault.integer("bytes")], True
        return Delivery(pieces_of(frame, size), delay, gap, breaks)

    def _is_lost(self, fault: ActiveFault) -> bool:
        return bool(fault.values["every"]) or (
            self.random.random() < fault.number("probability")
        )

    def _foreign(self, request: Request, frame: bytes) -> bytes:
        """Return another unit's reply to the same read; its own, relabelled, if alone."""
        for device in self.devices:
            if request.unit not in device.unit_ids:
                return device.answer(request)
        return modbus.relabelled(frame, frame[0] % 247 + 1)

    def _send(self, delivery: Delivery | None) -> None:
        if delivery is None:
            return
        for index, piece in enumerate(delivery.pieces):
            self._later(
                delivery.delay + index * delivery.gap,
                partial(self.deliver, piece),
            )
        if delivery.breaks_link:
            self._later(
                delivery.delay + len(delivery.pieces) * delivery.gap, self.break_link
            )

    def _later(self, delay: float, callback: Callable[[], None]) -> None:
        if delay > 0:
            self.timers.call_later(delay, callback)
        else:
            callback()


def _all_ff(frame: bytes) -> bytes:
    if frame[1] & modbus.EXCEPTION_FLAG:
        return frame
    return modbus.with_crc(frame[:3] + b"\xff" * frame[2])
