# SPDX-License-Identifier: Apache-2.0
"""Run the radio: `python -m tests.real_bluez.radio --world FILE --socket PATH`."""

import argparse
import asyncio
import logging
from pathlib import Path
import random

from tests.emulator.world_file import load_world

from .control import serve
from .radio import Radio


async def _run(arguments: argparse.Namespace) -> None:
    radio = Radio(load_world(arguments.world))
    await radio.start(arguments.plugged, arguments.beacons)
    server = await serve(arguments.socket, radio.verbs)
    await server.serve_forever()


def main() -> None:
    """Run until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", type=Path, required=True, help="a world file")
    parser.add_argument("--socket", type=Path, required=True, help="for the switches")
    parser.add_argument("--plugged", type=int, default=1, help="adapters at the start")
    parser.add_argument("--beacons", type=int, default=0, help="other devices around")
    arguments = parser.parse_args()
    random.seed(0)
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(_run(arguments))


if __name__ == "__main__":
    main()
