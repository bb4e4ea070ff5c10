"""What is taken from Home Assistant's Bluetooth beyond what it promises."""

import pytest

from custom_components.renogy_bt.bluetooth_health import supervisor_sampling
from custom_components.renogy_bt.bluetooth_health.supervisor_sampling import (
    async_follow_allocations,
    async_has_management_socket,
    async_refresh_adapters,
)


@pytest.fixture
def no_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have habluetooth refuse its manager, as it does before it has one."""

    def refuse() -> None:
        raise RuntimeError("BluetoothManager has not been set")

    monkeypatch.setattr(supervisor_sampling, "get_manager", refuse)


@pytest.mark.usefixtures("no_manager")
async def test_without_a_manager() -> None:
    """What only the manager knows is done without; nothing fails."""
    assert not async_has_management_socket()
    async_follow_allocations(lambda *_: pytest.fail("nobody tells of allocations"))()
    await async_refresh_adapters()
