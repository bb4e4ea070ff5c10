# SPDX-License-Identifier: Apache-2.0
"""The demo's Energy dashboard: the bank as its battery, and the hours before the demo began."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
import sys
from typing import Any, Final

from homeassistant.const import STATE_UNKNOWN

from .check import entry_ids, sensor_ids
from .client import HomeAssistantClient, Json
from .errors import DemoError
from .processes import child_process

BANK_NAME: Final = "Battery bank"
# Key: unit and, as the recorder calls it, unit class.
_UNITS: Final = {
    "power": ("W", "power"),
    "state_of_charge": ("%", "unitless"),
    "voltage": ("V", "voltage"),
    "cell_voltage_spread": ("V", "voltage"),
    "temperature_max": ("°C", "temperature"),
    "energy_charged": ("kWh", "energy"),
    "energy_discharged": ("kWh", "energy"),
}
_TOTALS: Final = ("energy_charged", "energy_discharged")
_NO_MEAN, _ARITHMETIC_MEAN = 0, 1
_LOOK_BACK: Final = timedelta(days=3)
_WAIT_SECONDS: Final = 1.0


async def work_out_history(world: Path, now: datetime) -> list[Json]:
    """Return the statistics of the hours before a local time (see `tests.demo.history`)."""
    command = [sys.executable, "-m", "tests.demo.history", str(world), now.isoformat()]
    async with child_process(
        "The history", command, stdout=asyncio.subprocess.PIPE
    ) as process:
        output, _ = await process.communicate()
    if process.returncode:
        raise DemoError("The history of the solar day could not be worked out")
    history: list[Json] = json.loads(output)
    return history


def battery_source(entities: Mapping[str, str], capacity: float | None) -> Json:
    """Return a bank as a battery of the Energy dashboard.

    `entities` are the bank's sensors by key, `capacity` is in kWh, None where the batteries have none together. The power is an inverted one:
    the Energy dashboard counts discharging as positive, the integration charging.
    """
    return {
        "type": "battery",
        "name": BANK_NAME,
        "stat_energy_to": entities["energy_charged"],
        "stat_energy_from": entities["energy_discharged"],
        "power_config": {"stat_rate_inverted": entities["power"]},
        "stat_soc": entities["state_of_charge"],
        **({} if capacity is None else {"capacity": capacity}),
    }


async def fill_energy_dashboard(
    client: HomeAssistantClient, history: Iterable[Json]
) -> None:
    """Set the energy preferences and import the history; leave preferences that are set alone."""
    if (await client.command("energy/validate"))["energy_sources"]:
        return
    sensors = await sensor_ids(client)
    whole = await _whole(client)
    entities = _sensors_of(whole, sensors)
    source = battery_source(entities, await _capacity(client, entities))
    preferences = await client.command("energy/save_prefs", energy_sources=[source])
    inverted = preferences["energy_sources"][0]["stat_rate"]
    for series in history:
        key = series["key"]
        owner = whole if series["battery"] is None else series["battery"]
        await _import(client, sensors[f"{owner}_{key}"], key, series["rows"])
        if owner == whole and key == "power":
            await _import(client, inverted, key, [_inverted(r) for r in series["rows"]])


async def join_present_to_history(client: HomeAssistantClient) -> None:
    """Lift what Home Assistant counts itself to where the history ends.

    Home Assistant begins each sum at 0 with the first five minutes that it has counted; those
    are waited for.
    """
    sensors = _sensors_of(await _whole(client), await sensor_ids(client))
    for key in _TOTALS:
        while not (counted := await _sums(client, sensors[key], "5minute")):
            await asyncio.sleep(_WAIT_SECONDS)
        imported = [
            row
            for row in await _sums(client, sensors[key], "hour")
            if row["end"] <= counted[0]["start"]
        ]
        missing = imported[-1]["sum"] - counted[0]["sum"] if imported else 0.0
        if missing > 0:
            await client.command(
                "recorder/adjust_sum_statistics",
                statistic_id=sensors[key],
                start_time=_time(counted[0]["start"]),
                adjustment=missing,
                adjustment_unit_of_measurement=_UNITS[key][0],
            )


async def _sums(
    client: HomeAssistantClient, entity_id: str, period: str
) -> Sequence[Json]:
    answer = await client.command(
        "recorder/statistics_during_period",
        start_time=(datetime.now(UTC) - _LOOK_BACK).isoformat(),
        statistic_ids=[entity_id],
        period=period,
        types=["sum"],
    )
    rows: Sequence[Json] = answer.get(entity_id, [])
    return rows


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


def _sensors_of(bank: str, sensors: Mapping[str, str]) -> dict[str, str]:
    return {
        unique_id.removeprefix(f"{bank}_"): entity_id
        for unique_id, entity_id in sensors.items()
        if unique_id.startswith(f"{bank}_")
    }


async def _whole(client: HomeAssistantClient) -> str:
    """Return what shows the bank: itself, or its only battery."""
    bank = (await entry_ids(client))[0]
    batteries = {
        unique_id.removesuffix("_state_of_charge")
        for unique_id in await sensor_ids(client)
        if unique_id.endswith("_state_of_charge") and not unique_id.startswith(bank)
    }
    return batteries.pop() if len(batteries) == 1 else bank


async def _capacity(
    client: HomeAssistantClient, entities: Mapping[str, str]
) -> float | None:
    """Return the bank's capacity in kWh, at the voltage that it has; None if it has none."""
    states = {each["entity_id"]: each for each in await client.command("get_states")}
    charge, voltage = (
        states[entities[key]]["state"] for key in ("total_capacity", "voltage")
    )
    if STATE_UNKNOWN in (charge, voltage):
        return None
    return round(float(charge) * float(voltage) / 1000, 1)


def _inverted(row: Json) -> Json:
    return {
        "start": row["start"],
        "mean": -row["mean"],
        "min": -row["max"],
        "max": -row["min"],
    }


async def _import(
    client: HomeAssistantClient, entity_id: str, key: str, rows: list[Json]
) -> None:
    unit, unit_class = _UNITS[key]
    is_total = "sum" in rows[0]
    metadata: dict[str, Any] = {
        "statistic_id": entity_id,
        "source": "recorder",
        "name": None,
        "unit_of_measurement": unit,
        "unit_class": unit_class,
        "has_sum": is_total,
        "mean_type": _NO_MEAN if is_total else _ARITHMETIC_MEAN,
    }
    await client.command("recorder/import_statistics", metadata=metadata, stats=rows)
