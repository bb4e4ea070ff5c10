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
