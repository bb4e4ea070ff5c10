# SPDX-License-Identifier: Apache-2.0
"""The list of models in the documentation is that of the cases."""

from tests.repository.test_documentation import document, rows, section

from .cases import cases_with

EVIDENCE = ("capture", "dump", "values")
"""Strongest first."""

# Model and beginning of the name, the best evidence, the reports.
type Seen = dict[tuple[str, str], tuple[str, set[str]]]


def _documented() -> Seen:
    return {
        (model, prefix.strip("`")): (evidence, set(reports.split(", ")))
        for model, prefix, evidence, reports in rows(
            section(document("models.md"), "Models that were seen")
        )
    }


def _seen(prefixes: set[str]) -> Seen:
    """Return what the cases show of each model, under the beginnings that are documented."""
    seen: Seen = {}
    for case in cases_with("link", "name").values():
        if case["evidence"] == "variation":
            continue
        name = case["link"]["name"]
        prefix = max(each for each in prefixes if name.startswith(each))
        best, reports = seen.get((case["model"], prefix), (EVIDENCE[-1], set()))
        seen[case["model"], prefix] = (
            min(best, case["evidence"], key=EVIDENCE.index),
            reports | set(case["reports"]),
        )
    return seen


def test_every_model_that_was_seen_is_documented() -> None:
    """The table has each model with its best evidence and its reports, and no other."""
    documented = _documented()
    assert _seen({prefix for _, prefix in documented}) == documented
