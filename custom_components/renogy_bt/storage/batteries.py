"""What a battery is called in files."""

from ..renogy.models import BatteryId


def storage_key(battery: BatteryId) -> str:
    """Return what a battery is called in files."""
    address, unit = battery
    return f"{address}/{unit}"


def battery_of_key(key: str) -> BatteryId | None:
    """Return the battery that is called so in a file, None for anything else."""
    address, _, unit = key.partition("/")
    return (address, int(unit)) if address and unit.isdecimal() else None
