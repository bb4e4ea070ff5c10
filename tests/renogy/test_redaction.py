# SPDX-License-Identifier: Apache-2.0
"""What tells one peripheral from all others is left out of a report, however it is spelled."""

from collections.abc import Callable
from random import Random

import pytest

from custom_components.renogy_bt.renogy.redaction import Redaction, redacted_name

ADDRESS = "6C:B2:FD:A1:B2:C3"
RAW = bytes.fromhex("6cb2fda1b2c3")
MADE_UP = bytes.fromhex("6cb2fd000001")

SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "bytes": bytes,
    "reversed bytes": lambda raw: raw[::-1],
    "hex": lambda raw: raw.hex().encode(),
    "capital hex": lambda raw: raw.hex().upper().encode(),
    "colons": lambda raw: raw.hex(":").upper().encode(),
    "dashes": lambda raw: raw.hex("-").encode(),
    "D-Bus path": lambda raw: b"/org/bluez/hci0/dev_" + raw.hex("_").upper().encode(),
    "reversed hex": lambda raw: raw[::-1].hex().encode(),
    "last four bytes": lambda raw: raw[2:],
    "last four bytes in hex": lambda raw: raw[2:].hex().upper().encode(),
}


def holds(data: bytes, raw: bytes) -> bool:
    """Return whether an address, or the four bytes that a name ends in, can be found."""
    return any(
        each.lower() in data.lower()
        for part in (raw, raw[2:])
        for each in (
            *(part, part[::-1]),
            *(
                part[::step].hex(separator).encode()
                for step in (1, -1)
                for separator in ":-_"
            ),
            *(part[::step].hex().encode() for step in (1, -1)),
        )
    )


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_address_is_left_out(spelling: str) -> None:
    """Random addresses are not found any more, in bytes or texts; no byte is lost."""
    random = Random(spelling)
    for _ in range(200):
        raw = random.randbytes(6)
        spelled = SPELLINGS[spelling](raw)
        data = random.randbytes(random.randrange(20)) + spelled + random.randbytes(9)
        redaction = Redaction(raw.hex(":"), None)
        redacted = redaction.data(data)
        assert holds(data, raw)
        assert not holds(redacted, raw)
        assert len(redacted) == len(data)
        if "bytes" not in spelling:
            text = f"reason: {spelled.decode()} failed"
            assert not holds(redaction.text(text).encode(), raw)


def test_a_peripheral_still_spells_its_own_address() -> None:
    """The made-up address stands in the same places, and keeps the makers' block."""
    redaction = Redaction(ADDRESS, None)
    assert redaction.address == "6C:B2:FD:00:00:01"
    assert redaction.data(RAW) == MADE_UP
    assert redaction.data(RAW[::-1]) == MADE_UP[::-1]


def test_the_address_of_another_device_is_left_out_of_a_text() -> None:
    """An adapter's or proxy's own address stands in reasons, too."""
    for address in ("00:1A:7D:DA:71:13", "001a7dda7113"):
        text = Redaction(ADDRESS, None).text(f"proxy-{address} is busy")
        assert "7d" not in text.lower()


@pytest.mark.parametrize(
    ("name", "redacted"),
    [
        ("BT-TH-FDA1B2C3", "BT-TH"),
        ("RNGRBP45678", "RNGRBP"),
        ("RNGPRO12BATT0123456", "RNGPRO12BATT"),
        ("RTMShunt30012345678", "RTMShunt"),
        ("RNG-CTRL-RVR40", "RNG-CTRL-"),
        ("NEWBAT12345678", "NEWBAT"),
        ("Boat 7 of Jan", ""),
        ("Anna Schmidt camper", ""),
        ("6C:B2:FD:A1:B2:C3", None),
        ("", None),
        (None, None),
    ],
)
def test_only_the_beginning_that_a_maker_gave_is_kept(
    name: str | None, redacted: str | None
) -> None:
    """The family stays; what the maker has numbered, and an owner's own name, goes."""
    assert redacted_name(name) == redacted


def test_the_end_of_the_name_is_left_out_everywhere() -> None:
    """Where a battery repeats the number in its name, it is left out there too."""
    redaction = Redaction("C4:D3:6A:12:34:56", "RNGRBP45678")
    assert redaction.data(b"\x01RBT-45678\0", [(0, 11)]) == b"\x01RBT-00000\0"
    assert "45678" not in redaction.text("RNGRBP45678: gone (45678)")


@pytest.mark.parametrize(
    "serial", ["50LFP48S20240815001", "1234567890123456", "SN-0815-4711"]
)
def test_serial_numbers_are_left_out(serial: str) -> None:
    """A text that is no model goes, and a long number within a model too."""
    redaction = Redaction(ADDRESS, None)
    data = b"\x30\x03\x10" + serial.encode() + b"\x12\x34"
    assert serial.encode() not in redaction.data(data)
    assert b"1234567" not in redaction.data(b"RBT1234567", [(0, 10)])


@pytest.mark.parametrize(
    "model", [b"RBT50LFP48S", b"RBT12100LFP-BT", b"RNG-CTRL-RVR40"]
)
def test_models_are_kept(model: bytes) -> None:
    """What was asked for as a model is what tells the maintainers most."""
    assert Redaction(ADDRESS, None).data(model, [(0, len(model))]) == model


def test_registers_are_kept() -> None:
    """The cells, and exceptions, stay as they came."""
    for frame in ("300302000f4440", "b00302000f", "b1830281"):
        raw = bytes.fromhex(frame)
        assert Redaction(ADDRESS, "BT-TH-FDA1B2C3").data(raw) == raw


def test_models_that_were_told_twice() -> None:
    """A place that is named twice is one place: no byte is lost or gained."""
    data = b"\x01RBT-45\0ABCDEFG"
    told = Redaction(ADDRESS, None).data(data, [(1, 7), (1, 7), (0, 3)])
    assert told == b"\x01RBT-45\x000000000"


def test_a_model_behind_a_serial_number() -> None:
    """In one block the one follows the other without a gap."""
    data = b"22RBH4A051020000RBT50LFP48S"
    told = Redaction(ADDRESS, None).data(data, [(16, len(data))])
    assert told == b"0" * 16 + b"RBT50LFP48S"
