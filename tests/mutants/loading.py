# SPDX-License-Identifier: Apache-2.0
"""Modules that are imported again as something else than what is written in their files."""

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
import sys
from types import CodeType, ModuleType
from typing import override

type Change = Callable[[ast.Module], None]
"""Changes the tree of a module."""


class _Loader(SourceFileLoader):
    """Loads a module with a change; nothing of that is written anywhere."""

    def __init__(self, spec: ModuleSpec, change: Change) -> None:
        assert spec.origin is not None
        super().__init__(spec.name, spec.origin)
        self._change = change

    @override
    def get_code(self, fullname: str) -> CodeType | None:
        tree = ast.parse(self.get_data(self.path))
        self._change(tree)
        return compile(tree, self.path, "exec")


class _Finder(MetaPathFinder):
    """Finds the modules that are changed."""

    def __init__(self, changes: Mapping[str, Change]) -> None:
        self._changes = changes

    @override
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if (change := self._changes.get(fullname)) is None:
            return None
        spec = PathFinder.find_spec(fullname, path)
        assert spec is not None
        spec.loader = _Loader(spec, change)
        return spec


def load_anew(changes: Mapping[str, Change], packages: Iterable[str]) -> None:
    """Have packages imported again from now on, some of their modules with a change.

    Leaves changed modules behind: to be called in a process of its own.
    """
    for name in [*sys.modules]:
        if any(name == each or name.startswith(f"{each}.") for each in packages):
            _unload(name)
    sys.meta_path.insert(0, _Finder(changes))


def _unload(name: str) -> None:
    """Forget a module, also as a part of its package, from where it is imported too."""
    del sys.modules[name]
    package, _, part = name.rpartition(".")
    if package in sys.modules:
        vars(sys.modules[package]).pop(part, None)
