# SPDX-License-Identifier: Apache-2.0
"""What an emulated world consists of: frozen data, no behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
import re

ADAPTER_NAME = re.compile(r"hci[0-9]{1,2}")


class Kind(StrEnum):
    """What is at the far end of a link."""

    BATTERY = "battery"
    CHARGE_CONTROLLER = "charge_controller"
    INVERTER = "inverter"
    SILENT = "silent"


class NameIn(StrEnum):
    """Where a peripheral tells its name; a passive scan hears no scan response."""

    ADVERTISEMENT = "advertisement"
    SCAN_RESPONSE = "scan_response"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The timing law, in seconds; the defaults are those of the capture (protocol 1.8).

    `link_up` and `service_resolution` together are a connect. A reply takes `reply`
    plus `reply_per_byte` for each of its bytes, counted from the request's turn on the
    RS485 line. `disconnect` is the grace that bluetoothd gives before it closes a link.
    `connect_limit` is when the kernel gives up on a peripheral that does not show up.
    """

    link_up: float = 0.3
    service_resolution: float = 0.5
    disconnect: float = 2.0
    connect_limit: float = 20.0
    reply: float = 0.189
    reply_per_byte: float = 0.001
    write_request: float = 0.045
    power: float = 0.1
    discovery: float = 0.01

    @property
    def connect(self) -> float:
        """Return what a connect takes, services resolved, in seconds."""
        return self.link_up + self.service_resolution

    def scaled(self, factor: float) -> Timing:
        """Return the same law, `factor` times as slow."""
        return Timing(**{name: getattr(self, name) * factor for name in self.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One Modbus unit: its registers by address and what it lets be read.

    Unlisted words inside `readable` (inclusive ranges) are 0. `reply_unit` replaces
    the unit's own id in its replies, as some families do (protocol 1.6).
    """

    unit_id: int
    registers: Mapping[int, int] = field(default_factory=dict)
    readable: tuple[tuple[int, int], ...] = ()
    reply_unit: int | None = None


type Turn = tuple[tuple[float, bytes], ...]
"""What comes after one request: notifications, each by the time since the request in s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One Bluetooth peripheral and the units behind it.

    `rssi` is in dBm at an adapter without attenuation, `spread` the standard deviation
    of its strength in dB, `mtu` the ATT MTU. Without `spread` the strength swings by the
    world's `rssi_wobble`. `services` tells whether it advertises the service of its family.
    `kept_interval` is how often its owner wants it read while it is kept connected, in s, None
    where each poll is to connect; the link itself knows nothing of it.
    `replies` are what comes after a request, word for word, one turn each time that it is made
    and the last turn from then on; other requests are answered by the units.
    """

    name: str
    address: str
    mtu: int = 251
    kind: Kind = Kind.BATTERY
    units: Mapping[int, Unit] = field(default_factory=dict)
    rssi: int = -60
    spread: float | None = None
    name_in: NameIn = NameIn.ADVERTISEMENT
    services: bool = True
    kept_interval: int | None = None
    replies: Mapping[bytes, tuple[Turn, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """One local radio. `attenuation` in dB is taken from what it hears."""

    name: str
    address: str
    attenuation: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SolarDay:
    """A day of sun and loads, told in `seconds`, beginning at `start_hour`."""

    seconds: float
    start_hour: float = 10.0


DEFAULT_ADAPTER = Adapter(name="hci0", address="B8:27:EB:5A:00:01")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything that an emulated world starts from.

    `advertising_interval` and `temporary_timeout` in seconds, `rssi_wobble` in dB to
    either side: BlueZ signals RSSI only when it moved by 8 dB, so 0 makes a peripheral
    that is heard once and then says nothing new. `seed` makes chance repeatable.
    """

    links: tuple[Link, ...]
    adapters: tuple[Adapter, ...] = (DEFAULT_ADAPTER,)
    temporary_timeout: float = 30.0
    advertisement_monitor: bool = True
    advertising_interval: float = 1.0
    rssi_wobble: int = 5
    solar_day: SolarDay | None = None
    timing: Timing = field(default_factory=Timing)
    seed: int = 1

    def with_timing(self, factor: float) -> World:
        """Return the same world with every delay of its timing law scaled."""
        return replace(self, timing=self.timing.scaled(factor))
