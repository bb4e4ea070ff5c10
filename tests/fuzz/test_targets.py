# SPDX-License-Identifier: Apache-2.0
"""The fuzz targets on their seeds, on what was found once, and on what Hypothesis thinks of."""

from collections.abc import Callable

from hypothesis import given, settings, strategies as st
import pytest

from tests.fuzz.seeds import seeds_of
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_known_breaks_a_target(name: str) -> None:
    """Nothing that is known breaks a target."""
    seeds = seeds_of(name)
    assert seeds
    for seed in seeds:
        TARGETS[name](seed)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@settings(max_examples=50, deadline=None)
@given(data=st.binary(max_size=400))
def test_no_bytes_break_a_target(target: Callable[[bytes], None], data: bytes) -> None:
    """No bytes break a target."""
    target(data)
