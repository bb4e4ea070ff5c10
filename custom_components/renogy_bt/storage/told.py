# SPDX-License-Identifier: Apache-2.0
"""What the user was told of an adapter, kept over restarts of Home Assistant.

So a notice that the user ignores comes back as the same notice, and a restart tells nothing twice.
"""

from types import MappingProxyType
from typing import Any, Final

import probatio

from ..adapter_health.adapter_health import AdapterHealth
from ..adapter_health.events import MOST_EVENTS, EventBudget
from ..adapter_health.ladder import RecoveryStep
from ..adapter_health.notices import MOST_CHANGES, Notices
from ..adapter_health.recurrence import MOST_KEPT, Recurrence
from ..adapter_health.samples import Reason, Verdict
from ..adapter_health.status import Notice
from ..adapter_health.troubles import Trouble
from .shapes import (
    age_of,
    ages_of,
    fields,
    mapping_of,
    moment_of,
    moments_of,
    number,
    tuple_of,
    whole_number,
)

_AGE: Final = number(0.0, 1e12)
_AGO: Final = probatio.Maybe(_AGE)
_TROUBLE: Final = probatio.Coerce(Trouble)
_STEPS: Final = tuple_of(probatio.Coerce(RecoveryStep), len(RecoveryStep))
_NOTICE: Final = fields(
    {
        "trouble": _TROUBLE,
        "verdict": probatio.Coerce(Verdict),
        "reason": probatio.Coerce(Reason),
        "since": probatio.AsDatetime(require_timezone=True),
        "tried": _STEPS,
        "remedies": _STEPS,
        "count": whole_number(0, MOST_KEPT),
    },
    Notice,
)
TOLD: Final = fields(
    {
        "fault": probatio.Maybe(probatio.Coerce(Verdict)),
        "trouble": probatio.Maybe(_TROUBLE),
        "has_given_up": bool,
        "notice": probatio.Maybe(_NOTICE),
        "changes": tuple_of(_AGE, MOST_CHANGES),
        "troubled_ago": _AGO,
        "kind": probatio.Maybe(_TROUBLE),
        "kind_ago": _AGO,
        "calm_ago": _AGO,
        "events": tuple_of(_AGE, MOST_EVENTS),
        "kinds": mapping_of(_TROUBLE, _AGE, len(Trouble)),
        "owes_end": bool,
        "summed_ago": _AGO,
        "drops": tuple_of(_AGE, MOST_KEPT),
        "crashes": tuple_of(_AGE, MOST_KEPT),
    }
)
"""The shape of what was told."""


def told_of(health: AdapterHealth, now: float) -> dict[str, Any]:
    """Return what was told of an adapter, as plain data."""
    notices, budget, recurrence = health.notices, health.budget, health.recurrence
    notice = notices.notice

    return {
        "fault": health.open_fault,
        "trouble": health.open_trouble,
        "has_given_up": health.has_given_up,
        "notice": None if notice is None else _data_of(notice),
        "changes": ages_of(notices.changes, now),
        "troubled_ago": age_of(notices.troubled_since, now),
        "kind": notices.kind,
        "kind_ago": age_of(notices.kind_since, now),
        "calm_ago": age_of(notices.calm_since, now),
        "events": ages_of(budget.told, now),
        "kinds": {str(kind): max(now - at, 0.0) for kind, at in budget.kinds.items()},
        "owes_end": budget.owes_end,
        "summed_ago": age_of(budget.summed_at, now),
        "drops": ages_of(recurrence.drops, now),
        "crashes": ages_of(recurrence.crashes, now),
    }


def _data_of(notice: Notice) -> dict[str, Any]:
    return {
        "trouble": notice.trouble,
        "verdict": notice.verdict,
        "reason": notice.reason,
        "since": notice.since.isoformat(),
        "tried": list(notice.tried),
        "remedies": list(notice.remedies),
        "count": notice.count,
    }


def note_told(health: AdapterHealth, told: dict[str, Any], now: float) -> None:
    """Let an adapter's health know what was told, as `TOLD` has checked it."""
    health.open_fault, health.open_trouble = told["fault"], told["trouble"]
    health.has_given_up = told["has_given_up"]
    is_troubled = told["troubled_ago"] is not None and told["kind"] is not None
    health.notices = Notices(
        # Without a trouble a notice would never go.
        notice=told["notice"] if is_troubled else None,
        changes=moments_of(told["changes"], now),
        troubled_since=moment_of(told["troubled_ago"], now) if is_troubled else None,
        kind=told["kind"],
        kind_since=moment_of(told["kind_ago"], now),
        calm_since=moment_of(told["calm_ago"], now),
    )
    health.budget = EventBudget(
        told=moments_of(told["events"], now),
        kinds=MappingProxyType(
            {kind: now - age for kind, age in told["kinds"].items()}
        ),
        owes_end=told["owes_end"],
        summed_at=moment_of(told["summed_ago"], now),
    )
    health.recurrence = Recurrence(
        drops=moments_of(told["drops"], now), crashes=moments_of(told["crashes"], now)
    )
