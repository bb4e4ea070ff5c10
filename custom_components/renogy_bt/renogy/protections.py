# SPDX-License-Identifier: Apache-2.0
"""The protections of a battery by what they protect from, for people and their automations."""

from typing import Final

from .models import BatteryStatus
from .registers import STATUS_1

PROTECTIONS: Final = {
    "over_voltage": frozenset({"cell_over_voltage", "module_over_voltage"}),
    "under_voltage": frozenset({"cell_under_voltage", "module_under_voltage"}),
    "charge_temperature": frozenset(
        {"charge_over_temperature", "charge_under_temperature"}
    ),
    "discharge_temperature": frozenset(
        {"discharge_over_temperature", "discharge_under_temperature"}
    ),
    "over_current": frozenset(
        {
            "charge_over_current",
            "charge_over_current_2",
            "discharge_over_current",
            "discharge_over_current_2",
        }
    ),
    "short_circuit": frozenset({"short_circuit"}),
}
"""The alarms of each group of protections."""


def has_acted(status: BatteryStatus, group: str) -> bool | None:
    """Return whether a protection of this group is active; None where the battery tells none."""
    if STATUS_1 not in status.alarm_words:
        return None
    return any(alarm.key in PROTECTIONS[group] for alarm in status.alarms)
