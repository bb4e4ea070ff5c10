"""Tests of what may import what: the device library knows nothing of Home Assistant."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

INTEGRATION = Path(__file__).parents[1] / "custom_components" / "renogy_bt"
PACKAGE = "custom_components.renogy_bt"

# The packages that are free of Home Assistant, and of each other but for what is named.
LIBRARIES = {
    "renogy": frozenset(),
    "bank": frozenset({"renogy"}),
    "bluetooth_health": frozenset(),
}
# The supervisor joins bluetooth_health to Home Assistant; nothing else there knows of it.
SUPERVISOR = "supervisor"

MODULES = [
    module
    for library in LIBRARIES
    for module in sorted((INTEGRATION / library).rglob("*.py"))
    if not module.name.startswith(SUPERVISOR)
]


def _imports(module: Path) -> Iterator[str]:
    """Yield the full names of everything that a module imports."""
    package = [*PACKAGE.split("."), *module.relative_to(INTEGRATION).parent.parts]
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            prefix = ".".join([*base, *filter(None, [node.module])])
            yield from (f"{prefix}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(
    "module", MODULES, ids=lambda module: str(module.relative_to(INTEGRATION))
)
def test_libraries_are_free_of_home_assistant(module: Path) -> None:
    """No module of the three packages imports Home Assistant or the integration's side of it."""
    library = module.relative_to(INTEGRATION).parts[0]
    allowed = {library, *LIBRARIES[library]}
    for name in _imports(module):
        assert name.split(".")[0] != "homeassistant", name
        if name.startswith(f"{PACKAGE}."):
            assert name.split(".")[2] in allowed, name
            assert not name.split(".")[3].startswith(SUPERVISOR), name


def test_imports_are_found() -> None:
    """The walk sees absolute, relative and parent imports for what they are."""
    found = set(_imports(INTEGRATION / "renogy" / "link.py"))
    assert "asyncio" in found
    assert f"{PACKAGE}.renogy.probe.probe" in found
    assert f"{PACKAGE}.renogy.models.BatteryReading" in set(
        _imports(INTEGRATION / "bank" / "summary.py")
    )


def test_there_is_something_to_check() -> None:
    """The libraries are where they are looked for."""
    assert {module.relative_to(INTEGRATION).parts[0] for module in MODULES} >= {
        "renogy",
        "bank",
    }
