# SPDX-License-Identifier: Apache-2.0
"""What tests read in an adapter's history."""

from custom_components.renogy_bt.adapter_health.history import (
    AdapterHistory,
    StepRecord,
)


def steps_in(history: AdapterHistory) -> tuple[StepRecord, ...]:
    """Return the recovery steps of a history, oldest first."""
    return tuple(record for record in history.records if isinstance(record, StepRecord))
