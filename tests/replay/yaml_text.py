# SPDX-License-Identifier: Apache-2.0
"""Reads what Home Assistant shows of an action's response: YAML of plain data, and no more."""

import re
from typing import Any, Final, override

import yaml  # type: ignore[import-untyped]

from .errors import ReplayError

MAX_BYTES: Final = 600_000
"""Reading YAML takes long."""

_SCALARS: Final = (
    ("null", r"null|~|"),
    ("bool", r"true|false"),
    ("int", r"-?(?:0|[1-9][0-9]*)"),
    ("float", r"-?(?:0|[1-9][0-9]*)\.[0-9]*(?:e[-+]?[0-9]+)?"),
)
"""What is no text, the most special first; YAML 1.1 takes some addresses for numbers.

Whoever writes YAML gives a number with an exponent its point: without one it is bytes.
"""


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Knows mappings, lists and the scalars of JSON; nothing may stand for something else."""

    yaml_implicit_resolvers: dict[Any, Any] = {}

    @override
    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise ReplayError("not usable: it has aliases")
        return super().compose_node(parent, index)

    @override
    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        made: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        if len(made) != len(node.value):
            raise ReplayError("not usable: a key is given twice in one object")
        return {str(key): value for key, value in made.items()}


for _name, _pattern in _SCALARS:
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_name}", re.compile(f"(?:{_pattern})$"), None
    )


def read_yaml(text: str) -> Any:
    """Return what a text says; raises ReplayError."""
    if len(text) > MAX_BYTES:
        raise ReplayError(f"as YAML, it must have at most {MAX_BYTES} characters")
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        reason = str(error).replace("\n", " ")
        raise ReplayError(f"neither JSON nor YAML: {reason:.200}") from error
