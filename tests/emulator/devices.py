# SPDX-License-Identifier: Apache-2.0
"""What sits on the RS485 side of a link: batteries and devices that are none."""

from collections.abc import Callable, Mapping
from typing import Protocol

from . import modbus
from .modbus import Request
from .solar_day import moving_registers
from .world import Kind, Link, SolarDay, Unit

CONTROLLER_MODEL = "RNG-CTRL-RVR40"
INVERTER_MODEL = "RIV1220PU-126"


class Device(Protocol):
    """One Modbus server on the line."""

    @property
    def unit_ids(self) -> frozenset[int]:
        """Return the ids that it answers to, the broadcast id aside."""

    @property
    def reply_unit(self) -> int:
        """Return the id that its replies carry."""

    def answer(self, request: Request) -> bytes:
        """Return the frame that answers a request."""


def _reply_to(
    request: Request, unit: int, word_at: Callable[[int], int | None]
) -> bytes:
    if not request.is_read:
        return modbus.exception_reply(
            unit, request.function, modbus.UNSUPPORTED_FUNCTION
        )
    if not 1 <= request.count <= modbus.MAX_WORDS:
        return modbus.exception_reply(unit, request.function, modbus.TOO_LONG)
    words = [
        word_at(address)
        for address in range(request.address, request.address + request.count)
    ]
    known = [word for word in words if word is not None]
    if len(known) < len(words):
        return modbus.exception_reply(unit, request.function, modbus.ILLEGAL_ADDRESS)
    return modbus.read_reply(unit, known)


class Battery:
    """A pack that answers reads from its registers and refuses everything else."""

    def __init__(
        self,
        unit: Unit,
        day: SolarDay | None,
        elapsed: Callable[[], float],
        part: Callable[[int], float] = lambda _: 1.0,
    ) -> None:
        """Take the unit's registers; `elapsed` is the world's age in seconds.

        `part` is what a unit carries of its fair share of the bank's current.
        """
        self._unit = unit
        self._day = day
        self._elapsed = elapsed
        self._part = part

    @property
    def unit_ids(self) -> frozenset[int]:
        """Return the one id of a pack."""
        return frozenset({self._unit.unit_id})

    @property
    def reply_unit(self) -> int:
        """Return its own id, or what its family puts there instead."""
        return self._unit.reply_unit or self._unit.unit_id

    def registers(self) -> Mapping[int, int]:
        """Return all its words as they are now, by address."""
        if self._day is None:
            return self._unit.registers
        moving = moving_registers(
            self._day, self._unit, self._elapsed(), self._part(self._unit.unit_id)
        )
        return {**self._unit.registers, **moving}

    def _is_readable(self, address: int) -> bool:
        return any(low <= address <= high for low, high in self._unit.readable)

    def answer(self, request: Request) -> bytes:
        """Return a read's words, or exception 2 outside what may be read."""
        registers = self.registers()
        return _reply_to(
            request,
            self.reply_unit,
            lambda address: (
                registers.get(address, 0) if self._is_readable(address) else None
            ),
        )


class ModelOnlyDevice:
    """A Renogy device that is no battery: it tells its model and little else."""

    def __init__(
        self, unit_ids: frozenset[int], address: int, model: str, zeros: range
    ) -> None:
        """Place the model's 16 characters at `address`, zeros over `zeros`."""
        self._unit_ids = unit_ids
        self._zeros = zeros
        text = model.encode().rjust(16)
        self._model = {
            address + index: int.from_bytes(text[2 * index : 2 * index + 2], "big")
            for index in range(8)
        }

    @property
    def unit_ids(self) -> frozenset[int]:
        """Return the ids that it answers to."""
        return self._unit_ids

    @property
    def reply_unit(self) -> int:
        """Return the lowest of its ids."""
        return min(self._unit_ids)

    def answer(self, request: Request) -> bytes:
        """Answer from the model and the zeros; under the id that was asked."""
        unit = (
            self.reply_unit if request.unit == modbus.BROADCAST_UNIT else request.unit
        )
        return _reply_to(
            request,
            unit,
            lambda address: self._model.get(
                address, 0 if address in self._zeros else None
            ),
        )


def devices_of(
    link: Link,
    day: SolarDay | None,
    elapsed: Callable[[], float],
    part: Callable[[int], float] = lambda _: 1.0,
) -> list[Device]:
    """Return the devices behind a link."""
    match link.kind:
        case Kind.BATTERY:
            return [Battery(unit, day, elapsed, part) for unit in link.units.values()]
        case Kind.CHARGE_CONTROLLER:
            return [
                ModelOnlyDevice(
                    frozenset({17, 96}), 0x000C, CONTROLLER_MODEL, range(0x0100, 0x0123)
                )
            ]
        case Kind.INVERTER:
            return [
                ModelOnlyDevice(
                    frozenset({32}), 0x10D7, INVERTER_MODEL, range(0x0FA0, 0x0FAA)
                )
            ]
        case Kind.SILENT:
            return []
