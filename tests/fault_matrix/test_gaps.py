# SPDX-License-Identifier: Apache-2.0
"""The gaps between readings, told from what was measured."""

import pytest

from tests.fault_matrix.gaps import Gap, orders, table, worst
from tests.fault_matrix.readers import HOLDING, KEPT, WITH_INTEGRATION, Reader


def gap(reader: Reader, seconds: float | None, fault: str = "scan-session-lost") -> Gap:
    """Return a gap of a reader."""
    return Gap(fault, reader.name, reader.interval, seconds, ())


@pytest.mark.parametrize(
    ("seconds", "is_too_long"), [(25.0, False), (25.1, True), (None, True)]
)
def test_kept_link_may_be_cut_for_a_step(
    seconds: float | None, is_too_long: bool
) -> None:
    """Where only the scan is broken a kept link reads on; who connects for each poll cannot."""
    assert gap(KEPT, seconds).is_too_long is is_too_long
    assert not gap(KEPT, seconds, "bluetoothd-restart").is_too_long
    assert not gap(WITH_INTEGRATION, seconds).is_too_long


def test_worst_of_all_phases() -> None:
    """Readings that never come back are the worst."""
    readers = (WITH_INTEGRATION, KEPT, *HOLDING)
    measured = [gap(each, seconds) for each in readers for seconds in (5.0, 60.0, 7.0)]
    measured.append(gap(HOLDING[0], None))
    assert [each.seconds for each in worst(measured)] == [60.0, 60.0, None, 60.0]
    last = table(worst(measured)).splitlines()[-1]
    assert last == "| `scan-session-lost` | 60 | 60 **too long** | for good | 60 |"


def test_every_fault_is_lived_through_in_every_way() -> None:
    """But those that Home Assistant starts with, where no link is held yet."""
    found = orders(None, 2)
    assert len(found) % (2 * (2 + len(HOLDING))) == 0
    assert not any(order.case.at_start for order in found)
    assert {order.phase for order in found} == {15.0, 45.0}
    one = orders(["dead-scanner"], 1)
    assert [order.reader for order in one] == [WITH_INTEGRATION, KEPT, *HOLDING]
