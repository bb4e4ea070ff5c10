# SPDX-License-Identifier: Apache-2.0
"""The air around a test: fake links that advertise to Home Assistant's own Bluetooth manager.

Connections are made where the integration makes them, to scripted dongles that answer real
Modbus frames; everything above, the device library included, is real.
"""

from collections.abc import Sequence
import time
from typing import Any
from unittest.mock import AsyncMock

from bleak.backends.device import BLEDevice
from habluetooth import BluetoothServiceInfoBleak, get_manager
import pytest

from custom_components.renogy_bt.renogy.exceptions import LinkUnreachable
from custom_components.renogy_bt.renogy.transport import Transport
from custom_components.renogy_bt.supervisor.supervisor import Supervisor
from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import instance_id
from homeassistant.helpers.entity import Entity
from tests.renogy.fake_link import (
    Delivery,
    FakeLink,
    Fault,
    drop_in_reply,
    four_batteries,
)

DONGLE = "6C:B2:FD:A1:B2:C3"
DONGLE_NAME = "BT-TH-FDA1B2C3"
SCANNER = "00:00:00:00:00:01"

# Short enough that no test waits for a silent unit, long enough for a busy machine.
PATIENCE = 0.02


def lost_at(unit: int) -> Fault:
    """Return the fault that ends the connection in the middle of one unit's replies."""

    def fault(delivery: Delivery) -> Delivery:
        return drop_in_reply(delivery) if delivery.fragments[0][0] == unit else delivery

    return fault


INSTANCE = "5f0c2b6d9e3a47c18d24a9b07f6e1c35"
"""The id of this Home Assistant."""


class FakeAir:
    """The links in range, by address."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Start with nothing in range."""
        self._hass = hass
        self.links: dict[str, FakeLink] = {}
        self.attempts: list[str] = []

    @callback
    def advertise(
        self,
        address: str = DONGLE,
        name: str = DONGLE_NAME,
        *,
        manufacturer_data: dict[int, bytes] | None = None,
        service_uuids: Sequence[str] = (),
        connectable: bool = True,
        rssi: int = -60,
    ) -> None:
        """Let Home Assistant hear an advertisement."""
        device = BLEDevice(address, name, {})
        get_manager().scanner_adv_received(
            BluetoothServiceInfoBleak(
                name=name,
                address=address,
                rssi=rssi,
                manufacturer_data=manufacturer_data or {},
                service_data={},
                service_uuids=list(service_uuids),
                source=SCANNER,
                device=device,
                advertisement=None,
                connectable=connectable,
                time=time.monotonic(),
                tx_power=None,
            )
        )

    def heard(self, address: str) -> BluetoothServiceInfoBleak:
        """Return what Home Assistant last heard of an address."""
        info = bluetooth.async_last_service_info(self._hass, address)
        assert info is not None
        return info

    def forget(self, address: str) -> None:
        """Let Home Assistant lose track of an address, as after a long silence."""
        manager = get_manager()
        manager._all_history.pop(address, None)
        manager._connectable_history.pop(address, None)

    def bring(
        self, link: FakeLink, address: str = DONGLE, name: str = DONGLE_NAME
    ) -> FakeLink:
        """Put a link in range, advertising."""
        self.links[address] = link
        self.advertise(address, name)
        return link

    async def connect(self, device: BLEDevice, name: str) -> Transport:
        """Connect as `renogy.transport.connect` does."""
        self.attempts.append(device.address)
        if (link := self.links.get(device.address)) is None:
            raise LinkUnreachable(f"{name}: not in range")
        transport: Transport = await link.connector()()
        return transport


@pytest.fixture
def quick_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the time out of the fake hardware, and most of the patience with silent units."""
    library = "custom_components.renogy_bt.renogy"
    links = "custom_components.renogy_bt.links"
    quick: dict[str, Any] = {
        "tests.renogy.fake_link.FIXED_SECONDS": 0.0,
        "tests.renogy.fake_link.SECONDS_PER_BYTE": 0.0,
        "tests.renogy.fake_link.CONNECT_SECONDS": 0.0,
        "tests.renogy.fake_link.DISCONNECT_SECONDS": 0.0,
        f"{library}.line.QUIET_SECONDS": 0.0,
        f"{library}.probe.FIRST_ANSWER_SECONDS": PATIENCE,
        f"{library}.probe.SHORTEST_WAIT": PATIENCE,
        f"{library}.probe.LONGEST_LIMIT": PATIENCE,
        f"{library}.line.LONGEST_LIMIT": PATIENCE,
        f"{library}.line.SHORTEST_LIMIT": PATIENCE,
        f"{links}.discovery.NAME_SEARCH_SECONDS": PATIENCE,
    }
    for name, value in quick.items():
        monkeypatch.setattr(name, value)


@pytest.fixture
def idle_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nothing watch over the adapter: its health has tests of its own."""
    monkeypatch.setattr(Supervisor, "_async_start", AsyncMock())


@pytest.fixture
async def air(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    enable_bluetooth: None,
    quick_line: None,
    idle_supervisor: None,
    monkeypatch: pytest.MonkeyPatch,
) -> FakeAir:
    """Return an empty air over a running Home Assistant Bluetooth."""
    hass.data[instance_id.DATA_KEY] = INSTANCE
    fake = FakeAir(hass)
    monkeypatch.setattr(
        "custom_components.renogy_bt.links.connection.connect", fake.connect
    )
    return fake


@pytest.fixture
def link(air: FakeAir) -> FakeLink:
    """Return the owner's link in range, with four batteries behind it."""
    return air.bring(four_batteries())


@pytest.fixture
def all_enabled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enable the entities that are disabled by default."""
    monkeypatch.setattr(Entity, "entity_registry_enabled_default", True)
