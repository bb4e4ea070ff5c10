# SPDX-License-Identifier: Apache-2.0
"""The whole radio: adapters, dongles, the air between them and the switches."""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any, Final

from tests.emulator.faults import ActiveFault, parse_switch
from tests.emulator.radio import Receiver
from tests.emulator.timers import Timers
from tests.emulator.world import World

from .adapter import Adapter
from .air import Air
from .beacons import Beacon, beacons as generated, start
from .control import Answer, SwitchError, Verb
from .dongle import Dongle
from .reception import Reception

_ON: Final = {"0": False, "1": True}


class Radio:
    """Adapters on /dev/vhci and the dongles of a world, on the running event loop."""

    def __init__(self, world: World) -> None:
        """Prepare everything; nothing is on the air before `start`."""
        self._air = Air()
        self._timers = Timers()
        self._faults: list[ActiveFault] = []
        self._adapters = [
            Adapter(each.name, each.address, self._air) for each in world.adapters
        ]
        self._receptions = [
            Reception(
                adapter,
                Receiver(world.seed, each.address, each.attenuation, self._timers.now),
                self._timers,
            )
            for adapter, each in zip(self._adapters, world.adapters, strict=True)
        ]
        self._dongles = [
            Dongle(link, world, self._air, self._timers, self._active, self._advertised)
            for link in world.links
        ]

    async def start(self, plugged: int, beacons: int) -> None:
        """Plug the first adapters in, in order, and power dongles and beacons on."""
        for adapter in self._adapters[:plugged]:
            adapter.plug()
        for dongle in self._dongles:
            await dongle.start()
        start(generated(beacons), self._timers, self._beacon_heard)

    @property
    def verbs(self) -> dict[str, Verb]:
        """Return the switches by name."""
        return {
            "deaf": self._deaf,
            "deafen": self._deafen,
            "hang": self._hang,
            "plug": self._plug,
            "unplug": self._unplug,
            "refuse": self._refuse,
            "refuse-att": self._refuse_att,
            "fault": self._fault,
            "clear": self._clear,
            "drop": self._drop,
            "status": self._status,
        }

    def _active(self) -> Collection[ActiveFault]:
        return self._faults

    def _advertised(self, dongle: Dongle, swing: int) -> None:
        if dongle.is_advertising:
            for reception in self._receptions:
                reception.advertised(dongle, swing)

    def _beacon_heard(self, beacon: Beacon) -> None:
        for reception in self._receptions:
            reception.beacon_heard(beacon)

    def _adapter(self, arguments: list[str]) -> Adapter:
        number = int(arguments[0])
        if not 0 <= number < len(self._adapters):
            raise SwitchError(f"no adapter {number}")
        return self._adapters[number]

    async def _deaf(self, arguments: list[str]) -> Answer:
        """`deaf ADAPTER 0|1`."""
        self._adapter(arguments).is_deaf = _ON[arguments[1]]
        return {}

    async def _deafen(self, arguments: list[str]) -> Answer:
        """`deafen ADAPTER`: its next scan makes it deaf, until it is reset."""
        self._adapter(arguments).is_deafened_by_scan = True
        return {}

    async def _hang(self, arguments: list[str]) -> Answer:
        """`hang ADAPTER 0|1`."""
        self._adapter(arguments).is_hung = _ON[arguments[1]]
        return {}

    async def _plug(self, arguments: list[str]) -> Answer:
        """`plug ADAPTER`."""
        self._adapter(arguments).plug()
        return {}

    async def _unplug(self, arguments: list[str]) -> Answer:
        """`unplug ADAPTER`."""
        self._adapter(arguments).unplug()
        return {}

    async def _refuse(self, arguments: list[str]) -> Answer:
        """`refuse ADAPTER OPCODE=STATUS,...`, hexadecimal; `-` refuses nothing."""
        self._adapter(arguments).refusals = _refusals(arguments[1])
        return {}

    async def _refuse_att(self, arguments: list[str]) -> Answer:
        """`refuse-att LINK OPCODE=ERROR,...`, hexadecimal; `-` refuses nothing."""
        self._dongles[int(arguments[0])].refuse(_refusals(arguments[1]))
        return {}

    async def _fault(self, arguments: list[str]) -> Answer:
        """`fault NAME[=PARAMETERS]`, a fault of a link or battery of the emulator."""
        self._faults.append(parse_switch(" ".join(arguments)))
        return {}

    async def _clear(self, _arguments: list[str]) -> Answer:
        """`clear`: end every fault of links and batteries."""
        self._faults.clear()
        return {}

    async def _drop(self, arguments: list[str]) -> Answer:
        """`drop LINK`, by its number: break its connection."""
        self._dongles[int(arguments[0])].drop()
        return {}

    async def _status(self, _arguments: list[str]) -> Answer:
        """`status`: what every adapter and link does and has counted."""
        return {
            "adapters": [self._state(adapter) for adapter in self._adapters],
            "links": [
                asdict(dongle.peripheral.statistics)
                | {"advertising": dongle.is_advertising}
                for dongle in self._dongles
            ],
        }

    @staticmethod
    def _state(adapter: Adapter) -> dict[str, Any]:
        return asdict(adapter.counters) | {
            "plugged": adapter.is_plugged,
            "scanning": adapter.le_scan_enable,
            "active": adapter.le_scan_type == 1,
            "interval": adapter.le_scan_interval,
            "filter_duplicates": adapter.filter_duplicates,
            "links": len(adapter.le_connections),
            "connecting": adapter.pending_le_connection is not None,
        }


def _refusals(text: str) -> dict[int, int]:
    """Return what is answered with which error, by opcode."""
    pairs = [] if text == "-" else text.split(",")
    return {
        int(opcode, 16): int(error, 16)
        for opcode, error in (pair.split("=") for pair in pairs)
    }
