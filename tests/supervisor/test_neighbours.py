"""What is taken from Home Assistant's Bluetooth beyond what it promises."""

from collections.abc import Callable

import pytest

from custom_components.renogy_bt.supervisor import neighbours
from custom_components.renogy_bt.supervisor.neighbours import (
    async_follow_allocations,
    async_has_management_socket,
    async_refresh_adapters,
)


def refuse() -> None:
    """Be no manager, as habluetooth before it has one."""
    raise RuntimeError("BluetoothManager has not been set")


@pytest.mark.parametrize("get_manager", [refuse, object])
async def test_without_a_manager(
    monkeypatch: pytest.MonkeyPatch, get_manager: Callable[[], object]
) -> None:
    """What only the manager knows is done without, also if its methods are gone."""
    monkeypatch.setattr(neighbours, "get_manager", get_manager)
    assert async_has_management_socket() is None
    async_follow_allocations(lambda *_: pytest.fail("nobody tells of allocations"))()
    await async_refresh_adapters()
