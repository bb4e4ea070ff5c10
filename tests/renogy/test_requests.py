# SPDX-License-Identifier: Apache-2.0
"""What a battery asks for by word 5109."""

import pytest

from custom_components.renogy_bt.renogy.families import RNGPRO, STANDARD, Family
from tests.renogy.images import decoded, owners_pack
from tests.renogy.makers_document import REQUESTS


@pytest.mark.parametrize("name", REQUESTS)
def test_request_to_stop(name: str) -> None:
    """A bit that is missing is the request, and it is of its own direction."""
    address, bit = REQUESTS[name]
    (other,) = REQUESTS.keys() - {name}
    status = decoded(owners_pack({address: [0x00C0 & ~(1 << bit)]})).status
    assert getattr(status, name) is False
    assert getattr(status, other) is True


def test_word_in_peace() -> None:
    """0x00C0 asks for nothing."""
    status = decoded(owners_pack()).status
    assert (status.charge_enabled, status.discharge_enabled) == (True, True)


@pytest.mark.parametrize("family", [STANDARD, RNGPRO])
def test_battery_that_never_sets_a_bit(family: Family) -> None:
    """A word of zeros is that of a battery that makes no requests, not of one that asks for a stop."""
    status = decoded(owners_pack({5109: [0]}), family).status
    assert (status.charge_enabled, status.discharge_enabled) == (None, None)
