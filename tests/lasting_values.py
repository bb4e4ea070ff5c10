# SPDX-License-Identifier: Apache-2.0
"""Values that last while a test lets its time jump."""

import pytest

from custom_components.renogy_bt.links import staleness


@pytest.fixture(autouse=True)
def lasting_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take no value away because a test jumps over the polls that would have been meanwhile."""
    monkeypatch.setattr(staleness, "SLACK", 1e9)
