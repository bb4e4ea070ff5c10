# SPDX-License-Identifier: Apache-2.0
"""The names that are taken from other Bluetooth libraries, read out of the product's source.

What the product imports within `try` it can do without; so it can without every attribute
of an object of these libraries that `neighbours.py` uses.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, override

INTEGRATION: Final = Path(__file__).parents[1] / "custom_components" / "renogy_bt"
NEIGHBOURS: Final = INTEGRATION / "supervisor" / "neighbours.py"
LIBRARIES: Final = frozenset(
    {
        *("bleak", "bleak_retry_connector", "bluetooth_adapters"),
        *("bluetooth_auto_recovery", "dbus_fast", "habluetooth"),
    }
)
FACTS: Final = "facts"
"""What a scanner's diagnostics hold by key."""
OBJECTS: Final = frozenset(
    {"scanner", "slots", "allocations", "get_manager()", "manager", "bus", FACTS}
)
"""Objects of these libraries, as `neighbours.py` calls them."""
DOCUMENTED: Final = frozenset({("scanner", "source")})


@dataclass(frozen=True, slots=True)
class Name:
    """A name of another library: of a module's or of an object's."""

    of: str
    name: str

    @override
    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{self.of}.{self.name}"


def is_of_library(module: str | None) -> bool:
    """Return whether a module is one of another Bluetooth library's."""
    return (module or "").partition(".")[0] in LIBRARIES


def imported_names() -> Iterator[Name]:
    """Yield what is imported within `try`, or asked for by its name."""
    for path in sorted(INTEGRATION.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Try():
                    for each in node.body:
                        if isinstance(each, ast.ImportFrom) and is_of_library(
                            each.module
                        ):
                            assert each.module is not None
                            yield from (
                                Name(each.module, alias.name) for alias in each.names
                            )
                case ast.Call(
                    func=ast.Name(id="getattr"),
                    args=[ast.Name(id=module), ast.Constant(value=str(name)), _],
                ) if is_of_library(module):
                    yield Name(module, name)


def attributes() -> Iterator[Name]:
    """Yield what `neighbours.py` uses of objects of these libraries."""
    for node in ast.walk(ast.parse(NEIGHBOURS.read_text(encoding="utf-8"))):
        match node:
            case ast.Attribute(value=ast.Name(id=of), attr=name) if of in OBJECTS:
                yield Name(of, name)
            case ast.Attribute(value=ast.Call(func=ast.Name(id=of)), attr=name) if (
                f"{of}()" in OBJECTS
            ):
                yield Name(f"{of}()", name)
            case ast.Call(
                func=ast.Name(id="moment"), args=[ast.Constant(value=str(key))]
            ):
                yield Name(FACTS, key)


def names() -> list[Name]:
    """Return all of them."""
    found = {*imported_names(), *attributes()}
    return sorted(
        (each for each in found if (each.of, each.name) not in DOCUMENTED), key=str
    )
