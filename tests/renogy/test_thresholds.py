# SPDX-License-Identifier: Apache-2.0
"""The thresholds of the protections: what cannot be true is unknown, and harms no other."""

import pytest

from custom_components.renogy_bt.renogy.decoder import decode_configuration
from custom_components.renogy_bt.renogy.models import BatteryConfiguration
from tests.renogy.images import image_from
from tests.renogy.test_register_map import CONFIGURATION, CONFIGURED


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (5204, "charge_over_temperature"),
        (5207, "charge_under_temperature"),
        (5211, "module_over_voltage"),
        (5214, "module_under_voltage"),
        (5215, "discharge_over_temperature"),
        (5218, "discharge_under_temperature"),
    ],
)
@pytest.mark.parametrize("word", [0xFFFF, 0x8000, 0x7FFF])
def test_nonsense_is_unknown(address: int, name: str, word: int) -> None:
    """The other limits are read all the same."""
    words = {
        start + index: [each]
        for start, row in CONFIGURATION.items()
        for index, each in enumerate(row)
    }
    words[address] = [word]
    assert decode_configuration(
        image_from(words, [(5200, 24)])
    ) == BatteryConfiguration(**{**CONFIGURED, name: None})
