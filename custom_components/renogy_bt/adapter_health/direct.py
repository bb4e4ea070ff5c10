# SPDX-License-Identifier: Apache-2.0
"""Adapters that Home Assistant works without bluetoothd, over the kernel's management socket.

There a fault is concluded from what the scanner, our links and the kernel tell. Bluetoothd may
not run, may not have the adapter, or may have it too: all of that says nothing of such an adapter.
"""

from dataclasses import replace

from ..bluez.models import AdapterObject, BusSample
from .samples import AdapterSample, ListedAdapter, ScannerSample

KERNEL = "kernel"
"""Who takes the place of bluetoothd."""


def is_worked_directly(scanner: ScannerSample | None, *, was_direct: bool) -> bool:
    """Whether an adapter is worked without bluetoothd.

    Its scanner tells. Where none does, it is as before.
    """
    over = scanner.over_bluetoothd if scanner is not None else None
    return was_direct if over is None else not over


def by_its_path(sample: AdapterSample, *, was_direct: bool) -> AdapterSample:
    """The sample with the facts of the path that the adapter is worked by, and no others."""
    if not is_worked_directly(sample.scanner, was_direct=was_direct):
        return sample
    listed = sample.listed
    return replace(
        sample,
        is_direct=True,
        bus=BusSample(owner=KERNEL, known=listed is not None),
        adapter=None if listed is None else _adapter(sample.address, listed),
        zeroed_adapter=False,
        other_adapters=frozenset(),
        others_connected=0,
        has_twin=False,
        heard_on_bus_at=None,
    )


def _adapter(address: str, listed: ListedAdapter) -> AdapterObject | None:
    """The adapter as the kernel lists it; whether it discovers is not listed."""
    if listed.name is None:
        return None
    return AdapterObject(
        path=listed.name, address=address, powered=listed.powered, discovering=False
    )
