# SPDX-License-Identifier: Apache-2.0
"""Tests of finding the batteries behind a link, and of refusing what is none."""

import asyncio
from collections.abc import Collection
from random import Random
from typing import override

import pytest

from custom_components.renogy_bt.renogy.exceptions import (
    DeviceKind,
    LinkLost,
    LinkSilent,
    LinkUnreachable,
    NotABattery,
)
from custom_components.renogy_bt.renogy.families import (
    PRO,
    RNGPRO,
    STANDARD,
    Family,
    family_of,
)
from custom_components.renogy_bt.renogy.models import (
    FoundBattery,
    OtherDevice,
    ProbeReport,
)
from custom_components.renogy_bt.renogy.probe import probe_link
from custom_components.renogy_bt.renogy.transport import Transport
from tests.renogy.fake_link import (
    DISCONNECT_SECONDS,
    Delivery,
    FakeBattery,
    FakeLink,
    drop_in_reply,
    four_batteries,
    in_parts,
    late,
    rbt50lfp48s,
    silent,
    text_words,
)
from tests.renogy.virtual_time import on_virtual_time, run


def _probe(fake: FakeLink, family: Family = STANDARD) -> ProbeReport:
    async def probed() -> ProbeReport:
        try:
            return await probe_link(fake.connector(), family)
        finally:
            assert all(each.lost.done() for each in fake.connections)

    return run(probed)


def _units(report: ProbeReport) -> list[int]:
    return [battery.unit for battery in report.batteries]


def _controller() -> FakeBattery:
    device = FakeBattery(readable=((0x000A, 0x0014),))
    device.put(0x000C, text_words("RNG-CTRL-RVR40", 8))
    return device


def test_four_batteries_are_found() -> None:
    """Units, models and cells are reported in order."""
    report = _probe(four_batteries())
    assert report.family == "standard"
    assert _units(report) == [48, 49, 50, 51]
    assert report.batteries[0] == FoundBattery(
        unit=48,
        model="RBT50LFP48S",
        cells=15,
        voltage=52.4,
        state_of_charge=100 * 49.842 / 50,
        serial_end="0000",
    )


def test_batteries_that_tell_little() -> None:
    """What people know a battery by is asked for once, and is unknown where it cannot be true."""
    fake = four_batteries()
    fake.units[48].readable = ((5000, 5034), (5122, 5129))
    fake.units[49].put(5043, [0, 2, 0])
    fake.faults[50, "5042x7"] = [silent]
    fake.faults[50, "5110x12"] = [silent]
    report = _probe(fake)
    assert _units(report) == [48, 49, 50, 51]
    told = [
        (each.model, each.voltage, each.state_of_charge, each.serial_end)
        for each in report.batteries
    ]
    assert told[0] == told[2] == ("RBT50LFP48S", None, None, None)
    assert told[1] == ("RBT50LFP48S", None, None, "0000")
    assert told[3][1:] == (52.4, pytest.approx(99.678), "0000")


def test_a_hole_is_not_the_end() -> None:
    """Ids after a missing one, and a pack left at 247, are found."""
    fake = FakeLink({unit: rbt50lfp48s() for unit in (48, 51, 55, 247)})
    assert _units(_probe(fake)) == [48, 51, 55, 247]


def test_several_batteries_are_never_asked_all_at_once() -> None:
    """As soon as one id answers, 255 is not asked: all would talk at once."""
    fake = four_batteries()
    _probe(fake)
    assert fake.asked_of(255) == []


@pytest.mark.parametrize("unit", [48, 49, 51])
def test_a_lost_reply_loses_no_battery(unit: int) -> None:
    """Silent ids are asked a second time."""
    fake = four_batteries()
    fake.faults[unit, "5000x1"] = [silent]
    fake.faults[unit, "5122x8"] = [silent]
    report = _probe(fake)
    assert _units(report) == [48, 49, 50, 51]
    assert {battery.model for battery in report.batteries} == {"RBT50LFP48S"}


def test_a_lone_battery_whose_first_reply_is_lost() -> None:
    """It is found under its own id although 255 was asked in between."""
    fake = FakeLink({50: rbt50lfp48s()})
    fake.faults[50, "5000x1"] = [silent]
    assert _units(_probe(fake)) == [50]


@pytest.mark.parametrize("seconds", [0.9, 2.3])
def test_late_replies_lose_no_battery(seconds: float) -> None:
    """A battery that answers late is found, and no reply is taken for another's."""
    fake = four_batteries()
    fake.faults[49, "5000x1"] = [late(seconds)]
    assert _units(_probe(fake)) == [48, 49, 50, 51]


def test_a_battery_that_is_always_slow_is_found() -> None:
    """Once heard, a unit is waited for longer."""
    fake = FakeLink({48: rbt50lfp48s(), 49: rbt50lfp48s()})
    fake.faults[49, "5000x1"] = [late(1.7)] * 9
    assert _units(_probe(fake)) == [48, 49]


def test_small_notifications_are_no_obstacle() -> None:
    """Probing works with replies in 20-byte notifications."""
    fake = four_batteries()
    fake.always.append(in_parts(20))
    assert len(_probe(fake).batteries) == 4


def test_a_battery_without_a_model_is_found() -> None:
    """Where the model is refused, it is unknown."""
    battery = rbt50lfp48s()
    battery.readable = ((5000, 5052),)
    (found,) = _probe(FakeLink({48: battery})).batteries
    assert (found.model, found.cells) == (None, 15)


@pytest.mark.parametrize("family", [STANDARD, PRO])
def test_a_battery_that_answers_255_under_its_own_id(family: Family) -> None:
    """The own id is the unit, since the battery answers to it."""
    report = _probe(FakeLink({60: rbt50lfp48s()}), family)
    assert _units(report) == [60]
    assert report.family == family.key


@pytest.mark.parametrize("family", [STANDARD, RNGPRO])
def test_a_battery_that_answers_as_255(family: Family) -> None:
    """An RNGPRO pack answers 255 as 255."""
    assert _units(_probe(FakeLink({255: rbt50lfp48s()}), family)) == [255]


def test_a_battery_that_does_not_answer_to_the_id_it_gives() -> None:
    """Then 255 is the unit."""
    battery = rbt50lfp48s()
    battery.reply_unit = 48
    assert _units(_probe(FakeLink({255: battery}), PRO)) == [255]


@pytest.mark.parametrize(
    ("family", "unit", "asked"),
    [(PRO, 48, [48] * 4), (RNGPRO, 255, [255] * 4), (PRO, 60, [48, 255, *[60] * 4])],
)
def test_built_in_bluetooth_is_asked_under_its_own_id_first(
    family: Family, unit: int, asked: list[int]
) -> None:
    """One question finds such a battery, and three more tell its model and what it is known by."""
    fake = FakeLink({unit: rbt50lfp48s()})
    assert _units(_probe(fake, family)) == [unit]
    assert [each.unit for each in fake.asked] == asked


@pytest.mark.parametrize("family", [PRO, RNGPRO])
def test_built_in_bluetooth_survives_lost_replies(family: Family) -> None:
    """Neither the first question nor the one to 255 has to be answered."""
    fake = FakeLink({48: rbt50lfp48s()})
    fake.faults[48, "5000x1"] = [silent, silent]
    fake.faults[255, "5000x1"] = [silent]
    assert _units(_probe(fake, family)) == [48]


def test_built_in_bluetooth_that_ignores_255() -> None:
    """The usual ids are tried then."""

    class Deaf(FakeLink):
        @override
        def deliver(self, unit: int, address: int, count: int) -> Delivery | None:
            return None if unit == 255 else super().deliver(unit, address, count)

    assert _units(_probe(Deaf({247: rbt50lfp48s()}), PRO)) == [247]


@pytest.mark.parametrize("unit", [255, 96, 97, 16, 17])
def test_charge_controllers_are_refused(unit: int) -> None:
    """A charge controller refuses cells and tells its model instead."""
    fake = FakeLink({unit: _controller()})
    if unit != 255:
        # Behind a hub nobody answers 255 alone.
        fake.units[250] = FakeBattery(readable=())
    with pytest.raises(NotABattery) as caught:
        _probe(fake)
    assert caught.value.kind is DeviceKind.CHARGE_CONTROLLER


@pytest.mark.parametrize("reply_unit", [None, 32])
@pytest.mark.parametrize("unit", [32, 255])
def test_inverters_are_refused(unit: int, reply_unit: int | None) -> None:
    """Whoever has the id 32 is an inverter, whatever it refuses."""
    inverter = FakeBattery(readable=(), reply_unit=reply_unit)
    with pytest.raises(NotABattery) as caught:
        _probe(FakeLink({unit: inverter}))
    expected = (
        DeviceKind.OTHER if (unit, reply_unit) == (255, None) else DeviceKind.INVERTER
    )
    assert caught.value.kind is expected


def test_an_inverter_behind_a_hub_is_refused() -> None:
    """It is found although 255 does not answer alone."""
    fake = FakeLink({32: FakeBattery(readable=()), 250: FakeBattery(readable=())})
    with pytest.raises(NotABattery) as caught:
        _probe(fake)
    assert caught.value.kind is DeviceKind.INVERTER


def test_what_counts_no_cells_is_no_battery() -> None:
    """A unit with an impossible number of cells is not set up."""
    for cells in (0, 17):
        device = rbt50lfp48s()
        device.put(5000, [cells])
        with pytest.raises(NotABattery) as caught:
            _probe(FakeLink({48: device}))
        assert caught.value.kind is DeviceKind.OTHER


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("RTMShunt300A1B2C3", DeviceKind.SHUNT),
        ("RNGRIU100", DeviceKind.INVERTER),
    ],
)
def test_names_of_other_devices_are_refused_unasked(
    name: str, kind: DeviceKind
) -> None:
    """No connection is made to what cannot be a battery."""
    fake = four_batteries()
    with pytest.raises(NotABattery) as caught:
        _probe(fake, family_of(name))
    assert caught.value.kind is kind
    assert fake.connections == []


@pytest.mark.parametrize("controller", [96, 97])
@pytest.mark.parametrize("batteries", [(48, 49), (33, 34, 35)])
def test_a_controller_beside_batteries_is_mentioned(
    batteries: tuple[int, ...], controller: int
) -> None:
    """Batteries are found whatever else is behind the dongle (cyrils/renogy-bt#7)."""
    fake = FakeLink({unit: rbt50lfp48s() for unit in batteries})
    fake.units[controller] = _controller()
    report = _probe(fake)
    assert _units(report) == list(batteries)
    assert report.others == (
        OtherDevice(unit=controller, kind=DeviceKind.CHARGE_CONTROLLER),
    )


@pytest.mark.parametrize(
    "units",
    [
        pytest.param((33, 34, 35), id="a chain without a hub"),
        pytest.param((34, 35), id="a chain without its first"),
        pytest.param((33, 48), id="a chain beside a hub"),
        pytest.param(tuple(range(48, 64)), id="two hubs"),
        pytest.param(tuple(range(56, 60)), id="the second hub alone"),
        pytest.param((48, 247), id="one left at the default"),
        pytest.param((55, 56), id="across the hubs"),
    ],
)
def test_units_of_every_series_are_found(units: tuple[int, ...]) -> None:
    """Chains without a hub and hubs of more than eight are searched where it takes that."""
    assert _units(_probe(FakeLink({unit: rbt50lfp48s() for unit in units}))) == list(
        units
    )


@on_virtual_time
async def test_units_that_only_their_owner_knows() -> None:
    """Two batteries with ids of their own stay unknown until the owner lists the ids."""
    fake = FakeLink({unit: rbt50lfp48s() for unit in (10, 11)})
    with pytest.raises(LinkSilent):
        await probe_link(fake.connector(), STANDARD)

    assert _units(await probe_link(fake.connector(), STANDARD, (10, 11))) == [10, 11]


def _lossy(units: Collection[int], seed: int) -> FakeLink:
    """Return a link that loses one reply in twenty."""
    random = Random(seed)
    fake = FakeLink({unit: rbt50lfp48s() for unit in units})
    fake.always.append(
        lambda delivery: silent(delivery) if random.random() < 0.05 else delivery
    )
    return fake


@pytest.mark.parametrize("seed", range(50))
@pytest.mark.parametrize(
    "units", [(48, 49, 50, 51), (48,), (33, 34, 35), (48, 49, 247)], ids=str
)
def test_a_troubled_line_loses_no_battery(units: tuple[int, ...], seed: int) -> None:
    """With one reply in twenty lost, no battery is missed."""
    assert _units(_probe(_lossy(units, seed))) == list(units)


@on_virtual_time
async def test_a_wedged_dongle_is_silent() -> None:
    """Nothing answers: that is no proof of another device, and takes bounded time."""
    fake = four_batteries()
    fake.wedged = True

    with pytest.raises(LinkSilent):
        await probe_link(fake.connector(), STANDARD)
    assert asyncio.get_running_loop().time() < 30


def test_a_link_lost_while_probing() -> None:
    """The loss is reported, not taken for silence."""
    fake = four_batteries()
    fake.faults[50, "5000x1"] = [drop_in_reply]
    with pytest.raises(LinkLost):
        _probe(fake)


def test_an_unreachable_link() -> None:
    """The reason is passed on."""
    fake = four_batteries()
    fake.unreachable = "out of range"
    with pytest.raises(LinkUnreachable, match="out of range"):
        _probe(fake)


@on_virtual_time
async def test_batteries_that_do_not_tell_who_they_are() -> None:
    """They are found, and probing ends in bounded time."""
    fake = FakeLink({unit: rbt50lfp48s() for unit in range(48, 56)})
    for unit in fake.units:
        fake.faults[unit, "5122x8"] = [silent] * 9

    report = await probe_link(fake.connector(), STANDARD)
    assert _units(report) == list(range(48, 56))
    assert {battery.model for battery in report.batteries} == {None}
    assert asyncio.get_running_loop().time() < 65


@on_virtual_time
async def test_four_batteries_are_found_soon() -> None:
    """Ids that do not exist cost little once others have answered; what each is known by, half a second."""
    fake = four_batteries()

    await probe_link(fake.connector(), STANDARD)
    assert asyncio.get_running_loop().time() < 9 + DISCONNECT_SECONDS


@on_virtual_time
async def test_a_chattering_link_is_silent_in_the_end() -> None:
    """A link that is written to in vain, and for ever chatters, holds nobody up."""
    fake = four_batteries()

    connector = fake.connector()
    loop = asyncio.get_running_loop()

    async def chatter() -> Transport:
        transport = await connector()
        for tenth in range(1000):
            loop.call_later(tenth / 10, transport.notify, b"\x00")
        return transport

    fake.wedged = True
    with pytest.raises(LinkSilent):
        await probe_link(chatter, STANDARD)
    assert loop.time() < 65


def test_probing_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """When its time is over before a battery was found, the link is given up."""
    monkeypatch.setattr("custom_components.renogy_bt.renogy.probe.PROBE_SECONDS", 6.0)
    fake = four_batteries()
    fake.wedged = True
    with pytest.raises(LinkSilent):
        _probe(fake)
    controller = FakeLink({97: _controller()})
    with pytest.raises(LinkUnreachable, match="slowly"):
        _probe(controller)
