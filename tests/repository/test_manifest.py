# SPDX-License-Identifier: Apache-2.0
"""The manifest is one that hassfest takes, and agrees with the rest of the repository."""

import ast
from collections.abc import Iterator
import json
import re
from typing import Any

from awesomeversion import AwesomeVersion, AwesomeVersionStrategy
import probatio

from custom_components.renogy_bt.const import DOCUMENTATION_URL, DOMAIN
from homeassistant.const import BASE_PLATFORMS
from tests.repository import INTEGRATION, ROOT

MANIFEST: dict[str, Any] = json.loads(
    (INTEGRATION / "manifest.json").read_text(encoding="utf-8")
)
# What integrations may use without depending on it, as far as this one does.
FREE_TO_USE = {"diagnostics", "repairs", "system_health", *BASE_PLATFORMS}


def _local_name(value: str) -> str:
    """Refuse a pattern that is too wide to look devices up by their first letters."""
    if set("*?[") & set(value[:3]):
        raise probatio.Invalid("a wildcard in the first three characters")
    return value


def _version(value: str) -> str:
    version = AwesomeVersion(value)
    if version.strategy is not AwesomeVersionStrategy.SEMVER:
        raise probatio.Invalid("not a semantic version")
    return value


def _custom_documentation(value: str) -> str:
    if not value.startswith("https://") or "home-assistant.io" in value:
        raise probatio.Invalid("not the address of a custom integration")
    return value


SCHEMA = probatio.Schema(
    {
        probatio.Required("domain"): DOMAIN,
        probatio.Required("name"): str,
        probatio.Required("bluetooth"): [
            {
                probatio.Required("connectable"): bool,
                probatio.Required("local_name"): probatio.All(str, _local_name),
            },
            {
                probatio.Required("connectable"): bool,
                probatio.Required("service_uuid"): probatio.Match(
                    r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
                ),
            },
            {
                probatio.Required("connectable"): bool,
                probatio.Required("manufacturer_id"): probatio.All(
                    int, probatio.Range(0, 0xFFFF)
                ),
                probatio.Required("manufacturer_data_start"): [
                    probatio.All(int, probatio.Range(0, 0xFF))
                ],
            },
        ],
        probatio.Required("codeowners"): [probatio.Match(r"^@[\w-]+$")],
        probatio.Required("config_flow"): True,
        probatio.Required("dependencies"): [str],
        probatio.Required("documentation"): probatio.All(str, _custom_documentation),
        probatio.Required("integration_type"): probatio.In(("device", "hub")),
        probatio.Required("iot_class"): probatio.In(("local_polling", "local_push")),
        probatio.Required("issue_tracker"): probatio.Match(r"^https://"),
        probatio.Required("requirements"): [str],
        probatio.Required("version"): probatio.All(str, _version),
    }
)


def _used_integrations() -> Iterator[str]:
    """Yield the integrations of Home Assistant that the code imports from."""
    prefix = "homeassistant.components"
    for path in INTEGRATION.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or node.module is None:
                continue
            if node.module == prefix:
                yield from (alias.name for alias in node.names)
            elif node.module.startswith(f"{prefix}."):
                yield node.module.removeprefix(f"{prefix}.").split(".")[0]


def test_manifest_has_the_fields_of_a_custom_integration() -> None:
    """Every field has the form that hassfest asks for, and there is no other."""
    SCHEMA(MANIFEST)
    assert INTEGRATION.name == MANIFEST["domain"]


def test_fields_are_in_order() -> None:
    """Domain and name come first, the rest is sorted."""
    domain, name, *rest = MANIFEST
    assert (domain, name) == ("domain", "name")
    assert rest == sorted(rest)


# Address blocks that batteries and dongles were seen with (protocol 1.1).
ADDRESS_BLOCKS = {
    *("60:98:66", "E0:7D:EA", "F8:55:48", "FC:A8:9B", "AC:4D:16", "80:6F:B0"),
    *("C4:D3:6A", "C4:64:E3", "F4:60:77", "F0:F8:F2", "4C:E1:74", "6C:B2:FD"),
}


def test_matchers_are_for_connectable_devices() -> None:
    """What cannot be connected to is no link, and no pattern is given twice."""
    matchers = MANIFEST["bluetooth"]
    assert all(matcher["connectable"] for matcher in matchers)
    assert len({str(matcher) for matcher in matchers}) == len(matchers)


def test_matchers_of_what_tells_no_name() -> None:
    """A device that tells no name wakes the flow by the service, or by its whole address block."""
    services = [each["service_uuid"] for each in _matchers_with("service_uuid")]
    assert services == ["0000ffd0-0000-1000-8000-00805f9b34fb"]
    blocks = {
        bytes(
            (
                *each["manufacturer_id"].to_bytes(2, "little"),
                *each["manufacturer_data_start"],
            )
        )
        for each in _matchers_with("manufacturer_id")
    }
    assert blocks == {bytes.fromhex(each.replace(":", "")) for each in ADDRESS_BLOCKS}


def _matchers_with(key: str) -> list[dict[str, Any]]:
    return [matcher for matcher in MANIFEST["bluetooth"] if key in matcher]


def test_what_is_used_is_depended_on() -> None:
    """The code imports from no integration that need not be set up before it."""
    # bluetooth_adapters stands for bluetooth with everything that provides adapters.
    assert MANIFEST["dependencies"] == ["bluetooth_adapters"]
    assert set(_used_integrations()) <= {"bluetooth"} | FREE_TO_USE


def test_addresses_are_kept_in_one_place() -> None:
    """The code knows the repository by one constant, which is what the manifest says."""
    assert MANIFEST["documentation"] == DOCUMENTATION_URL
    assert MANIFEST["issue_tracker"] == f"{DOCUMENTATION_URL}/issues"
    repository = DOCUMENTATION_URL.removeprefix("https://")
    assert repository.split("/")[1] == MANIFEST["codeowners"][0].removeprefix("@")
    named = [
        path.name
        for path in INTEGRATION.rglob("*.py")
        if repository in path.read_text(encoding="utf-8")
    ]
    assert named == ["const.py"]


def test_version_is_the_newest_of_the_changelog() -> None:
    """The first section with a date is that of the manifest's version."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    dated = re.findall(r"^## \[([^\]]+)\] - ", changelog, re.MULTILINE)
    assert dated[0] == MANIFEST["version"]
