# SPDX-License-Identifier: Apache-2.0
"""Whom a look asks: bluetoothd only for what Home Assistant does not tell."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.adapter_health.samples import ScannerSample
from custom_components.renogy_bt.bluez.models import AdapterObject, BusSample
from custom_components.renogy_bt.supervisor import watch
from custom_components.renogy_bt.supervisor.link_records import LinkRecords
from custom_components.renogy_bt.supervisor.neighbours import Slots
from custom_components.renogy_bt.supervisor.poll_gate import PathChange, PathNews
from custom_components.renogy_bt.supervisor.watch import StackWatch
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant

ADAPTER = "B8:27:EB:00:00:01"
LINK = "6C:B2:FD:A1:B2:C3"
STRANGER = "00:11:22:33:44:55"
PATH = "/org/bluez/hci0"


class FakeBlueZ:
    """Bluetoothd with one adapter that a link of ours and a stranger are connected to."""

    has_zeroed_adapter = False

    def __init__(self) -> None:
        """Begin unasked."""
        self.asked: list[str] = []
        self.known = {
            ADAPTER: AdapterObject(
                path=PATH, address=ADAPTER, powered=True, discovering=True
            )
        }

    def sample(self) -> BusSample:
        """Tell that it answers."""
        return BusSample(owner=":1.5")

    def adapters(self) -> dict[str, AdapterObject]:
        """Return the adapter."""
        return self.known

    def adapters_at(self, address: str) -> tuple[AdapterObject, ...]:
        """Return the adapter."""
        return (self.known[address],)

    async def connected_devices(self, path: str) -> frozenset[str]:
        """Return who is connected."""
        self.asked.append(path)
        return frozenset({LINK, STRANGER})


class Stack:
    """A watch of one adapter, and what Home Assistant tells of that."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Watch one link."""
        self.news: list[PathNews] = []
        records = LinkRecords()
        records.keep({LINK})
        self.watch = StackWatch(
            hass,
            records,
            wake=lambda: None,
            heard=lambda: None,
            path_changed=self.news.append,
        )
        self.bluez = FakeBlueZ()
        self.watch.bluez = cast(Any, self.bluez)
        self.scanner: object | None = SimpleNamespace()
        self.slots: Slots | None = Slots(5, 4, frozenset({STRANGER}))


@pytest.fixture
def stack(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A watch in a Home Assistant without any Bluetooth of its own."""
    stack = Stack(hass)

    async def tell(_: object) -> ScannerSample:
        return ScannerSample(
            name="hci0",
            requested_mode=None,
            current_mode=None,
            scanning=True,
            start_time=None,
            last_detection=None,
        )

    stubs: dict[str, Any] = {
        "async_local_scanner": lambda *_: stack.scanner,
        "async_scanner_sample": tell,
        "slots_of": lambda _: stack.slots,
        "async_names_of": lambda _: None,
        "async_devices_heard": lambda *_: 0,
        "async_has_management_socket": lambda: False,
        "async_has_other_scanners": lambda *_: False,
        "async_sources_that_connect": lambda _: frozenset(),
    }
    for name, told in stubs.items():
        monkeypatch.setattr(watch, name, told)
    return stack


def has_entry(hass: HomeAssistant, **changes: Any) -> None:
    """Have Home Assistant know the adapter."""
    MockConfigEntry(domain="bluetooth", unique_id=ADAPTER, **changes).add_to_hass(hass)


@pytest.mark.parametrize("has_scanner", [True, False])
async def test_bluetoothd_tells_of_others_where_no_slots_are_known(
    hass: HomeAssistant, stack: Stack, has_scanner: bool
) -> None:
    """Slots that are not known do not mean that nobody else is connected."""
    has_entry(hass)
    stack.slots = None
    if not has_scanner:
        stack.scanner = None
    sample = await stack.watch.async_sample(ADAPTER)
    assert sample.slots is None
    assert sample.others_connected == 1
    assert stack.bluez.asked == [PATH]


async def test_bluetoothd_is_not_asked_what_slots_tell(
    hass: HomeAssistant, stack: Stack
) -> None:
    """A question that makes bluetoothd list all that it knows is not asked at each look."""
    has_entry(hass)
    sample = await stack.watch.async_sample(ADAPTER)
    assert sample.slots is not None
    assert sample.slots.foreign == (STRANGER,)
    assert stack.bluez.asked == []


@pytest.mark.parametrize("is_known", [True, False], ids=["disabled", "absent"])
async def test_bluetoothd_is_not_asked_for_an_adapter_out_of_use(
    hass: HomeAssistant, stack: Stack, is_known: bool
) -> None:
    """Nothing will be done to it, so nobody has to be spared."""
    if is_known:
        has_entry(hass, disabled_by=ConfigEntryDisabler.USER)
    stack.scanner = None
    sample = await stack.watch.async_sample(ADAPTER)
    assert sample.entry.state.is_out_of_use
    assert sample.others_connected == 0
    assert stack.bluez.asked == []


def test_scanners_that_come_and_go_are_told(
    hass: HomeAssistant, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An adapter or proxy that is registered may carry what failed before."""
    changes: list[Callable[[], None]] = []
    monkeypatch.setattr(watch, "async_follow_scanners", changes.append)
    stack.watch.async_start()
    (scanners_changed,) = changes
    scanners_changed()
    assert stack.news == [PathNews(PathChange.SCANNERS_CHANGED)]
