# SPDX-License-Identifier: Apache-2.0
"""Measure this library beside its peers: `scripts/bench --help`."""

import argparse
import json
import sys
from time import perf_counter
from typing import Final

from .flight_recorder import measure_flight_recorder
from .jobs import (
    Scale,
    measure_ageing,
    measure_all,
    measure_beside,
    measure_costs,
    measure_energy,
    measure_months,
    measure_recorder,
)
from .report import Report
from .targets import targets

LEAST_EXCHANGES: Final = 1000


def _count(text: str) -> int:
    """Read a number of exchanges; fewer would show next to nothing."""
    count = int(text)
    if count < LEAST_EXCHANGES:
        raise argparse.ArgumentTypeError(f"at least {LEAST_EXCHANGES}")
    return count


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description=(
            "Read emulated batteries with this library and with its peers, in peace and in"
            " trouble, and say how long it took, what it cost and what was wrong, and how"
            " exactly the energy of emulated days is counted, and how right is what is said of"
            " emulated banks over a month. All but"
            " CPU time and memory is measured on a virtual clock and repeats exactly."
        ),
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON document instead of tables"
    )
    parser.add_argument(
        "--exchanges",
        type=_count,
        default=Scale().exchanges,
        metavar="N",
        help="requests of this library in trouble, %(default)s if left out; the peers send"
        " a twentieth each",
    )
    parser.add_argument(
        "--without-home-assistant",
        action="store_true",
        help="leave out what the integration costs Home Assistant",
    )
    parser.add_argument(
        "--bms-ble-ha",
        metavar="FOLDER",
        help="measure the CPU time of a poll beside BMS_BLE-HA too: FOLDER is its"
        " custom_components, as a user installs it",
    )
    parser.add_argument(
        "--check", action="store_true", help="exit 1 when a target is missed"
    )
    return parser


def main() -> int:
    """Run the benchmark and print its results."""
    options = _parser().parse_args()
    scale = Scale(exchanges=options.exchanges, others_exchanges=options.exchanges // 20)
    started_at = perf_counter()
    costs, recorder = (
        ((), ())
        if options.without_home_assistant
        else (measure_costs(), measure_recorder())
    )
    beside = measure_beside(options.bms_ble_ha)
    measured = measure_all(scale)
    energy = measure_energy()
    flight_recorder = measure_flight_recorder()
    months, ageing = measure_months(), measure_ageing()
    report = Report(
        measured=measured,
        costs=costs,
        energy=energy,
        recorder=recorder,
        flight_recorder=flight_recorder,
        beside=beside,
        months=months,
        ageing=ageing,
        targets=targets(
            measured,
            costs,
            energy,
            recorder,
            flight_recorder,
            beside,
            months,
            ageing,
        ),
        seconds=perf_counter() - started_at,
    )
    print(json.dumps(report.as_document()) if options.json else report.as_text())
    return int(options.check and not all(target.met for target in report.targets))


if __name__ == "__main__":
    sys.exit(main())
