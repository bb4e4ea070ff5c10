# SPDX-License-Identifier: Apache-2.0
"""One battery of each family, as its owners have reported it (protocol 1.1, 1.6)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tests.renogy.fake_link import FakeBattery, FakeLink, rbt50lfp48s, text_words

SERVICE: Final = "0000ffd0-0000-1000-8000-00805f9b34fb"


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyCase:
    """A link, what it advertises, and what is right for its first battery.

    `current` is right with the name, `shown_current` without, None where only the name tells
    the scale.
    """

    name: str
    address: str
    family: str
    shown_family: str
    make: Callable[[], FakeLink]
    unit: int
    current: float
    shown_current: float | None
    has_service: bool = False
    right: dict[str, str] = field(default_factory=dict)

    @property
    def manufacturer_data(self) -> dict[int, bytes]:
        """The address, spelled as the company id and four bytes."""
        address = bytes.fromhex(self.address.replace(":", ""))
        return {int.from_bytes(address[:2], "little"): address[2:]}

    @property
    def service_uuids(self) -> tuple[str, ...]:
        """What the link advertises of its services."""
        return (SERVICE,) if self.has_service else ()


def single_battery(
    model: str | None, counts: int, *, cell: int = 33, alarms: int = 0
) -> FakeBattery:
    """Return a 12 V battery whose register 5042 counts so much."""
    battery = FakeBattery()
    battery.put(5000, [4, cell, cell, cell, cell])
    battery.put(5017, [2, 170, 170])
    battery.put(5042, [counts % 0x10000, 133])
    battery.put(5044, [2, 18_928, 3, 3392, 7])
    battery.put(5100, [0, alarms, 0, 0, 0, 0, 0x0006, 0, 0, 0x00C0])
    if model is not None:
        battery.put(5122, text_words(model, 8))
    return battery


def _alone(unit: int, battery: FakeBattery) -> Callable[[], FakeLink]:
    return lambda: FakeLink({unit: battery})


CASES: Final = (
    FamilyCase(
        name="BT-TH-FDA1B2C4",
        address="6C:B2:FD:A1:B2:C4",
        family="standard",
        shown_family="standard",
        make=lambda: FakeLink({48: rbt50lfp48s(current=-123), 49: rbt50lfp48s()}),
        unit=48,
        current=-1.23,
        shown_current=-1.23,
        has_service=True,
    ),
    FamilyCase(
        name="BT-TH-66000001",
        address="60:98:66:00:00:01",
        family="standard",
        shown_family="standard",
        make=_alone(48, single_battery("RBT100LFP12-BT", -86)),
        unit=48,
        current=-0.86,
        shown_current=-0.86,
        has_service=True,
    ),
    FamilyCase(
        name="RNGRBP1200000001",
        address="4C:E1:74:00:00:01",
        family="pro",
        shown_family="pro",
        make=_alone(48, single_battery("RBT12200LFP-BT", 123)),
        unit=48,
        current=12.3,
        shown_current=12.3,
    ),
    FamilyCase(
        name="RNGC122BAT20000001",
        address="4C:E1:74:00:00:02",
        family="rngc",
        shown_family="rngc",
        make=_alone(48, single_battery("RBT12200LFP-B", -45, cell=3312)),
        unit=48,
        current=-4.5,
        shown_current=-4.5,
        right={"voltage": "13.3"},
    ),
    FamilyCase(
        name="RNGPRO12BATT40000001",
        address="4C:E1:74:00:00:03",
        family="rngpro12batt",
        shown_family="rngpro12batt",
        make=_alone(255, single_battery("RBT12100LFP-BT", -8, alarms=0x00AA)),
        unit=255,
        current=-0.8,
        shown_current=-0.8,
        right={"problem": "off"},
    ),
    FamilyCase(
        name="RNGPRO125BAT00000001",
        address="4C:E1:74:00:00:04",
        family="rngpro125bat",
        shown_family="rngpro125bat",
        make=_alone(255, single_battery("RBT12500LFP-SHBT", -201, alarms=0x00AA)),
        unit=255,
        current=-2.01,
        shown_current=-2.01,
        right={"problem": "off"},
    ),
    # Packs that keep their model to themselves.
    FamilyCase(
        name="RNGRBP1200000002",
        address="4C:E1:74:00:00:05",
        family="pro",
        shown_family="undecided",
        make=_alone(48, single_battery(None, 123)),
        unit=48,
        current=12.3,
        shown_current=None,
    ),
    FamilyCase(
        name="RNGC122BAT20000002",
        address="4C:E1:74:00:00:06",
        family="rngc",
        shown_family="undecided",
        make=_alone(48, single_battery(None, -45, cell=3312)),
        unit=48,
        current=-4.5,
        shown_current=None,
        right={"voltage": "13.3"},
    ),
    FamilyCase(
        name="RNGPRO12BATT40000002",
        address="4C:E1:74:00:00:07",
        family="rngpro12batt",
        shown_family="undecided",
        make=_alone(255, single_battery(None, -8, alarms=0x00AA)),
        unit=255,
        current=-0.8,
        shown_current=None,
        right={"problem": "off"},
    ),
)
