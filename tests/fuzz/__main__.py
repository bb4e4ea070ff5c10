# SPDX-License-Identifier: Apache-2.0
"""Fuzz this library with atheris: `scripts/fuzz --help`."""

import argparse
import os
from pathlib import Path
import subprocess
import sys
from typing import Final

from .targets import TARGETS

_FOLDER: Final = Path(__file__).parents[2] / ".tools" / "fuzz"
# Beyond the time that libFuzzer was given, it finishes the input that it is at.
_GRACE_SECONDS: Final = 120


def _parser() -> argparse.ArgumentParser:
    targets = "\n".join(
        f"  {name:9} {(target.__doc__ or '').splitlines()[0]}"
        for name, target in TARGETS.items()
    )
    parser = argparse.ArgumentParser(
        prog="scripts/fuzz",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=(
            "Look for bytes that break what takes bytes from outside. What was learned is kept"
            " in\n.tools/fuzz and built upon by the next run; an input that fails is printed"
            " and kept there.\nPut it into tests/fuzz/found/TARGET, and the normal tests run it"
            " ever after."
        ),
        epilog=f"targets:\n{targets}",
    )
    parser.add_argument(
        "targets",
        nargs="*",
        choices=[*TARGETS, []],
        metavar="TARGET",
        help="what to fuzz; everything if left out",
    )
    parser.add_argument(
        "--seconds",
        type=int,
        default=60,
        metavar="N",
        help="how long for each target, %(default)s if left out",
    )
    return parser


def main() -> int:
    """Fuzz the targets one after the other; return 1 when something was found."""
    options = _parser().parse_args()
    broken = [
        name for name in options.targets or TARGETS if not _holds(name, options.seconds)
    ]
    print(
        f"Broken: {', '.join(broken)}" if broken else "Nothing found", file=sys.stderr
    )
    return int(bool(broken))


def _holds(name: str, seconds: int) -> bool:
    """Fuzz one target in a process of its own; tell whether it held."""
    print(f"===== {name}: {seconds} s =====", file=sys.stderr, flush=True)
    folder = _FOLDER / name
    path = os.pathsep.join([str(_FOLDER / "atheris"), os.environ.get("PYTHONPATH", "")])
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "tests.fuzz.atheris_run"),
            *(name, str(seconds), str(folder)),
        ],
        check=False,
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        timeout=seconds + _GRACE_SECONDS,
    )
    return finished.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
