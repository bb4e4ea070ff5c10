# SPDX-License-Identifier: Apache-2.0
"""The scenarios, as data: what happens to the radio, for how long, and what must hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, Self

from .order import (
    CONFINED,
    CONTAINER,
    DIRECT,
    HAOS,
    MIXED,
    PHASES,
    SHARED,
    Host,
    Order,
    Subject,
)
from .steps import (
    ActiveScan,
    BluetoothEntry,
    Connected,
    Entry,
    FreeSlots,
    Kill,
    OccupySlots,
    OtherPath,
    Power,
    Radio,
    Rfkill,
    RivalCommand,
    RivalDiscovery,
    ScanMode,
    Service,
    Step,
    Wait,
)
from .timing import LONGEST_GAP, NOTICE_GOES, ONE_INTERVAL

EVERYWHERE: Final = (HAOS, CONTAINER, CONFINED, DIRECT, SHARED)
BY_BLUETOOTHD: Final = (HAOS, CONTAINER, CONFINED)
WITH_BLUETOOTHD: Final = (HAOS, CONTAINER, CONFINED, SHARED)
HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
KEPT_INTERVAL: Final = 5.0
LONGEST_KEPT_GAP: Final = 15.0
"""Of a link that is let go for a moment, so that the scanner hears it, s."""
LONGEST_GAP_AT_STEP: Final = 20.0
"""Around a recovery step, which cuts all connections, s."""


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
class Expected:
    """What the integration has to do and to tell while a fault lasts.

    `steps`: the only ones that may be taken. `notices`: the texts of those that come, each
    once, and the only ones about an adapter. `states`: those that the adapter is in.
    `counted`: what the notice that counts has to count at least. `gap`: the longest time
    between complete reads, s. `own_resets`: how often Home Assistant's own reset may run.
    """

    steps: frozenset[str] | None = None
    notices: tuple[str, ...] | None = None
    states: frozenset[str] | None = None
    counted: int = 0
    gap: float | None = None
    own_resets: int | None = None


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
    `kept`: the link stays connected between the polls. `still`: the batteries stand still, so
    that their values can be compared with their registers. `neighbours`: devices around that
    another integration can connect to.
    `full_watch`: the `watch` of a soak that is run in full, which takes hours.
    `lingers`: how long a notice may stay once the batteries have been read for a while.
    `expected`: what more is asked of the integration, by host.
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
    kept: bool = False
    still: bool = False
    neighbours: int = 0
    full_watch: float | None = None
    lingers: float = NOTICE_GOES
    expected: Mapping[Host, Expected] = field(default_factory=dict)

    def in_full(self) -> Self:
        """Return the scenario at its full length."""
        return replace(self, watch=self.full_watch or self.watch)

    @property
    def length(self) -> float:
        """Return how long a run takes at most, set-up aside."""
        waits = sum(
            step.seconds for step in self.fault + self.end if isinstance(step, Wait)
        )
        lingers = 0.0 if self.kind is Kind.SOAK else self.lingers
        return self.before + waits + self.lasts + self.watch + lingers


def _crash(seconds: float) -> tuple[Step, ...]:
    """Return a crash of bluetoothd, and the time until the next one."""
    down = 3.0
    return (
        Service("end bluetoothd SIGKILL"),
        Wait(down),
        Service("start bluetoothd"),
        Wait(seconds - down),
    )


SCENARIOS: Final = (
    Scenario(
        name="day",
        description="discovery, set-up and 24 hours of polling",
        kind=Kind.SOAK,
        before=0,
        watch=DAY,
        hosts=(CONTAINER, DIRECT),
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
        name="quiet-cabin-kept",
        description="a link that is kept connected where there is no other device, every 5 s",
        kind=Kind.SOAK,
        before=0,
        watch=12 * HOUR,
        interval=KEPT_INTERVAL,
        kept=True,
        hosts=(HAOS, DIRECT),
        subjects=(Subject.INTEGRATION,),
        expected=dict.fromkeys(
            (HAOS, DIRECT), Expected(gap=LONGEST_KEPT_GAP, own_resets=0)
        ),
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
        hosts=EVERYWHERE,
    ),
    Scenario(
        name="deaf-kept",
        description="among 20 devices a kept link is read on while its adapter is deaf",
        # Where nothing else was heard the link would be let go, and not found again.
        beacons=20,
        interval=KEPT_INTERVAL,
        kept=True,
        fault=(Radio("deaf 0 1"),),
        # Home Assistant with all rights resets the adapter after 210 s.
        lasts=200,
        end=(Radio("deaf 0 0"),),
        hosts=(CONFINED, DIRECT),
        subjects=(Subject.INTEGRATION,),
        limit=LONGEST_GAP_AT_STEP,
        expected=dict.fromkeys(
            (CONFINED, DIRECT),
            Expected(gap=LONGEST_GAP_AT_STEP, steps=frozenset()),
        ),
    ),
    Scenario(
        name="hung",
        description="the controller answers nothing for five minutes",
        fault=(Radio("hang 0 1"),),
        lasts=300,
        end=(Radio("hang 0 0"),),
        limit=150,
        hosts=EVERYWHERE,
    ),
    Scenario(
        name="bluetoothd-stopped",
        description="bluetoothd answers nothing for five minutes",
        fault=(Service("signal bluetoothd SIGSTOP"),),
        lasts=300,
        end=(Service("signal bluetoothd SIGCONT"),),
        limit=120,
        hosts=WITH_BLUETOOTHD,
    ),
    Scenario(
        name="bluetoothd-restarted",
        description="bluetoothd is killed and comes back after ten seconds",
        fault=(Service("end bluetoothd SIGKILL"),),
        lasts=10,
        end=(Service("start bluetoothd"),),
        limit=75,
        hosts=WITH_BLUETOOTHD,
    ),
    Scenario(
        name="replugged",
        description="the adapter is pulled out and comes back after five minutes",
        fault=(Radio("unplug 0"),),
        lasts=300,
        end=(Radio("plug 0"),),
        limit=60,
        hosts=EVERYWHERE,
    ),
    Scenario(
        name="scan-refused",
        description="the controller refuses to scan for five minutes",
        # A stop would be refused, too, if it came while the controller scans.
        fault=(
            Entry(BluetoothEntry.UNLOAD),
            Radio("refuse 0 200c=0c,200b=0c"),
            Entry(BluetoothEntry.SET_UP),
        ),
        lasts=300,
        end=(Radio("refuse 0 -"),),
        limit=180,
        hosts=EVERYWHERE,
    ),
    Scenario(
        name="blocked",
        description="rfkill blocks the radio and nobody lifts the block",
        fault=(Rfkill(blocked=True),),
        limit=240,
        hosts=EVERYWHERE,
    ),
    Scenario(
        name="unblocked",
        description="rfkill blocks the radio for one minute",
        fault=(Rfkill(blocked=True),),
        lasts=60,
        end=(Rfkill(blocked=False),),
        limit=120,
        hosts=EVERYWHERE,
    ),
    Scenario(
        name="power-cycled",
        description="another program switches the adapter off and on",
        fault=(Power(powered=False), Wait(2), Power(powered=True)),
        limit=75,
        hosts=EVERYWHERE,
    ),
    Scenario(
        name="powered-off",
        description="another program switches the adapter off",
        fault=(Power(powered=False),),
        limit=240,
        hosts=EVERYWHERE,
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
        hosts=(*EVERYWHERE, MIXED),
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
        hosts=(*EVERYWHERE, MIXED),
    ),
    Scenario(
        name="two-paths",
        description="bluetoothd, which has one of two adapters, answers nothing for five minutes",
        adapters=(FIRST_ADAPTER, FAR_ADAPTER),
        plugged=2,
        fault=(Service("signal bluetoothd SIGSTOP"),),
        lasts=300,
        end=(Service("signal bluetoothd SIGCONT"),),
        limit=75,
        still=True,
        hosts=(MIXED,),
        expected={MIXED: Expected(gap=LONGEST_GAP, steps=frozenset())},
    ),
    Scenario(
        name="restarted-in-mid-poll",
        description="bluetoothd is restarted, as by an upgrade, while a poll runs",
        fault=(Connected(), Service("end bluetoothd SIGTERM")),
        lasts=2,
        end=(Service("start bluetoothd"),),
        limit=75,
        hosts=WITH_BLUETOOTHD,
    ),
    Scenario(
        name="dongle-away",
        description="the dongle, the only device around, is off for ten minutes",
        fault=(Radio("fault out-of-range"),),
        lasts=600,
        end=(Radio("clear"),),
        limit=120,
        hosts=EVERYWHERE,
    ),
    Scenario(
        name="link-dropped",
        description="the dongle breaks the link in mid-poll",
        fault=(Connected(), Radio("drop 0")),
        limit=75,
        still=True,
        hosts=(CONTAINER, DIRECT, SHARED),
    ),
    Scenario(
        name="killed-in-mid-poll",
        description="Home Assistant is killed while a poll runs, and starts again",
        fault=(Connected(), Kill()),
        limit=75,
        still=True,
        hosts=(CONTAINER, DIRECT, SHARED),
    ),
    Scenario(
        name="attribute-errors",
        description="the dongle refuses to be subscribed to, then to tell its services",
        fault=(Radio("refuse-att 0 12=0e"), Wait(150), Radio("refuse-att 0 10=0e")),
        lasts=150,
        end=(Radio("refuse-att 0 -"),),
        limit=75,
        still=True,
        hosts=(CONTAINER, DIRECT, SHARED),
        expected=dict.fromkeys(
            (CONTAINER, DIRECT, SHARED),
            Expected(steps=frozenset(), notices=(), states=frozenset({"ok"})),
        ),
    ),
    Scenario(
        name="no-slot-free",
        description="another integration holds every connection slot for ten minutes",
        neighbours=5,
        fault=(OccupySlots(),),
        lasts=600,
        end=(FreeSlots(),),
        limit=75,
        still=True,
        hosts=(CONTAINER, DIRECT, SHARED),
        expected=dict.fromkeys(
            (CONTAINER, DIRECT, SHARED),
            # The one step that cuts nobody else's connection.
            Expected(steps=frozenset({"own_links"}), notices=("adapter_slots_full",)),
        ),
    ),
    Scenario(
        name="other-path",
        description="Home Assistant changes over to the other path, and back after an hour",
        fault=(OtherPath(), Wait(HOUR), OtherPath()),
        limit=75,
        still=True,
        hosts=(CONTAINER, SHARED),
        expected=dict.fromkeys(
            (CONTAINER, SHARED),
            Expected(
                steps=frozenset(),
                notices=(),
                states=frozenset({"ok"}),
                gap=LONGEST_GAP,
                own_resets=0,
            ),
        ),
    ),
    Scenario(
        name="passive-mode",
        description="for ten minutes Home Assistant is to scan passively, which fails",
        fault=(ScanMode("passive"),),
        lasts=600,
        end=(ScanMode("active"),),
        limit=75,
        hosts=(DIRECT,),
    ),
    Scenario(
        name="deaf-until-reset",
        description="among 20 devices the adapter goes deaf until it is reset",
        beacons=20,
        # After so many looks it is known that this place is never silent.
        before=1000.0,
        fault=(Radio("deafen 0"),),
        watch=1800,
        limit=900,
        hosts=(CONTAINER, DIRECT, SHARED),
    ),
    Scenario(
        name="rival-discovery",
        description="another program discovers over the management socket, again and again",
        fault=(
            RivalCommand(starts=True),
            Wait(5),
            RivalCommand(starts=False),
            Wait(25),
        )
        * 10,
        limit=75,
        hosts=(DIRECT, SHARED),
        expected=dict.fromkeys(
            (DIRECT, SHARED),
            Expected(steps=frozenset(), notices=(), states=frozenset({"ok"})),
        ),
    ),
    Scenario(
        name="bluetoothd-visits",
        description="bluetoothd is started for a minute, and switches the adapter off as it ends",
        fault=(
            Service("start bluetoothd"),
            Wait(60),
            Service("end bluetoothd SIGTERM"),
        ),
        limit=240,
        hosts=(DIRECT,),
    ),
    Scenario(
        name="weak-signal",
        description="for two hours the dongle is heard at -88 dBm, too weak to connect",
        fault=(Radio("fault weak-signal"),),
        lasts=2 * HOUR,
        end=(Radio("clear"),),
        # Over so many failed connects the kernel may lose its way: see the documentation.
        watch=2 * HOUR,
        limit=2 * HOUR,
        # A signal has to be good for as long as it was weak before anybody was told.
        lingers=HOUR,
        # A poller that knows no better asks more often, and is there sooner.
        subjects=(Subject.INTEGRATION,),
        expected=dict.fromkeys(
            BY_BLUETOOTHD,
            Expected(
                steps=frozenset(),
                notices=("link_weak_signal",),
                states=frozenset({"ok"}),
            ),
        ),
    ),
    Scenario(
        name="crash-loop",
        description="bluetoothd crashes every two minutes for an hour",
        fault=(*(_crash(120) * 29), Service("end bluetoothd SIGKILL")),
        lasts=3,
        end=(Service("start bluetoothd"),),
        limit=75,
        # The crashes of the last hour are told.
        lingers=HOUR + NOTICE_GOES,
        expected=dict.fromkeys(
            BY_BLUETOOTHD,
            Expected(
                steps=frozenset({"restart_scanning"}),
                notices=("adapter_service_crashes",),
                counted=3,
                gap=3 * ONE_INTERVAL,
            ),
        ),
    ),
    Scenario(
        name="refused-then-deaf",
        description="scans are refused for ten minutes, then hear nothing until a reset",
        fault=(
            Entry(BluetoothEntry.UNLOAD),
            Radio("refuse 0 200c=0c,200b=0c"),
            Entry(BluetoothEntry.SET_UP),
            Wait(600),
            Radio("deafen 0"),
            Radio("refuse 0 -"),
        ),
        watch=2 * HOUR,
        # After a climb in vain the steps rest for half an hour.
        limit=HOUR,
        expected={CONFINED: Expected(notices=("adapter_start_refused",))},
    ),
)
BY_NAME: Final = {scenario.name: scenario for scenario in SCENARIOS}


def scenario_of(order: Order) -> Scenario:
    """Return what an order asks for, at the length and the moment that it asks for."""
    scenario = BY_NAME[order.scenario]
    later = order.phase * scenario.interval / PHASES
    scenario = replace(scenario, before=scenario.before + later)
    return scenario.in_full() if order.in_full else scenario
