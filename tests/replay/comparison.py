# SPDX-License-Identifier: Apache-2.0
"""What was shown then, beside what is shown now."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
import math
from typing import Any, Final

from custom_components.renogy_bt.const import DEFAULT_RESERVE
from custom_components.renogy_bt.sensor import (
    BANK_SENSORS,
    BATTERY_SENSORS,
    CAPACITY_HEALTH,
    FULL_CHARGE,
    HISTORY_SENSORS,
    SHARING_SENSORS,
    MeasuredDescription,
)
from homeassistant.const import UnitOfEnergy

from .field_report import Diagnostics, ProbeRun, ReportedBattery, ReportedLink, Value

type Json = dict[str, Any]

OF_THE_PAST: Final = frozenset(
    {
        *("energy_charged", "energy_discharged", "time_to_full", "time_to_empty"),
        *("time_to_reserve",),
        *("link_quality", "last_read"),
        *(each.key for each in HISTORY_SENSORS),
        *(each.key for each in FULL_CHARGE),
        CAPACITY_HEALTH.key,
    }
)
"""What rests on earlier polls as well, which no file holds."""
OF_THE_ROUND: Final = frozenset({"current_share", "current_spread", "voltage_spread"})
"""What is known where all links were polled about at the same time, which differs by chance."""
OF_THE_WIRING: Final = frozenset({"current_share"})
"""What a battery shows by how the bank is wired: a replay takes it for parallel."""
OF_THE_RESERVE: Final = frozenset({"reserve_reached"})
"""What goes by the owner's reserve, where it is not the usual one."""
OF_THE_SCALE: Final = frozenset(
    {"current", "power", "charging_state", "time_to_full", "time_to_empty"}
)
"""What is unknown until the scale of a current has been measured."""
NUMBERS: Final = 5000, 5110
"""The registers of measurements and status, which hold no text."""
FOUND: Final = "found"
PARALLEL: Final = "parallel"
NOT_REPEATABLE: Final = frozenset(
    {"not_reachable", "cannot_connect", "connection_lost", "closed"}
)
"""Outcomes that rest on the radio, of which a report tells nothing that could be repeated."""


def _step(description: MeasuredDescription) -> float:
    """Return in which steps a state is told, in the unit in which it is shown."""
    if description.digits is None:
        return 0.0
    shown_in = description.suggested_unit_of_measurement
    scale = 1000 if shown_in == UnitOfEnergy.KILO_WATT_HOUR else 1
    return 10.0**-description.digits / scale


STEPS: Final = {
    each.key: _step(each)
    for each in (*BATTERY_SENSORS, *BANK_SENSORS, *SHARING_SENSORS)
}
"""The steps of values by their keys; earlier versions told more digits than were known."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One value; `is_known` tells whether it can be told at all what it is now."""

    what: str
    then: Value
    now: Value
    is_known: bool = True
    step: float = 0.0

    @property
    def is_same(self) -> bool:
        """Whether both are the same, numbers as far as they are shown."""
        then, now = self.then, self.now
        if isinstance(then, float | int) and isinstance(now, float | int):
            if isinstance(then, bool) or isinstance(now, bool):
                return then is now
            tolerance = self.step / 2 + 1e-6
            return math.isclose(then, now, rel_tol=1e-6, abs_tol=tolerance)
        return then == now

    @property
    def differs(self) -> bool:
        """Whether it is certain that they are not the same."""
        return self.is_known and not self.is_same


def compare(
    report: Diagnostics, document: Json | None, refusal: str | None
) -> list[Compared]:
    """Compare the values of diagnostics with what the replay shows.

    `document` is that of `--check`, None where nothing could be replayed; `refusal` why a link
    could not be set up now.
    """
    compared: list[Compared] = []
    shown = {} if document is None else _shown(document["batteries"])
    has_run = document is not None
    is_whole = has_run and shown.keys() == {
        (link.address, battery.unit)
        for link in report.links
        for battery in link.batteries
    }
    is_one_round = is_whole and len(report.links) < 2
    others = OF_THE_PAST
    if not is_one_round:
        others |= OF_THE_ROUND
    if report.wiring != PARALLEL:
        others |= OF_THE_WIRING
    if report.reserve != DEFAULT_RESERVE:
        others |= OF_THE_RESERVE
    for link in report.links:
        for battery in link.batteries:
            now = shown.get((link.address, battery.unit), {})
            compared += _battery(link, battery, now, others, has_run=has_run)
    of_bank = {} if document is None else document["bank"]
    # What the bank showed may rest on links or batteries that are not replayed.
    is_known = (
        is_whole
        and report.wiring == PARALLEL
        and all(
            _is_known(link, battery, "current")
            for link in report.links
            for battery in link.batteries
        )
    )
    compared += [
        Compared(
            f"bank.{key}",
            then,
            of_bank.get(key),
            is_known and key not in others,
            STEPS.get(key, 0.0),
        )
        for key, then in report.published.items()
    ]
    if refusal is not None:
        compared.append(Compared("set-up", FOUND, refusal))
    return compared


def _shown(batteries: Iterable[Json]) -> dict[tuple[str, int], Mapping[str, Value]]:
    return {(each["link"], each["unit"]): each["entities"] for each in batteries}


def _battery(
    link: ReportedLink,
    battery: ReportedBattery,
    now: Mapping[str, Value],
    others: Container[str],
    *,
    has_run: bool,
) -> Iterator[Compared]:
    for key, then in battery.published.items():
        yield Compared(
            f"{link.address}/{battery.unit}.{key}",
            then,
            now.get(key),
            has_run and key not in others and _is_known(link, battery, key),
            STEPS.get(key, 0.0),
        )


def _is_known(link: ReportedLink, battery: ReportedBattery, key: str) -> bool:
    """Tell whether what a battery shows now can be told from the frames."""
    if link.is_paused or link.is_silent or battery.is_lost:
        return False
    if battery.has_found_scale and key in OF_THE_SCALE:
        return False
    if battery.was_shown and not battery.answers:
        return False
    return not any(
        exchange.redacted
        and (asked := exchange.asked) is not None
        and NUMBERS[0] <= asked.address < NUMBERS[1]
        for exchange in battery.answers
    )


def compare_probe(
    report: ProbeRun, document: Json | None, refusal: str | None
) -> list[Compared]:
    """Compare the outcome of a probe with that of the replay."""
    now = refusal if document is None or refusal is not None else FOUND
    is_known = report.was_connected and report.outcome not in NOT_REPEATABLE
    compared = [Compared("outcome", report.outcome, now, is_known)]
    models = (
        {}
        if document is None
        else {each["unit"]: each["model"] for each in document["batteries"]}
    )
    for unit, model in report.found:
        then: Value = model or "unknown"
        compared.append(
            Compared(
                f"{report.link.address}/{unit}.model",
                then,
                (models[unit] or "unknown") if unit in models else None,
                model is not None,
            )
        )
    return compared
