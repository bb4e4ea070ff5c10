# SPDX-License-Identifier: Apache-2.0
"""The world file: what it gives, and how it says what is wrong."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given, strategies as st
import pytest

from tests.emulator import Kind, World, WorldFileError, load_world, parse_world
from tests.emulator.__main__ import WORLDS
from tests.emulator.world import NameIn
from tests.emulator.world_file import MAX_FILE_BYTES

UNIT = {"registers": {"5000": [4, 33]}, "readable": [[5000, 5052]]}
LINK = {"name": "BT-TH-1", "address": "6C:B2:FD:A1:B2:C3", "units": {"48": UNIT}}


def _with(changes: dict[str, Any]) -> dict[str, Any]:
    """Return a good world with values at dotted places replaced."""
    world: dict[str, Any] = json.loads(json.dumps({"links": [LINK]}))
    for place, value in changes.items():
        *path, last = place.split(".")
        target: Any = world
        for key in path:
            target = target[
                int(key) if key.isdecimal() and isinstance(target, list) else key
            ]
        target[last] = value
    return world


def test_a_link_that_is_to_be_kept() -> None:
    """Its interval is what the owner chooses; left out, each poll connects."""
    (kept,) = parse_world(json.dumps(_with({"links.0.kept_interval": 2}))).links
    (usual,) = parse_world(json.dumps(_with({}))).links
    assert (kept.kept_interval, usual.kept_interval) == (2, None)


def test_contract_example_is_a_world() -> None:
    """The documented keys alone make a world, with the documented meaning."""
    world = parse_world(
        json.dumps(
            {
                "links": [
                    {
                        "name": "BT-TH-FDA1B2C3",
                        "address": "6C:B2:FD:A1:B2:C3",
                        "mtu": 23,
                        "units": {
                            "48": {
                                "registers": {"5000": [15, 34], "5042": [7]},
                                "readable": [[5000, 5052], [5100, 5141]],
                                "reply_unit": None,
                            },
                            "49": {
                                "registers": {},
                                "readable": [],
                                "reply_unit": 255,
                            },
                        },
                    }
                ]
            }
        )
    )
    (link,) = world.links
    assert (link.mtu, link.kind) == (23, Kind.BATTERY)
    assert link.units[48].registers == {5000: 15, 5001: 34, 5042: 7}
    assert link.units[48].readable == ((5000, 5052), (5100, 5141))
    assert link.units[48].reply_unit is None
    assert link.units[49].reply_unit == 255
    assert [adapter.name for adapter in world.adapters] == ["hci0"]
    assert world.temporary_timeout == 30


def test_what_a_link_advertises_is_read() -> None:
    """The keys about the radio and the advertisement arrive in the world."""
    told = {"rssi": [-88.4, 4], "name_in": "scan_response", "services": False}
    (plain, radio) = parse_world(
        json.dumps({"links": [LINK, {**LINK, **told, "address": "6C:B2:FD:A1:B2:C4"}]})
    ).links
    assert (plain.rssi, plain.spread) == (-60, None)
    assert (plain.name_in, plain.services) == (NameIn.ADVERTISEMENT, True)
    assert (radio.rssi, radio.spread) == (-88, 4)
    assert (radio.name_in, radio.services) == (NameIn.SCAN_RESPONSE, False)


def test_replies_word_for_word_are_read() -> None:
    """Requests and notifications arrive as bytes, turn by turn."""
    replies = {"300313880001048a": [[[0.2, "3003"], [0.25, "02"]], []]}
    (link,) = parse_world(json.dumps({"links": [{**LINK, "replies": replies}]})).links
    turns = link.replies[bytes.fromhex("300313880001048a")]
    assert turns == (((0.2, b"\x30\x03"), (0.25, b"\x02")), ())


def test_unit_may_be_the_broadcast_id() -> None:
    """A pack without a hub answers under 255."""
    (link,) = parse_world(
        json.dumps({"links": [{**LINK, "units": {"247": UNIT, "255": UNIT}}]})
    ).links
    assert sorted(link.units) == [247, 255]


@pytest.mark.parametrize("name", ["owner", "families"])
def test_shipped_worlds_are_good(name: str) -> None:
    """The worlds that come along load."""
    assert isinstance(load_world(WORLDS / f"{name}.json"), World)


def test_owners_world_is_the_owners() -> None:
    """The default world is four packs of 15 cells behind the owner's dongle."""
    world = load_world(WORLDS / "owner.json")
    (link,) = world.links
    assert (link.name, link.address) == ("BT-TH-FDA1B2C3", "6C:B2:FD:A1:B2:C3")
    assert sorted(link.units) == [48, 49, 50, 51]
    assert all(unit.registers[5000] == 15 for unit in link.units.values())
    serial_numbers = {
        tuple(unit.registers[5110 + index] for index in range(8))
        for unit in link.units.values()
    }
    assert len(serial_numbers) == 4
    assert world.solar_day is not None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"links": None}, "links: must be a list"),
        ({"links": [7]}, "links[0]: must be an object"),
        ({"links": [LINK] * 2}, "links[1].address: is used twice"),
        ({"links": [LINK] * 17}, "links: must have 0 to 16 entries"),
        ({"surprise": 1}, "surprise: is not a key of the world file"),
        ({"links.0.surprise": 1}, "links[0].surprise: is not a key of the world file"),
        ({"links.0.name": ""}, "links[0].name: must be a text that is not empty"),
        ({"links.0.name": "x" * 27}, "links[0].name: must be at most 26 bytes long"),
        ({"links.0.name": "a\nb"}, "links[0].name: must be printable"),
        ({"links.0.name": "\ud800"}, "links[0].name: must be valid Unicode"),
        (
            {"links.0.address": "6c:b2:fd:a1:b2:c3"},
            "links[0].address: must look like 6C:B2:FD:A1:B2:C3",
        ),
        ({"links.0.mtu": 22}, "links[0].mtu: must be 23 to 517"),
        ({"links.0.mtu": True}, "links[0].mtu: must be an integer"),
        ({"links.0.mtu": 23.0}, "links[0].mtu: must be an integer"),
        (
            {"links.0.kind": "boat"},
            "links[0].kind: must be one of battery, charge_controller, inverter, silent",
        ),
        ({"links.0.replies": []}, "links[0].replies: must be an object"),
        (
            {"links.0.replies": {"x": [[]]}},
            "links[0].replies.x: must be bytes in hexadecimal",
        ),
        (
            {"links.0.replies": {"00": []}},
            "links[0].replies.00: must have 1 to 64 entries",
        ),
        (
            {"links.0.replies": {"00": [[[61, "00"]]]}},
            "links[0].replies.00[0][0][0]: must be 0 to 60",
        ),
        ({"links.0.rssi": 5}, "links[0].rssi: must be -110 to 0"),
        ({"links.0.rssi": "-60"}, "links[0].rssi: must be a number or [mean, spread]"),
        ({"links.0.rssi": None}, "links[0].rssi: must be a number or [mean, spread]"),
        ({"links.0.rssi": True}, "links[0].rssi: must be a number or [mean, spread]"),
        ({"links.0.rssi": [-88]}, "links[0].rssi: must have 2 to 2 entries"),
        ({"links.0.rssi": [-88, 4, 1]}, "links[0].rssi: must have 2 to 2 entries"),
        ({"links.0.rssi": [-111, 4]}, "links[0].rssi[0]: must be -110 to 0"),
        ({"links.0.rssi": [-88, -1]}, "links[0].rssi[1]: must be 0 to 30"),
        ({"links.0.rssi": [-88, "4"]}, "links[0].rssi[1]: must be a number"),
        (
            {"links.0.name_in": "response"},
            "links[0].name_in: must be one of advertisement, scan_response, never",
        ),
        (
            {"links.0.name_in": None},
            "links[0].name_in: must be one of advertisement, scan_response, never",
        ),
        ({"links.0.services": 0}, "links[0].services: must be true or false"),
        ({"links.0.kept_interval": 1}, "links[0].kept_interval: must be 2 to 600"),
        ({"links.0.kept_interval": 601}, "links[0].kept_interval: must be 2 to 600"),
        ({"links.0.kept_interval": True}, "links[0].kept_interval: must be an integer"),
        ({"links.0.kept_interval": 2.5}, "links[0].kept_interval: must be an integer"),
        ({"links.0.units": []}, "links[0].units: must be an object"),
        (
            {"links.0.units": {"248": UNIT}},
            "links[0].units.248: the key must be a number from 1 to 247, or 255",
        ),
        (
            {"links.0.units": {"048": UNIT}},
            "links[0].units.048: the key must be a number from 1 to 247, or 255",
        ),
        (
            {"links.0.units": {"256": UNIT}},
            "links[0].units.256: the key must be a number from 1 to 247, or 255",
        ),
        (
            {"links.0.units": {str(unit): UNIT for unit in range(1, 34)}},
            "links[0].units: must have at most 32 units",
        ),
        (
            {"links.0.units.48": {"registers": {}}},
            "links[0].units.48.readable: is missing",
        ),
        (
            {"links.0.units.48.readable": [[5000, 5052], [5200, 5100]]},
            "links[0].units.48.readable[1]: the range ends before it begins",
        ),
        (
            {"links.0.units.48.readable": [[5000, 5052, 1]]},
            "links[0].units.48.readable[0]: must have 2 to 2 entries",
        ),
        (
            {"links.0.units.48.readable": [[5000, 70000]]},
            "links[0].units.48.readable[0][1]: must be 0 to 65535",
        ),
        (
            {"links.0.units.48.registers": {"5000": [1, 2], "5001": [3]}},
            "links[0].units.48.registers.5001[0]: gives register 5001 a second time",
        ),
        (
            {"links.0.units.48.registers": {"5000": [65536]}},
            "links[0].units.48.registers.5000[0]: must be 0 to 65535",
        ),
        (
            {"links.0.units.48.registers": {"5000": []}},
            "links[0].units.48.registers.5000: must have 1 to 4096 entries",
        ),
        (
            {"links.0.units.48.registers": {"65535": [1, 2]}},
            "links[0].units.48.registers.65535[1]: is beyond register 65535",
        ),
        (
            {"links.0.units.48.registers": {"x": [1]}},
            "links[0].units.48.registers.x: the key must be a number from 0 to 65535",
        ),
        (
            {"links.0.units.48.registers": {"0": [0] * 4000, "5000": [0] * 100}},
            "links[0].units.48.registers: must have at most 4096 words",
        ),
        (
            {"links.0.units.48.reply_unit": 0},
            "links[0].units.48.reply_unit: must be 1 to 255",
        ),
        ({"adapters": []}, "adapters: must have 1 to 8 entries"),
        (
            {"adapters": [{"name": "usb0", "address": "B8:27:EB:00:00:01"}]},
            "adapters[0].name: must look like hci0",
        ),
        (
            {"adapters": [{"name": "hci0", "address": "B8:27:EB:00:00:01"}] * 2},
            "adapters[1].name: is used twice",
        ),
        ({"temporary_timeout": 0}, "temporary_timeout: must be 0.1 to 3600"),
        ({"temporary_timeout": 10**400}, "temporary_timeout: must be 0.1 to 3600"),
        ({"temporary_timeout": "30"}, "temporary_timeout: must be a number"),
        ({"advertisement_monitor": 1}, "advertisement_monitor: must be true or false"),
        ({"solar_day": {"hours": 2}}, "solar_day.seconds: is missing"),
        ({"solar_day": 1}, "solar_day: must be 10 to 86400"),
        ({"timing": {"reply": -1}}, "timing.reply: must be 0 to 60"),
        ({"timing": {"speed": 1}}, "timing.speed: is not a key of the world file"),
        ({"seed": -1}, "seed: must be 0 to 4294967295"),
        ({"description": 7}, "description: must be a text that is not empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_named(changes: dict[str, Any], message: str) -> None:
    """A wrong value is refused, with its place and the reason."""
    with pytest.raises(WorldFileError) as caught:
        parse_world(json.dumps(_with(changes)))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON: "),
        ("[]", "world: must be an object"),
        ("{}", "links: is missing"),
        ('{"links": [], "links": []}', "'links': given twice in one object"),
        ('{"links": [], "temporary_timeout": NaN}', "not usable: NaN is not a number"),
        ('{"links": [], "temporary_timeout": 1e999}', "temporary_timeout: must be"),
        ("[" * 100_000, "not "),
        ('{"links": [], "seed": ' + "9" * 5000 + "}", "not "),
    ],
    ids=["empty", "list", "nothing", "twice", "nan", "infinite", "deep", "long number"],
)
def test_text_that_is_no_world_is_refused(text: str, message: str) -> None:
    """Text that is no world is refused with a reason, whatever it is."""
    with pytest.raises(WorldFileError) as caught:
        parse_world(text)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("kind", ["charge_controller", "inverter", "silent"])
def test_links_without_batteries_need_no_units(kind: str) -> None:
    """Only a battery's link must list units."""
    link = {"name": "BT-TH-1", "address": "6C:B2:FD:A1:B2:C3", "kind": kind}
    assert parse_world(json.dumps({"links": [link]})).links[0].units == {}
    with pytest.raises(WorldFileError, match=r"links\[0\]\.units: is missing"):
        parse_world(json.dumps({"links": [{**link, "kind": "battery"}]}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory"),
        (b"\xff\xfe", "not UTF-8 text"),
        (b" " * (MAX_FILE_BYTES + 1), "larger than 1000000 bytes"),
        (b'{"links": 1}', "links: must be a list"),
    ],
    ids=["missing", "binary", "large", "wrong"],
)
def test_file_that_is_no_world_is_named(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    """A file that cannot be used is refused with its name and the reason."""
    path = tmp_path / "world.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WorldFileError) as caught:
        load_world(path)
    assert str(caught.value) == f"{path}: {message}"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["links", "name", "address", "units", "48", "registers", "5000"]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


def _reason(text: str) -> str | None:
    """Return why a text is no world, None if it is one."""
    try:
        parse_world(text)
    except WorldFileError as error:
        return str(error)
    return None


@given(JSON_VALUES)
def test_any_json_is_a_world_or_refused(value: Any) -> None:
    """Whatever JSON says, the outcome is a world or a reason with a place."""
    reason = _reason(json.dumps(value))
    assert reason is None or ":" in reason


@given(st.text())
def test_any_text_is_a_world_or_refused(text: str) -> None:
    """Whatever the text, the outcome is a world or a reason."""
    assert _reason(text) != ""
