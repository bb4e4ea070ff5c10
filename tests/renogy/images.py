# SPDX-License-Identifier: Apache-2.0
"""Register images made from register values."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from custom_components.renogy_bt.renogy.decoder import RegisterImage, decode_reading
from custom_components.renogy_bt.renogy.families import STANDARD, Family
from custom_components.renogy_bt.renogy.models import (
    BatteryConfiguration,
    BatteryReading,
)
from tests.renogy.fake_link import rbt50lfp48s

READ_AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
POLLED = ((5000, 53), (5100, 10))


def image_from(
    registers: Mapping[int, Sequence[int]],
    blocks: Sequence[tuple[int, int]] = POLLED,
) -> RegisterImage:
    """Return the blocks of a poll; registers are given by start address, others are 0."""
    words = {
        start + index: word
        for start, values in registers.items()
        for index, word in enumerate(values)
    }
    return RegisterImage(
        [
            (
                start,
                b"".join(
                    (words.get(address, 0) % 0x10000).to_bytes(2, "big")
                    for address in range(start, start + count)
                ),
            )
            for start, count in blocks
        ]
    )


def owners_pack(changes: Mapping[int, Sequence[int]] | None = None) -> RegisterImage:
    """Return an RBT50LFP48S as captured, with some registers changed."""
    registers = dict(rbt50lfp48s().registers)
    for start, values in (changes or {}).items():
        registers.update(enumerate(values, start))
    return image_from({address: [word] for address, word in registers.items()})


def decoded(
    image: RegisterImage,
    family: Family = STANDARD,
    configuration: BatteryConfiguration | None = None,
) -> BatteryReading:
    """Return the reading of an image."""
    return decode_reading(image, READ_AT, family, configuration)
