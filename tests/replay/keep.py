# SPDX-License-Identifier: Apache-2.0
"""Makes cases of `tests/field` of what people sent: as little as it takes."""

from collections.abc import Iterable
import json
from pathlib import Path
import re
from typing import Any, Final

from .errors import ReplayError
from .field_report import Diagnostics, FieldReport, ProbeRun, ReportedLink
from .frames import Exchange
from .reading import parse_report
from .timelines import Judged, Replayed

type Json = dict[str, Any]

FOLDER: Final = Path(__file__).parents[1] / "field"
BATTERIES: Final = "batteries"
ADAPTERS: Final = "adapters"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{2,59}")


def path_of(kind: str, name: str) -> Path:
    """Return where a case of this kind and name is kept; raises ReplayError."""
    if not _NAME.fullmatch(name):
        raise ReplayError("--keep: a name is 3 to 60 small letters, digits and _")
    path = FOLDER / kind / f"{name}.json"
    if path.exists():
        raise ReplayError(f"--keep: there is a case of the name {name}")
    return path


def keep(name: str, report: FieldReport, adapters: Replayed) -> list[Path]:
    """Write the cases of a report and return where they are; raises ReplayError."""
    cases = {
        path_of(kind, name): case
        for kind, case in cases_of(name, report, adapters).items()
    }
    if not cases:
        raise ReplayError("--keep: there is nothing in it that could be run once more")
    for path, case in cases.items():
        write_case(path, case)
    return list(cases)


def kept_reports() -> dict[str, FieldReport]:
    """Return what was kept of adapters, by the names of the cases."""
    cases = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))["report"]
        for path in sorted((FOLDER / ADAPTERS).glob("*.json"))
    }
    return {name: parse_report(json.dumps(told)) for name, told in cases.items()}


def cases_of(name: str, report: FieldReport, adapters: Replayed) -> dict[str, Json]:
    """Return a case of each kind: the input, and what was shown or judged as what is expected."""
    head = {
        "reports": [],
        "title": name.replace("_", " "),
        "evidence": "capture",
        "model": _model(report),
    }
    inputs = {BATTERIES: of_batteries(report), ADAPTERS: of_adapters(report)}
    expected = {BATTERIES: _shown(report), ADAPTERS: _judged(adapters)}
    return {
        kind: {**head, "report": told, "expect": expected[kind]}
        for kind, told in inputs.items()
        if told is not None
    }


def write_case(path: Path, case: Json) -> None:
    """Write a case so that people can read it too."""
    entries: list[str] = []
    text = json.dumps(_without_entries(case, entries), indent=1)
    # Short lists of numbers and bytes stand on one line, and so does a look at an adapter.
    text = re.sub(r"\[\n\s*([^][{}]{1,700}?)\n\s*\]", _on_one_line, text)
    text = re.sub(r'"<([0-9]+)>"', lambda match: entries[int(match[1])], text)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n", encoding="utf-8")


def _without_entries(value: Any, entries: list[str]) -> Any:
    """Return plain data with a place for each entry of a timeline, and add their texts."""
    match value:
        case {"kind": "look" | "step_begun" | "step_ended"}:
            entries.append(json.dumps(value))
            return f"<{len(entries) - 1}>"
        case dict():
            return {key: _without_entries(each, entries) for key, each in value.items()}
        case list():
            return [_without_entries(each, entries) for each in value]
    return value


def _on_one_line(match: re.Match[str]) -> str:
    return f"[{re.sub(r'\s*\n\s*', ' ', match[1])}]"


def of_batteries(report: FieldReport) -> Json | None:
    """Return a file that says the same of batteries, and nothing that a replay has no use for."""
    match report:
        case ProbeRun():
            return _probe(report)
        case Diagnostics(links=()):
            return None
        case Diagnostics():
            return {
                "kind": "diagnostics",
                "version": 1,
                "options": {"wiring": report.wiring, "reserve": report.reserve},
                "links": [_link(link) for link in report.links],
            }


def of_adapters(report: FieldReport) -> Json | None:
    """Return a file that says the same of adapters; None where there is nothing to be judged."""
    if isinstance(report, ProbeRun):
        return None
    adapters = [
        {
            "address": adapter["address"],
            "timeline": [
                *adapter.get("timeline_before_start", ()),
                *adapter["timeline"],
            ],
        }
        for adapter in report.adapters
        if adapter.get("timeline")
    ]
    if not adapters:
        return None
    return {
        "kind": "diagnostics",
        "version": 1,
        "links": [],
        "bluetooth_health": {"adapters": adapters},
    }


def _probe(report: ProbeRun) -> Json:
    return {
        "kind": "probe" if report.found else "failed_set_up",
        "version": 1,
        "outcome": report.outcome,
        "connected_at": 0.0 if report.was_connected else None,
        "address": report.link.address,
        "family": report.link.family,
        "advertisement": _advertisement(report.link),
        "unit_ids": list(report.unit_ids),
        "found": {
            "batteries": [
                {"unit": unit, "model": model} for unit, model in report.found
            ]
        }
        if report.found
        else None,
        "exchanges": _exchanges(report.exchanges),
    }


def _advertisement(link: ReportedLink) -> Json:
    return {"name": link.beginning, "name_length": len(link.name or "")}


def _link(link: ReportedLink) -> Json:
    return {
        "paused": link.is_paused,
        "last_update_success": not link.is_silent,
        "client": {"family": link.family},
        "batteries": [
            {
                "unit": battery.unit,
                "failure": battery.failure,
                "published": dict(battery.published),
                **(
                    {"current_scale": {"found": True}}
                    if battery.has_found_scale
                    else {}
                ),
            }
            for battery in link.batteries
        ],
        "recording": {
            "address": link.address,
            "advertisement": _advertisement(link),
            "answers": {
                str(battery.unit): [{"exchanges": _exchanges(battery.answers)}]
                for battery in link.batteries
            },
            "failing": [{"exchanges": _exchanges(link.failing)}]
            if link.failing
            else [],
        },
    }


def _exchanges(exchanges: Iterable[Exchange]) -> list[Json]:
    return [
        {
            "at": exchange.at,
            "request": exchange.request.hex(),
            "replies": [[at, data.hex()] for at, data in exchange.replies],
            **({"redacted": True} if exchange.redacted else {}),
        }
        for exchange in exchanges
    ]


def _shown(report: FieldReport) -> Json:
    match report:
        case ProbeRun():
            return {"outcome": report.outcome}
        case Diagnostics():
            return {
                "values": {
                    f"{link.address}/{battery.unit}": dict(battery.published)
                    for link in report.links
                    if not (link.is_paused or link.is_silent)
                    for battery in link.batteries
                }
            }


def _judged(adapters: Replayed) -> Json:
    """Return what was judged, as far as it can be judged once more."""
    return {
        "verdicts": [_as_expected(each) for each in adapters.verdicts if each.is_known],
        "steps": [_as_expected(each) for each in adapters.steps],
    }


def _as_expected(judged: Judged) -> Json:
    return {
        "at": judged.at.isoformat(),
        "adapter": judged.adapter,
        "now": judged.then,
    }


def _model(report: FieldReport) -> str:
    """Return the model that a battery told, nothing where none did."""
    if isinstance(report, ProbeRun):
        return next((model for _, model in report.found if model), "")
    for link in report.links:
        for battery in link.batteries:
            if battery.model:
                return battery.model
    return ""
