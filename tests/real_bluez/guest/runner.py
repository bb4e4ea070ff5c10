# SPDX-License-Identifier: Apache-2.0
"""Runs orders, each in a fork of this process.

To import Home Assistant takes longer than most orders; this process does it once. A line
on standard input is the folder of an order; its exit status comes back as a line. A Home
Assistant that its order kills is started again, once.
"""

import gc
from importlib import import_module
import multiprocessing
import os
from pathlib import Path
import pkgutil
import signal
import sys
import time
from typing import Final

import custom_components.renogy_bt
from tests.real_bluez.order_folder import OrderFolder

from .run import run_order

_IMPORTED: Final = (
    "homeassistant.components.bluetooth.config_flow",
    "homeassistant.components.system_health",
)
START_AGAIN_AFTER: Final = 10.0
"""As long as a supervisor of processes waits, s."""


def _import_all() -> None:
    for name in _IMPORTED:
        import_module(name)
    package = custom_components.renogy_bt
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        import_module(module.name)


def _run(folder: OrderFolder, began: float, resumes: bool) -> None:
    with folder.output.open("ab") as output:
        os.dup2(output.fileno(), sys.stdout.fileno())
        os.dup2(output.fileno(), sys.stderr.fileno())
    run_order(folder, began, resumes=resumes)


def _status_of(folder: OrderFolder) -> int | None:
    """Run an order and return its exit status."""
    fork = multiprocessing.get_context("fork")
    began = time.monotonic()
    process = fork.Process(target=_run, args=(folder, began, False))
    process.start()
    process.join()
    if process.exitcode == -signal.SIGKILL:
        time.sleep(START_AGAIN_AFTER)
        process = fork.Process(target=_run, args=(folder, began, True))
        process.start()
        process.join()
    return process.exitcode


def main() -> None:
    """Run orders until there are no more."""
    _import_all()
    # Collected in a fork, what is shared would have to be copied.
    gc.freeze()
    for line in sys.stdin:
        sys.stdout.write(f"{_status_of(OrderFolder(Path(line.strip())))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
