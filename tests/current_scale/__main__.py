# SPDX-License-Identifier: Apache-2.0
"""Run the campaign: `python -m tests.current_scale [battery-days [seed]]`."""

import sys

from .campaign import Figures, campaign


def _row(load: str, interval: int, figures: Figures) -> str:
    hours = sorted(seconds / 3600 for seconds in figures.seconds)
    share_known = len(hours) / figures.batteries
    times = (
        f"{hours[min(int(share * len(hours)), len(hours) - 1)]:9.1f}"
        if hours
        else f"{'-':>9}"
        for share in (0.5, 0.9, 1.0)
    )
    return (
        f"{load:10}{interval:6} s{figures.batteries:10}{share_known:7.0%}"
        f"{''.join(times)}{len(figures.wrong):7}"
    )


def main() -> int:
    """Print the figures; fail when a scale was wrong."""
    days = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    figures = campaign(days, seed)
    print("load    interval batteries  known median h   90 % h  worst h  wrong")
    for (load, interval), each in sorted(figures.items()):
        print(_row(load, interval, each))
    wrong = [found for each in figures.values() for found in each.wrong]
    total = sum(each.days for each in figures.values())
    print(f"{total} battery-days, {len(wrong)} wrong scales")
    for found in wrong[:20]:
        print(*found)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
