# SPDX-License-Identifier: Apache-2.0
"""Run the campaign: `python -m tests.bank_months [--ageing] [--json] [--days N] [--seed N] [WORLD…]`."""

import argparse
from dataclasses import asdict
import json

from .ageing import AGED_WORLDS, ageing_rows
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
        _print_ageing(options)
    else:
        _print_months(options)


def _print_ageing(options: argparse.Namespace) -> None:
    rows = []
    names = options.worlds or AGED_WORLDS
    for row in ageing_rows(names, options.days or AGEING_DAYS, options.seed):
        rows.append(asdict(row))
        if not options.json:
            print(json.dumps(rows[-1]), flush=True)
    if options.json:
        print(json.dumps(rows))


def _print_months(options: argparse.Namespace) -> None:
    days = {
        name: options.days or (HEALTHY_DAYS if name == "healthy" else FAULTY_DAYS)
        for name in options.worlds or WORLDS
    }
    if not options.json:
        print(
            "world              banks    days  noticed  wrongly  after  imbalance"
            "  cells  wrongly  after"
        )
    rows = []
    for row in month_rows(days, options.seed):
        rows.append(asdict(row))
        if not options.json:
            print(
                f"{row.world:17}{row.banks:7}{row.bank_days:8}{row.noticed:9}"
                f"{row.noticed_wrongly:9}{_after(row.days_until):>7}{row.imbalances:11}"
                f"{row.cells:7}{row.cells_wrongly:9}{_after(row.cell_days_until):>7}",
                flush=True,
            )
    if options.json:
        print(json.dumps(rows))


def _after(days: float | None) -> str:
    return "-" if days is None else f"{days:.1f} d"


if __name__ == "__main__":
    main()
