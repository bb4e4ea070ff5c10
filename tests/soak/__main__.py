# SPDX-License-Identifier: Apache-2.0
"""Live through days of troubles: `scripts/soak --help`."""

import argparse
import asyncio
import json
import logging
import sys

# Before the test framework of Home Assistant, as in the fault matrix.
import custom_components.renogy_bt  # noqa: F401
import tests.plugin_bridge  # noqa: F401

from .soak import soak


def main() -> int:
    """Print what came of it; the exit status is 0 when all was as promised."""
    parser = argparse.ArgumentParser(
        prog="scripts/soak",
        description="Days of a home with two banks, all of Home Assistant's Bluetooth real, on the "
        "emulated world, under a clock that leaps. Every ten minutes something goes wrong by "
        "chance: a battery, a link, the adapter, the bus, the disk or the clock, or Home Assistant "
        "is reloaded, restarted or killed. It begins with what version 0.1.0 has stored, and in "
        "the middle such a backup is put back. The exit status is 0 when everything was read again "
        "after each trouble, no total fell, no error went unhandled, no callback took more than "
        "50 ms of CPU, and nothing that is held became more.",
    )
    parser.add_argument("--days", type=float, default=7.0, help="how many (default 7)")
    parser.add_argument("--seed", type=int, default=0, help="of the chance (default 0)")
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    arguments = parser.parse_args()
    logging.getLogger().setLevel(logging.WARNING)

    def tell(line: str) -> None:
        if not arguments.json:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    report = asyncio.run(soak(arguments.days, arguments.seed, tell))
    json.dump(report.as_json(), sys.stdout, indent=1)
    sys.stdout.write("\n")
    return 1 if report.misses else 0


if __name__ == "__main__":
    sys.exit(main())
