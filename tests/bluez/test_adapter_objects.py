# SPDX-License-Identifier: Apache-2.0
"""Adapters are read out of D-Bus messages, and nothing is taken on trust."""

from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.bluez.adapter_objects import (
    ADAPTER_INTERFACE,
    MONITOR_INTERFACE,
    MOST_ADAPTERS,
    NO_ADDRESS,
    AdapterObjects,
    connected_devices,
)
from custom_components.renogy_bt.bluez.exceptions import (
    AccessDenied,
    AdapterGone,
    Blocked,
    BlueZError,
    BusUnavailable,
    Busy,
    CallTimedOut,
    NotReady,
    error_for,
)

HCI0 = "/org/bluez/hci0"
MAC = "B8:27:EB:00:00:01"


def interfaces(**properties: object) -> dict[str, Any]:
    """The interfaces of an adapter that is on and idle, with other properties."""
    usual = {"Address": MAC, "Powered": True, "Discovering": False, "PowerState": "on"}
    return {ADAPTER_INTERFACE: usual | properties, MONITOR_INTERFACE: {}}


def listed(**properties: object) -> AdapterObjects:
    """What is known after the first look at one adapter."""
    objects = AdapterObjects()
    objects.replace_all({HCI0: interfaces(**properties)}, 5.0, first_look=True)
    return objects


def test_first_look() -> None:
    """What is there from the first has no time of appearance."""
    adapter = listed().by_address()[MAC]
    assert adapter.path == HCI0
    assert adapter.name == "hci0"
    assert adapter.powered
    assert not adapter.discovering
    assert adapter.power_state == "on"
    assert adapter.passive_scanning
    assert adapter.appeared_at is None
    assert adapter.powered_at is None


def test_of_two_adapters_with_one_address_the_first_counts() -> None:
    """Of two adapters with one address the first is the adapter, whichever was told first."""
    objects = AdapterObjects()
    paths = [f"/org/bluez/hci{index}" for index in (10, 2)]
    objects.replace_all(
        {path: interfaces() for path in paths} | {"/org/bluez/hci3": {}},
        5.0,
        first_look=True,
    )
    assert objects.by_address()[MAC].name == "hci2"
    assert [twin.name for twin in objects.at_address(MAC)] == ["hci2", "hci10"]
    assert objects.at_address("B8:27:EB:00:00:02") == ()


def test_power_cycle_is_timed() -> None:
    """The last time at which power came on is kept."""
    objects = listed()
    assert objects.change(HCI0, {"Powered": False, "Discovering": False}, 6.0)
    assert not objects.change(HCI0, {"Powered": False}, 7.0), "nothing new"
    assert objects.change(HCI0, {"Powered": True}, 8.0)
    assert objects.by_address()[MAC].powered_at == 8.0


def test_unplugged_and_back_under_another_number() -> None:
    """An adapter that comes back is known by its address and has a time of appearance."""
    objects = listed()
    assert objects.remove(HCI0, [ADAPTER_INTERFACE])
    assert objects.by_address() == {}
    assert objects.add("/org/bluez/hci1", interfaces(), 9.0)
    adapter = objects.by_address()[MAC]
    assert adapter.name == "hci1"
    assert adapter.appeared_at == adapter.powered_at == 9.0


def test_second_look_keeps_times() -> None:
    """An adapter that is still the same is not taken for a new one."""
    objects = listed(Powered=False)
    objects.change(HCI0, {"Powered": True}, 6.0)
    objects.replace_all({HCI0: interfaces()}, 10.0, first_look=False)
    adapter = objects.by_address()[MAC]
    assert adapter.appeared_at is None
    assert adapter.powered_at == 6.0
    objects.replace_all({"/org/bluez/hci1": interfaces()}, 11.0, first_look=False)
    assert objects.by_address()[MAC].appeared_at == 11.0


def test_monitor_interface_that_comes_later() -> None:
    """Passive scanning is known as soon as its interface is there."""
    objects = AdapterObjects()
    objects.add(HCI0, {ADAPTER_INTERFACE: interfaces()[ADAPTER_INTERFACE]}, 1.0)
    assert not objects.by_address()[MAC].passive_scanning
    assert objects.add(HCI0, {MONITOR_INTERFACE: {}}, 2.0)
    assert objects.by_address()[MAC].passive_scanning


def test_controller_without_an_address() -> None:
    """A zero address is no adapter, but a sign of a controller that did not start."""
    objects = listed(Address=NO_ADDRESS)
    assert objects.by_address() == {}
    assert objects.has_zeroed
    assert objects.change(HCI0, {"Address": MAC.lower()}, 6.0)
    assert MAC in objects.by_address()
    assert not objects.has_zeroed


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (None, interfaces()),
        ("/org/bluez/hci0/dev_00", interfaces()),
        ("/org/bluez/hci12345", interfaces()),
        (HCI0, None),
        (HCI0, {ADAPTER_INTERFACE: []}),
        (HCI0, {ADAPTER_INTERFACE: {"Address": 5}}),
        (HCI0, interfaces(Address="B8:27:EB:00:00")),
        (HCI0, {MONITOR_INTERFACE: {}}),
    ],
)
def test_what_is_no_adapter(path: object, content: object) -> None:
    """Strange objects are passed over."""
    objects = AdapterObjects()
    assert not objects.add(path, content, 1.0)
    assert objects.adapters == {}


@pytest.mark.parametrize(
    ("path", "removed"),
    [
        (None, [ADAPTER_INTERFACE]),
        (HCI0, None),
        (HCI0, [MONITOR_INTERFACE]),
        ("/org/bluez/hci1", [ADAPTER_INTERFACE]),
    ],
)
def test_what_removes_nothing(path: object, removed: object) -> None:
    """An adapter stays until its own interface is taken away."""
    objects = listed()
    assert not objects.remove(path, removed)
    assert MAC in objects.by_address()


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        (None, {"Powered": False}),
        (HCI0, None),
        (HCI0, {"Powered": "off", "PowerState": 0, "Address": "nowhere"}),
        ("/org/bluez/hci1", {"Powered": False}),
    ],
)
def test_what_changes_nothing(path: object, changed: object) -> None:
    """Changes of what is not known, or of no sensible kind, are passed over."""
    objects = listed()
    before = objects.by_address()
    assert not objects.change(path, changed, 6.0)
    assert objects.by_address() == before


def test_number_of_adapters_is_bounded() -> None:
    """A bus that invents adapters without end is not followed."""
    objects = AdapterObjects()
    for index in range(MOST_ADAPTERS + 5):
        objects.add(f"/org/bluez/hci{index}", interfaces(), 1.0)
    assert len(objects.adapters) == MOST_ADAPTERS


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40) | st.just(HCI0),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [ADAPTER_INTERFACE, MONITOR_INTERFACE, "Address", "Powered", HCI0]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(ANYTHING, ANYTHING)
def test_any_message_is_survived(one: object, other: object) -> None:
    """Whatever a message holds, an adapter that is kept has a path, an address and flags."""
    objects = listed()
    objects.add(one, other, 1.0)
    objects.change(one, other, 2.0)
    objects.change(HCI0, other, 3.0)
    objects.remove(one, other)
    objects.replace_all(one, 4.0, first_look=False)
    for address, adapter in objects.by_address().items():
        assert adapter.address == address
        assert isinstance(adapter.powered, bool)
        assert isinstance(adapter.discovering, bool)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("org.bluez.Error.Blocked", Blocked),
        ("org.bluez.Error.NotReady", NotReady),
        ("org.bluez.Error.InProgress", Busy),
        ("org.freedesktop.DBus.Error.AccessDenied", AccessDenied),
        ("org.freedesktop.DBus.Error.UnknownObject", AdapterGone),
        ("org.freedesktop.DBus.Error.NoReply", CallTimedOut),
        ("org.freedesktop.DBus.Error.ServiceUnknown", BusUnavailable),
        ("org.bluez.Error.Failed", BlueZError),
        ("com.example.Never.Heard", BlueZError),
        (None, BlueZError),
    ],
)
def test_error_replies_are_told_apart(name: str | None, kind: type[BlueZError]) -> None:
    """Each refusal has an exception and a fault of its own, with bluetoothd's text."""
    error = error_for(name, "what it says")
    assert type(error) is kind
    assert "what it says" in str(error)
    assert error.fault is kind.fault


@pytest.mark.parametrize(
    ("objects", "connected"),
    [
        (None, set()),
        ({7: {}, "/org/bluez/hci0/dev_1": None}, set()),
        ({"/org/bluez/hci0/dev_1": {"org.bluez.Device1": "x"}}, set()),
        (
            {
                "/org/bluez/hci0/dev_1": {
                    "org.bluez.Device1": {
                        "Address": "aa:bb:cc:00:00:01",
                        "Connected": True,
                    }
                },
                "/org/bluez/hci0/dev_2": {
                    "org.bluez.Device1": {
                        "Address": "AA:BB:CC:00:00:02",
                        "Connected": False,
                    }
                },
                "/org/bluez/hci1/dev_3": {
                    "org.bluez.Device1": {
                        "Address": "AA:BB:CC:00:00:03",
                        "Connected": True,
                    }
                },
                "/org/bluez/hci0/dev_4": {
                    "org.bluez.Device1": {"Address": 4, "Connected": True}
                },
            },
            {"AA:BB:CC:00:00:01"},
        ),
    ],
)
def test_connected_devices(objects: object, connected: set[str]) -> None:
    """The devices of one adapter that are connected; whatever else is said is left out."""
    assert connected_devices(objects, "/org/bluez/hci0") == connected
