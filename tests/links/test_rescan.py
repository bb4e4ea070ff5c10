# SPDX-License-Identifier: Apache-2.0
"""What looking again for batteries adds, keeps and forgets."""

from dataclasses import replace

from custom_components.renogy_bt.links.rescan import Rescan
from custom_components.renogy_bt.links.settings import KnownBattery
from tests.banks import link_settings


def test_what_is_kept() -> None:
    """New batteries are added, silent ones kept, and what is not told anew is remembered."""
    known = link_settings(units=(48, 49, 50), polling=False)
    found = replace(
        known,
        family_key="pro",
        polling=True,
        batteries=(
            KnownBattery(unit=48, model=None, cells=4),
            KnownBattery(unit=247, model="RBT12200", cells=4),
        ),
    )
    rescan = Rescan(known=known, found=found)
    assert rescan.added == (247,)
    assert [battery.unit for battery in rescan.silent] == [49, 50]
    result = rescan.result()
    assert result.units == (48, 49, 50, 247)
    assert result.batteries[0] == KnownBattery(unit=48, model="RBT50LFP48S", cells=4)
    assert result.family_key == "pro"
    assert not result.polling
    assert rescan.result(forgotten={49}).units == (48, 50, 247)
