# SPDX-License-Identifier: Apache-2.0
"""A restart of Home Assistant, as what is known of an adapter goes through it."""

from datetime import timedelta
import json

from custom_components.renogy_bt.adapter_health.adapter_health import AdapterHealth
from custom_components.renogy_bt.storage.adapters import data_of, health_from_data
from homeassistant.util import dt as dt_util


def after_restart(
    health: AdapterHealth, *, stopped_at: float | None = None, started_at: float = 0.0
) -> AdapterHealth:
    """Return what is left of an adapter's health once it was written and read again.

    Without a time it is written at the last look.
    """
    if stopped_at is None:
        stopped_at = health.memory.looked_at or 0.0
    data = data_of(health, stopped_at)
    away = timedelta(seconds=max(started_at - stopped_at, 0.0))
    data["kept_at"] = (dt_util.utcnow() - away).isoformat()
    return health_from_data(health.address, json.loads(json.dumps(data)), started_at)
