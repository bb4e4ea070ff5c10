# SPDX-License-Identifier: Apache-2.0
"""What a battery has been through, as battery monitors tell it.

Moments are seconds of the clock on the wall: they outlast restarts. What was not seen is
counted as such, and nothing is made up for it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from ..renogy.alarm_changes import WHOLE, ActiveAlarms, AlarmChangeKind, alarm_changes
from ..renogy.models import Alarm, BatteryIdentity, BatteryReading
from ..renogy.registers import ALARM_SOURCES, MAX_CELLS
from .energy import MAX_GAP_INTERVALS, EnergyTotals
from .health import BatteryHealth, aged

DAY: Final = 86_400.0
FULL: Final = 99.5
"""A battery that does not report that it is full is so from this state of charge on, %."""
EMPTY: Final = 1.0
"""Empty, %: counters that end at their lower end show 0 to 1."""
TURN: Final = 10.0
"""A discharge has begun, or is over, when so much has gone out, or in again, %."""
USED: Final = 0.05
"""A battery is used on a day on which this share of its capacity has moved, either way."""
ONE_CHARGE: Final = 12 * 3600.0
"""Within so long the batteries of a bank become full by one charge, s."""
MOST_KNOWN: Final = 4
"""So many batteries that took turns at one place are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryHistory:
    """What was seen of one battery since `began`; V, Ah, states of charge in %.

    `seen_until` is the last reading, `unseen` the seconds in gaps before it. `became_full` is when the battery
    was full after it had not been, `last_full` its last reading as such; `used` are the seconds of use since it was full. `energy` is the total that
    the charges count up to. `low` and `high` are the ends of the present swing. `active` are the alarms that are
    not over.
    """

    began: float
    seen_until: float
    unseen: float = 0.0
    is_full: bool = False
    became_full: float | None = None
    last_full: float | None = None
    used: float = 0.0
    day_seconds: float = 0.0
    day_flow: float = 0.0
    cycles: int | None = None
    remaining: float
    voltage: float
    lowest_charge: float
    is_discharging: bool = False
    low: float
    high: float
    discharges: int = 0
    depths: float = 0.0
    full_discharges: int = 0
    is_empty: bool = False
    drawn: float = 0.0
    added: float = 0.0
    energy: EnergyTotals | None = None
    highest_voltage: float
    highest_at: float
    lowest_voltage: float
    lowest_at: float
    alarms: int = 0
    active: tuple[str, ...] = ()
    health: BatteryHealth = field(default_factory=BatteryHealth)

    @property
    def deepest_discharge(self) -> float:
        """How far below full the battery was at most, in %."""
        return 100.0 - self.lowest_charge

    @property
    def average_discharge(self) -> float | None:
        """How far below full a discharge went on average, in %; None before the first is over."""
        return self.depths / self.discharges if self.discharges else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FullCharge:
    """When batteries became full last, and how long ago they were; None if one never was, as far as was seen."""

    at: float | None = None
    seconds_ago: float | None = None


def begun(now: float, reading: BatteryReading) -> BatteryHistory:
    """Return the history of a battery that is read for the first time."""
    charge = reading.state_of_charge
    return BatteryHistory(
        began=now,
        seen_until=now,
        remaining=reading.remaining_capacity,
        voltage=reading.voltage,
        lowest_charge=charge,
        low=charge,
        high=charge,
        is_empty=charge <= EMPTY,
        highest_voltage=reading.voltage,
        highest_at=now,
        lowest_voltage=reading.voltage,
        lowest_at=now,
    )


def continued(
    history: BatteryHistory,
    now: float,
    reading: BatteryReading,
    energy: EnergyTotals | None,
    max_gap: float,
) -> BatteryHistory:
    """Return a history with one more reading; `energy` is the battery's total up to it."""
    elapsed = max(now - history.seen_until, 0.0)
    seen = elapsed if elapsed <= max_gap else 0.0
    history = replace(history, unseen=history.unseen + elapsed - seen)
    history = _moved(history, reading, energy)
    history = _used(history, reading, seen)
    history = _swung(history, reading.state_of_charge)
    history = _filled(history, now, reading)
    if reading.voltage > history.highest_voltage:
        history = replace(history, highest_voltage=reading.voltage, highest_at=now)
    if reading.voltage < history.lowest_voltage:
        history = replace(history, lowest_voltage=reading.voltage, lowest_at=now)
    health = aged(
        history.health,
        now,
        reading,
        energy,
        is_seen=elapsed <= max_gap,
        is_full=history.is_full,
    )
    return replace(
        history,
        health=health,
        seen_until=now,
        cycles=history.cycles if reading.cycles is None else reading.cycles,
        remaining=reading.remaining_capacity,
        voltage=reading.voltage,
        energy=energy,
    )


def _moved(
    history: BatteryHistory, reading: BatteryReading, energy: EnergyTotals | None
) -> BatteryHistory:
    """Add the charge that the energy since the last reading was, at the voltage of the time."""
    before = history.energy
    if before is None or energy is None:
        return history
    voltage = (history.voltage + reading.voltage) / 2
    added = (energy.charged - before.charged) / voltage
    drawn = (energy.discharged - before.discharged) / voltage
    if min(added, drawn) < 0:
        # The totals have begun anew.
        return history
    return replace(history, added=history.added + added, drawn=history.drawn + drawn)


def _used(
    history: BatteryHistory, reading: BatteryReading, seen: float
) -> BatteryHistory:
    """Count the days on which the battery is used; of a gap nobody knows whether it was."""
    seconds = history.day_seconds + seen
    flow = history.day_flow
    if seen:
        flow += abs(reading.remaining_capacity - history.remaining)
    if seconds < DAY:
        return replace(history, day_seconds=seconds, day_flow=flow)
    is_used = flow >= USED * reading.total_capacity
    used = history.used + (seconds if is_used else 0.0)
    return replace(history, day_seconds=0.0, day_flow=0.0, used=used)


def _filled(
    history: BatteryHistory, now: float, reading: BatteryReading
) -> BatteryHistory:
    told = reading.status.fully_charged
    is_full = reading.state_of_charge >= FULL if told is None else told
    if not is_full:
        return replace(history, is_full=False)
    return replace(
        history,
        is_full=True,
        became_full=history.became_full if history.is_full else now,
        last_full=now,
        used=0.0,
        day_seconds=0.0,
        day_flow=0.0,
    )


def _swung(history: BatteryHistory, charge: float) -> BatteryHistory:
    """Follow the discharges, each from its beginning until so much has gone in again."""
    low, high = min(history.low, charge), max(history.high, charge)
    is_empty = charge <= EMPTY or (history.is_empty and charge < TURN)
    history = replace(
        history,
        lowest_charge=min(history.lowest_charge, charge),
        full_discharges=history.full_discharges + (is_empty and not history.is_empty),
        is_empty=is_empty,
    )
    if history.is_discharging and charge >= low + TURN:
        return replace(
            history,
            is_discharging=False,
            high=charge,
            low=low,
            discharges=history.discharges + 1,
            depths=history.depths + 100.0 - low,
        )
    if not history.is_discharging and charge <= high - TURN:
        return replace(history, is_discharging=True, low=charge, high=high)
    return replace(history, low=low, high=high)


def _alarmed(
    history: BatteryHistory, known: ActiveAlarms, active: ActiveAlarms
) -> BatteryHistory:
    """Count the alarms that were raised, as they are told."""
    changes = alarm_changes(known.alarms, active.alarms)
    raised = sum(change.kind is AlarmChangeKind.RAISED for change in changes)
    keys = sorted(alarm.key for alarm in active.alarms)
    return replace(history, alarms=history.alarms + raised, active=tuple(keys))


def _known_alarms(history: BatteryHistory) -> ActiveAlarms:
    """Return the alarms that are not over as far as a history tells: any part may have them."""
    parts = tuple(range(WHOLE, MAX_CELLS + 1))
    return ActiveAlarms(
        tuple(
            Alarm(key=key, severity=ALARM_SOURCES[key].severity, parts=parts)
            for key in history.active
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The batteries that took turns at one place, by what they say of themselves; one is there now."""

    present: str
    batteries: Mapping[str, BatteryHistory]

    @property
    def history(self) -> BatteryHistory:
        """The history of the battery that is there."""
        return self.batteries[self.present]


class BankHistory[K]:
    """The histories of a bank's batteries."""

    def __init__(self, update_interval: float, places: Mapping[K, Place]) -> None:
        """Go on from what is known of these places."""
        self._max_gap = MAX_GAP_INTERVALS * update_interval
        self.places = dict(places)
        self._alarms: dict[K, ActiveAlarms] = {}

    def of(self, battery: K) -> BatteryHistory | None:
        """Return the history of a battery, None before its first reading."""
        place = self.places.get(battery)
        return None if place is None else place.history

    def advance(
        self,
        now: float,
        battery: K,
        reading: BatteryReading,
        energy: EnergyTotals | None,
        identity: BatteryIdentity | None,
        *,
        is_changed: bool = False,
    ) -> None:
        """Take a new reading of a battery.

        `identity` is None while it is not known; `is_changed` tells that another battery is there. A
        battery that was there before goes on from where it was, any other begins anew.
        """
        place = self.places.get(battery)
        name = _name(identity)
        if place is None:
            place = Place(
                present=name or "", batteries={name or "": begun(now, reading)}
            )
        elif is_changed or (name is not None and name != place.present):
            place = _exchanged(place, name or "", now, reading, is_changed=is_changed)
            self._alarms.pop(battery, None)
        history = continued(place.history, now, reading, energy, self._max_gap)
        if reading.rest_read_at is None:
            known = self._alarms.get(battery) or _known_alarms(history)
            active = self._alarms[battery] = known.read(reading.status, now)
            history = _alarmed(history, known, active)
        self.places[battery] = replace(
            place, batteries={**place.batteries, place.present: history}
        )

    def full_charge(self, batteries: Collection[K], now: float) -> FullCharge:
        """Return when these batteries became full, and how long ago the last of them was full."""
        histories = [self.of(battery) for battery in batteries]
        moments: list[float] = []
        times: list[float] = []
        for history in histories:
            if history is None or history.last_full is None:
                return FullCharge()
            moments.append(history.became_full or history.last_full)
            times.append(0.0 if history.is_full else max(now - history.last_full, 0.0))
        if not moments:
            return FullCharge()
        # While some are full again and others are not yet, the time before counts.
        charge = [each for each in moments if each <= min(moments) + ONE_CHARGE]
        return FullCharge(at=max(charge), seconds_ago=max(times))

    def least_filled(self, batteries: Iterable[K]) -> tuple[K, float] | None:
        """Return the battery that was used the longest since it was full, and for how long, in s."""
        used = [
            (battery, history.used)
            for battery in batteries
            if (history := self.of(battery)) is not None
        ]
        return max(used, key=lambda each: each[1], default=None)


def _name(identity: BatteryIdentity | None) -> str | None:
    """Return what tells batteries apart that take turns, None while nothing does."""
    if identity is None or (identity.serial_number or identity.model) is None:
        return None
    return f"{identity.serial_number or ''}/{identity.model or ''}"


def _may_be(history: BatteryHistory, reading: BatteryReading) -> bool:
    """Return whether a reading can be of this battery: cycles never fall, serial numbers may be alike."""
    if history.cycles is None or reading.cycles is None:
        return True
    return reading.cycles >= history.cycles


def _exchanged(
    place: Place, name: str, now: float, reading: BatteryReading, *, is_changed: bool
) -> Place:
    """Return a place at which another battery is, or the same whose name is known now."""
    batteries = dict(place.batteries)
    nameless = None if is_changed else batteries.pop("", None)
    before = batteries.pop(name, None)
    if before is not None and name and _may_be(before, reading):
        # What flowed meanwhile may have flowed through another battery.
        batteries[name] = replace(
            before,
            energy=None,
            health=replace(before.health, full_energy=None, step=None),
        )
    else:
        batteries[name] = nameless or begun(now, reading)
    return Place(present=name, batteries=dict(list(batteries.items())[-MOST_KNOWN:]))
