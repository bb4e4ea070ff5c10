# SPDX-License-Identifier: Apache-2.0
"""What the demo's bank would have shown before it was set up: statistics of the past hours.

The registers are those of the emulated solar day, except that here a day takes a day; the
integration's own code decodes them and adds them up. That code brings all of Home Assistant
along: this is a program of its own, which works while Home Assistant starts.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
import json
from pathlib import Path
from statistics import fmean
import sys
from typing import Final

from custom_components.renogy_bt.bank.energy import (
    BankEnergy,
    EnergyTotals,
    PowerSample,
)
from custom_components.renogy_bt.bank.summary import BankSummary, Wiring, summarise
from custom_components.renogy_bt.links.settings import battery_identifier
from custom_components.renogy_bt.renogy.exceptions import InvalidBlock
from custom_components.renogy_bt.renogy.families import family_of
from custom_components.renogy_bt.renogy.models import BatteryId, BatteryReading
from tests.emulator.solar_day import age_at, hour_of, moving_registers
from tests.emulator.world import Kind, SolarDay, World
from tests.emulator.world_file import load_world
from tests.renogy.images import decoded, image_from

from .emulator import known_as

HOURS: Final = 48
MEASUREMENTS: Final = (
    "power",
    "state_of_charge",
    "voltage",
    "cell_voltage_spread",
    "temperature_max",
)
_DAY_SECONDS: Final = 86400.0
_STEP_SECONDS: Final = 600
_STEPS: Final = 3600 // _STEP_SECONDS
_WATT_HOURS_PER_KILOWATT_HOUR: Final = 1000.0

# None is the bank.
type Owner = BatteryId | None
type Values = Mapping[tuple[Owner, str], float]
type Row = dict[str, float | str]
type History = Mapping[tuple[Owner, str], list[Row]]


def main() -> None:
    """Print the history as a JSON list of series, to be read by `tests.demo.energy`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("world", type=Path)
    parser.add_argument("now", type=datetime.fromisoformat)
    arguments = parser.parse_args()
    history = hourly_history(load_world(arguments.world), arguments.now)
    json.dump(
        [
            {
                "battery": None if owner is None else battery_identifier(owner),
                "key": key,
                "rows": rows,
            }
            for (owner, key), rows in history.items()
        ],
        sys.stdout,
    )


def hourly_history(world: World, now: datetime) -> History:
    """Return the statistics of the full hours before a local time.

    At `now` the world is at that hour of its day. The units are those that the entities show.
    A world where the sun stands still, or with a battery that cannot be read, has no history.
    """
    if world.solar_day is None:
        return {}
    now = now.replace(microsecond=0)
    end = now.replace(minute=0, second=0)
    begin = end - timedelta(hours=HOURS)
    try:
        values = list(_values(world, world.solar_day, begin, now))
    except InvalidBlock:
        return {}
    history = defaultdict(list)
    for hour in range(HOURS):
        start = (begin + timedelta(hours=hour)).isoformat()
        steps = values[hour * _STEPS : (hour + 1) * _STEPS + 1]
        # What a bank of batteries that cannot be in parallel does not tell has no history.
        for key in values[0]:
            history[key].append(
                {"start": start, **_measured([step[key] for step in steps[:-1]])}
                if key[1] in MEASUREMENTS
                else {"start": start, **_counted(steps[-1][key])}
            )
    return history


def _measured(values: Sequence[float]) -> Row:
    return {"mean": fmean(values), "min": min(values), "max": max(values)}


def _counted(total: float) -> Row:
    return {"state": total, "sum": total}


def _values(
    world: World, day: SolarDay, begin: datetime, now: datetime
) -> Iterator[Values]:
    """Yield what the entities would have shown at each step, both ends included."""
    real_day = replace(day, seconds=_DAY_SECONDS)
    age_now = age_at(real_day, hour_of(now))
    energy = BankEnergy[BatteryId]({}, EnergyTotals(), _STEP_SECONDS)
    for step in range(HOURS * _STEPS + 1):
        at = begin + timedelta(seconds=step * _STEP_SECONDS)
        age = age_now - (now - at).total_seconds()
        readings = _readings(world, real_day, age)
        energy.add(
            {
                battery: PowerSample(at=age, power=power)
                for battery, reading in readings.items()
                if (power := reading.power) is not None
            }
        )
        yield {
            **_shown(None, summarise(readings, len(readings), Wiring.PARALLEL)),
            **_totals(None, energy.bank),
            **{
                pair: value
                for battery, reading in readings.items()
                for pair, value in _shown(battery, reading).items()
            },
        }


def _readings(
    world: World, day: SolarDay, age: float
) -> dict[BatteryId, BatteryReading]:
    return {
        (link.address, known_as(unit)): decoded(
            image_from(
                {
                    address: [word]
                    for address, word in (
                        dict(unit.registers) | moving_registers(day, unit, age)
                    ).items()
                }
            ),
            family_of(link.name),
        )
        for link in world.links
        if link.kind is Kind.BATTERY
        for unit in link.units.values()
    }


def _shown(owner: Owner, values: BatteryReading | BankSummary[BatteryId]) -> Values:
    found = {(owner, key): getattr(values, key) for key in MEASUREMENTS}
    return {pair: value for pair, value in found.items() if value is not None}


def _totals(owner: Owner, energy: EnergyTotals) -> Values:
    return {
        (owner, f"energy_{direction}"): getattr(energy, direction)
        / _WATT_HOURS_PER_KILOWATT_HOUR
        for direction in ("charged", "discharged")
    }


if __name__ == "__main__":
    main()
