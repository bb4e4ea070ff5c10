# SPDX-License-Identifier: Apache-2.0
"""Which batteries the demo waits for."""

import pytest

from tests.emulator.world import Link, Unit, World

from .emulator import EmulatorProcess

ADDRESS = "F0:F8:F2:00:46:01"


@pytest.mark.parametrize(
    ("reply_unit", "known_as"),
    [
        pytest.param(None, 48, id="replies under its own id"),
        pytest.param(48, 48, id="says so"),
        pytest.param(255, 255, id="replies as 255"),
    ],
)
def test_battery_ids(reply_unit: int | None, known_as: int) -> None:
    """A battery that replies under another id than its own is known as 255."""
    unit = Unit(unit_id=48, reply_unit=reply_unit)
    link = Link(name="RNGPRO12BATT46001", address=ADDRESS, units={48: unit})
    emulator = EmulatorProcess(World(links=(link,)), "unix:path=/nowhere", ())
    assert emulator.batteries == [(ADDRESS, known_as)]


def test_ids_that_the_owner_has_set() -> None:
    """What no probe looks for by itself, the owner has to tell."""
    units = {unit: Unit(unit_id=unit) for unit in (10, 11, 33, 48, 63, 64, 247)}
    link = Link(name="BT-TH-F2004601", address=ADDRESS, units=units)
    emulator = EmulatorProcess(World(links=(link,)), "unix:path=/nowhere", ())
    assert emulator.owner_units == {ADDRESS: [10, 11, 64]}


def test_links_that_are_kept() -> None:
    """The demo keeps the links connected that the world says so of, as their owner would."""
    unit = Unit(unit_id=48)
    links = (
        Link(name="BT-TH-F2004601", address=ADDRESS, units={48: unit}, kept_interval=2),
        Link(name="BT-TH-F2004602", address=f"{ADDRESS[:-1]}2", units={48: unit}),
    )
    emulator = EmulatorProcess(World(links=links), "unix:path=/nowhere", ())
    assert emulator.kept_intervals == {ADDRESS: 2}
