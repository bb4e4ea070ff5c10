# SPDX-License-Identifier: Apache-2.0
"""What is taken for a link by what it advertises, whatever that is."""

from bleak.backends.device import BLEDevice
from habluetooth import BluetoothServiceInfoBleak
from hypothesis import given, strategies as st

from custom_components.renogy_bt.links.discovery import (
    may_be_a_link,
    name_of,
    refusal_of,
    spells_own_address,
)
from tests.renogy.family_cases import SERVICE

ADDRESSES = st.binary(min_size=6, max_size=6)
BATTERY_PREFIXES = ("BT-TH", "RNGRBP", "RNGC", "RNGPRO", "RNGUSBAT")
OTHER_PREFIXES = (
    *("RTMShunt", "RNGSHUNT", "RNGPMS", "RNGRIU", "BTRIC", "BTRIV", "BTRAC", "BTRI2"),
    *("RNGRBC", "RBC", "RCC", "RNG-CTRL-"),
)
MAKERS_PREFIXES = (*BATTERY_PREFIXES, *OTHER_PREFIXES, "BTRI")
SERVICES = st.lists(st.sampled_from([SERVICE, SERVICE.replace("d0", "e0")]))
ENDINGS = st.text("0123456789ABCDEFabcdef", max_size=12)
FOREIGN_NAMES = st.text(max_size=26).filter(
    lambda name: (
        not name.strip(" \0")
        .upper()
        .startswith(tuple(prefix.upper() for prefix in MAKERS_PREFIXES))
    )
)


def _text(address: bytes) -> str:
    return address.hex(":").upper()


def _heard(
    address: bytes, name: str, data: dict[int, bytes], services: list[str]
) -> BluetoothServiceInfoBleak:
    return BluetoothServiceInfoBleak(
        name=name,
        address=_text(address),
        rssi=-60,
        manufacturer_data=data,
        service_data={},
        service_uuids=services,
        source="00:00:00:00:00:01",
        device=BLEDevice(_text(address), name, {}),
        advertisement=None,
        connectable=True,
        time=0.0,
        tx_power=None,
    )


def _spelled(address: bytes) -> dict[int, bytes]:
    return {int.from_bytes(address[:2], "little"): address[2:]}


OTHER_DATA = st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=12), max_size=3)


@given(ADDRESSES, FOREIGN_NAMES, OTHER_DATA, SERVICES)
def test_foreign_device(
    address: bytes, name: str, data: dict[int, bytes], services: list[str]
) -> None:
    """Without a name of the makers only the device's own address makes a link."""
    info = _heard(address, name, data, services)
    is_spelled = data.get(int.from_bytes(address[:2], "little")) == address[2:]
    assert spells_own_address(info) is is_spelled
    assert may_be_a_link(info) is is_spelled


@given(ADDRESSES, OTHER_DATA, SERVICES, st.booleans())
def test_nameless_device(
    address: bytes, data: dict[int, bytes], services: list[str], has_dashes: bool
) -> None:
    """The address is no name, and with it spelled among other data the device may be a link."""
    name = _text(address).replace(":", "-") if has_dashes else _text(address)
    info = _heard(address, name, {**data, **_spelled(address)}, services)
    assert name_of(info) is None
    assert may_be_a_link(info)


@given(ADDRESSES, ADDRESSES, SERVICES)
def test_another_address(address: bytes, other: bytes, services: list[str]) -> None:
    """A device that spells the address of another one is none."""
    info = _heard(address, "", _spelled(other), services)
    assert may_be_a_link(info) is (address == other)


@given(ADDRESSES, st.sampled_from(BATTERY_PREFIXES), ENDINGS, OTHER_DATA)
def test_name_of_a_battery(
    address: bytes, prefix: str, ending: str, data: dict[int, bytes]
) -> None:
    """A battery's name is enough, whatever else is advertised."""
    name = f"{prefix}{ending}"
    assert may_be_a_link(_heard(address, f"{name} \0", data, []))
    assert refusal_of(name) is None


@given(ADDRESSES, st.sampled_from(OTHER_PREFIXES), ENDINGS, st.booleans())
def test_name_of_another_device(
    address: bytes, prefix: str, ending: str, is_upper: bool
) -> None:
    """The name of another device refuses it, though it spells its own address."""
    name = f"{prefix}{ending}"
    name = name.upper() if is_upper else name.lower()
    assert not may_be_a_link(_heard(address, name, _spelled(address), [SERVICE]))
    assert refusal_of(name) is not None
