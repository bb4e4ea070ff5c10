# SPDX-License-Identifier: Apache-2.0
"""Reads adapters out of D-Bus messages, and checks all that a message says."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
import re

from .models import AdapterObject

ADAPTER_INTERFACE = "org.bluez.Adapter1"
MONITOR_INTERFACE = "org.bluez.AdvertisementMonitorManager1"
DEVICE_INTERFACE = "org.bluez.Device1"
NO_ADDRESS = "00:00:00:00:00:00"
MOST_ADAPTERS = 32
_PATH = re.compile(r"/org/bluez/hci\d{1,3}")
_ADDRESS = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}")


def is_adapter_path(path: object) -> bool:
    """Whether this is the path of an adapter object."""
    return isinstance(path, str) and _PATH.fullmatch(path) is not None


@dataclass(slots=True)
class AdapterObjects:
    """The adapters of the present owner of org.bluez, kept up to date by its signals."""

    adapters: dict[str, AdapterObject] = field(default_factory=dict)
    """By object path."""

    def replace_all(self, objects: object, now: float, *, first_look: bool) -> None:
        """Take over a whole GetManagedObjects reply.

        At the `first_look` it is not known when an adapter appeared.
        """
        before = self.adapters
        self.adapters = {}
        if not isinstance(objects, Mapping):
            return
        for path, interfaces in objects.items():
            known = before.get(path)
            self.add(path, interfaces, None if first_look else now)
            added = self.adapters.get(path)
            if (
                known is not None
                and added is not None
                and known.address == added.address
            ):
                self.adapters[path] = replace(
                    added,
                    appeared_at=known.appeared_at,
                    powered_at=known.powered_at if known.powered else added.powered_at,
                    discovering_changed_at=known.discovering_changed_at
                    if known.discovering is added.discovering
                    else added.discovering_changed_at,
                )

    def add(self, path: object, interfaces: object, now: float | None) -> bool:
        """Take in an object with its interfaces; return whether that changed an adapter."""
        if not is_adapter_path(path) or not isinstance(interfaces, Mapping):
            return False
        assert isinstance(path, str)
        known = self.adapters.get(path)
        monitor = MONITOR_INTERFACE in interfaces
        properties = interfaces.get(ADAPTER_INTERFACE)
        if not isinstance(properties, Mapping):
            if known is None or not monitor:
                return False
            self.adapters[path] = replace(known, passive_scanning=True)
            return True
        address = properties.get("Address")
        if not isinstance(address, str) or not _ADDRESS.fullmatch(address.upper()):
            return False
        if known is None and len(self.adapters) >= MOST_ADAPTERS:
            return False
        powered = properties.get("Powered") is True
        self.adapters[path] = AdapterObject(
            path=path,
            address=address.upper(),
            powered=powered,
            discovering=properties.get("Discovering") is True,
            power_state=_text(properties.get("PowerState")),
            passive_scanning=monitor,
            appeared_at=now,
            powered_at=now if powered else None,
            discovering_changed_at=now,
        )
        return True

    def remove(self, path: object, interfaces: object) -> bool:
        """Take an object's interfaces away; return whether that removed an adapter."""
        if not isinstance(path, str) or not isinstance(interfaces, list):
            return False
        if ADAPTER_INTERFACE not in interfaces or path not in self.adapters:
            return False
        del self.adapters[path]
        return True

    def change(self, path: object, changed: object, now: float) -> bool:
        """Take over changed properties; return whether that changed an adapter."""
        if not isinstance(path, str) or not isinstance(changed, Mapping):
            return False
        known = self.adapters.get(path)
        if known is None:
            return False
        new = known
        powered, discovering = changed.get("Powered"), changed.get("Discovering")
        if isinstance(powered, bool) and powered != known.powered:
            new = replace(
                new, powered=powered, powered_at=now if powered else known.powered_at
            )
        if isinstance(discovering, bool) and discovering != known.discovering:
            new = replace(new, discovering=discovering, discovering_changed_at=now)
        if (state := _text(changed.get("PowerState"))) is not None:
            new = replace(new, power_state=state)
        address = changed.get("Address")
        if isinstance(address, str) and _ADDRESS.fullmatch(address.upper()):
            new = replace(new, address=address.upper())
        if new == known:
            return False
        self.adapters[path] = new
        return True

    def by_address(self) -> dict[str, AdapterObject]:
        """Return the adapters by their address, without those that have none.

        Of twins the first one is returned.
        """
        return {
            adapter.address: adapter
            for adapter in reversed(self._in_order())
            if adapter.address != NO_ADDRESS
        }

    def at_address(self, address: str) -> tuple[AdapterObject, ...]:
        """Return all adapters with an address: cheap clones may share theirs."""
        return tuple(
            adapter for adapter in self._in_order() if adapter.address == address
        )

    def _in_order(self) -> list[AdapterObject]:
        return sorted(self.adapters.values(), key=lambda adapter: adapter.index)

    @property
    def has_zeroed(self) -> bool:
        """Whether there is an adapter whose controller did not tell its address."""
        return any(adapter.address == NO_ADDRESS for adapter in self.adapters.values())


def connected_devices(objects: object, adapter_path: str) -> frozenset[str]:
    """Return the addresses that an adapter is connected to, by a GetManagedObjects reply."""
    if not isinstance(objects, Mapping):
        return frozenset()
    devices = (
        interfaces.get(DEVICE_INTERFACE)
        for path, interfaces in objects.items()
        if isinstance(path, str)
        and path.startswith(f"{adapter_path}/")
        and isinstance(interfaces, Mapping)
    )
    return frozenset(
        address.upper()
        for device in devices
        if isinstance(device, Mapping)
        and device.get("Connected") is True
        and isinstance(address := device.get("Address"), str)
        and _ADDRESS.fullmatch(address.upper())
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= 32 else None
