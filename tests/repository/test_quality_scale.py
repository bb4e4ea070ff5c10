# SPDX-License-Identifier: Apache-2.0
"""The quality scale: hassfest does not check that of a custom integration, so this does."""

from typing import Any

import pytest

from homeassistant.util.yaml import load_yaml_dict
from tests.repository import INTEGRATION, ROOT

from .quality_checks import CHECKS, SHOWN_BY_TESTS

RULES = {
    "bronze": (
        "action-setup",
        "appropriate-polling",
        "brands",
        "common-modules",
        "config-flow",
        "config-flow-test-coverage",
        "dependency-transparency",
        "docs-actions",
        "docs-conditions",
        "docs-high-level-description",
        "docs-installation-instructions",
        "docs-removal-instructions",
        "docs-triggers",
        "entity-event-setup",
        "entity-unique-id",
        "has-entity-name",
        "runtime-data",
        "test-before-configure",
        "test-before-setup",
        "unique-config-entry",
    ),
    "silver": (
        "action-exceptions",
        "config-entry-unloading",
        "docs-configuration-parameters",
        "docs-installation-parameters",
        "entity-unavailable",
        "integration-owner",
        "log-when-unavailable",
        "parallel-updates",
        "reauthentication-flow",
        "test-coverage",
    ),
    "gold": (
        "devices",
        "diagnostics",
        "discovery",
        "discovery-update-info",
        "docs-data-update",
        "docs-examples",
        "docs-known-limitations",
        "docs-supported-devices",
        "docs-supported-functions",
        "docs-troubleshooting",
        "docs-use-cases",
        "dynamic-devices",
        "entity-category",
        "entity-device-class",
        "entity-disabled-by-default",
        "entity-translations",
        "exception-translations",
        "icon-translations",
        "reconfiguration-flow",
        "repair-issues",
        "stale-devices",
    ),
    "platinum": ("async-dependency", "inject-websession", "strict-typing"),
}
ALL_RULES = [rule for rules in RULES.values() for rule in rules]

DOCUMENT = load_yaml_dict(str(INTEGRATION / "quality_scale.yaml"))
STATES: dict[str, Any] = DOCUMENT["rules"]


def test_every_rule_is_answered() -> None:
    """All rules of the scale are there, and none that it does not have."""
    assert DOCUMENT.keys() == {"rules"}
    assert STATES.keys() == set(ALL_RULES)
    assert len(ALL_RULES) == 54


@pytest.mark.parametrize("rule", ALL_RULES)
def test_rule_is_kept(rule: str) -> None:
    """A rule is done, or there is a reason why it does not apply."""
    state = STATES[rule]
    if isinstance(state, str):
        state = {"status": state}
    assert state.keys() <= {"status", "comment"}
    assert state["status"] in {"done", "exempt"}
    if state["status"] == "exempt":
        assert len(state["comment"].split()) >= 5, "an exemption wants a reason"


@pytest.mark.parametrize("rule", CHECKS)
def test_what_can_be_checked_is_so(rule: str) -> None:
    """What the code, its texts and the documents show of a rule is as the scale says."""
    assert CHECKS[rule]()


def test_every_rule_that_is_done_is_shown_by_something() -> None:
    """By a look at the code or by tests; there is no third way, and no rule has both."""
    done = {
        rule
        for rule, state in STATES.items()
        if "done" in (state, state["status"] if isinstance(state, dict) else None)
    }
    # An exemption may be checked, too.
    assert done <= CHECKS.keys() | SHOWN_BY_TESTS.keys() <= STATES.keys()
    assert CHECKS.keys().isdisjoint(SHOWN_BY_TESTS)
    for path in SHOWN_BY_TESTS.values():
        assert (ROOT / path).is_file(), path
