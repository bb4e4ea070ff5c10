# SPDX-License-Identifier: Apache-2.0
"""What people reported of adapters, judged once more: `scripts/replay FILE --keep NAME` makes a case."""

import json
from typing import Any

import pytest

from tests.replay.field_report import Diagnostics
from tests.replay.reading import parse_report
from tests.replay.timelines import Judged, replay_adapters

from .cases import Case, cases

CASES = cases("adapters")


def _as_expected(judged: Judged) -> dict[str, Any]:
    return {
        "at": judged.at.isoformat(),
        "adapter": judged.adapter,
        "now": judged.now,
    }


@pytest.mark.parametrize("name", CASES)
def test_verdicts_and_steps(name: str) -> None:
    """Every adapter that was reported is judged and treated as is right."""
    assert_judged(CASES[name])


def assert_judged(case: Case) -> None:
    """Check how the adapters of a case are judged and treated."""
    report = parse_report(json.dumps(case["report"]))
    assert isinstance(report, Diagnostics)
    now = replay_adapters(report.adapters, report.adapters_path)
    expected = case["expect"]
    assert [_as_expected(each) for each in now.verdicts] == expected["verdicts"]
    assert [_as_expected(each) for each in now.steps] == expected["steps"]
