# SPDX-License-Identifier: Apache-2.0
"""Run the campaign: `python -m tests.bank_months [--ageing] [--json] [--days N] [--seed N] [WORLD…]`."""

import argparse
from dataclasses import asdict
import json
import sys

from .ageing import ageing_rows
from .campaign import WORLDS, month_rows

HEALTHY_DAYS = 10_000
FAULTY_DAYS = 1_200
AGEING_DAYS = 240


def main() -> None:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(prog="python -m tests.bank_months")
    parser.add_argument(
        "--ageing", action="store_true", help="judge what is told of the batteries"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--days", type=int, help="bank-days of each world")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("worlds", nargs="*", metavar="WORLD", help=", ".join(WORLDS))
    options = parser.parse_args()
    if unknown := set(options.worlds) - WORLDS.keys():
        parser.error(f"no such world: {', '.join(sorted(unknown))}")
    if options.ageing:
        for aged in ageing_rows(options.days or AGEING_DAYS, options.seed):
            print(json.dumps(asdict(aged)), flush=True)
        return
    rows = []
    if not options.json:
        print(
            "world              banks    days  noticed  wrongly  after  imbalance"
            "  cells  wrongly  after"
        )
    for name in options.worlds or WORLDS:
        usual = HEALTHY_DAYS if name == "healthy" else FAULTY_DAYS
        for row in month_rows([name], options.days or usual, options.seed):
            rows.append(row)
            if options.json:
                continue
            print(
                f"{row.world:17}{row.banks:7}{row.bank_days:8}{row.noticed:9}"
                f"{row.noticed_wrongly:9}{_after(row.days_until):>7}{row.imbalances:11}"
                f"{row.cells:7}{row.cells_wrongly:9}{_after(row.cell_days_until):>7}"
            )
            sys.stdout.flush()
    if options.json:
        print(json.dumps([asdict(row) for row in rows]))


def _after(days: float | None) -> str:
    return "-" if days is None else f"{days:.1f} d"


if __name__ == "__main__":
    main()
