# SPDX-License-Identifier: Apache-2.0
"""What of the quality scale can be checked by looking at the code, the texts and the documents."""

import ast
from collections.abc import Callable, Iterator, Mapping
from functools import cache
import json
import re
import tomllib
from typing import Any, Final

from tests.repository import INTEGRATION, ROOT

PLATFORMS: Final = ("binary_sensor", "button", "event", "sensor", "switch")
# What Home Assistant hands an entry to after it was set up.
OF_LOADED_ENTRIES: Final = (*PLATFORMS, "__init__", "diagnostics")
ERRORS: Final = {
    *("HomeAssistantError", "ServiceValidationError", "UpdateFailed"),
    *("ConfigEntryNotReady", "ConfigEntryError", "ConfigEntryAuthFailed"),
}


@cache
def _tree(path: str) -> ast.Module:
    return ast.parse((INTEGRATION / path).read_text(encoding="utf-8"))


def _all_trees() -> Iterator[ast.Module]:
    for path in sorted(INTEGRATION.rglob("*.py")):
        yield _tree(str(path.relative_to(INTEGRATION)))


def _functions(path: str) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    return {
        node.name: node
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def _text(path: str) -> str:
    return (INTEGRATION / path).read_text(encoding="utf-8")


def _english() -> dict[str, Any]:
    texts: dict[str, Any] = json.loads(_text("translations/en.json"))
    return texts


def _manifest() -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(_text("manifest.json"))
    return manifest


def _headings() -> str:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return "\n".join(re.findall(r"^#+ (.+)$", readme, re.MULTILINE))


def _are_entries_typed() -> bool:
    """Tell whether whoever gets a bank that is set up says of which type it is."""
    return all(
        ast.unparse(argument.annotation) == "RenogyConfigEntry"
        for module in OF_LOADED_ENTRIES
        for name, function in _functions(f"{module}.py").items()
        if name.startswith("async_") and name != "async_migrate_entry"
        for argument in function.args.args
        if argument.arg == "entry" and argument.annotation is not None
    )


def _is_typing_strict() -> bool:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return settings["tool"]["mypy"]["strict"] is True and _are_entries_typed()


def _are_exceptions_translated() -> bool:
    """Tell whether each error that people may see has a text in their language."""
    found = [
        {keyword.arg for keyword in node.keywords}
        for tree in _all_trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ERRORS
    ]
    return len(found) >= 10 and all(
        {"translation_domain", "translation_key"} <= each for each in found
    )


def _forms() -> Iterator[Mapping[str, Any]]:
    """Yield the texts of all forms and of their sections."""
    english = _english()
    flows = [english["config"], english["options"]]
    flows += english["config_subentries"].values()
    for flow in flows:
        for step in flow["step"].values():
            yield step
            yield from step.get("sections", {}).values()


def _are_fields_described() -> bool:
    return all(
        form.get("data", {}).keys() == form.get("data_description", {}).keys()
        for form in _forms()
    )


def _has_parallel_updates() -> bool:
    return all(
        re.search(r"^PARALLEL_UPDATES = [01]$", _text(f"{platform}.py"), re.MULTILINE)
        for platform in PLATFORMS
    )


def _is_runtime_data_used() -> bool:
    code = "".join(ast.unparse(tree) for tree in _all_trees())
    return "entry.runtime_data = " in code and "hass.data[DOMAIN]" not in code


def _is_covered() -> bool:
    """Tell whether less than the 95 % of the rule fails the tests."""
    (least,) = re.findall(
        r"LEAST_COVERAGE=(\d+)", (ROOT / "scripts" / "test").read_text(encoding="utf-8")
    )
    return int(least) >= 95


def _are_actions_set_up_without_a_bank() -> bool:
    function = _functions("__init__.py")["async_setup"]
    return "async_setup_services(hass)" in ast.unparse(function)


def _do_entities_have_names_of_their_own() -> bool:
    return all(
        any(
            isinstance(node, ast.Assign)
            and ast.unparse(node) == "_attr_has_entity_name = True"
            for node in each.body
        )
        for each in _tree("entity.py").body
        if isinstance(each, ast.ClassDef)
        and any(ast.unparse(base) == "Entity" for base in each.bases)
    )


def _documents(*headings: str) -> Callable[[], bool]:
    return lambda: all(heading in _headings() for heading in headings)


def _defines(path: str, *names: str) -> Callable[[], bool]:
    return lambda: all(name in _functions(path) for name in names)


CHECKS: Final[Mapping[str, Callable[[], bool]]] = {
    "action-setup": _are_actions_set_up_without_a_bank,
    "brands": lambda: (INTEGRATION / "brand" / "icon.png").is_file(),
    "common-modules": lambda: all(
        (INTEGRATION / name).is_file() for name in ("coordinator.py", "entity.py")
    ),
    "config-entry-unloading": _defines("__init__.py", "async_unload_entry"),
    "config-flow": _are_fields_described,
    "dependency-transparency": lambda: not _manifest()["requirements"],
    "diagnostics": _defines(
        "diagnostics.py",
        "async_get_config_entry_diagnostics",
        "async_get_device_diagnostics",
    ),
    "discovery": lambda: len(_manifest()["bluetooth"]) > 0,
    "docs-actions": _documents("Actions"),
    "docs-data-update": _documents("Data updates"),
    "docs-examples": _documents("Examples"),
    "docs-installation-instructions": _documents("Installation"),
    "docs-installation-parameters": _documents("Configuration"),
    "docs-known-limitations": _documents("Known limitations"),
    "docs-removal-instructions": _documents("Removal"),
    "docs-supported-devices": _documents("Supported devices"),
    "docs-supported-functions": _documents("Entities"),
    "docs-troubleshooting": _documents("Troubleshooting"),
    "docs-use-cases": _documents("What you can do with it"),
    "entity-disabled-by-default": lambda: (
        "entity_registry_enabled_default=False" in _text("sensor.py")
    ),
    "exception-translations": _are_exceptions_translated,
    "has-entity-name": _do_entities_have_names_of_their_own,
    "inject-websession": lambda: (
        not any(
            "aiohttp" in ast.unparse(node)
            for tree in _all_trees()
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
        )
    ),
    "integration-owner": lambda: len(_manifest()["codeowners"]) > 0,
    "parallel-updates": _has_parallel_updates,
    "reconfiguration-flow": _defines("flows/subentry.py", "async_step_reconfigure"),
    "repair-issues": _defines("repairs.py", "async_create_fix_flow"),
    "runtime-data": _is_runtime_data_used,
    "stale-devices": _defines("__init__.py", "async_remove_config_entry_device"),
    "strict-typing": _is_typing_strict,
    "test-coverage": _is_covered,
}
"""What shows each of these rules to be kept."""

SHOWN_BY_TESTS: Final[Mapping[str, str]] = {
    "action-exceptions": "tests/test_services.py",
    "appropriate-polling": "tests/test_coordinator.py",
    "async-dependency": "tests/test_architecture.py",
    "config-flow-test-coverage": "tests/test_config_flow.py",
    "devices": "tests/batteries/test_devices.py",
    "docs-configuration-parameters": "tests/repository/test_documentation.py",
    "docs-high-level-description": "tests/repository/test_documentation.py",
    "dynamic-devices": "tests/links/test_rescan.py",
    "entity-category": "tests/test_entities.py",
    "entity-device-class": "tests/test_entities.py",
    "entity-event-setup": "tests/test_entities.py",
    "entity-translations": "tests/test_translations.py",
    "entity-unavailable": "tests/links/test_staleness.py",
    "entity-unique-id": "tests/test_entities.py",
    "icon-translations": "tests/test_translations.py",
    "log-when-unavailable": "tests/test_coordinator.py",
    "test-before-configure": "tests/test_config_flow.py",
    "test-before-setup": "tests/test_init.py",
    "unique-config-entry": "tests/test_config_flow.py",
}
"""Where the others are shown that code alone does not show."""
