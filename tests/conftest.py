# SPDX-License-Identifier: Apache-2.0
"""What all tests share."""

# First of all: Home Assistant's own test configuration has a folder of this name too,
# and the one that is imported first is the one that integrations are looked up in.
import custom_components.renogy_bt  # noqa: F401
from tests.alarm_clock import alarm_clock
from tests.banks import bank
from tests.energy_clock import clock
from tests.fake_air import air, all_enabled, idle_supervisor, link, quick_line
from tests.fake_supervisor import adapters
from tests.lasting_values import lasting_values
from tests.translation_check import translated_flows

__all__ = [
    "adapters",
    "air",
    "alarm_clock",
    "all_enabled",
    "bank",
    "clock",
    "idle_supervisor",
    "lasting_values",
    "link",
    "quick_line",
    "translated_flows",
]
