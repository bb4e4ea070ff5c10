# SPDX-License-Identifier: Apache-2.0
"""Run an emulated Bluetooth world on a D-Bus of its own."""

import argparse
import asyncio
from collections.abc import Sequence
import contextlib
import json
import os
from pathlib import Path
import signal
import sys

from .bus import BusUnavailable, PrivateBus, signal_at_end_of_parent
from .emulated_world import EmulatedWorld
from .faults import FAULTS, ActiveFault, Fault, FaultError, parse_switch
from .solar_day import age_at
from .world import World
from .world_file import WorldFileError, load_world

WORLDS = Path(__file__).parent / "worlds"
DEFAULT_WORLD = WORLDS / "owner.json"


def _fault(text: str) -> ActiveFault:
    try:
        return parse_switch(text)
    except FaultError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def fault_rows() -> str:
    """Return the faults for a person to read, one a line and its parameters below."""
    return "\n".join(map(_row, FAULTS.values()))


def _row(fault: Fault) -> str:
    defaults = ", ".join(
        f"{name}={parameter.default}" for name, parameter in fault.parameters.items()
    )
    row = f"  {fault.name:33} {fault.scope:8} {fault.description}"
    return f"{row}\n{'':45}{defaults}" if defaults else row


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.emulator",
        description=(
            "Run BlueZ's D-Bus interface with Renogy batteries behind it, on a private"
            " bus. When it is ready, one JSON line on standard output says where:"
            ' {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=..."}. SIGTERM or SIGINT ends it.'
        ),
        epilog=f"faults (name, what it falls on, what it does; its parameters):\n{fault_rows()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--world",
        type=Path,
        default=DEFAULT_WORLD,
        metavar="FILE",
        help="the world as JSON; the owner's four batteries if left out",
    )
    parser.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="NAME",
        help='begin with this fault; NAME or NAME={"parameter": value}; repeatable',
    )
    parser.add_argument(
        "--bus-socket",
        type=Path,
        metavar="PATH",
        help="where the bus listens; a temporary folder if left out",
    )
    parser.add_argument(
        "--speed",
        type=float,
        default=1.0,
        metavar="N",
        help="make connects and replies N times as fast as captured",
    )
    parser.add_argument(
        "--hour",
        type=float,
        metavar="H",
        help="begin at this hour of the solar day; where the world says if left out",
    )
    parser.add_argument(
        "--exit-with-parent",
        action="store_true",
        help="end when the process that started this one ends",
    )
    return parser


def _end_with_parent() -> None:
    """Have the kernel send SIGTERM when the parent ends; end now if it just did."""
    parent = os.getppid()
    signal_at_end_of_parent(signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit(0)


def _age(world: World, hour: float | None) -> float:
    if world.solar_day is None or hour is None:
        return 0.0
    return age_at(world.solar_day, hour)


async def _run(
    world: World, bus: PrivateBus, faults: Sequence[ActiveFault], age: float
) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with EmulatedWorld(world, bus, age=age) as emulated:
        for fault in faults:
            await emulated.set_fault(fault.name, **fault.values)
        print(json.dumps({"DBUS_SYSTEM_BUS_ADDRESS": bus.address}), flush=True)
        await ended.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to end; return the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not 0.01 <= options.speed <= 1000:
        parser.error("--speed: must be 0.01 to 1000")
    if options.hour is not None and not 0 <= options.hour <= 24:
        parser.error("--hour: must be 0 to 24")
    if options.exit_with_parent:
        _end_with_parent()
    try:
        world = load_world(options.world).with_timing(1 / options.speed)
    except WorldFileError as error:
        print(error, file=sys.stderr)
        return 2
    bus = PrivateBus(options.bus_socket, ends_with_parent=True)
    try:
        bus.start()
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_run(world, bus, options.fault, _age(world, options.hour)))
    except BusUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    except FaultError as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        bus.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
