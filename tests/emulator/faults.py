# SPDX-License-Identifier: Apache-2.0
"""The fault switches, as data: what can go wrong, where, and until when.

The names are public: `scripts/demo --fault NAME`. Setting one is
`NAME` or `NAME={"parameter": value}`, see `parse_switch`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
import json
from types import MappingProxyType
from typing import Any


class Scope(StrEnum):
    """What a fault falls on."""

    BUS = "bus"
    ADAPTER = "adapter"
    LINK = "link"
    BATTERY = "battery"


class Until(StrEnum):
    """What ends a fault besides clearing it."""

    CLEARED = "cleared"
    POWER_CYCLE = "power-cycle"
    POWER_ON = "power-on"
    UNPLUGGED = "unplugged"
    ITSELF = "itself"


type Value = int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a fault: its default, its bounds or choices, its meaning."""

    default: Value
    meaning: str
    low: float = 0.0
    high: float = 3600.0
    choices: tuple[str, ...] = ()

    def checked(self, value: Any, name: str) -> Value:
        """Return the value if the parameter takes it; raises `FaultError`."""
        if self.default is None and value is None:
            return None
        if isinstance(self.default, str) or self.default is None:
            return self._checked_text(value, name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise FaultError(f"{name}: must be a number")
        if isinstance(self.default, int) and not isinstance(value, int):
            raise FaultError(f"{name}: must be an integer")
        if not self.low <= value <= self.high:
            raise FaultError(f"{name}: must be {self.low:g} to {self.high:g}")
        return value

    def _checked_text(self, value: Any, name: str) -> str:
        if not isinstance(value, str):
            raise FaultError(f"{name}: must be a text")
        if self.choices and value not in self.choices:
            raise FaultError(f"{name}: must be one of {', '.join(self.choices)}")
        if len(value) > 100:
            raise FaultError(f"{name}: is too long")
        return value


class FaultError(ValueError):
    """A fault switch that does not exist or is set wrongly."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the table: a fault switch by name."""

    name: str
    scope: Scope
    description: str
    until: Until = Until.CLEARED
    parameters: Mapping[str, Parameter] = field(
        default_factory=lambda: MappingProxyType({})
    )


@dataclass(frozen=True, slots=True, eq=False)
class ActiveFault:
    """A fault that is switched on, its parameters complete; equal only to itself."""

    fault: Fault
    values: Mapping[str, Value]

    @property
    def name(self) -> str:
        """Return the fault's public name."""
        return self.fault.name

    @property
    def until(self) -> Until:
        """Return what ends it, the parameter of that name minded."""
        return Until(self.text("until")) if "until" in self.values else self.fault.until

    def number(self, parameter: str) -> float:
        """Return a numeric parameter."""
        value = self.values[parameter]
        assert isinstance(value, int | float)
        return float(value)

    def integer(self, parameter: str) -> int:
        """Return an integer parameter."""
        value = self.values[parameter]
        assert isinstance(value, int)
        return value

    def text(self, parameter: str) -> str:
        """Return a text parameter."""
        value = self.values[parameter]
        assert isinstance(value, str)
        return value

    def falls_on_link(self, address: str) -> bool:
        """Tell whether the fault falls on the link with this address."""
        return self.values["link"] in (None, address)

    def falls_on_unit(self, address: str, unit: int) -> bool:
        """Tell whether the fault falls on this unit of the link."""
        return self.falls_on_link(address) and self.values["unit"] in (0, unit)


_ADAPTER = {"adapter": Parameter(None, "name or address; the first one if left out")}
_LINK = {"link": Parameter(None, "address of the link; every link if left out")}
_BATTERY = {
    **_LINK,
    "unit": Parameter(0, "unit id; every unit if 0", low=0, high=255),
}
_UNTIL = {
    "until": Parameter(
        Until.POWER_CYCLE.value,
        "what ends it",
        choices=(Until.POWER_CYCLE, Until.UNPLUGGED, Until.CLEARED),
    )
}
_UNTIL_CLEARED = replace(_UNTIL["until"], default=Until.CLEARED.value)
_EVERY = Parameter(1, "every nth reply", low=1, high=10_000)


def _row(
    name: str,
    scope: Scope,
    description: str,
    ends: Until = Until.CLEARED,
    /,
    **parameters: Parameter,
) -> Fault:
    scoped: Mapping[str, Parameter] = {
        Scope.BUS: {},
        Scope.ADAPTER: _ADAPTER,
        Scope.LINK: _LINK,
        Scope.BATTERY: _BATTERY,
    }[scope]
    ended = _UNTIL if ends is Until.POWER_CYCLE else {}
    return Fault(
        name,
        scope,
        description,
        ends,
        MappingProxyType({**scoped, **ended, **parameters}),
    )


_TRUTH = ("true", "false")
_SECONDS = "seconds until it is over by itself"

_ROWS = (
    # Home Assistant's failure classes F1 to F11, and BlueZ's own.
    _row(
        "discovery-stuck",
        Scope.ADAPTER,
        "Discovering stays true and no advertisement is heard; connects find nothing",
        Until.POWER_CYCLE,
    ),
    _row(
        "scanner-silent",
        Scope.ADAPTER,
        "this adapter hears nothing while another one does; its calls succeed",
        Until.POWER_CYCLE,
    ),
    _row(
        "scan-session-lost",
        Scope.ADAPTER,
        "the adapter was power cycled by somebody: its discovery sessions are gone",
        Until.ITSELF,
    ),
    _row(
        "bluetoothd-restart",
        Scope.BUS,
        "bluetoothd dies without a word and is started again",
        Until.ITSELF,
        seconds=Parameter(3.0, _SECONDS, low=0.0, high=600.0),
    ),
    _row(
        "bluetoothd-graceful-restart",
        Scope.BUS,
        "bluetoothd takes its objects away, ends and is started again",
        Until.ITSELF,
        seconds=Parameter(3.0, _SECONDS, low=0.0, high=600.0),
    ),
    _row(
        "bluetoothd-hung",
        Scope.BUS,
        "bluetoothd answers no call and sends no signal; calls wait for it",
    ),
    _row(
        "bus-restart",
        Scope.BUS,
        "dbus-daemon is killed and started again on the same socket",
        Until.ITSELF,
        seconds=Parameter(1.0, _SECONDS, low=0.0, high=600.0),
    ),
    _row(
        "renumbered",
        Scope.ADAPTER,
        "the adapter comes back under another hci number",
        Until.ITSELF,
        to=Parameter("hci1", "its new name"),
        seconds=Parameter(0.5, _SECONDS, low=0.0, high=600.0),
    ),
    _row(
        "start-refused",
        Scope.ADAPTER,
        "the controller refuses every start of a scan: StartDiscovery is InProgress",
        Until.POWER_CYCLE,
    ),
    _row(
        "stuck-start",
        Scope.ADAPTER,
        "a slow controller and a second client: the first client's StartDiscovery is"
        " never answered, then InProgress for ever",
        Until.POWER_CYCLE,
        seconds=Parameter(1.0, "how slow the controller is", low=0.01, high=60.0),
    ),
    _row(
        "stop-refused",
        Scope.ADAPTER,
        "the kernel rejects the end of a scan: Discovering stays true, the next start"
        " succeeds without scanning",
    ),
    _row(
        "powered-off",
        Scope.ADAPTER,
        "somebody switched the adapter off; it can be switched on again",
        Until.POWER_ON,
    ),
    _row(
        "rfkill-blocked",
        Scope.ADAPTER,
        "the adapter is blocked: off, and switching it on is refused",
    ),
    _row(
        "power-set-failing",
        Scope.ADAPTER,
        "switching the adapter on or off fails",
    ),
    _row(
        "unplugged",
        Scope.ADAPTER,
        "the adapter is gone",
        Until.ITSELF,
        seconds=Parameter(
            0.0, _SECONDS + "; 0 means when cleared", low=0.0, high=3600.0
        ),
        to=Parameter(None, "its name when it returns; the old one if left out"),
    ),
    _row(
        "connects-failing",
        Scope.ADAPTER,
        "advertisements are heard, every connect fails",
        Until.POWER_CYCLE,
        error=Parameter("le-connection-abort-by-local", "what BlueZ says"),
    ),
    # What the field reports (docs/adapter-health.md has the table).
    _row(
        "connects-abort",
        Scope.ADAPTER,
        "advertisements are heard well, every connect is aborted at once",
        **_LINK,
        until=_UNTIL_CLEARED,
    ),
    _row(
        "connects-only-while-discovering",
        Scope.ADAPTER,
        "connects find nothing unless a discovery runs, as since Linux 6.15",
    ),
    _row(
        "discovery-deaf",
        Scope.ADAPTER,
        "StartDiscovery succeeds and nothing is ever reported",
        discovering=Parameter("true", "what Discovering says", choices=_TRUTH),
        until=_UNTIL_CLEARED,
    ),
    _row(
        "usb-drops",
        Scope.ADAPTER,
        "the adapter drops off USB and returns, again and again",
        every=Parameter(300.0, "seconds from drop to drop", low=0.01, high=86_400),
        seconds=Parameter(5.0, "seconds that it is away", low=0.0, high=3600.0),
        renumbers=Parameter(
            3, "every nth return has another hci number; 0 means none", high=1000
        ),
    ),
    _row(
        "adapter-gone",
        Scope.ADAPTER,
        "after an update and a new start bluetoothd does not have the adapter any more",
    ),
    _row(
        "twin-address",
        Scope.ADAPTER,
        "a second adapter with the same address is there",
    ),
    _row(
        "foreign-power-cycles",
        Scope.ADAPTER,
        "another program switches the adapter off and on, again and again",
        every=Parameter(600.0, "seconds from one to the next", low=0.01, high=86_400),
        seconds=Parameter(2.0, "seconds that it is off", low=0.0, high=3600.0),
    ),
    _row(
        "foreign-power-off",
        Scope.ADAPTER,
        "another program switches the adapter off, and again after anybody switched it"
        " on",
        again=Parameter(
            10.0, "how soon it does so again, in seconds; 0 means never", high=86_400
        ),
    ),
    _row(
        "bluetoothd-crashes-at-disconnect",
        Scope.BUS,
        "bluetoothd dies when a link ends, and is started again",
        seconds=Parameter(3.0, "seconds that it is away", low=0.0, high=600.0),
    ),
    _row(
        "bluetoothd-crash-loop",
        Scope.BUS,
        "bluetoothd dies and is started again, again and again",
        every=Parameter(120.0, "seconds from one to the next", low=0.01, high=86_400),
        seconds=Parameter(3.0, "seconds that it is away", low=0.0, high=600.0),
    ),
    _row(
        "connect-denied",
        Scope.BUS,
        "the bus denies Device1.Connect alone, as AppArmor does to a container",
    ),
    # Links.
    _row(
        "weak-signal",
        Scope.LINK,
        "the link is at the edge of range: some advertisements, hardly a connect",
        rssi=Parameter(-88.0, "mean strength in dBm", low=-110.0, high=0.0),
        spread=Parameter(4.0, "its standard deviation in dB", low=0.0, high=30.0),
    ),
    _row(
        "out-of-range",
        Scope.LINK,
        "neither advertisement nor connection gets through; a live link breaks",
    ),
    _row(
        "held-by-other-central",
        Scope.LINK,
        "another central, such as the maker's app, has the link",
    ),
    _row(
        "dongle-wedged",
        Scope.LINK,
        "connects and takes requests, but no reply comes",
    ),
    _row(
        "link-drops",
        Scope.LINK,
        "the link breaks this long after it came up",
        seconds=Parameter(0.5, "how long it lasts", low=0.0, high=3600.0),
    ),
    # Batteries.
    _row("silent", Scope.BATTERY, "the unit does not answer"),
    _row(
        "late-reply",
        Scope.BATTERY,
        "replies come late, while the next request is already under way",
        delay=Parameter(2.3, "seconds on top of the usual time", low=0.0, high=600.0),
        every=_EVERY,
    ),
    _row(
        "lost-reply",
        Scope.BATTERY,
        "replies get lost, every nth or by chance",
        every=Parameter(0, "every nth reply; 0 means by chance", low=0, high=10_000),
        probability=Parameter(0.05, "the chance of a loss", low=0.0, high=1.0),
    ),
    _row(
        "bad-cable",
        Scope.BATTERY,
        "the battery's cable has too much resistance: it carries less of a bank in parallel, the"
        " others more",
        unit=Parameter(0, "unit id; the first one behind the link if 0", high=255),
        milliohms=Parameter(100.0, "what the cable has too much", high=10_000.0),
    ),
    _row("wrong-crc", Scope.BATTERY, "replies have a wrong CRC", every=_EVERY),
    _row(
        "foreign-unit",
        Scope.BATTERY,
        "another unit's reply arrives in place of the right one",
        every=_EVERY,
    ),
    _row(
        "glued-notifications",
        Scope.BATTERY,
        "the unit's previous reply is glued in front of the right one",
        every=_EVERY,
    ),
    _row(
        "fragmented-notifications",
        Scope.BATTERY,
        "replies arrive in small pieces with pauses between them",
        size=Parameter(20, "bytes in a piece", low=1, high=244),
        gap=Parameter(0.01, "seconds between pieces", low=0.0, high=10.0),
    ),
    _row(
        "wide-read-refused",
        Scope.BATTERY,
        "reads of many words are answered with an exception",
        words=Parameter(34, "the most words that are answered", low=1, high=125),
        code=Parameter(2, "the exception's code", low=1, high=255),
    ),
    _row(
        "disconnect-mid-reply",
        Scope.BATTERY,
        "the link breaks when part of a reply has arrived",
        bytes=Parameter(9, "how many bytes arrive before", low=0, high=247),
        every=_EVERY,
    ),
    _row(
        "all-ff-reply",
        Scope.BATTERY,
        "a reply with a valid CRC says 0xFFFF in every word",
        every=_EVERY,
    ),
    _row(
        "id-collision",
        Scope.BATTERY,
        "two packs answer to the same id at once: garbage",
    ),
)

FAULTS: Mapping[str, Fault] = MappingProxyType({row.name: row for row in _ROWS})


def activate(name: str, values: Mapping[str, Any]) -> ActiveFault:
    """Return the fault of a name with its parameters completed and checked.

    Raises `FaultError` for an unknown name or parameter, or a wrong value.
    """
    fault = FAULTS.get(name)
    if fault is None:
        raise FaultError(f"{name}: no such fault; known are {', '.join(FAULTS)}")
    if unknown := sorted(values.keys() - fault.parameters.keys()):
        raise FaultError(f"{name}.{unknown[0]}: no such parameter")
    return ActiveFault(
        fault,
        MappingProxyType(
            {
                key: parameter.checked(
                    values.get(key, parameter.default), f"{name}.{key}"
                )
                for key, parameter in fault.parameters.items()
            }
        ),
    )


def parse_switch(text: str) -> ActiveFault:
    """Return the fault that `NAME` or `NAME={"parameter": value}` switches on."""
    name, _, encoded = text.partition("=")
    return activate(name, parse_parameters(encoded or "{}", name))


def parse_parameters(text: str, name: str) -> dict[str, Any]:
    """Return the parameters in a JSON object; raises `FaultError`."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FaultError(f"{name}: the parameters are not JSON") from error
    if not isinstance(values, dict):
        raise FaultError(f"{name}: the parameters must be a JSON object")
    return values


def describe() -> list[dict[str, Any]]:
    """Return the table as plain data, for other programs."""
    return [
        {
            "name": fault.name,
            "scope": fault.scope.value,
            "description": fault.description,
            "until": fault.until.value,
            "parameters": {
                key: {"default": parameter.default, "meaning": parameter.meaning}
                for key, parameter in fault.parameters.items()
            },
        }
        for fault in FAULTS.values()
    ]
