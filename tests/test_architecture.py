# SPDX-License-Identifier: Apache-2.0
"""Tests of what may import what: the rooms of the integration know each other one way only."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
import re

import pytest

from homeassistant.components import bluetooth
from tests.neighbour_names import OBJECTS, is_of_library
from tests.repository.test_documentation import document, rows, section

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
    "dashboard": {"homeassistant", "links", "adapters", "const"},
    "issues": {
        *("homeassistant", "renogy", "bank", "adapter_health", "supervisor", "links"),
        *("storage", "coordinator", "batteries", "adapters", "const"),
    },
    "flows": {"homeassistant", "renogy", "bank", "adapter_health", "links", "const"},
    "entity": {
        *("homeassistant", "renogy", "adapter_health", "supervisor", "links"),
        *("coordinator", "adapters", "const"),
    },
    # What Home Assistant looks for by name
    "binary_sensor": {
        *("homeassistant", "renogy", "bank", "adapter_health", "coordinator"),
        *("links", "batteries", "adapters", "entity"),
    },
    "button": {"homeassistant", "adapter_health", "coordinator", "adapters", "entity"},
    "event": {
        *("homeassistant", "renogy", "storage", "adapter_health", "links", "const"),
        *("coordinator", "batteries", "adapters", "entity"),
    },
    "logbook": {"homeassistant", "const"},
    "recorder": {"homeassistant", "const"},
    "sensor": {
        *("homeassistant", "renogy", "bank", "adapter_health", "links", "coordinator"),
        *("batteries", "adapters", "entity"),
    },
    "switch": {"homeassistant", "coordinator", "entity"},
    "config_flow": {"homeassistant", "bank", "links", "flows", "const"},
    "diagnostics": {"homeassistant", "supervisor", "links", "coordinator", "const"},
    "system_health": {
        *("homeassistant", "supervisor", "links", "coordinator", "issues", "const"),
    },
    "repairs": {
        *("homeassistant", "renogy", "adapter_health", "supervisor", "links"),
        *("adapters", "issues", "flows", "const"),
    },
    "services": {
        *("homeassistant", "renogy", "adapter_health", "supervisor", "batteries"),
        *("adapters", "dashboard", "flows", "diagnostics", "const"),
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


def test_the_table_is_documented() -> None:
    """The table of rooms in the documentation is this one."""
    documented = {
        cells[0].strip("`"): set(re.findall(r"`(\w+)`", cells[2]))
        for cells in rows(section(document("architecture.md"), "Rooms"))
    }
    assert documented == MAY_IMPORT
    assert list(documented) == list(MAY_IMPORT)


def test_the_drawing_shows_the_table() -> None:
    """Every arrow is in the table, and what a room may import can be reached over arrows."""
    text = section(document("architecture.md"), "Rooms")
    arrows = re.findall(r"^    (\w+) --> (\w+)$", text, re.MULTILINE)
    assert all(imported in MAY_IMPORT[room] for room, imported in arrows)
    drawn = {room for arrow in arrows for room in arrow}
    assert drawn >= {_place(module) for module in MODULES if "/" in module}
    reached: dict[str, set[str]] = {}
    for room in filter(drawn.__contains__, MAY_IMPORT):
        direct = {imported for importer, imported in arrows if importer == room}
        reached[room] = direct.union(*(reached[each] for each in direct))
        assert MAY_IMPORT[room] & drawn <= reached[room], room


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


# The names of other Bluetooth libraries that may be used where it is said: they are documented,
# and the device library needs them. All others stand in `neighbours.py`, which can do without.
OPENLY_IMPORTED = {
    "renogy/transport.py": {"bleak", "bleak.exc.BleakError", "bleak_retry_connector"},
    "supervisor/neighbours.py": {"bleak.exc.BleakError", "bleak_retry_connector"},
}
GUARDED = {"bluez/system_bus.py", "supervisor/neighbours.py"}
# What Home Assistant's own documentation has classes call that inherit from its classes.
FOR_HEIRS = {
    *("_abort_if_unique_id_configured", "_get_entry", "_get_reconfigure_subentry"),
    *("_set_confirm_only", "_trigger_event"),
}


def _at_runtime(tree: ast.AST, *, guarded: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield what is imported of other Bluetooth libraries, and whether it is guarded."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                continue
            case ast.Import():
                yield from (
                    (alias.name, guarded)
                    for alias in node.names
                    if is_of_library(alias.name)
                )
            case ast.ImportFrom(module=module) if is_of_library(module):
                yield from ((f"{module}.{alias.name}", guarded) for alias in node.names)
            case ast.Try(handlers=[ast.ExceptHandler(type=ast.Name(id="ImportError"))]):
                yield from _at_runtime(node, guarded=True)
            case _:
                yield from _at_runtime(node, guarded=guarded)


def _undocumented(tree: ast.AST) -> Iterator[str]:
    """Yield what is taken from Home Assistant's Bluetooth beyond what it promises."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="homeassistant.components.bluetooth"):
                names = [alias.name for alias in node.names]
            case ast.Attribute(value=ast.Name(id="bluetooth"), attr=name):
                names = [name]
            case ast.ImportFrom(module=str(module)) if module.startswith(
                "homeassistant.components.bluetooth."
            ):
                yield module
                continue
            case _:
                continue
        yield from (name for name in names if name not in bluetooth.__all__)


def _private(tree: ast.AST) -> Iterator[str]:
    """Yield the private attributes of others."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_private(node.attr):
            owner = ast.unparse(node.value)
            if owner not in ("self", "cls", "super()"):
                yield f"{owner}.{node.attr}"
            elif node.attr not in _own_private() | FOR_HEIRS:
                yield node.attr


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


@cache
def _own_private() -> frozenset[str]:
    """Return the private names that the product gives itself."""
    names: set[str] = set()
    for module in MODULES:
        for node in ast.walk(_tree(module)):
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    names.add(name)
                case ast.Attribute(attr=name, ctx=ast.Store()):
                    names.add(name)
                case ast.Name(id=name, ctx=ast.Store()):
                    names.add(name)
    return frozenset(filter(_is_private, names))


def _tree(module: str) -> ast.Module:
    return ast.parse((INTEGRATION / module).read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", MODULES)
def test_less_public_names_stand_in_one_file(module: str) -> None:
    """Only what cannot be done without is imported of other Bluetooth libraries elsewhere."""
    for name, guarded in _at_runtime(_tree(module)):
        assert guarded or name in OPENLY_IMPORTED.get(module, ()), name
        assert not guarded or module in GUARDED, name
    assert list(_undocumented(_tree(module))) == []


@pytest.mark.parametrize("module", MODULES)
def test_nobody_touches_what_is_private_to_others(module: str) -> None:
    """Private attributes are those of the class itself."""
    if module != "supervisor/neighbours.py":
        assert list(_private(_tree(module))) == []


@pytest.mark.parametrize(
    "source",
    [
        "from habluetooth import get_manager",
        "def late():\n    from bleak_retry_connector import clear_cache",
        "import dbus_fast.auth",
        "if True:\n    import bluetooth_auto_recovery",
    ],
)
def test_open_imports_are_found(source: str) -> None:
    """An import that is not guarded is found wherever it stands."""
    ((_, guarded),) = _at_runtime(ast.parse(source))
    assert not guarded


def test_imports_that_cannot_fail_are_let_pass() -> None:
    """What is guarded, or for the type checker only, does no harm."""
    source = "if TYPE_CHECKING:\n    from bleak.backends.device import BLEDevice"
    assert list(_at_runtime(ast.parse(source))) == []
    source = (
        "try:\n    from habluetooth import get_manager\nexcept ImportError:\n    pass"
    )
    assert list(_at_runtime(ast.parse(source))) == [("habluetooth.get_manager", True)]


@pytest.mark.parametrize(
    "source",
    [
        "from homeassistant.components.bluetooth import HaScanner",
        "from homeassistant.components.bluetooth.api import _get_manager",
        "bluetooth._get_manager(hass)",
    ],
)
def test_undocumented_names_of_bluetooth_are_found(source: str) -> None:
    """What is not in its `__all__` Home Assistant's Bluetooth may change at any time."""
    assert list(_undocumented(ast.parse(source)))


@pytest.mark.parametrize(
    "source", ["manager._bus", "self.watch._known", "self._shutdown_requested"]
)
def test_what_is_private_to_others_is_found(source: str) -> None:
    """Also what a class has inherited from somebody else's."""
    assert list(_private(ast.parse(source)))


def test_every_name_of_a_neighbour_is_known() -> None:
    """What the tests take away is everything that `neighbours.py` uses of others' objects."""
    own = {"asyncio", "logging", "_LOGGER", "Part", "self", "mode", "system_bus"}
    own |= {"ConnectFailure", "error", "causes", "known"}
    strangers = {
        owner
        for node in ast.walk(_tree("supervisor/neighbours.py"))
        if isinstance(node, ast.Attribute)
        and (owner := ast.unparse(node.value)) not in own | OBJECTS
    }
    assert strangers == {"_lost", "address"}
