# SPDX-License-Identifier: Apache-2.0
"""Run the campaign: `python -m tests.energy_days [--json] [batteries [seed]]`."""

import argparse
from dataclasses import asdict
import json

from .campaign import BATTERIES, energy_rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.energy_days")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("batteries", type=int, nargs="?", default=BATTERIES)
    parser.add_argument("seed", type=int, nargs="?", default=0)
    options = parser.parse_args()
    rows = energy_rows(options.batteries, seed=options.seed)
    if options.json:
        print(json.dumps([asdict(row) for row in rows]))
        return
    print("interval  way               net %    in %   out %")
    for row in rows:
        print(
            f"{row.interval_s:6} s  {row.way:16}{row.net_error_pct:7.2f}"
            f"{row.in_error_pct:8.2f}{row.out_error_pct:8.2f}"
        )


if __name__ == "__main__":
    main()
