"""From the registers of a poll to the models."""

from datetime import datetime

from .alarms import decode_status
from .families import Family
from .image import RegisterImage
from .measurements import decode_measurements
from .models import BatteryConfiguration, BatteryIdentity, BatteryReading
from .plausibility import CHECKS, CONFIGURATION_CHECKS, Evidence, require
from .registers import CONFIGURATION, IDENTITY, REGISTER


def decode_reading(
    image: RegisterImage,
    family: Family,
    read_at: datetime,
    configuration: BatteryConfiguration | None = None,
) -> BatteryReading:
    """Return a reading; raises InvalidBlock when something in it cannot be true."""
    measured = decode_measurements(image, family)
    status = decode_status(image, family, measured, configuration)
    require(CHECKS, Evidence(measured, status))
    return BatteryReading(
        read_at=read_at,
        cell_voltages=measured.cell_voltages,
        cell_temperatures=measured.cell_temperatures,
        board_temperature=measured.board_temperature,
        environment_temperatures=measured.environment_temperatures,
        heater_temperatures=measured.heater_temperatures,
        current=measured.current,
        voltage=measured.voltage,
        remaining_capacity=measured.remaining_capacity,
        total_capacity=measured.total_capacity,
        cycles=measured.cycles,
        charge_voltage_limit=measured.charge_voltage_limit,
        discharge_voltage_limit=measured.discharge_voltage_limit,
        charge_current_limit=measured.charge_current_limit,
        discharge_current_limit=measured.discharge_current_limit,
        status=status,
    )


def decode_identity(image: RegisterImage) -> BatteryIdentity:
    """Return what a battery says of itself."""
    return BatteryIdentity(**{row.name: image.text(row) for row in IDENTITY})


def decode_configuration(image: RegisterImage) -> BatteryConfiguration:
    """Return a battery's limits; raises InvalidBlock when they cannot be true."""
    configuration = BatteryConfiguration(
        shutdown=image.raw_value(REGISTER["shutdown"]),
        device_id=image.raw_value(REGISTER["device_id"]),
        **{row.name: image.value(row) for row in CONFIGURATION if row.unit is not None},
    )
    require(CONFIGURATION_CHECKS, configuration)
    return configuration
