# SPDX-License-Identifier: Apache-2.0
"""What is taken from other libraries beyond what they promise, and what is done without."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
import logging
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

from bleak.exc import BleakDBusError, BleakError
from bleak_retry_connector import BleakConnectionError, BleakOutOfConnectionSlotsError
import pytest
from pytest_homeassistant_custom_component.common import get_system_health_info

from custom_components.renogy_bt.adapter_health.ladder import RecoveryLevel
from custom_components.renogy_bt.adapter_health.samples import (
    ConnectFailure,
    ListedAdapter,
    ScanMode,
)
from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.renogy.exceptions import RenogyError
from custom_components.renogy_bt.supervisor import neighbours
from custom_components.renogy_bt.supervisor.neighbours import Part, Slots, failure_of
from custom_components.renogy_bt.supervisor.supervisor import async_get_supervisor
from homeassistant.components.bluetooth import BaseHaScanner, BluetoothScanningMode
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from tests.banks import bank_entry, battery_state, link_settings, set_up
from tests.fake_air import DONGLE, FakeAir
from tests.insides import missing
from tests.renogy.fake_link import four_batteries

ADAPTER = "00:1A:7D:DA:71:13"


@pytest.fixture(autouse=True)
def lost(monkeypatch: pytest.MonkeyPatch) -> dict[Part, str]:
    """Return what is done without; nothing at first."""
    parts: dict[Part, str] = {}
    monkeypatch.setattr(neighbours, "_lost", parts)
    return parts


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the log says of changed libraries."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == neighbours.__name__ and record.levelno == logging.WARNING
    ]


def a_scanner(**changes: Any) -> BaseHaScanner:
    """Return a scanner that tells everything, but for these changes."""
    facts = {
        "start_time": 10.0,
        "last_detection": 20.0,
        "last_connect_completed_time": 0.0,
    }
    slots = SimpleNamespace(slots=5, free=4, allocated=[DONGLE.lower()])
    scanner: dict[str, Any] = {
        "source": ADAPTER,
        "name": f"hci0 ({ADAPTER})",
        "adapter": "hci0",
        "connectable": True,
        "scanning": True,
        "requested_mode": None,
        "current_mode": BluetoothScanningMode.PASSIVE,
        "connecting_count": 0,
        "connections_in_progress": lambda: 0,
        "get_allocations": lambda: slots,
        "async_diagnostics": AsyncMock(return_value=facts),
    }
    return cast(BaseHaScanner, SimpleNamespace(**{**scanner, **changes}))


def refuse() -> None:
    """Be no manager, as habluetooth before it has one."""
    raise RuntimeError("BluetoothManager has not been set")


@pytest.mark.parametrize("get_manager", [refuse, object, lambda _: object()])
async def test_without_a_manager(
    monkeypatch: pytest.MonkeyPatch,
    lost: dict[Part, str],
    get_manager: Callable[..., object],
) -> None:
    """What only the manager knows is done without, also if its methods are gone."""
    monkeypatch.setattr(neighbours, "get_manager", get_manager)
    assert neighbours.async_has_management_socket() is None
    neighbours.async_follow_allocations(lambda *_: pytest.fail("nobody tells"))()
    neighbours.async_follow_scanners(lambda: pytest.fail("nobody tells"))()
    neighbours.async_check_manager()
    await neighbours.async_refresh_adapters()
    assert neighbours.async_names_of(ADAPTER) is None
    assert lost.keys() == {
        *(Part.HOST_RESETS, Part.SERVED_BY, Part.SCANNERS, Part.ADAPTER_NUMBERS)
    }


@pytest.mark.parametrize(
    ("adapters", "names"),
    [
        (None, set()),
        ({}, set()),
        ({"hci0": {"address": "00:00:00:00:00:00"}}, set()),
        (
            {"hci0": {"address": ADAPTER}, "hci1": {"address": ADAPTER}},
            {"hci0", "hci1"},
        ),
        ({"hci0": {}}, None),
    ],
)
def test_names_of_an_adapter(
    monkeypatch: pytest.MonkeyPatch,
    lost: dict[Part, str],
    adapters: object,
    names: set[str] | None,
) -> None:
    """What Home Assistant has not looked up is no name; what cannot be had is not known."""
    manager = SimpleNamespace(get_cached_bluetooth_adapters=lambda: adapters)
    monkeypatch.setattr(neighbours, "get_manager", lambda: manager)
    assert neighbours.async_names_of(ADAPTER) == names
    assert bool(lost) is (names is None)


@pytest.mark.parametrize(
    ("adapters", "listed"),
    [
        ({}, ListedAdapter(None)),
        (
            {"hci1": {"address": ADAPTER, "powered": True}},
            ListedAdapter("hci1", powered=True),
        ),
        ({"hci0": {"address": ADAPTER, "powered": False}}, ListedAdapter("hci0")),
        (TimeoutError(), None),
        ({"hci0": {"address": ADAPTER}}, None),
    ],
)
async def test_adapter_in_the_kernels_list(
    monkeypatch: pytest.MonkeyPatch,
    lost: dict[Part, str],
    adapters: object,
    listed: ListedAdapter | None,
) -> None:
    """The list is asked for anew; what cannot be had is not known."""
    look_up = AsyncMock(side_effect=[adapters])
    manager = SimpleNamespace(async_get_bluetooth_adapters=look_up)
    monkeypatch.setattr(neighbours, "get_manager", lambda: manager)
    assert await neighbours.async_listed_adapter(ADAPTER) == listed
    look_up.assert_awaited_once_with(cached=False)
    is_odd = isinstance(adapters, dict) and listed is None
    assert lost.keys() == ({Part.ADAPTER_NUMBERS} if is_odd else set())


async def test_scanner_that_tells_everything(lost: dict[Part, str]) -> None:
    """Nothing is lost of what is there."""
    sample = await neighbours.async_scanner_sample(a_scanner())
    assert (sample.name, sample.scanning, sample.connecting) == ("hci0", True, 0)
    assert (sample.start_time, sample.last_detection) == (10.0, 20.0)
    assert sample.last_connected_at == 0.0, "nobody has connected yet"
    assert (sample.requested_mode, sample.current_mode) == (None, ScanMode.PASSIVE)
    slots = neighbours.slots_of(a_scanner())
    assert slots == neighbours.Slots(5, 4, frozenset({DONGLE}))
    assert lost == {}


@pytest.mark.parametrize(
    ("bleaks_scanner", "is_known"), [(SimpleNamespace, True), (refuse, None)]
)
async def test_kind_of_scanner(
    monkeypatch: pytest.MonkeyPatch,
    lost: dict[Part, str],
    bleaks_scanner: object,
    is_known: bool | None,
) -> None:
    """Only bleak's scanner is known to bluetoothd; without that class it is not known."""
    sample = await neighbours.async_scanner_sample(a_scanner())
    assert sample.over_bluetoothd is False
    assert neighbours.is_direct(a_scanner())
    assert lost == {}
    monkeypatch.setattr(neighbours, "HaScanner", bleaks_scanner)
    sample = await neighbours.async_scanner_sample(a_scanner())
    assert sample.over_bluetoothd is is_known
    assert not neighbours.is_direct(a_scanner()), "what is not known is as ever"
    assert lost.keys() == (set() if is_known else {Part.SCANNER_KIND})


async def test_what_has_another_shape_is_unknown(
    caplog: pytest.LogCaptureFixture, lost: dict[Part, str]
) -> None:
    """Whatever a scanner tells in another way than before is not known, and said once."""
    scanner = a_scanner(
        requested_mode=SimpleNamespace(value="adaptive"),
        current_mode="passive",
        connections_in_progress=3,
        get_allocations=lambda _: None,
        async_diagnostics=AsyncMock(return_value={"start_time": "10:30"}),
    )
    for _ in range(3):
        sample = await neighbours.async_scanner_sample(scanner)
        assert neighbours.slots_of(scanner) is None
    assert (sample.name, sample.scanning) == ("hci0", True)
    assert (sample.start_time, sample.last_detection) == (None, None)
    assert (sample.requested_mode, sample.current_mode) == (None, None)
    assert sample.connecting is None
    assert not sample.has_stopped
    assert lost.keys() == {
        Part.SCANNER,
        Part.LAST_HEARD,
        Part.CONNECTING,
        Part.SLOTS,
    }
    assert len(told(caplog)) == len(lost)


@pytest.mark.parametrize("scanning", [None, False])
@pytest.mark.parametrize("connecting", [None, 0, 1])
async def test_scan_that_may_go_on(
    scanning: bool | None, connecting: int | None
) -> None:
    """Only a scan that certainly does not run, for no good reason, has stopped."""
    sample = await neighbours.async_scanner_sample(
        a_scanner(scanning=scanning, connecting_count=connecting)
    )
    assert sample.has_stopped is (scanning is False and connecting == 0)


async def test_scanner_without_a_name_of_its_own() -> None:
    """A scanner is called by its address, and may well be connectable."""
    scanner = cast(BaseHaScanner, SimpleNamespace(source=ADAPTER))
    assert neighbours.is_connectable(scanner)
    assert neighbours.name_of(scanner) == ADAPTER
    assert not neighbours.is_connectable(a_scanner(connectable=False))


@pytest.mark.parametrize(
    ("free", "allocated", "holds"),
    [
        (2, {DONGLE}, True),
        (3, set(), False),
        (2, {ADAPTER}, False),
        # Somebody holds a connection, and nobody says who.
        (2, set(), None),
        (0, {ADAPTER}, None),
        (0, {ADAPTER, DONGLE}, True),
    ],
)
def test_who_holds_a_slot(free: int, allocated: set[str], holds: bool | None) -> None:
    """A connection holds no slot for certain only where all who hold one are told."""
    assert Slots(3, free, frozenset(allocated)).holds(DONGLE) is holds


async def test_news_of_another_shape(
    monkeypatch: pytest.MonkeyPatch, lost: dict[Part, str]
) -> None:
    """News of connections that cannot be read are not passed on."""
    manager = Mock()
    monkeypatch.setattr(neighbours, "get_manager", lambda: manager)
    news: list[tuple[str, frozenset[str]]] = []
    neighbours.async_follow_allocations(lambda *each: news.append(each))
    (listener,) = manager.async_register_allocation_callback.call_args.args
    listener(SimpleNamespace(source=ADAPTER, allocated=[DONGLE.lower()]))
    assert lost == {}
    listener(SimpleNamespace(adapter=ADAPTER))
    assert news == [(ADAPTER, frozenset({DONGLE}))]
    assert lost.keys() == {Part.SERVED_BY}


async def with_no_arguments() -> None:
    """Take none, as what has a new signature does not take the old arguments."""


CALLS: list[Any] = [
    pytest.param(
        "close_stale_connections_by_address",
        lambda: neighbours.async_close_stale_connections(DONGLE),
        Part.STALE_CONNECTIONS,
    ),
    pytest.param(
        "clear_cache",
        lambda: neighbours.async_forget_services(DONGLE),
        Part.SERVICE_CACHE,
    ),
    pytest.param(
        "get_global_bluez_manager",
        neighbours.async_connect_bleak,
        Part.BLEAK,
    ),
    pytest.param(
        "get_global_bluez_manager",
        neighbours.async_reconnect_bleak,
        Part.BLEAK,
    ),
]


@pytest.mark.parametrize(("name", "call", "part"), CALLS)
class TestCalls:
    """What other libraries are asked to do."""

    async def test_a_name_that_is_missing_is_not_told_again(
        self,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        lost: dict[Part, str],
        name: str,
        call: Callable[[], Any],
        part: Part,
    ) -> None:
        """A name that was missing from the start has been told then."""
        error = ImportError(f"cannot import name {name!r}")
        monkeypatch.setattr(neighbours, name, missing(part, error))
        await call()
        await call()
        assert lost == {part: str(error)}
        assert len(told(caplog)) == 1

    async def test_what_fails_as_it_may_is_not_lost(
        self,
        monkeypatch: pytest.MonkeyPatch,
        lost: dict[Part, str],
        name: str,
        call: Callable[[], Any],
        part: Part,
    ) -> None:
        """What fails as it may is not lost for that."""
        failures = (BleakError("busy"), OSError("no bus"), EOFError(), TimeoutError())
        for error in (*failures, AttributeError("'NoneType' has no call")):
            failing = AsyncMock(side_effect=error)
            monkeypatch.setattr(neighbours, name, failing)
            await call()
            failing.assert_awaited()
        assert lost == {}

    async def test_nothing_is_waited_for_without_a_limit(
        self,
        monkeypatch: pytest.MonkeyPatch,
        lost: dict[Part, str],
        name: str,
        call: Callable[[], Any],
        part: Part,
    ) -> None:
        """Nothing is waited for without a limit."""
        for limit in ("LINK_LIMIT", "RECONNECT_LIMIT"):
            monkeypatch.setattr(neighbours, limit, 0.01)

        async def hang(*_: object) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(neighbours, name, hang)
        async with asyncio.timeout(5):
            await call()
        assert lost == {}


async def test_other_arguments(
    monkeypatch: pytest.MonkeyPatch, lost: dict[Part, str]
) -> None:
    """What takes something else than before is done without."""
    for name in ("close_stale_connections_by_address", "clear_cache"):
        monkeypatch.setattr(neighbours, name, with_no_arguments)
    await neighbours.async_close_stale_connections(DONGLE)
    await neighbours.async_forget_services(DONGLE)
    assert lost.keys() == {Part.STALE_CONNECTIONS, Part.SERVICE_CACHE}


async def test_reset_with_other_arguments(
    monkeypatch: pytest.MonkeyPatch, lost: dict[Part, str]
) -> None:
    """A reset that takes something else fails, and is not asked for again."""
    monkeypatch.setattr(neighbours, "recover_adapter", with_no_arguments)
    assert neighbours.can_reset_fully()
    assert not await neighbours.async_reset(0, ADAPTER, on_usb=True)
    assert not neighbours.can_reset_fully()


async def test_bleak_that_is_on_no_bus(
    monkeypatch: pytest.MonkeyPatch, lost: dict[Part, str]
) -> None:
    """Where bleak has left the bus already it only has to come back."""
    get = AsyncMock(return_value=SimpleNamespace(_bus=None))
    monkeypatch.setattr(neighbours, "get_global_bluez_manager", get)
    await neighbours.async_reconnect_bleak()
    assert get.await_count == 2
    assert lost == {}


async def test_without_adapter_health(
    hass: HomeAssistant, air: FakeAir, lost: dict[Part, str]
) -> None:
    """Batteries are read, there are no adapters, and system health and diagnostics say why."""
    lost[Part.ADAPTER_HEALTH] = "dbus_fast has no Message"
    assert await async_setup_component(hass, "system_health", {})
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert battery_state(hass, "voltage").state == "52.4"
    supervisor = async_get_supervisor(hass)
    assert supervisor.adapters == {}
    assert supervisor.bus_reachable is None
    assert supervisor.diagnostics()["done_without"] == {
        "adapter health": "dbus_fast has no Message"
    }
    info = await get_system_health_info(hass, DOMAIN)
    assert info["done_without"] == "adapter health"
    assert info["adapters"] == ""


async def test_nothing_is_watched_without_adapter_health(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, lost: dict[Part, str]
) -> None:
    """A supervisor that cannot watch does not begin to; it can be left again."""
    lost[Part.ADAPTER_HEALTH] = "dbus_fast has no Message"
    supervisor = async_get_supervisor(hass)
    monkeypatch.setattr(supervisor, "_async_start", pytest.fail)
    await supervisor.async_attach("bank", [DONGLE], RecoveryLevel.FULL)
    await supervisor.async_attach("bank", [], RecoveryLevel.OFF)
    await supervisor.async_detach("bank")


def behind(*errors: BaseException) -> BaseException:
    """Return the first of some errors, each raised from the next; all say the same."""
    for error, cause in pairwise(errors):
        error.__cause__ = cause
    return errors[0]


TEXT = "device not found: access denied, out of connection slots"


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (behind(RenogyError(TEXT)), ConnectFailure.NOT_HEARD),
        (behind(RenogyError(TEXT), TimeoutError()), ConnectFailure.FAILED),
        (behind(RenogyError(TEXT), BleakError(TEXT)), ConnectFailure.FAILED),
        (
            behind(
                RenogyError(TEXT),
                BleakConnectionError(TEXT),
                BleakDBusError("org.bluez.Error.Failed", [TEXT]),
            ),
            ConnectFailure.FAILED,
        ),
        (
            behind(
                RenogyError(TEXT),
                BleakConnectionError(TEXT),
                BleakDBusError("org.freedesktop.DBus.Error.AccessDenied", ["x"]),
            ),
            ConnectFailure.DENIED,
        ),
        (
            behind(RenogyError(TEXT), BleakOutOfConnectionSlotsError("x")),
            ConnectFailure.NO_SLOT,
        ),
    ],
    ids=["untried", "timeout", "bleak", "bluez", "denied", "slots"],
)
def test_how_connecting_failed(error: BaseException, failure: ConnectFailure) -> None:
    """The kinds of the errors tell it, whatever their texts say."""
    assert failure_of(error) is failure


def test_errors_without_an_end() -> None:
    """A ring of causes is looked at once."""
    error = RenogyError(TEXT)
    error.__cause__ = error
    assert failure_of(error) is ConnectFailure.FAILED
