# SPDX-License-Identifier: Apache-2.0
"""What the host asks of a guest, and what it gets back: plain data, JSON on the share."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
import json
from typing import Any, Final, Self


class Subject(StrEnum):
    """Whose merits are measured."""

    ALONE = "alone"
    INTEGRATION = "integration"


class Route(StrEnum):
    """By which way Home Assistant scans and connects."""

    BLUETOOTHD = "bluetoothd"
    DIRECT = "direct"
    """Over the kernel's management socket, as habluetooth's `create_local_scanner` does."""
    MIXED = "mixed"
    """Like that on the first adapter, by bluetoothd on the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A kind of host that Home Assistant runs on.

    `monitors`: bluetoothd has advertisement monitors, so scanning is passive. `capable`:
    Home Assistant has CAP_NET_ADMIN and CAP_NET_RAW, hence a management socket. `bluetoothd`:
    it runs, and has all adapters; else something simple sets them up as they appear.
    """

    name: str
    monitors: bool
    capable: bool
    route: Route = Route.BLUETOOTHD
    bluetoothd: bool = True


HAOS: Final = Host(name="haos", monitors=True, capable=True)
CONTAINER: Final = Host(name="container", monitors=False, capable=True)
CONFINED: Final = Host(name="confined", monitors=False, capable=False)
DIRECT: Final = Host(
    name="direct", monitors=False, capable=True, route=Route.DIRECT, bluetoothd=False
)
SHARED: Final = Host(name="shared", monitors=False, capable=True, route=Route.DIRECT)
MIXED: Final = Host(name="mixed", monitors=False, capable=True, route=Route.MIXED)
HOSTS: Final = {
    host.name: host for host in (HAOS, CONTAINER, CONFINED, DIRECT, SHARED, MIXED)
}


PHASES: Final = 6
"""Moments between two polls at which a fault may come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One run: a scenario, the kind of host, who is in it, and whether in full length.

    `phase`: at which of the moments between two polls the fault comes.
    """

    scenario: str
    host: Host
    subject: Subject
    in_full: bool = False
    phase: int = 0

    @property
    def name(self) -> str:
        """Return a name that no other order has."""
        phase = f"-{self.phase}" if self.phase else ""
        return f"{self.scenario}-{self.host.name}-{self.subject}{phase}"

    def as_json(self) -> str:
        """Return the order as text."""
        return json.dumps(
            {
                "scenario": self.scenario,
                "host": self.host.name,
                "subject": self.subject,
                "in_full": self.in_full,
                "phase": self.phase,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the order in a text."""
        data = json.loads(text)
        return cls(
            scenario=data["scenario"],
            host=HOSTS[data["host"]],
            subject=Subject(data["subject"]),
            in_full=data["in_full"],
            phase=data["phase"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What Home Assistant holds at one moment; `at` in virtual seconds of the run.

    `memory` in KiB, `names` the connections to the system bus, `slots` the connection
    slots in use, `links` what bluetoothd has connected.
    """

    at: float
    memory: int
    tasks: int
    names: int
    slots: int
    links: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """What the integration did and told while a fault lasted.

    `states`: those of the adapters, each once. `steps`, `notices`: each that was taken or
    came, in order. `counted`: the highest number that a notice told.
    """

    states: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    counted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run showed. Times in virtual seconds.

    `recovered`: from the end of the fault to all batteries read again, and from then on
    without a gap, None if not within the watch; for a fault that does not end by itself,
    from its beginning. `silent`: the same from the last complete read before it. `repairs`: steps taken by
    the integration. `host_resets`: times Home Assistant's own reset ran. `issues`: the
    text of every issue raised, in order; `open_issues`: of those that stand at the end.
    `longest_gap`: between two complete reads. `errors`: log records with a traceback.
    `samples`: of a soak every hour, of a fault one when it is over. `during`: what was done
    and told until the fault was over. `wrong`: values that are not those of the batteries,
    where these stand still. `lost`: entities that were available before the fault
    and are not after it.
    """

    recovered: float | None
    silent: float | None
    complete_polls: int
    longest_gap: float = 0.0
    repairs: tuple[str, ...] = ()
    host_resets: int = 0
    controller_resets: int = 0
    issues: tuple[str, ...] = ()
    open_issues: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    samples: tuple[Sample, ...] = field(default=())
    during: Conduct = field(default_factory=Conduct)
    wrong: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    def as_json(self) -> str:
        """Return the outcome as text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the outcome in a text."""
        data: dict[str, Any] = json.loads(text)
        samples = tuple(Sample(**sample) for sample in data.pop("samples"))
        during = Conduct(**_with_tuples(data.pop("during")))
        return cls(**_with_tuples(data), samples=samples, during=during)


def _with_tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in data.items()
    }
