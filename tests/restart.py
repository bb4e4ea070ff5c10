"""A restart of Home Assistant, as what is known of an adapter goes through it."""

import json

from custom_components.renogy_bt.adapter_health.adapter_health import AdapterHealth
from custom_components.renogy_bt.storage.adapters import data_of, health_from_data


def after_restart(
    health: AdapterHealth, *, stopped_at: float = 0.0, started_at: float = 0.0
) -> AdapterHealth:
    """Return what is left of an adapter's health once it was written and read again."""
    written = json.dumps(data_of(health, stopped_at))
    return health_from_data(health.address, json.loads(written), started_at)
