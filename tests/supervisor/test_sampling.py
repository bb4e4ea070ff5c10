# SPDX-License-Identifier: Apache-2.0
"""Tests of what is concluded from the scanners that hear a link."""

from types import SimpleNamespace
from unittest.mock import Mock

from habluetooth import HaScanner, HaScannerMgmt
import pytest

from custom_components.renogy_bt.supervisor.sampling import async_is_heard_seldom
from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import BaseHaRemoteScanner
from homeassistant.core import HomeAssistant
from tests.fake_air import DONGLE


@pytest.mark.parametrize(
    ("scanners", "is_heard_seldom"),
    [
        ([HaScannerMgmt], True),
        ([HaScannerMgmt, HaScannerMgmt], True),
        ([HaScanner], False),
        ([HaScannerMgmt, HaScanner], False),
        ([HaScannerMgmt, BaseHaRemoteScanner], False),
        ([BaseHaRemoteScanner], False),
        ([], False),
    ],
)
async def test_link_that_is_heard_seldom(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    scanners: list[type[bluetooth.BaseHaScanner]],
    is_heard_seldom: bool,
) -> None:
    """A scanner with bluetoothd, or a proxy, listens all the time; nobody hears nothing."""
    paths = [SimpleNamespace(scanner=Mock(spec=kind)) for kind in scanners]
    monkeypatch.setattr(
        bluetooth, "async_scanner_devices_by_address", lambda *_, **__: paths
    )
    assert async_is_heard_seldom(hass, DONGLE) is is_heard_seldom
