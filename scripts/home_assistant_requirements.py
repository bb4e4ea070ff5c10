# SPDX-License-Identifier: Apache-2.0
"""Print the Python packages that a complete Home Assistant needs at run time.

Home Assistant installs the requirements of an integration when it first sets that
integration up. Reading the same lists from the manifests beforehand lets it start
with `--skip-pip`, without a download. Run by the interpreter of the environment
that Home Assistant is installed in; prints one requirement a line.
"""

from collections.abc import Iterable, Iterator
import json
from pathlib import Path
import sys
from typing import Any

from homeassistant import bootstrap, components
from homeassistant.const import BASE_PLATFORMS

CUSTOM_COMPONENTS = Path(__file__).resolve().parent.parent / "custom_components"
CORE_COMPONENTS = Path(components.__path__[0])

DASHBOARD_INTEGRATIONS = frozenset(
    {"config", "diagnostics", "energy", "history", "logbook", "recorder", "repairs"}
)
# usb imports code of hassio wherever Home Assistant runs.
BLUETOOTH_INTEGRATIONS = frozenset({"bluetooth", "bluetooth_adapters", "hassio", "usb"})
# Carry the entities to other systems; the tests set them up.
EXPORT_INTEGRATIONS = frozenset({"prometheus"})
# Bluetooth proxies; the tests read batteries through them.
PROXY_INTEGRATIONS = frozenset({"esphome"})
# Pinned to the release of the day, which an index may not have yet: then the one before is taken.
NEWEST_OR_BEFORE = frozenset({"aioesphomeapi"})


def read_manifest(domain: str) -> dict[str, Any]:
    """Return the manifest of a custom or else a core integration."""
    for folder in (CUSTOM_COMPONENTS, CORE_COMPONENTS):
        manifest = folder / domain / "manifest.json"
        if manifest.is_file():
            content: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
            return content
    raise FileNotFoundError(f"no integration named {domain}")


def custom_integrations() -> Iterator[str]:
    """Yield the domains of this repository's own integrations."""
    for manifest in CUSTOM_COMPONENTS.glob("*/manifest.json"):
        yield manifest.parent.name


def with_dependencies(domains: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the manifests of the domains and of all that is set up before them, each once."""
    pending = list(domains)
    seen: set[str] = set()
    while pending:
        domain = pending.pop()
        if domain in seen:
            continue
        seen.add(domain)
        manifest = read_manifest(domain)
        pending += manifest.get("dependencies", [])
        pending += manifest.get("after_dependencies", [])
        yield manifest


def installable(requirement: str) -> str:
    """Return a requirement as it can be installed from any index."""
    name, pinned, release = requirement.partition("==")
    return f"{name}<={release}" if pinned and name in NEWEST_OR_BEFORE else requirement


def main() -> None:
    """Print every requirement of the integrations that a start or a test sets up."""
    roots = {
        *bootstrap.CORE_INTEGRATIONS,
        *bootstrap.DEFAULT_INTEGRATIONS,
        *BASE_PLATFORMS,
        *DASHBOARD_INTEGRATIONS,
        *BLUETOOTH_INTEGRATIONS,
        *EXPORT_INTEGRATIONS,
        *PROXY_INTEGRATIONS,
        *custom_integrations(),
    }
    requirements = {
        installable(requirement)
        for manifest in with_dependencies(roots)
        for requirement in manifest.get("requirements", [])
    }
    sys.stdout.writelines(f"{requirement}\n" for requirement in sorted(requirements))


if __name__ == "__main__":
    main()
