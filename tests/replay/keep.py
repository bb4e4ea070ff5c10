"""Makes a case of `tests/field/recorded` of what people sent: as little as it takes."""

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

FOLDER: Final = Path(__file__).parents[1] / "field" / "recorded"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{2,59}")


def path_of(name: str) -> Path:
    """Return where a case of this name is kept; raises ReplayError."""
    if not _NAME.fullmatch(name):
        raise ReplayError("--keep: a name is 3 to 60 small letters, digits and _")
    path = FOLDER / f"{name}.json"
    if path.exists():
        raise ReplayError(f"--keep: there is a case of the name {name}")
    return path


def kept_reports() -> dict[str, FieldReport]:
    """Return what was kept that has timelines of adapters, by the names of the cases."""
    cases = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))["report"]
        for path in sorted(FOLDER.glob("*.json"))
    }
    reports = {name: parse_report(json.dumps(told)) for name, told in cases.items()}
    return {
        name: report
        for name, report in reports.items()
        if isinstance(report, Diagnostics) and report.adapters
    }


def case_of(name: str, report: FieldReport, adapters: Replayed) -> Json:
    """Return the case: the input, and what was shown and judged as what is expected."""
    return {
        "reports": [],
        "title": name.replace("_", " "),
        "evidence": "capture",
        "model": _model(report),
        "report": minimal(report),
        "expect": _expected(report, adapters),
    }


def write_case(path: Path, case: Json) -> None:
    """Write a case so that people can read it too."""
    entries: list[str] = []
    text = json.dumps(_without_entries(case, entries), indent=1)
    # Short lists of numbers and bytes stand on one line, and so does a look at an adapter.
    text = re.sub(r"\[\n\s*([^][{}]{1,700}?)\n\s*\]", _on_one_line, text)
    text = re.sub(r'"<([0-9]+)>"', lambda match: entries[int(match[1])], text)
    path.parent.mkdir(exist_ok=True)
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


def minimal(report: FieldReport) -> Json:
    """Return a file that says the same, without what a replay has no use for."""
    match report:
        case ProbeRun():
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
        case Diagnostics():
            return {
                "kind": "diagnostics",
                "version": 1,
                "options": {"wiring": report.wiring, "reserve": report.reserve},
                "links": [_link(link) for link in report.links],
                "bluetooth_health": {
                    "adapters": [
                        {
                            "address": adapter["address"],
                            "timeline": [
                                *adapter.get("timeline_before_start", ()),
                                *adapter["timeline"],
                            ],
                        }
                        for adapter in report.adapters
                        if "timeline" in adapter
                    ]
                },
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


def _expected(report: FieldReport, adapters: Replayed) -> Json:
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
                },
                # What only the first release tells cannot be judged once more.
                "verdicts": [
                    _judged(each) for each in adapters.verdicts if each.is_known
                ],
                "steps": [_judged(each) for each in adapters.steps],
            }


def _judged(judged: Judged) -> Json:
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
