"""Tests of what may import what: the rooms of the integration know each other one way only."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

INTEGRATION = Path(__file__).parents[1] / "custom_components" / "renogy_bt"
PACKAGE = "custom_components.renogy_bt"

MAY_IMPORT: dict[str, set[str]] = {
    # Free of Home Assistant
    "renogy": set(),
    "bank": {"renogy"},
    "bluez": set(),
    "adapter_health": {"bluez"},
    # In Home Assistant
    "const": set(),
    "storage": {"homeassistant", "renogy", "bank", "adapter_health", "const"},
    "supervisor": {"homeassistant", "bluez", "adapter_health", "storage"},
    "links": {"homeassistant", "renogy", "supervisor", "const"},
    "coordinator": {"homeassistant", "renogy", "bank", "storage", "links", "const"},
    "batteries": {"homeassistant", "renogy", "links", "coordinator", "const"},
    "adapters": {
        *("homeassistant", "bluez", "adapter_health", "supervisor", "links", "const"),
    },
    "issues": {
        *("homeassistant", "renogy", "bank", "adapter_health", "supervisor", "links"),
        *("coordinator", "batteries", "const"),
    },
    "flows": {"homeassistant", "renogy", "bank", "adapter_health", "links", "const"},
    "entity": {
        *("homeassistant", "renogy", "supervisor", "links", "coordinator", "adapters"),
        "const",
    },
    # What Home Assistant looks for by name
    "binary_sensor": {
        *("homeassistant", "renogy", "bank", "supervisor", "coordinator", "adapters"),
        "entity",
    },
    "button": {"homeassistant", "adapter_health", "coordinator", "adapters", "entity"},
    "event": {
        *("homeassistant", "renogy", "storage", "supervisor", "links", "coordinator"),
        *("adapters", "entity"),
    },
    "sensor": {
        *("homeassistant", "renogy", "bank", "adapter_health", "supervisor", "links"),
        *("coordinator", "batteries", "adapters", "entity"),
    },
    "switch": {"homeassistant", "coordinator", "entity"},
    "config_flow": {"homeassistant", "bank", "links", "flows", "const"},
    "diagnostics": {"homeassistant", "supervisor", "links", "coordinator", "const"},
    "system_health": {"homeassistant", "supervisor", "coordinator", "const"},
    "repairs": {
        *("homeassistant", "adapter_health", "supervisor", "links", "adapters"),
        *("issues", "const"),
    },
    "services": {
        *("homeassistant", "renogy", "adapter_health", "supervisor", "batteries"),
        *("adapters", "const"),
    },
    "__init__": {
        *("homeassistant", "storage", "adapter_health", "supervisor", "links"),
        *("coordinator", "batteries", "adapters", "issues", "services", "const"),
    },
}
"""What each room, and each file that has none, may import: only what stands above its row."""

MODULES = sorted(
    str(path.relative_to(INTEGRATION)) for path in INTEGRATION.rglob("*.py")
)


def _place(module: str) -> str:
    """Return the room that a module is in, or its own name if it is in none."""
    return Path(module).with_suffix("").parts[0]


def _imports(module: str, source: str) -> Iterator[str]:
    """Yield what a module imports of Home Assistant and of this project, by room."""
    package = [*PACKAGE.split("."), *Path(module).parent.parts]
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            prefix = ".".join([*base, *filter(None, [node.module])])
            names = [f"{prefix}.{alias.name}" for alias in node.names]
        for name in names:
            if name == PACKAGE:
                yield "__init__"
            elif name.startswith(f"{PACKAGE}."):
                yield name.removeprefix(f"{PACKAGE}.").partition(".")[0]
            elif name.partition(".")[0] == "homeassistant":
                yield "homeassistant"


def _refused(module: str, source: str) -> set[str]:
    """Return what a module imports and must not."""
    place = _place(module)
    return {*_imports(module, source)} - MAY_IMPORT[place] - {place}


def _source(module: str) -> str:
    return (INTEGRATION / module).read_text(encoding="utf-8")


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_one_way(module: str) -> None:
    """No module imports what its row does not name."""
    assert _refused(module, _source(module)) == set()


def test_the_table_goes_one_way() -> None:
    """Each row names only what stands above it."""
    above = {"homeassistant"}
    for place, names in MAY_IMPORT.items():
        assert names <= above, place
        above.add(place)


def test_the_table_allows_nothing_in_vain() -> None:
    """What a row names is imported somewhere in that room."""
    imported: dict[str, set[str]] = {place: set() for place in MAY_IMPORT}
    for module in MODULES:
        imported[_place(module)] |= {*_imports(module, _source(module))}
    for place, names in MAY_IMPORT.items():
        assert names <= imported[place], place


def test_every_module_has_its_place() -> None:
    """There is a row for every room and every file, and none for what is not there."""
    assert {_place(module) for module in MODULES} == MAY_IMPORT.keys()


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("renogy/link.py", "from homeassistant.core import callback"),
        ("renogy/link.py", "import homeassistant.util.dt as dt_util"),
        ("renogy/link.py", "from ..const import LOGGER"),
        ("renogy/link.py", "from ..bank.summary import Wiring"),
        ("bank/meters.py", "from ..links.settings import LinkSettings"),
        ("bluez/watcher.py", "from ..adapter_health.samples import Verdict"),
        ("bluez/watcher.py", "from homeassistant.core import callback"),
        ("adapter_health/ladder.py", "from ..supervisor import steps"),
        ("adapter_health/ladder.py", "import homeassistant"),
        ("adapter_health/faults/bus.py", "from ...supervisor import steps"),
        ("supervisor/supervisor.py", "from ..links.settings import links_of"),
        ("links/coordinator.py", "from ..coordinator import BankCoordinator"),
        ("links/coordinator.py", "from ..issues.links import LinkIssues"),
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
        ("bank/summary.py", "from ..renogy.models import BatteryReading"),
        ("adapter_health/faults/bus.py", "from ...bluez.models import BusFault"),
        ("supervisor/supervisor.py", "from ..storage.adapters import AdapterStore"),
        ("storage/adapters.py", "from homeassistant.core import callback"),
        ("sensor.py", "from .entity import RenogyBatteryEntity"),
        ("__init__.py", "from .services import async_setup_services"),
    ],
)
def test_right_imports_are_let_pass(module: str, source: str) -> None:
    """What is in the same room or named in its row is let pass."""
    assert _refused(module, source) == set()
