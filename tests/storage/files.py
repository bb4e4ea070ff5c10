# SPDX-License-Identifier: Apache-2.0
"""The stores and real files for them, right and damaged."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

from custom_components.renogy_bt.adapter_health.adapter_health import AdapterHealth
from custom_components.renogy_bt.adapter_health.spans import EDGES
from custom_components.renogy_bt.storage.adapters import STORAGE_KEY, AdapterStore
from custom_components.renogy_bt.storage.alarms import AlarmStore
from custom_components.renogy_bt.storage.energy import EnergyStore
from custom_components.renogy_bt.storage.history import HistoryStore
from homeassistant.core import HomeAssistant
from tests.fake_air import DONGLE

ADAPTER = "B8:27:EB:00:00:01"


async def read_energy(hass: HomeAssistant, entry_id: str) -> object:
    """Return the totals in a bank's file."""
    energy = await EnergyStore(hass, entry_id).async_load(60.0)
    return energy.bank, energy.batteries


async def read_alarms(hass: HomeAssistant, entry_id: str) -> object:
    """Return the alarms in a bank's file."""
    store = AlarmStore(hass, entry_id)
    batteries = [(DONGLE, unit) for unit in (48, 49)]
    await store.async_load(batteries)
    return [store.known(battery) for battery in batteries]


async def read_history(hass: HomeAssistant, entry_id: str) -> object:
    """Return what is in a bank's file of histories."""
    store = HistoryStore(hass, entry_id)
    await store.async_load(60.0)
    return store.bank.places


async def read_adapters(hass: HomeAssistant, _: str) -> object:
    """Return what is kept of an adapter, without what a lost file leads to."""
    store = AdapterStore(hass, list[AdapterHealth])
    await store.async_load()
    health = store.health_of(ADAPTER)
    return health.history, health.powered_off_by_us, list(store.left_off())


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One of the stores."""

    key: Callable[[str], str]
    read: Callable[[HomeAssistant, str], Awaitable[object]]
    data: Any
    minor_version: int = 1

    def frame(self, entry_id: str = "test", **changes: Any) -> dict[str, Any]:
        """Return a whole file, with these changes."""
        frame = {
            "version": 1,
            "minor_version": self.minor_version,
            "key": self.key(entry_id),
            "data": self.data,
        }
        return {**frame, **changes}


ENERGY = Kind(
    key="renogy_bt.energy.{}".format,
    read=read_energy,
    data={
        "bank": {"charged": 1500.5, "discharged": 1200},
        "batteries": {
            f"{DONGLE}/48": {"charged": 750.25, "discharged": 600.0},
            f"{DONGLE}/49": {"charged": 750.25, "discharged": 600.0},
        },
        "samples": {
            f"{DONGLE}/48": {
                "at": 1000.0,
                "power": -655.0,
                "charge": {
                    "voltage": 52.4,
                    "current": -12.5,
                    "remaining": 32.5,
                    "total": 49.995,
                },
            }
        },
        "counters": {
            f"{DONGLE}/48": {
                "charging": {"stretches": 40.5, "fits": 12.0, "misses": 4.5},
                "discharging": {"stretches": 30.0, "fits": 9.5, "misses": 0},
                "habits": {
                    "most_in": 20.5,
                    "most_out": 45.0,
                    "load": 300.0,
                    "load_square": 6000.0,
                    "drop": 12.5,
                    "change_square": 500.0,
                },
                "stands_still": False,
            }
        },
        "clock": "6a6ce0b5-8f2f-4a5a-9d0c-0f1f6f3a2b11",
    },
    minor_version=2,
)
ALARMS = Kind(
    key="renogy_bt.alarms.{}".format,
    read=read_alarms,
    data={
        f"{DONGLE}/48": [
            {"key": "short_circuit", "parts": []},
            {"key": "cell_voltage_alarm", "parts": [1, 16]},
        ],
        f"{DONGLE}/49": [],
    },
)
STEP = {
    "at": "2026-11-23T12:00:00+00:00",
    "step": "power_cycle",
    "verdict": "silent",
    "result": "recovered",
    "seconds": 7.5,
    "requested": False,
    "detail": None,
}
CHANGE = {
    "at": "2026-11-23T11:59:00+00:00",
    "verdict": "silent",
    "reason": "heard_elsewhere",
}
HEALTH: dict[str, Any] = {
    "memory": {
        "is_direct": False,
        "traffic": {
            "edges": list(EDGES),
            "weights": [0.0] * (len(EDGES) - 1) + [1.5],
            "interval": 12.5,
            "devices": 4.0,
            "looks": 20,
            "watched": 86400.0,
        },
        "outages": {
            "edges": list(EDGES),
            "weights": [0.5] * 5 + [0.0] * (len(EDGES) - 5),
            "doubted_ago": 86400.0,
            "doubted": 240.5,
            "proven_ago": None,
        },
        "discovery_need": {"successes": 2, "failures": 7},
        "life_ago": 3.0,
        "heard_ago": 3.5,
        "used_ago": None,
        "witnesses": [[DONGLE, "AA:BB:CC:00:00:09"]],
        "is_undiscovered": False,
        "fault": {
            "verdict": "silent",
            "reason": "heard_elsewhere",
            "evidence": "witnessed",
            "severed": False,
            "in_use": True,
            "depended_on": True,
            "since_ago": 90000.0,
            "seen_ago": 15.0,
        },
        "connects": {
            DONGLE: {
                "tries": [0.0] * 4 + [200.0] + [0.0] * 8,
                "failed": [0.0] * 4 + [2.5] + [0.0] * 8,
                "since_ago": 604800.0,
                "strength": {"mean": -68.5, "spread": 2.5},
                "usual_gap": 45.5,
            }
        },
        "off_ago": None,
        "offs_ago": [172800.0, 86400.0],
        "cycles_ago": [600.0],
        "seen_beside": ["B8:27:EB:00:00:02"],
    },
    "ladder": {
        "against": "silent",
        "tried": ["restart_scanning", "power_cycle"],
        "failed": ["full_reset"],
        "failures": 2,
        "failed_ago": 120.0,
        "calm_ago": None,
        "climbs": 1,
        "rest_for": 1800.0,
        "gentle_ago": [300.0],
        "experiment_ago": 7200.0,
        "switched_on_ago": 90000.0,
        "stepped_ago": 60.0,
    },
    "limiter": {"ages": [900.0, 30.0], "failures": 1},
    "history": {"recoveries": 1, "records": [CHANGE, STEP]},
    "powered_off_by_us": False,
    "kept_at": "2026-11-23T13:00:00+00:00",
    "told": {
        "fault": "silent",
        "trouble": "radio",
        "has_given_up": True,
        "notice": {
            "trouble": "radio",
            "verdict": "silent",
            "reason": "heard_elsewhere",
            "since": "2026-11-23T11:59:00+00:00",
            "tried": ["restart_scanning"],
            "remedies": ["restart_scanning", "power_cycle"],
            "count": 0,
        },
        "changes": [7200.0, 30.5],
        "troubled_ago": 400.0,
        "kind": "radio",
        "kind_ago": 300.0,
        "calm_ago": None,
        "events": [400.0, 30.0, 2.0],
        "kinds": {"radio": 400.0},
        "owes_end": True,
        "summed_ago": None,
        "drops": [1800.0],
        "crashes": [],
    },
}
LEFT_OFF = HEALTH | {"powered_off_by_us": True}
ADAPTERS = Kind(
    key=lambda _: STORAGE_KEY,
    read=read_adapters,
    data={"adapters": {ADAPTER: LEFT_OFF, "B8:27:EB:00:00:02": LEFT_OFF}},
    minor_version=3,
)
LIFE: dict[str, Any] = {
    "began": 1_790_000_000.5,
    "seen_until": 1_795_000_000.0,
    "unseen": 7200.0,
    "is_full": False,
    "became_full": 1_793_990_000.0,
    "last_full": 1_794_000_000.0,
    "used": 86_400.0,
    "day_seconds": 3600.0,
    "day_flow": 1.25,
    "cycles": 41,
    "remaining": 32.5,
    "voltage": 52.4,
    "lowest_charge": 12.5,
    "is_discharging": True,
    "low": 40.0,
    "high": 99.9,
    "discharges": 3,
    "depths": 180.5,
    "full_discharges": 1,
    "is_empty": False,
    "drawn": 1234.5,
    "added": 1300.25,
    "energy": {"charged": 750.25, "discharged": 600.0},
    "highest_voltage": 55.5,
    "highest_at": 1_794_000_000.0,
    "lowest_voltage": 44.1,
    "lowest_at": 1_793_000_000.0,
    "alarms": 2,
    "active": ["short_circuit"],
    "health": {
        "highest_total": 50.0,
        "swings": [[1000.0, 960.5], [500.0, 480.25]],
        "full_energy": {"charged": 750.25, "discharged": 600.0},
        "depth": 60.0,
        "step": [1_795_000_000.0, -12.5, 52.4],
        "steps": 40.5,
        "xx": 6000.0,
        "xy": 240.5,
        "yy": 12.0,
        "warmth": 760.5,
        "warm_steps": 40.5,
    },
}
HISTORY = Kind(
    key="renogy_bt.history.{}".format,
    read=read_history,
    data={
        f"{DONGLE}/48": {
            "present": "22XYZ/RBT50LFP48S",
            "batteries": {"22XYZ/RBT50LFP48S": LIFE, "": LIFE | {"last_full": None}},
        }
    },
)
KINDS = (ENERGY, ALARMS, ADAPTERS, HISTORY)


def changed(data: Any, path: tuple[str, ...], value: Any) -> Any:
    """Return data with another value at a place."""
    if not path:
        return value
    key, *rest = path
    return {**data, key: changed(data[key], tuple(rest), value)}


class Folder:
    """The folder of Home Assistant's storage."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Make the folder if it is not there."""
        self.path = Path(hass.config.path(".storage"))
        self.path.mkdir(exist_ok=True)

    @property
    def names(self) -> list[str]:
        """The names of what is in the folder."""
        return sorted(path.name for path in self.path.iterdir())

    def put(self, key: str, content: Any) -> bytes:
        """Write a file and return what is in it."""
        is_raw = isinstance(content, bytes)
        raw: bytes = content if is_raw else json.dumps(content).encode()
        (self.path / key).write_bytes(raw)
        return raw

    def content(self, key: str) -> bytes | None:
        """Return what is in a file, None if it is not there."""
        path = self.path / key
        return path.read_bytes() if path.exists() else None

    def kept_beside(self, key: str) -> list[bytes]:
        """Return what is in the files that a damaged file became."""
        beside = sorted(self.path.glob(f"{key}.corrupt.*"))
        return [path.read_bytes() for path in beside]

    def clear(self) -> None:
        """Remove all files."""
        for path in self.path.iterdir():
            path.unlink()
