# SPDX-License-Identifier: Apache-2.0
"""The systems that are compared, each behind the same small interface."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Final, Protocol

from tests.bench.dongle import Dongle
from tests.bench.truth import Values


@dataclass(frozen=True, slots=True)
class Published:
    """What one poll made known: values by unit.

    `held` are the units whose values are those of an earlier poll, and are said to be; `live` those
    of which this poll read the electrical values alone.
    """

    values: Mapping[int, Values] = field(default_factory=dict)
    held: frozenset[int] = frozenset()
    live: frozenset[int] = frozenset()


class System(Protocol):
    """A reader of batteries."""

    async def poll(self) -> Published:
        """Read all batteries once; what fails is left out."""

    async def close(self) -> None:
        """End what is connected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One way to use one system.

    `module`, in this package, has `open_system(dongle, mode, batteries)`, a context manager
    that gives a `System`. `held` tells whether the connection is kept from poll to poll,
    `in_one_block` whether the batteries give 5000-5109 in one request. Polls begin `interval`
    seconds apart.
    """

    system: str
    module: str
    mode: str
    batteries: int
    held: bool
    in_one_block: bool = False
    interval: float = 30.0

    @property
    def key(self) -> str:
        """What the contender is called."""
        return f"{self.system} / {self.mode} / {self.batteries}"

    def open(self, dongle: Dongle) -> AbstractContextManager[System]:
        """Return the context in which the system lives."""
        module = import_module(f"{__name__}.{self.module}")
        opened: AbstractContextManager[System] = module.open_system(
            dongle, self.mode, self.batteries
        )
        return opened


OWN: Final = "renogy_bt"
PEER: Final = "BMS_BLE-HA"
"""The integration around aiobmsble."""


TWO_SPEED: Final = "held_link, two_speed"
FAST_SECONDS: Final = 2.0


def _own(mode: str, batteries: int, *, in_one_block: bool = False) -> Contender:
    return Contender(
        system=OWN,
        module="own",
        mode=mode,
        batteries=batteries,
        held=mode.startswith("held"),
        in_one_block=in_one_block,
        interval=FAST_SECONDS if mode == TWO_SPEED else 30.0,
    )


def _renogy_ble(mode: str, batteries: int) -> Contender:
    return Contender(
        system="renogy-ble",
        module="renogy_ble",
        mode=mode,
        batteries=batteries,
        held="persistent_session" in mode,
    )


def _aiobmsble(mode: str) -> Contender:
    return Contender(
        system="aiobmsble",
        module="aiobmsble",
        mode=mode,
        batteries=1,
        held=mode == "keep_alive",
    )


CONTENDERS: Final = (
    _own("connect_per_poll", 1),
    _own("connect_per_poll", 4),
    _own("held_link", 1),
    _own("held_link", 4),
    _own("held_link, one block", 4, in_one_block=True),
    _own(TWO_SPEED, 4),
    _renogy_ble("single, per_operation", 1),
    _renogy_ble("single, persistent_session", 1),
    _renogy_ble("hub, per_operation", 4),
    _renogy_ble("hub, persistent_session", 4),
    _renogy_ble("hub + cells, per_operation", 4),
    _renogy_ble("hub + cells, persistent_session", 4),
    _aiobmsble("reconnect"),
    _aiobmsble("keep_alive"),
)
