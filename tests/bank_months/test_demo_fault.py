# SPDX-License-Identifier: Apache-2.0
"""The demo's bank with a bad cable: what the integration makes of its registers."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import pytest

from custom_components.renogy_bt.bank.sharing_watch import SharingWatch, Suspicion
from custom_components.renogy_bt.renogy.decoder import decode_reading
from custom_components.renogy_bt.renogy.families import STANDARD
from tests.emulator import load_world
from tests.emulator.__main__ import WORLDS
from tests.emulator.bad_cable import part_carried
from tests.emulator.faults import ActiveFault, activate
from tests.emulator.solar_day import moving_registers
from tests.renogy.images import image_from

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
WORLD = load_world(WORLDS / "owner.json")


def watched(
    faults: Collection[ActiveFault], hours: float
) -> tuple[SharingWatch[int], Suspicion | None]:
    """Poll the demo's bank each minute; return the watch, and what it suspected first."""
    link, day = WORLD.links[0], WORLD.solar_day
    assert day is not None
    watch: SharingWatch[int] = SharingWatch()
    first = None
    for second in range(0, int(hours * 3600), 60):
        readings = {}
        for unit, battery in link.units.items():
            part = part_carried(link, unit, faults)
            words = dict(battery.registers) | moving_registers(
                day, battery, second, part
            )
            image = image_from({address: [word] for address, word in words.items()})
            readings[unit] = decode_reading(
                image, BEGAN + timedelta(seconds=second), STANDARD
            )
        found = watch.advance(1000.0 + second, readings)
        if found and first is None:
            first = next(iter(found.values())).suspicion
    return watch, first


@pytest.mark.parametrize("unit", [48, 50])
def test_bad_cable_is_told_of(unit: int) -> None:
    """After some hours, and of that battery alone."""
    watch, first = watched([activate("bad-cable", {"unit": unit})], 5)
    assert set(watch.noticed) == {unit}
    assert first is Suspicion.CABLE


def test_demo_without_it_is_left_alone() -> None:
    """However long."""
    watch, first = watched([], 12)
    assert set(watch.noticed) == set()
    assert first is None
