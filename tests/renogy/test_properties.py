# SPDX-License-Identifier: Apache-2.0
"""Properties: whatever comes in, nothing but what can be true comes out."""

import asyncio
from contextlib import suppress
from functools import partial
from typing import override

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.renogy_bt.renogy.decoder import (
    RegisterImage,
    decode_configuration,
    decode_identity,
    decode_reading,
)
from custom_components.renogy_bt.renogy.exceptions import InvalidBlock, RenogyError
from custom_components.renogy_bt.renogy.families import (
    FAMILIES,
    Family,
    family_by_key,
    family_of,
)
from custom_components.renogy_bt.renogy.modbus import (
    FrameAssembler,
    ReadRequest,
    crc16,
    with_crc,
)
from custom_components.renogy_bt.renogy.models import BatteryReading
from tests.renogy.fake_link import Delivery, FakeLink, four_batteries, link_to
from tests.renogy.images import READ_AT, owners_pack
from tests.renogy.vectors import CAPTURES, EXCEPTIONS
from tests.renogy.virtual_time import on_virtual_time, run

# As documented, not as the code has it.
MAX_WORDS = 125

BATTERY_FAMILIES = [family for family in FAMILIES if family.refused_as is None]
GOOD_FRAMES = [capture.reply for capture in CAPTURES.values() if capture.reply]
GOOD_FRAMES += [reply for _, _, reply in EXCEPTIONS]


@st.composite
def replies(draw: st.DrawFn) -> bytes:
    """Valid read replies and exceptions of any unit."""
    unit = draw(st.integers(1, 255))
    if draw(st.booleans()):
        return with_crc(bytes((unit, 0x83, draw(st.integers(1, 11)))))
    words = draw(st.integers(1, MAX_WORDS))
    data = draw(st.binary(min_size=2 * words, max_size=2 * words))
    return with_crc(bytes((unit, 3, 2 * words)) + data)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Valid frames of which some bits are wrong, or some bytes missing or doubled."""
    frame = bytearray(draw(st.sampled_from(GOOD_FRAMES)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(frame) - 1))
        match draw(st.sampled_from(["flip", "delete", "double", "cut"])):
            case "flip":
                frame[at] ^= 1 << draw(st.integers(0, 7))
            case "delete" if len(frame) > 1:
                del frame[at]
            case "double":
                frame.insert(at, frame[at])
            case _:
                del frame[at + 1 :]
    return bytes(frame)


@st.composite
def cut(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """Return data in arbitrary fragments."""
    edges = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[a:b] for a, b in zip([0, *edges], [*edges, len(data)], strict=True)]


def _is_possible(reading: BatteryReading) -> None:
    """Assert what the plausibility rules promise of every reading."""
    cells = len(reading.cell_voltages)
    assert 1 <= cells <= 16
    assert all(0 <= voltage <= 5 for voltage in reading.cell_voltages)
    for most, temperatures in (
        (16, reading.cell_temperatures),
        (2, reading.environment_temperatures),
        (2, reading.heater_temperatures),
        (1, (reading.board_temperature,)),
    ):
        assert len(temperatures) <= most
        assert all(each is None or -60 <= each <= 150 for each in temperatures)
    assert 1 <= reading.voltage <= 80
    assert reading.current is None or abs(reading.current) <= 600
    assert 1 <= reading.total_capacity <= 2000
    assert 0 <= reading.remaining_capacity <= 1.25 * reading.total_capacity
    assert 0 <= reading.state_of_charge <= 100
    assert reading.cycles is None or 0 <= reading.cycles <= 20_000
    errors = [
        alarm.parts
        for alarm in reading.status.alarms
        if alarm.key == "cell_voltage_error"
    ]
    half_a_step = 0.0005 if reading.cell_resolution == 0.001 else 0.05
    lowest = sum(reading.cell_voltages) - cells * half_a_step - 0.5
    assert lowest - 0.001 <= reading.voltage or errors
    for alarm in (*reading.status.alarms, *reading.status.contradicted_alarms):
        assert all(1 <= part <= 16 for part in alarm.parts)


@given(st.data(), st.lists(replies(), min_size=1, max_size=4))
def test_frames_survive_any_fragmentation(
    data: st.DataObject, frames: list[bytes]
) -> None:
    """However valid frames are glued and cut, the same frames come out."""
    assembler = FrameAssembler()
    fragments = data.draw(cut(b"".join(frames)))
    found = [frame for each in fragments for frame in assembler.feed(each)]
    assert [frame.raw for frame in found] == frames
    assert assembler.skipped_bytes == 0


@given(st.binary(max_size=600), replies())
def test_arbitrary_bytes_never_hide_the_next_frame(noise: bytes, reply: bytes) -> None:
    """A frame behind any noise is the last that is found, and the buffer stays bounded."""
    assembler = FrameAssembler()
    framed = sum(len(frame.raw) for frame in assembler.feed(noise))
    assert 0 <= len(noise) - framed - assembler.skipped_bytes < 255
    assert assembler.feed(reply)[-1].raw == reply


@given(st.lists(st.one_of(mutated(), st.binary(max_size=40)), max_size=6), st.data())
def test_mutated_frames_are_frames_only_with_a_right_crc(
    pieces: list[bytes], data: st.DataObject
) -> None:
    """Nothing with a wrong CRC, length or function is ever taken for a frame."""
    assembler = FrameAssembler()
    stream = b"".join(pieces)
    for fragment in data.draw(cut(stream)):
        for frame in assembler.feed(fragment):
            assert crc16(frame.raw) == 0
            assert frame.raw in stream
            assert frame.raw[1] in {0x03, 0x83}
            assert frame.exception_code is not None or len(frame.data) == frame.raw[2]


@given(st.integers(1, 255), st.integers(0, 65_535), st.integers(1, MAX_WORDS))
def test_requests_can_be_read_back(unit: int, address: int, count: int) -> None:
    """A request frame says what was asked, and has a right CRC."""
    if address + count > 0x10000:
        with pytest.raises(ValueError):
            ReadRequest(unit, address, count)
        return
    frame = ReadRequest(unit, address, count).encode()
    assert crc16(frame) == 0
    assert (frame[0], frame[1]) == (unit, 3)
    assert int.from_bytes(frame[2:4], "big") == address
    assert int.from_bytes(frame[4:6], "big") == count


@given(st.binary(min_size=220, max_size=220), st.sampled_from(BATTERY_FAMILIES))
def test_arbitrary_registers_are_refused_or_possible(
    data: bytes, family: Family
) -> None:
    """Random registers never crash the decoder, and what passes can be true."""
    with suppress(InvalidBlock):
        _is_possible(decode_reading(RegisterImage([(5000, data)]), READ_AT, family))


@given(
    st.dictionaries(
        st.integers(5000, 5109), st.integers(0, 0xFFFF), min_size=1, max_size=5
    ),
    st.sampled_from(BATTERY_FAMILIES),
)
def test_registers_near_the_truth_are_refused_or_possible(
    changes: dict[int, int], family: Family
) -> None:
    """A healthy pack with a few wrong registers is refused, or still can be true."""
    image = owners_pack({address: [word] for address, word in changes.items()})
    with suppress(InvalidBlock):
        _is_possible(decode_reading(image, READ_AT, family))


@given(st.binary(min_size=64, max_size=64), st.binary(min_size=48, max_size=48))
def test_arbitrary_details_never_crash(identity: bytes, configuration: bytes) -> None:
    """Identity is printable text or nothing, limits are in order or refused."""
    texts = decode_identity(RegisterImage([(5110, identity)]))
    assert texts.model is None or texts.model.isprintable()
    with suppress(InvalidBlock):
        limits = decode_configuration(RegisterImage([(5200, configuration)]))
        assert (limits.cell_low_voltage or 0) <= (limits.cell_high_voltage or 9)


@given(st.text(max_size=30))
def test_every_name_has_a_family(name: str) -> None:
    """No name is without a family, and its key leads back to it."""
    assert family_by_key(family_of(name).key) is family_of(name)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(mutated(), replies(), st.binary(max_size=60)), max_size=30))
@on_virtual_time
async def test_polls_raise_nothing_but_renogy_errors(noise: list[bytes]) -> None:
    """Whatever is received in place of replies, a poll reports possible readings or an error."""

    class Noisy(FakeLink):
        @override
        def deliver(self, unit: int, address: int, count: int) -> Delivery | None:
            if not noise:
                return super().deliver(unit, address, count)
            return Delivery(seconds=0.3, fragments=(noise.pop(),))

    link = link_to(Noisy(four_batteries().units))
    for _ in range(3):
        try:
            report = await link.poll()
        except RenogyError:
            continue
        for unit, reading in report.readings.items():
            _is_possible(reading)
            if unit not in report.failed:
                assert reading.voltage == 52.4
    await link.close()


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_fragmentation_reads_the_same(data: st.DataObject) -> None:
    """A poll brings the same readings however its replies are cut."""

    def fragmented(delivery: Delivery) -> Delivery:
        (frame,) = delivery.fragments
        parts = tuple(part for part in data.draw(cut(frame)) if part)
        return Delivery(seconds=delivery.seconds, fragments=parts)

    async def energies(fake: FakeLink) -> dict[int, float]:
        link = link_to(fake)
        report = await link.poll()
        await link.close()
        assert report.failed == {}
        assert report.statistics.dropped_frames == 0
        await asyncio.sleep(0)
        return {unit: each.stored_energy for unit, each in report.readings.items()}

    whole, parts = four_batteries(), four_batteries()
    parts.always.append(fragmented)
    assert run(partial(energies, whole)) == run(partial(energies, parts))
