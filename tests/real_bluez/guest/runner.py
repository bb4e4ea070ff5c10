# SPDX-License-Identifier: Apache-2.0
"""Runs orders, each in a fork of this process.

To import Home Assistant takes longer than most orders; this process does it once. A line
on standard input is the folder of an order; its exit status comes back as a line.
"""

import gc
from importlib import import_module
import multiprocessing
import os
from pathlib import Path
import pkgutil
import sys
from typing import Final

import custom_components.renogy_bt
from tests.real_bluez.order_folder import OrderFolder

from .run import run_order

_IMPORTED: Final = (
    "homeassistant.components.bluetooth.config_flow",
    "homeassistant.components.system_health",
)


def _import_all() -> None:
    for name in _IMPORTED:
        import_module(name)
    package = custom_components.renogy_bt
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        import_module(module.name)


def _run(folder: OrderFolder) -> None:
    with folder.output.open("ab") as output:
        os.dup2(output.fileno(), sys.stdout.fileno())
        os.dup2(output.fileno(), sys.stderr.fileno())
    run_order(folder)


def main() -> None:
    """Run orders until there are no more."""
    _import_all()
    # Collected in a fork, what is shared would have to be copied.
    gc.freeze()
    fork = multiprocessing.get_context("fork")
    for line in sys.stdin:
        process = fork.Process(target=_run, args=(OrderFolder(Path(line.strip())),))
        process.start()
        process.join()
        sys.stdout.write(f"{process.exitcode}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
