"""The scenarios, as data: what happens to the radio, for how long, and what must hold."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, Self

from .order import CONFINED, CONTAINER, HAOS, Host, Order, Subject
from .steps import (
    ActiveScan,
    BluetoothEntry,
    Connected,
    Entry,
    Power,
    Radio,
    Rfkill,
    RivalDiscovery,
    Service,
    Step,
    Wait,
)
from .timing import ONE_INTERVAL

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR


class Kind(StrEnum):
    """What is asked of a scenario."""

    FAULT = "fault"
    SOAK = "soak"


FIRST_ADAPTER: Final = {"name": "hci0", "address": "B8:27:EB:5A:00:01"}
FAR_ADAPTER: Final = {
    "name": "hci1",
    "address": "00:1A:7D:DA:71:02",
    "attenuation": 15,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scenario. Times in virtual seconds.

    `before`: when the fault comes, from Home Assistant's start; past the active sweep that
    it makes after 240 s. `fault`, then `lasts`, then `end`; without `end` the fault has to
    be mended from inside. `watch`: how long the batteries may take to be
    read again. `limit`: within what the integration must have them read again.
    `before`: when the fault comes, s; a few seconds before a poll is due. (A poll that begins
    within two seconds after the fault is another case: `stuck-active-scan` lasts until Home
    Assistant resets the adapter then, 195 s.)
    `hosts`: where it is run.
    `beacons`: other Bluetooth devices around. `interval`: of polls, if not the default.
    `full_watch`: the `watch` of a soak that is run in full, which takes hours.
    """

    name: str
    description: str
    kind: Kind = Kind.FAULT
    adapters: tuple[Mapping[str, Any], ...] = (FIRST_ADAPTER,)
    plugged: int = 1
    before: float = 328.0
    fault: tuple[Step, ...] = ()
    lasts: float = 0.0
    end: tuple[Step, ...] = ()
    watch: float = 900.0
    limit: float = 300.0
    hosts: tuple[Host, ...] = (HAOS, CONTAINER, CONFINED)
    subjects: tuple[Subject, ...] = (Subject.ALONE, Subject.INTEGRATION)
    beacons: int = 0
    interval: float = ONE_INTERVAL
    full_watch: float | None = None

    def in_full(self) -> Self:
        """Return the scenario at its full length."""
        return replace(self, watch=self.full_watch or self.watch)

    @property
    def length(self) -> float:
        """Return how long a run takes at most, set-up aside."""
        waits = sum(
            step.seconds for step in self.fault + self.end if isinstance(step, Wait)
        )
        return self.before + waits + self.lasts + self.watch


SCENARIOS: Final = (
    Scenario(
        name="day",
        description="discovery, set-up and 24 hours of polling",
        kind=Kind.SOAK,
        before=0,
        watch=DAY,
        hosts=(CONTAINER,),
        subjects=(Subject.INTEGRATION,),
    ),
    Scenario(
        name="quiet-cabin",
        description="polling where there is no other Bluetooth device; 30 days in full",
        kind=Kind.SOAK,
        before=0,
        watch=12 * HOUR,
        full_watch=30 * DAY,
        interval=600,
        hosts=(HAOS, CONFINED),
        subjects=(Subject.INTEGRATION,),
    ),
    Scenario(
        name="busy-flat",
        description="polling among 20 other devices; 30 days in full",
        kind=Kind.SOAK,
        before=0,
        watch=12 * HOUR,
        full_watch=30 * DAY,
        interval=600,
        beacons=20,
        hosts=(CONTAINER,),
        subjects=(Subject.INTEGRATION,),
    ),
    Scenario(
        name="stuck-start",
        hosts=(CONTAINER, CONFINED),
        description="another client starts discovery while Home Assistant's start is pending",
        fault=(
            Entry(BluetoothEntry.UNLOAD),
            Radio("hang 0 1"),
            Entry(BluetoothEntry.SET_UP),
            Wait(1),
            RivalDiscovery(3),
            Wait(5),
            Radio("hang 0 0"),
        ),
        limit=180,
    ),
    Scenario(
        name="stale-discovery",
        hosts=(CONTAINER, CONFINED),
        description="the same while Home Assistant's stop is pending: nobody scans then",
        fault=(
            Radio("hang 0 1"),
            Entry(BluetoothEntry.RELOAD),
            Wait(1),
            RivalDiscovery(3),
            Wait(5),
            Radio("hang 0 0"),
        ),
        limit=180,
    ),
    Scenario(
        name="stuck-active-scan",
        description="the same while Home Assistant, else passive, starts to scan actively",
        hosts=(HAOS,),
        fault=(
            Radio("hang 0 1"),
            ActiveScan(),
            Wait(1),
            RivalDiscovery(3),
            Wait(5),
            Radio("hang 0 0"),
        ),
        limit=180,
    ),
    Scenario(
        name="deaf",
        description="the adapter answers commands and hears nothing for ten minutes",
        fault=(Radio("deaf 0 1"),),
        lasts=600,
        end=(Radio("deaf 0 0"),),
        limit=120,
    ),
    Scenario(
        name="hung",
        description="the controller answers nothing for five minutes",
        fault=(Radio("hang 0 1"),),
        lasts=300,
        end=(Radio("hang 0 0"),),
        limit=150,
    ),
    Scenario(
        name="bluetoothd-stopped",
        description="bluetoothd answers nothing for five minutes",
        fault=(Service("signal bluetoothd SIGSTOP"),),
        lasts=300,
        end=(Service("signal bluetoothd SIGCONT"),),
        limit=120,
    ),
    Scenario(
        name="bluetoothd-restarted",
        description="bluetoothd is killed and comes back after ten seconds",
        fault=(Service("end bluetoothd SIGKILL"),),
        lasts=10,
        end=(Service("start bluetoothd"),),
        limit=75,
    ),
    Scenario(
        name="replugged",
        description="the adapter is pulled out and comes back after five minutes",
        fault=(Radio("unplug 0"),),
        lasts=300,
        end=(Radio("plug 0"),),
        limit=60,
    ),
    Scenario(
        name="scan-refused",
        description="the controller refuses to scan for five minutes",
        fault=(Radio("refuse 0 200c=0c,200b=0c"), Entry(BluetoothEntry.RELOAD)),
        lasts=300,
        end=(Radio("refuse 0 -"),),
        limit=180,
    ),
    Scenario(
        name="blocked",
        description="rfkill blocks the radio and nobody lifts the block",
        fault=(Rfkill(blocked=True),),
        limit=240,
    ),
    Scenario(
        name="unblocked",
        description="rfkill blocks the radio for one minute",
        fault=(Rfkill(blocked=True),),
        lasts=60,
        end=(Rfkill(blocked=False),),
        limit=120,
    ),
    Scenario(
        name="power-cycled",
        description="another program switches the adapter off and on",
        fault=(Power(powered=False), Wait(2), Power(powered=True)),
        limit=75,
    ),
    Scenario(
        name="powered-off",
        description="another program switches the adapter off",
        fault=(Power(powered=False),),
        limit=240,
    ),
    Scenario(
        name="powered-off-in-sweep",
        description="the same in the active sweep of a scanner that is else passive",
        before=245,
        fault=(Power(powered=False),),
        limit=240,
        hosts=(HAOS,),
    ),
    Scenario(
        name="renumbered",
        description="hci0 comes back as hci1; its number has gone to a radio without aerial",
        adapters=(FIRST_ADAPTER, FAR_ADAPTER),
        fault=(
            Radio("deaf 1 1"),
            Radio("unplug 0"),
            Wait(5),
            Radio("plug 1"),
            Wait(5),
            Radio("plug 0"),
        ),
        limit=75,
    ),
    Scenario(
        name="one-of-two-deaf",
        description="of two adapters the nearer one goes deaf for ten minutes",
        adapters=(FIRST_ADAPTER, FAR_ADAPTER),
        plugged=2,
        fault=(Radio("deaf 0 1"),),
        lasts=600,
        end=(Radio("deaf 0 0"),),
        limit=120,
    ),
    Scenario(
        name="restarted-in-mid-poll",
        description="bluetoothd is restarted, as by an upgrade, while a poll runs",
        fault=(Connected(), Service("end bluetoothd SIGTERM")),
        lasts=2,
        end=(Service("start bluetoothd"),),
        limit=75,
    ),
    Scenario(
        name="dongle-away",
        description="the dongle, the only device around, is off for ten minutes",
        fault=(Radio("fault out-of-range"),),
        lasts=600,
        end=(Radio("clear"),),
        limit=120,
    ),
    Scenario(
        name="link-dropped",
        description="the dongle breaks the link in mid-poll",
        fault=(Connected(), Radio("drop 0")),
        limit=75,
        hosts=(CONTAINER,),
    ),
)
BY_NAME: Final = {scenario.name: scenario for scenario in SCENARIOS}


def scenario_of(order: Order) -> Scenario:
    """Return what an order asks for, at the length that it asks for."""
    scenario = BY_NAME[order.scenario]
    return scenario.in_full() if order.in_full else scenario
