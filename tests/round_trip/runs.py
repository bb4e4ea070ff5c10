# SPDX-License-Identifier: Apache-2.0
"""What is run: every world and fault of the project, set-ups that fail, and worlds at random."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
import json
from random import Random
from typing import Any, Final

from tests.emulator import World
from tests.emulator.__main__ import WORLDS
from tests.emulator.faults import FAULTS, Scope
from tests.emulator.world import Unit
from tests.emulator.world_file import load_world, parse_world
from tests.fault_matrix.cases import CASES
from tests.fault_matrix.moved_clock import world_of

MINUTE: Final = 60.0
OWNER: Final = WORLDS / "owner.json"
REFUSING: Final = frozenset(
    {
        *("silent", "wrong-crc", "all-ff-reply", "late-reply", "out-of-range"),
        *("disconnect-mid-reply", "dongle-wedged", "held-by-other-central"),
    }
)
"""Faults with which a set-up fails."""
HINDERING: Final = ("foreign-unit", "lost-reply", "fragmented-notifications")
"""Faults with which a probe finds a battery all the same."""
AT_RANDOM: Final = (
    *("silent", "late-reply", "lost-reply", "wrong-crc", "foreign-unit"),
    *("glued-notifications", "fragmented-notifications", "wide-read-refused"),
    *("disconnect-mid-reply", "all-ff-reply", "link-drops", "weak-signal"),
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A world, the faults that begin in it, and when the file is downloaded."""

    name: str
    world: World
    switches: tuple[str, ...] = ()
    mode: str = "auto"
    has_witness: bool = False
    fails_at_set_up: bool = False
    """Whether the faults begin before the set-up, and it is the report of that which is run again."""
    is_probed: bool = False
    """Whether nothing is set up, and it is the report of a probe which is run again."""
    kept_interval: int | None = None
    """How often a link is polled that is kept connected, s; None: each poll connects."""
    is_split: bool = False
    """Whether each link is a bank of its own; the file is that of the first one."""
    has_proxy: bool = False
    """Whether the links are read through a proxy, which is nearer than the adapter."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the bank."""
    seconds: float = 12 * MINUTE
    """From the faults to the download."""


def _owner(**changes: Any) -> World:
    return replace(load_world(OWNER), solar_day=None, **changes)


def _many() -> World:
    """Return two dongles with sixteen batteries each, which answer in small notifications."""
    world = _owner()
    (link,) = world.links
    four = list(link.units.values())
    units = {
        unit_id: replace(four[unit_id % len(four)], unit_id=unit_id)
        for unit_id in range(48, 64)
    }
    first = replace(link, units=units, mtu=23)
    second = replace(first, name="BT-TH-FD77E5A9", address="6C:B2:FD:77:E5:A9")
    return replace(world, links=(first, second))


def instead(kind: str) -> dict[str, Any]:
    """Return a world file with another device in the place of the batteries."""
    data: dict[str, Any] = json.loads(OWNER.read_text(encoding="utf-8"))
    for link in data["links"]:
        link["kind"] = kind
        del link["units"]
    return data


def _of_worlds() -> Iterator[Run]:
    yield Run(name="day", world=load_world(OWNER))
    yield Run(name="families", world=load_world(WORLDS / "families.json"))
    yield Run(name="in-peace", world=_owner(), mode="active", has_witness=True)
    yield Run(name="kept-link", world=_owner(), mode="active", kept_interval=2)
    yield Run(
        name="kept-link-silent-of-one",
        world=_owner(),
        switches=('silent={"unit": 49}',),
        mode="active",
        kept_interval=5,
    )
    yield Run(name="in-series", world=_owner(), options={"wiring": "series"})
    families = load_world(WORLDS / "families.json")
    yield Run(name="two-banks", world=families, is_split=True)
    yield Run(name="through-a-proxy", world=_owner(), has_proxy=True)
    yield Run(name="many-batteries", world=_many())


def _of_faults() -> Iterator[Run]:
    for name, fault in FAULTS.items():
        is_of_adapter = fault.scope in {Scope.ADAPTER, Scope.BUS}
        yield Run(
            name=name, world=_owner(), switches=(name,), has_witness=is_of_adapter
        )
    for name in ("silent", "wrong-crc", "all-ff-reply", "late-reply"):
        switch = f'{name}={{"unit": 49}}'
        yield Run(name=f"{name}-of-one", world=_owner(), switches=(switch,))


def _of_matrix() -> Iterator[Run]:
    for case in CASES:
        if not case.at_start:
            yield Run(
                name=f"matrix-{case.name}",
                world=world_of(case),
                switches=case.switches,
                mode=case.mode,
                has_witness=case.witness,
            )


def _of_set_ups() -> Iterator[Run]:
    for kind in ("charge_controller", "inverter", "silent"):
        yield Run(
            name=f"set-up-of-{kind}",
            world=parse_world(json.dumps(instead(kind))),
            fails_at_set_up=True,
        )
    for name in sorted(REFUSING):
        yield Run(
            name=f"set-up-{name}",
            world=_owner(),
            switches=(name,),
            fails_at_set_up=True,
        )
    yield Run(name="probe", world=_owner(), is_probed=True)
    for name in HINDERING:
        yield Run(
            name=f"probe-{name}", world=_owner(), switches=(name,), is_probed=True
        )


def random_run(seed: int) -> Run:
    """Return some batteries that say something else, some faults, and some time."""
    random = Random(seed)
    world = _owner()
    (link,) = world.links
    units = random.sample(list(link.units.values()), random.randrange(1, 5))
    link = replace(
        link,
        mtu=random.choice((23, 185, 251)),
        units={
            unit.unit_id: _otherwise(unit, random)
            for unit in sorted(units, key=lambda unit: unit.unit_id)
        },
    )
    switches = []
    for name in random.sample(AT_RANDOM, random.randrange(3)):
        of_battery = FAULTS[name].scope is Scope.BATTERY
        values = {"unit": random.choice(list(link.units))} if of_battery else {}
        switches.append(f"{name}={json.dumps(values)}")
    return Run(
        name=f"random-{seed}",
        world=replace(world, links=(link,)),
        switches=tuple(switches),
        mode=random.choice(("auto", "active", "passive")),
        has_witness=random.random() < 0.5,
        seconds=random.uniform(1, 30) * MINUTE,
    )


def _otherwise(unit: Unit, random: Random) -> Unit:
    """Return a battery that says something else, and gives other blocks."""
    remaining = random.randrange(50_000)
    registers = {
        **unit.registers,
        5042: random.randrange(-10_000, 10_000) & 0xFFFF,
        5044: remaining >> 16,
        5045: remaining & 0xFFFF,
        5048: 0,
        5049: random.randrange(5000),
    }
    readable = random.choice(
        (
            unit.readable,
            ((5000, 5052), (5100, 5141), (5200, 5229)),
            ((5000, 5109), (5110, 5141), (5200, 5223)),
            ((5000, 5033), (5035, 5052), (5100, 5109), (5122, 5129)),
            ((5000, 5052), (5106, 5107)),
        )
    )
    return replace(unit, registers=registers, readable=readable)


RUNS: Final = {
    run.name: run
    for runs in (_of_worlds(), _of_faults(), _of_matrix(), _of_set_ups())
    for run in runs
}
