# SPDX-License-Identifier: Apache-2.0
"""What one battery, and one poll of a link, is known to be.

Every value is immutable. Currents and powers are positive while charging.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from .exceptions import DeviceKind
from .speeds import Extent

type BatteryId = tuple[str, int]
"""The address of a link and the unit id of a battery behind it."""


def battery_key(battery: BatteryId) -> str:
    """Return the key of a battery in files."""
    address, unit = battery
    return f"{address}/{unit}"


class AlarmSeverity(StrEnum):
    """How bad an alarm is: a warning, a protection that acted, a failed measurement."""

    WARNING = "warning"
    PROTECTION = "protection"
    ERROR = "error"


class ChargingState(StrEnum):
    """The direction of a battery's current."""

    CHARGING = "charging"
    DISCHARGING = "discharging"
    IDLE = "idle"


class ReadingFailure(StrEnum):
    """Why a poll brought no new reading of a unit."""

    SILENT = "silent"
    INVALID = "invalid"
    REFUSED = "refused"
    LINK_LOST = "link_lost"
    NOT_POLLED = "not_polled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An alarm that a battery reports.

    `key` is a slug such as "cell_over_voltage"; `parts` are the numbers, from 1, of the
    cells or sensors concerned, empty where the alarm is about the whole battery.
    """

    key: str
    severity: AlarmSeverity
    parts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryStatus:
    """The state and alarm words 5100-5109 (protocol 1.5).

    A flag is None where the battery does not let its word be read. The battery asks for its charge, or its
    discharge, to be stopped where that is not enabled. `alarm_words` are the
    addresses of the words that were read for alarms: of the others nothing is known.
    """

    charge_mosfet: bool | None = None
    discharge_mosfet: bool | None = None
    heater: bool | None = None
    fully_charged: bool | None = None
    charge_enabled: bool | None = None
    discharge_enabled: bool | None = None
    alarm_words: tuple[int, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    contradicted_alarms: tuple[Alarm, ...] = ()

    @property
    def problem(self) -> bool | None:
        """Whether a trusted alarm is active; None when the protection word is unreadable."""
        if self.alarms:
            return True
        # The switches are told by the same word as the protections.
        return None if self.charge_mosfet is None else False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryIdentity:
    """The ASCII registers 5110-5141 (protocol 1.5); None where empty or unreadable."""

    model: str | None = None
    serial_number: str | None = None
    manufacturer: str | None = None
    software_version: str | None = None
    manufacture_version: str | None = None
    main_line_version: str | None = None
    protocol_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryConfiguration:
    """The limits of a battery's warnings and protections, in V and degC; None where not known."""

    cell_over_voltage: float | None = None
    cell_high_voltage: float | None = None
    cell_low_voltage: float | None = None
    cell_under_voltage: float | None = None
    charge_over_temperature: float | None = None
    charge_high_temperature: float | None = None
    charge_low_temperature: float | None = None
    charge_under_temperature: float | None = None
    module_over_voltage: float | None = None
    module_under_voltage: float | None = None
    discharge_over_temperature: float | None = None
    discharge_high_temperature: float | None = None
    discharge_low_temperature: float | None = None
    discharge_under_temperature: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryReading:
    """One battery's measured values and status.

    V, A, Ah and degC; `cell_resolution` is the step that cell voltages are told in.
    Current, voltage and capacities are of one moment, `read_at`, and all the rest is of one
    moment: `rest_read_at`, where that was an earlier one.
    `board_temperature` is None where the sensor is not fitted (it then reads exactly 0) or
    not readable. `current_count` is the current as the battery counts it, `current` is None
    while the scale of that count is not known. `doubted` names the registers whose words
    cannot be true: what they would tell is unknown.
    """

    read_at: datetime
    cell_voltages: tuple[float, ...]
    cell_resolution: float = 0.1
    cell_temperatures: tuple[float | None, ...]
    board_temperature: float | None = None
    environment_temperatures: tuple[float | None, ...] = ()
    heater_temperatures: tuple[float | None, ...] = ()
    current_count: int
    current: float | None
    voltage: float
    remaining_capacity: float
    total_capacity: float
    cycles: int | None = None
    charge_voltage_limit: float | None = None
    discharge_voltage_limit: float | None = None
    charge_current_limit: float | None = None
    discharge_current_limit: float | None = None
    status: BatteryStatus
    doubted: tuple[str, ...] = ()
    rest_read_at: datetime | None = None

    def counting(self, divisor: int | None) -> BatteryReading:
        """Return this reading with so many counts of the current in one ampere."""
        current = None if divisor is None else self.current_count / divisor
        return replace(self, current=current)

    @property
    def power(self) -> float | None:
        """Power in W, positive while charging; None while the current is not known."""
        if self.current is None:
            return None
        return round(self.voltage * self.current, 3)

    @property
    def state_of_charge(self) -> float:
        """State of charge in %, clamped: a recalibrated battery may hold more than its total."""
        return min(100.0, 100.0 * self.remaining_capacity / self.total_capacity)

    @property
    def stored_energy(self) -> float:
        """Energy in Wh at the present voltage."""
        return round(self.remaining_capacity * self.voltage, 3)

    @property
    def temperature(self) -> float | None:
        """Mean of the cell temperature sensors in degC, as far as they are known."""
        known = self._known_temperatures
        return round(sum(known) / len(known), 2) if known else None

    @property
    def temperature_min(self) -> float | None:
        """Coldest cell temperature sensor in degC."""
        return min(self._known_temperatures, default=None)

    @property
    def temperature_max(self) -> float | None:
        """Warmest cell temperature sensor in degC."""
        return max(self._known_temperatures, default=None)

    @property
    def _known_temperatures(self) -> list[float]:
        return [each for each in self.cell_temperatures if each is not None]

    @property
    def cell_voltage_min(self) -> float | None:
        """Lowest cell voltage in V."""
        return min(self.cell_voltages, default=None)

    @property
    def cell_voltage_max(self) -> float | None:
        """Highest cell voltage in V."""
        return max(self.cell_voltages, default=None)

    @property
    def cell_voltage_spread(self) -> float | None:
        """Highest minus lowest cell voltage in V, in steps of the cells' resolution."""
        if not self.cell_voltages:
            return None
        return round(max(self.cell_voltages) - min(self.cell_voltages), 3)

    @property
    def charging_state(self) -> ChargingState:
        """The direction of the current, whatever its scale; small ones are reported as 0."""
        if self.current_count > 0:
            return ChargingState.CHARGING
        return (
            ChargingState.DISCHARGING if self.current_count < 0 else ChargingState.IDLE
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PollStatistics:
    """How one poll of a link went.

    `seconds` run from the start of connecting to the last block in. `dropped_frames` counts
    valid frames that answered nothing that was asked, and runs of bytes that were no frame.
    """

    seconds: float = 0.0
    connect_seconds: float = 0.0
    requests: int = 0
    retries: int = 0
    timeouts: int = 0
    dropped_frames: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkReport:
    """What one poll of a link brought, by unit.

    A unit whose last good reading is held is in `readings` and in `failed`.
    `refused` names, by unit, the check that a reading failed: it holds what cannot be true.
    `identity_changed` names the units that turned out to be another battery than before,
    `garbled` the silent ones from which bytes that are no frame came instead of a reply.
    `polled` is False for a poll that was left out. `extents` tell what was read of the units
    that brought new readings.
    """

    readings: Mapping[int, BatteryReading]
    identities: Mapping[int, BatteryIdentity] = field(default_factory=dict)
    configurations: Mapping[int, BatteryConfiguration] = field(default_factory=dict)
    failed: Mapping[int, ReadingFailure] = field(default_factory=dict)
    refused: Mapping[int, str] = field(default_factory=dict)
    identity_changed: tuple[int, ...] = ()
    garbled: tuple[int, ...] = ()
    statistics: PollStatistics = field(default_factory=PollStatistics)
    polled: bool = True
    extents: Mapping[int, Extent] = field(default_factory=dict)

    @property
    def fresh(self) -> frozenset[int]:
        """The units that brought new readings."""
        return frozenset(self.readings.keys() - self.failed.keys())


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundBattery:
    """A battery found behind a link.

    What tells it apart for people is None where it did not tell: V, %, and the end of its serial number.
    """

    unit: int
    model: str | None
    cells: int
    voltage: float | None = None
    state_of_charge: float | None = None
    serial_end: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherDevice:
    """A device behind a link that is no battery."""

    unit: int
    kind: DeviceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeReport:
    """What probing a link found; `family` is a `Family.key`.

    `others` are the devices that answer beside the batteries, as far as that was noticed.
    """

    family: str
    batteries: tuple[FoundBattery, ...]
    others: tuple[OtherDevice, ...] = ()
