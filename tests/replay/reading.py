# SPDX-License-Identifier: Apache-2.0
"""Reads a file from the field; everything in it is hostile."""

from collections.abc import Iterable, Mapping
from pathlib import Path
import re
from typing import Any, Final

from custom_components.renogy_bt.const import CONF_RESERVE, DEFAULT_RESERVE
from custom_components.renogy_bt.renogy.families import FAMILIES
from tests.emulator.json_checks import (
    WorldFileError,
    a_boolean,
    a_list,
    a_number,
    a_text_like,
    an_integer,
    an_object,
    below,
    some_bytes,
    text_of_file,
    wrong,
)

from .address import ADDRESS
from .errors import ReplayError
from .field_report import (
    Diagnostics,
    FieldReport,
    ProbeRun,
    ReportedBattery,
    ReportedLink,
    Value,
)
from .frames import Exchange
from .plain_data import plain_data
from .released import diagnostics_of_first_release

MAX_FILE_BYTES: Final = 2_000_000
MAX_LINKS: Final = 16
MAX_UNITS: Final = 32
MAX_ENTITIES: Final = 400
MAX_EXCHANGES: Final = 300
MAX_NOTIFICATIONS: Final = 512
MAX_BYTES: Final = 517
MAX_NAME_LENGTH: Final = 26
MAX_TEXT: Final = 100
VERSION: Final = 1
REPORTS: Final = ("failed_set_up", "probe")
DIAGNOSTICS: Final = "diagnostics"
_AROUND: Final = ("data", "service_response", "response")
"""What Home Assistant puts around: a download, and responses of its web APIs."""

_WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NAME: Final = re.compile(r"[A-Za-z-]{0,12}[0-9]{0,6}[A-Za-z]{0,6}")
_FAMILIES: Final = {family.key: family for family in FAMILIES}


def read_report(path: Path) -> FieldReport:
    """Return what a file says; raises ReplayError for one that cannot be used."""
    try:
        text = text_of_file(path, MAX_FILE_BYTES)
    except WorldFileError as error:
        raise ReplayError(str(error)) from error
    try:
        return parse_report(text)
    except ReplayError as error:
        raise ReplayError(f"{path}: {error}") from error


def parse_report(text: str) -> FieldReport:
    """Return what a text says; raises ReplayError with the place of what is wrong."""
    try:
        return _report(plain_data(text))
    except WorldFileError as error:
        raise ReplayError(str(error).removeprefix("world: ")) from error
    except ValueError as error:
        # A number of thousands of digits, say.
        raise ReplayError(f"neither JSON nor YAML: {error}") from error
    except RecursionError as error:
        raise ReplayError("not usable: nested too deeply") from error


def _report(value: Any) -> FieldReport:
    root = an_object(value, "")
    path = next((each for each in _AROUND if isinstance(root.get(each), dict)), "")
    data = root[path] if path else root
    if "kind" not in data and {"stored_links", "stored_link"} & data.keys():
        return diagnostics_of_first_release(data, path)
    kind = _one_of(data.get("kind"), below(path, "kind"), (*REPORTS, DIAGNOSTICS))
    if data.get("version") != VERSION:
        raise wrong(below(path, "version"), f"must be {VERSION}")
    return _diagnostics(data, path) if kind == DIAGNOSTICS else _probe_run(data, path)


def _one_of(value: Any, path: str, words: Iterable[str]) -> str:
    known = tuple(words)
    if not isinstance(value, str) or value not in known:
        raise wrong(path, f"must be one of {', '.join(known)}")
    return value


def a_failure(value: Any, path: str) -> str | None:
    """Return why a battery was not read, None where it was."""
    return None if value is None else a_text_like(value, path, _WORD, "silent")


# The diagnostics of a bank


def _diagnostics(data: Mapping[str, Any], path: str) -> Diagnostics:
    found, place = data.get("links", []), below(path, "links")
    if "link" in data:
        found, place = [data["link"]], below(path, "link")
    health = an_object(
        data.get("bluetooth_health", {}), below(path, "bluetooth_health")
    )
    options = an_object(data.get("options", {}), below(path, "options"))
    return Diagnostics(
        links=tuple(
            _link(each, f"{place}[{index}]")
            for index, each in enumerate(a_list(found, place, MAX_LINKS))
        ),
        published=published(data.get("published", {}), below(path, "published")),
        wiring=_one_of(
            options.get("wiring", "parallel"),
            below(path, "options.wiring"),
            ("parallel", "series"),
        ),
        reserve=a_number(
            options.get(CONF_RESERVE, DEFAULT_RESERVE),
            below(path, "options.reserve"),
            0,
            100,
        ),
        adapters=tuple(
            a_list(
                health.get("adapters", []),
                below(path, "bluetooth_health.adapters"),
                MAX_LINKS,
            )
        ),
        adapters_path=below(path, "bluetooth_health.adapters"),
    )


def _link(value: Any, path: str) -> ReportedLink:
    data = an_object(value, path)
    recording_path = below(path, "recording")
    recording = an_object(data.get("recording"), recording_path)
    client = an_object(data.get("client"), below(path, "client"))
    family = a_member_of_families(client.get("family"), below(path, "client.family"))
    answers = an_object(recording.get("answers"), below(recording_path, "answers"))
    batteries_path = below(path, "batteries")
    name, beginning = _names(
        recording.get("advertisement"), below(recording_path, "advertisement"), family
    )
    return ReportedLink(
        address=_address(recording.get("address"), below(recording_path, "address")),
        name=name,
        beginning=beginning,
        family=family,
        batteries=tuple(
            _battery(
                each, f"{batteries_path}[{index}]", answers, f"{recording_path}.answers"
            )
            for index, each in enumerate(
                a_list(data.get("batteries"), batteries_path, MAX_UNITS)
            )
        ),
        failing=_last_failing(
            recording.get("failing"), below(recording_path, "failing")
        ),
        is_silent=not a_boolean(
            data.get("last_update_success"), below(path, "last_update_success")
        ),
        is_paused=a_boolean(data.get("paused"), below(path, "paused")),
    )


def _battery(
    value: Any, path: str, answers: Mapping[str, Any], answers_path: str
) -> ReportedBattery:
    data = an_object(value, path)
    unit = an_integer(data.get("unit"), below(path, "unit"), 1, 255)
    scale = an_object(data.get("current_scale", {}), below(path, "current_scale"))
    polls_path = below(answers_path, str(unit))
    polls = a_list(answers.get(str(unit), []), polls_path, MAX_EXCHANGES)
    return ReportedBattery(
        unit=unit,
        published=published(data.get("published", {}), below(path, "published")),
        answers=tuple(
            exchange
            for index, poll in enumerate(polls)
            for exchange in _poll(poll, f"{polls_path}[{index}]")
        ),
        failure=a_failure(data.get("failure"), below(path, "failure")),
        has_found_scale=scale.get("found") is not None,
        model=_model(data.get("identity"), below(path, "identity")),
    )


def _model(value: Any, path: str) -> str | None:
    return None if value is None else _text(an_object(value, path).get("model"), path)


def _text(value: Any, path: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_TEXT or not value.isprintable():
        raise wrong(below(path, "model"), "must be a short text, or null")
    return value


def _last_failing(value: Any, path: str) -> tuple[Exchange, ...]:
    polls = a_list(value, path, MAX_EXCHANGES)
    found = [_poll(poll, f"{path}[{index}]") for index, poll in enumerate(polls)]
    return found[-1] if found else ()


def _poll(value: Any, path: str) -> tuple[Exchange, ...]:
    data = an_object(value, path)
    return exchanges(data.get("exchanges"), below(path, "exchanges"))


def published(value: Any, path: str) -> dict[str, Value]:
    """Return the states of some entities."""
    data = an_object(value, path)
    if len(data) > MAX_ENTITIES:
        raise wrong(path, f"must have at most {MAX_ENTITIES} entries")
    return {
        a_text_like(key, path, _WORD, "state_of_charge"): _value(
            state, below(path, key)
        )
        for key, state in data.items()
    }


def _value(value: Any, path: str) -> Value:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return a_text_like(value, path, _WORD, "charging")
    return a_number(value, path, -1e12, 1e12)


# The report of a probe


def _probe_run(data: Mapping[str, Any], path: str) -> ProbeRun:
    family = a_member_of_families(data.get("family"), below(path, "family"))
    name, beginning = _names(
        data.get("advertisement"), below(path, "advertisement"), family
    )
    return ProbeRun(
        outcome=a_text_like(
            data.get("outcome"), below(path, "outcome"), _WORD, "no_answer"
        ),
        was_connected=data.get("connected_at") is not None,
        link=ReportedLink(
            address=_address(data.get("address"), below(path, "address")),
            name=name,
            beginning=beginning,
            family=family,
        ),
        exchanges=exchanges(data.get("exchanges"), below(path, "exchanges")),
        unit_ids=tuple(
            an_integer(unit, f"{below(path, 'unit_ids')}[{index}]", 1, 255)
            for index, unit in enumerate(
                a_list(data.get("unit_ids"), below(path, "unit_ids"), MAX_UNITS)
            )
        ),
        found=_found(data.get("found"), below(path, "found")),
    )


def _found(value: Any, path: str) -> tuple[tuple[int, str | None], ...]:
    if value is None:
        return ()
    data, place = an_object(value, path), below(path, "batteries")
    found = []
    for index, each in enumerate(a_list(data.get("batteries"), place, MAX_UNITS)):
        battery, at = an_object(each, f"{place}[{index}]"), f"{place}[{index}]"
        unit = an_integer(battery.get("unit"), below(at, "unit"), 1, 255)
        found.append((unit, _text(battery.get("model"), at)))
    return tuple(found)


# What both have


def exchanges(value: Any, path: str) -> tuple[Exchange, ...]:
    """Return requests and replies."""
    return tuple(
        _exchange(each, f"{path}[{index}]")
        for index, each in enumerate(a_list(value, path, MAX_EXCHANGES))
    )


def _exchange(value: Any, path: str) -> Exchange:
    data = an_object(value, path)
    return Exchange(
        at=a_number(data.get("at"), below(path, "at"), 0, 1e6),
        request=some_bytes(data.get("request"), below(path, "request"), MAX_BYTES),
        replies=tuple(
            _reply(each, f"{below(path, 'replies')}[{index}]")
            for index, each in enumerate(
                a_list(data.get("replies"), below(path, "replies"), MAX_NOTIFICATIONS)
            )
        ),
        redacted=a_boolean(data.get("redacted", False), below(path, "redacted")),
    )


def _reply(value: Any, path: str) -> tuple[float, bytes]:
    at, data = a_list(value, path, 2, 2)
    return (
        a_number(at, f"{path}[0]", 0, 1e6),
        some_bytes(data, f"{path}[1]", MAX_BYTES),
    )


def _address(value: Any, path: str) -> str:
    return a_text_like(value, path, ADDRESS, "6C:B2:FD:00:00:01")


def a_member_of_families(value: Any, path: str) -> str:
    """Return the key of a family."""
    return _one_of(value, path, _FAMILIES)


def _names(value: Any, path: str, family: str) -> tuple[str | None, str | None]:
    """Return what of a name was told, and a name that begins so; None where none was heard."""
    if value is None:
        beginning, length = _FAMILIES[family].name_prefix, MAX_NAME_LENGTH
    else:
        data = an_object(value, path)
        if data.get("name") is None:
            return None, None
        beginning = a_text_like(data["name"], below(path, "name"), _NAME, "BT-TH")
        length = an_integer(
            data.get("name_length"), below(path, "name_length"), 0, 1000
        )
    return made_up_name(beginning, length), beginning


def made_up_name(beginning: str, length: int) -> str | None:
    """Return a name of a length, as far as an advertisement has room."""
    if not beginning:
        return None
    own = "-00000001" if beginning == "BT-TH" else "00000001"
    longest = max(len(beginning) + 1, min(length, MAX_NAME_LENGTH))
    return (beginning + own)[:longest]
