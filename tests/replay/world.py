# SPDX-License-Identifier: Apache-2.0
"""Builds the emulated world in which the recorded frames are said again."""

from collections.abc import Iterable
import json
from typing import Any, Final

from tests.emulator.world import World
from tests.emulator.world_file import WorldFileError, parse_world

from .errors import ReplayError
from .field_report import (
    Diagnostics,
    FieldReport,
    ProbeRun,
    ReportedBattery,
    ReportedLink,
)
from .frames import Exchange, latest

type Json = dict[str, Any]

CELL_COUNT: Final = (5000, 1)
MODEL: Final = (5122, 8)
MTU: Final = 517
"""The largest one: notifications come as they were recorded, not longer."""


def world_of(report: FieldReport) -> Json:
    """Return the world file of a report."""
    match report:
        case ProbeRun():
            links = [_link(report.link, {}, _turns(report.exchanges))]
        case Diagnostics():
            links = [
                _reported(link)
                for link in report.links
                if not (link.is_silent or link.is_paused)
            ]
    return {"links": links}


def checked_world(world: Json) -> World:
    """Return the world that a world file describes; raises ReplayError."""
    try:
        return parse_world(json.dumps(world))
    except WorldFileError as error:
        raise ReplayError(f"no world can be made of it: {error}") from error


def _link(link: ReportedLink, units: Json, replies: Json) -> Json:
    told = {"name_in": "never"} if link.name is None else {}
    return {
        "name": link.name or "BT-TH-00000001",
        "address": link.address,
        "mtu": MTU,
        "units": units,
        "replies": replies,
        **told,
    }


def _reported(link: ReportedLink) -> Json:
    units: Json = {}
    replies: Json = {}
    for battery in link.batteries:
        if battery.is_failing and not battery.was_shown:
            mine = [each for each in link.failing if each.request[0] == battery.unit]
            if not any(each.replies for each in mine):
                # It answers nothing any more: it is not there.
                continue
            units[str(battery.unit)] = _unit(battery.answers, only=(CELL_COUNT, MODEL))
            replies |= _turns(mine)
        else:
            units[str(battery.unit)] = _unit(battery.answers)
            replies |= _odd(battery)
    return _link(link, units, replies)


def _turns(exchanges: Iterable[Exchange]) -> Json:
    """Return what came after each request, turn by turn."""
    turns: dict[str, list[Any]] = {}
    for exchange in exchanges:
        turns.setdefault(exchange.request.hex(), []).append(exchange.turn)
    return turns


def _unit(
    answers: Iterable[Exchange], only: Iterable[tuple[int, int]] | None = None
) -> Json:
    """Return a battery that gives what it gave; `only` are runs besides which it gives nothing."""
    registers: dict[int, int] = {}
    readable = []
    reply_unit = None
    for exchange in answers:
        asked, answer = exchange.asked, exchange.answer
        if asked is None or answer is None or answer.code is not None:
            continue
        registers.update(enumerate(answer.words, asked.address))
        readable.append([asked.address, asked.address + asked.count - 1])
        if answer.unit != asked.unit:
            reply_unit = answer.unit
    if only is not None:
        readable = [[address, address + count - 1] for address, count in only]
    return {
        "registers": {str(address): [word] for address, word in registers.items()},
        "readable": readable,
        "reply_unit": reply_unit,
    }


def _odd(battery: ReportedBattery) -> Json:
    """Return what a battery gave otherwise than its registers make it."""
    odd = {}
    for exchange in latest(battery.answers).values():
        answer = exchange.answer
        is_usual = answer is not None and (
            answer.is_refusal
            if answer.code is not None
            else exchange.redacted or exchange.received == answer.frame()
        )
        if not is_usual and exchange.asked is not None:
            odd[exchange.request.hex()] = [exchange.turn]
    return odd
