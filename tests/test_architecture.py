"""Tests of what may import what: the rooms of the integration know each other one way only."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

INTEGRATION = Path(__file__).parents[1] / "custom_components" / "renogy_bt"
PACKAGE = "custom_components.renogy_bt"

# The rooms that are free of Home Assistant.
LIBRARIES = frozenset({"renogy", "bank", "bluez", "adapter_health"})

# What the rooms, and the modules that others build on, may import of this project.
MAY_IMPORT = {
    "renogy": set[str](),
    "bank": {"renogy"},
    "bluez": set[str](),
    "adapter_health": {"bluez"},
    "const": set[str](),
    "storage": {"renogy", "bank", "adapter_health", "const"},
    "supervisor": {"bluez", "adapter_health", "storage"},
    "links": {"renogy", "bluez", "adapter_health", "const", "supervisor"},
    "flows": {"renogy", "bank", "adapter_health", "const", "supervisor", "links"},
    "adapters": {"bluez", "adapter_health", "const", "supervisor", "links"},
    "coordinator": {
        *("renogy", "bank", "adapter_health", "const", "supervisor", "links"),
        "storage",
    },
    "batteries": {"renogy", "bank", "const", "links", "coordinator"},
    "issues": {
        *("renogy", "bank", "adapter_health", "const", "supervisor", "links"),
        *("coordinator", "batteries"),
    },
    "entity": {
        *("renogy", "bank", "adapter_health", "const", "supervisor", "links"),
        *("adapters", "coordinator"),
    },
}
# What Home Assistant itself looks for, by these names: may import all of the above, and is
# imported by nothing; but the actions are set up with the integration.
ENTRY_POINTS = {
    *("__init__", "config_flow", "diagnostics", "repairs", "services", "system_health"),
    *("binary_sensor", "button", "event", "sensor", "switch"),
}
SET_UP_BY_INIT = {"services"}

MODULES = sorted(
    str(path.relative_to(INTEGRATION)) for path in INTEGRATION.rglob("*.py")
)


def _place(module: str) -> str:
    """Return the room that a module is in, or its own name if it is in none."""
    return Path(module).with_suffix("").parts[0]


def _imports(module: str, source: str) -> Iterator[str]:
    """Yield the full names of everything that a module imports."""
    package = [*PACKAGE.split("."), *Path(module).parent.parts]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            prefix = ".".join([*base, *filter(None, [node.module])])
            yield from (f"{prefix}.{alias.name}" for alias in node.names)


def _refused(module: str, source: str) -> list[str]:
    """Return what a module imports and must not."""
    return [name for name in _imports(module, source) if not _is_allowed(module, name)]


def _is_allowed(module: str, name: str) -> bool:
    place = _place(module)
    is_free = place in LIBRARIES
    top, *_ = name.removeprefix(f"{PACKAGE}.").split(".")
    if name == PACKAGE:
        return False
    if not name.startswith(f"{PACKAGE}."):
        return not (is_free and top == "homeassistant")
    return top in {place, *_may_import(place)}


def _may_import(place: str) -> set[str]:
    if place == "__init__":
        return MAY_IMPORT.keys() | SET_UP_BY_INIT
    return MAY_IMPORT.get(place, set(MAY_IMPORT))


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_one_way(module: str) -> None:
    """No module imports what is above it, and no module of a library Home Assistant."""
    assert _refused(module, (INTEGRATION / module).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("renogy/link.py", "from homeassistant.core import callback"),
        ("renogy/link.py", "import homeassistant.util.dt as dt_util"),
        ("renogy/link.py", "from ..const import LOGGER"),
        ("renogy/link.py", "from ..bank.report import BankReport"),
        ("bank/report.py", "from ..links.settings import LinkSettings"),
        ("bluez/watcher.py", "from ..adapter_health.samples import Verdict"),
        ("bluez/watcher.py", "from homeassistant.core import callback"),
        ("adapter_health/ladder.py", "from ..supervisor import steps"),
        ("adapter_health/ladder.py", "import homeassistant"),
        ("supervisor/supervisor.py", "from ..links.settings import links_of"),
        ("links/polls.py", "from ..coordinator import BankCoordinator"),
        ("links/settings.py", "from ..storage.energy import EnergyStore"),
        ("links/settings.py", "def late():\n    from ..flows.link import LinkFlow"),
        ("storage/energy.py", "from ..links.settings import LinkSettings"),
        ("storage/adapters.py", f"from {PACKAGE}.entity import RenogyEntity"),
        ("issues/adapters.py", "from ..repairs import FLOWS"),
        ("batteries/devices.py", f"import {PACKAGE}.sensor"),
        ("coordinator.py", "from .batteries.devices import BankDevices"),
        ("entity.py", "from . import PLATFORMS"),
        ("const.py", f"import {PACKAGE}"),
        ("sensor.py", "from .binary_sensor import async_setup_entry"),
        ("button.py", "from .services import STEPS_TO_ASK_FOR"),
    ],
)
def test_wrong_imports_are_found(module: str, source: str) -> None:
    """What is forbidden is found, however it is imported."""
    assert _refused(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("renogy/link.py", "import asyncio\nfrom .line import Line"),
        ("bank/report.py", "from ..renogy.models import BatteryReading"),
        ("supervisor/supervisor.py", "from ..storage.adapters import AdapterStore"),
        ("storage/adapters.py", "from homeassistant.core import callback"),
        ("links/polls.py", "from .polled_link import PolledLink"),
        ("sensor.py", "from .entity import RenogyBatteryEntity"),
        ("__init__.py", "from .services import async_setup_services"),
    ],
)
def test_right_imports_are_let_pass(module: str, source: str) -> None:
    """What is in the same room or below is nobody's concern."""
    assert _refused(module, source) == []


def test_what_may_be_imported_goes_one_way() -> None:
    """No two places may import each other, nor several in a circle."""
    TopologicalSorter(MAY_IMPORT).prepare()


def test_every_module_has_its_place() -> None:
    """At the top are only the files that Home Assistant knows by name; the rest has a room."""
    assert {_place(module) for module in MODULES} == MAY_IMPORT.keys() | ENTRY_POINTS
    assert {module for module in MODULES if "/" not in module} == {
        f"{name}.py" for name in ENTRY_POINTS | {"const", "coordinator", "entity"}
    }
