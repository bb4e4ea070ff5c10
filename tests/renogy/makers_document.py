# SPDX-License-Identifier: Apache-2.0
"""The registers as the makers' document has them (protocol 1.5), written down for the tests.

Nothing here comes from the integration: what its tables say is compared with this.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number: where it stands, how wide it is, and how much one count is worth.

    `shown_as` is the value of a reading or configuration that shows it.
    """

    address: int
    words: int = 1
    signed: bool = False
    counts_per_unit: int
    unit: str
    shown_as: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of numbers, of which the battery has as many as another register counts."""

    counted_at: int
    address: int
    longest: int
    signed: bool
    counts_per_unit: int
    unit: str
    shown_as: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """An ASCII text of two letters a word."""

    address: int
    words: int
    shown_as: str


MEASUREMENTS = (
    Number(
        address=5035, signed=True, counts_per_unit=10, unit="degC", shown_as="board_temperature"
    ),
    Number(address=5042, signed=True, counts_per_unit=100, unit="A", shown_as="current"),
    Number(address=5043, counts_per_unit=10, unit="V", shown_as="voltage"),
    Number(address=5044, words=2, counts_per_unit=1000, unit="Ah", shown_as="remaining_capacity"),
    Number(address=5046, words=2, counts_per_unit=1000, unit="Ah", shown_as="total_capacity"),
    Number(address=5048, counts_per_unit=1, unit="", shown_as="cycles"),
    Number(address=5049, counts_per_unit=10, unit="V", shown_as="charge_voltage_limit"),
    Number(address=5050, counts_per_unit=10, unit="V", shown_as="discharge_voltage_limit"),
    Number(address=5051, counts_per_unit=100, unit="A", shown_as="charge_current_limit"),
    Number(
        address=5052, signed=True, counts_per_unit=100, unit="A", shown_as="discharge_current_limit"
    ),
)  # fmt: skip

ROWS = (
    Row(
        counted_at=5000, address=5001, longest=16, signed=False,
        counts_per_unit=10, unit="V", shown_as="cell_voltages",
    ),
    Row(
        counted_at=5017, address=5018, longest=16, signed=True,
        counts_per_unit=10, unit="degC", shown_as="cell_temperatures",
    ),
    Row(
        counted_at=5036, address=5037, longest=2, signed=True,
        counts_per_unit=10, unit="degC", shown_as="environment_temperatures",
    ),
    Row(
        counted_at=5039, address=5040, longest=2, signed=True,
        counts_per_unit=10, unit="degC", shown_as="heater_temperatures",
    ),
)  # fmt: skip

TEXTS = (
    Text(address=5110, words=8, shown_as="serial_number"),
    Text(address=5118, words=1, shown_as="manufacture_version"),
    Text(address=5119, words=2, shown_as="main_line_version"),
    Text(address=5121, words=1, shown_as="protocol_version"),
    Text(address=5122, words=8, shown_as="model"),
    Text(address=5130, words=2, shown_as="software_version"),
    Text(address=5132, words=10, shown_as="manufacturer"),
)

THRESHOLDS = (
    Number(address=5200, counts_per_unit=10, unit="V", shown_as="cell_over_voltage"),
    Number(address=5201, counts_per_unit=10, unit="V", shown_as="cell_high_voltage"),
    Number(address=5202, counts_per_unit=10, unit="V", shown_as="cell_low_voltage"),
    Number(address=5203, counts_per_unit=10, unit="V", shown_as="cell_under_voltage"),
    Number(address=5204, counts_per_unit=10, unit="degC", shown_as="charge_over_temperature"),
    Number(address=5205, counts_per_unit=10, unit="degC", shown_as="charge_high_temperature"),
    Number(
        address=5206, signed=True, counts_per_unit=10, unit="degC",
        shown_as="charge_low_temperature",
    ),
    Number(
        address=5207, signed=True, counts_per_unit=10, unit="degC",
        shown_as="charge_under_temperature",
    ),
    Number(address=5211, counts_per_unit=10, unit="V", shown_as="module_over_voltage"),
    Number(address=5214, counts_per_unit=10, unit="V", shown_as="module_under_voltage"),
    Number(address=5215, counts_per_unit=10, unit="degC", shown_as="discharge_over_temperature"),
    Number(address=5216, counts_per_unit=10, unit="degC", shown_as="discharge_high_temperature"),
    Number(
        address=5217, signed=True, counts_per_unit=10, unit="degC",
        shown_as="discharge_low_temperature",
    ),
    Number(
        address=5218, signed=True, counts_per_unit=10, unit="degC",
        shown_as="discharge_under_temperature",
    ),
)  # fmt: skip

# Status 1, bit by bit: what has acted.
PROTECTIONS = {
    15: "module_under_voltage",
    14: "charge_over_temperature",
    13: "charge_under_temperature",
    12: "discharge_over_temperature",
    11: "discharge_under_temperature",
    10: "discharge_over_current",
    9: "charge_over_current",
    8: "cell_over_voltage",
    7: "cell_under_voltage",
    6: "module_over_voltage",
    5: "discharge_over_current_2",
    4: "charge_over_current_2",
    0: "short_circuit",
}
STATUS_1 = 5106
# Status 2, the low byte: what is near its limit.
WARNINGS = {
    7: "discharge_high_temperature",
    6: "discharge_low_temperature",
    5: "charge_high_temperature",
    4: "charge_low_temperature",
    3: "module_high_voltage",
    2: "module_low_voltage",
    1: "cell_high_voltage",
    0: "cell_low_voltage",
}
STATUS_2 = 5107
# What is no alarm: module power, the buzzer, currents that flow, reserves.
SILENT_BITS = {STATUS_1: {3}, STATUS_2: {15, 14, 12, 10, 9, 8}}

# (word, bit) of each state
FLAGS = {
    "discharge_mosfet": (STATUS_1, 2),
    "charge_mosfet": (STATUS_1, 1),
    "heater": (STATUS_2, 13),
    "fully_charged": (STATUS_2, 11),
}

# What the battery asks for: 0 in a bit is the request to stop.
REQUESTS = {"charge_enabled": (5109, 7), "discharge_enabled": (5109, 6)}

# One bit a cell, cell 1 in bit 0: its voltage cannot be measured.
STATUS_3 = 5108

# Two bits a part.
FIELD_STATES = {0b01: "below_limit", 0b10: "above_limit", 0b11: "alarm"}
CELL_VOLTAGE_FIELDS = 5100
CELL_TEMPERATURE_FIELDS = 5102
# Both are 32 bits wide, the high word first, cell 1 in the lowest bits.
OTHER_FIELDS = 5104
# The lower bit of each field of the 32, and the parts that it names.
OTHERS: dict[int, tuple[str, tuple[int, ...]]] = {
    30: ("board_temperature", ()),
    28: ("environment_temperature", (1,)),
    26: ("environment_temperature", (2,)),
    24: ("heater_temperature", (1,)),
    22: ("heater_temperature", (2,)),
    20: ("charge_current", ()),
    18: ("discharge_current", ()),
}

_WARNING_FIELDS = {
    "cell_voltage": CELL_VOLTAGE_FIELDS,
    "cell_temperature": CELL_TEMPERATURE_FIELDS,
    **{quantity: OTHER_FIELDS for quantity, _ in OTHERS.values()},
}
ALARMS: dict[str, tuple[int, str]] = {
    **{
        f"{quantity}_{state}": (word, "warning")
        for quantity, word in _WARNING_FIELDS.items()
        for state in FIELD_STATES.values()
    },
    "cell_voltage_error": (STATUS_3, "error"),
    **dict.fromkeys(PROTECTIONS.values(), (STATUS_1, "protection")),
    **dict.fromkeys(WARNINGS.values(), (STATUS_2, "warning")),
}
"""The word that each alarm stands in, and how bad it is."""
