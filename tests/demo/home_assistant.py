# SPDX-License-Identifier: Apache-2.0
"""The Home Assistant of the demo: its configuration folder and its process."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
import json
import os
from pathlib import Path
import socket
import sys
from typing import IO, Final

from .errors import DemoError
from .processes import child_process

CHECKOUT: Final = Path(__file__).parents[2]
# bluetoothctl, which bleak asks for BlueZ's version.
_PROGRAMS: Final = CHECKOUT / ".tools" / "bin"
HOST: Final = "127.0.0.1"
INTEGRATION: Final = CHECKOUT / "custom_components" / "renogy_bt"
BLUEPRINTS: Final = CHECKOUT / "blueprints" / "automation" / "renogy_bt"
WITNESS: Final = Path(__file__).parent / "components" / "witness"
LOG_FILE: Final = "home-assistant.out"
_LOG_TAIL_LINES: Final = 20

# The browser on this host needs no log-in; `bluetooth` finds the adapter by itself.
_CONFIGURATION: Final = """\
homeassistant:
  name: Demo
  country: NL
  currency: EUR
  time_zone: Europe/Amsterdam
  unit_system: metric
  auth_providers:
    - type: trusted_networks
      trusted_networks:
        - 127.0.0.0/8
      allow_bypass_login: true
    - type: homeassistant
automation: !include automations.yaml
bluetooth:
config:
diagnostics:
energy:
frontend:
history:
logbook:
recorder:
  commit_interval: 1
repairs:
system_health:
logger:
  default: warning
  logs:
    custom_components: info
"""

# Only the owner is still to be made; the other steps would look for services on the internet.
_ONBOARDING_STORE: Final = {
    "version": 4,
    "key": "onboarding",
    "data": {"done": ["core_config", "analytics", "integration"]},
}


def write_configuration(
    folder: Path,
    port: int,
    *,
    components: Iterable[Path] = (INTEGRATION,),
    configuration: str = "",
) -> None:
    """Prepare a configuration folder; one that exists keeps what it holds.

    `components` are linked into it as custom integrations, `configuration` is more YAML. The blueprints are there,
    and automations that somebody makes in the browser run.

    The port is set in Home Assistant's own store: `http:` in YAML is on trial for five minutes,
    after which Home Assistant goes back to its default and restarts.
    """
    storage = folder / ".storage"
    storage.mkdir(parents=True, exist_ok=True)
    (folder / "configuration.yaml").write_text(_CONFIGURATION + configuration)
    automations = folder / "automations.yaml"
    if not automations.exists():
        automations.write_text("[]\n")
    # Home Assistant does not look into a folder that is a link.
    for blueprint in BLUEPRINTS.glob("*.yaml"):
        _link(
            folder / "blueprints" / "automation" / "renogy_bt" / blueprint.name,
            blueprint,
        )
    (storage / "http").write_text(json.dumps(_http_store(port)))
    onboarding = storage / "onboarding"
    if not onboarding.exists():
        onboarding.write_text(json.dumps(_ONBOARDING_STORE))
    for component in components:
        _link(folder / "custom_components" / component.name, component)


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink():
        link.unlink()
    elif link.exists():
        raise DemoError(f"{link} is not the demo's: remove it or choose another folder")
    link.symlink_to(target)


def witness_configuration(address: str) -> str:
    """Return the YAML of a second scanner that hears a link without being able to connect."""
    return f"witness:\n  address: {address}\n  name: BT-TH\n"


def _http_store(port: int) -> dict[str, object]:
    return {
        "version": 2,
        "minor_version": 2,
        "key": "http",
        "data": {
            "stable": {
                "server_port": port,
                "server_host": [HOST],
                "cors_allowed_origins": [],
                "login_attempts_threshold": -1,
                "ip_ban_enabled": False,
                "ssl_profile": "modern",
                "use_x_frame_options": True,
                "created_at": "2026-01-01T00:00:00+00:00",
                "error": None,
                "error_message": None,
            },
            "pending": None,
            "yaml_migration_done": True,
        },
    }


def choose_port(wanted: int | None) -> int:
    """Return the wanted port, or any free one, after making sure that it can be used.

    Raises:
        DemoError: Something else listens on the wanted port.

    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted or 0))
        except OSError as err:
            raise DemoError(
                f"Port {wanted} of {HOST} cannot be used ({err.strerror}): choose another with --port"
            ) from err
        port: int = probe.getsockname()[1]
    return port


@asynccontextmanager
async def run_home_assistant(
    folder: Path, bus_address: str
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run `hass` on the configuration folder; its output goes to a file there."""
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["DBUS_SYSTEM_BUS_ADDRESS"] = bus_address
    environment["PATH"] = os.pathsep.join([str(_PROGRAMS), os.environ["PATH"]])
    with (folder / LOG_FILE).open("wb") as output:
        async with child_process(
            "Home Assistant",
            _hass_command(folder),
            environment=environment,
            # Elsewhere Python would find the custom components of the checkout first.
            folder=folder,
            stdout=output,
            stderr=output,
        ) as process:
            yield process


def _hass_command(folder: Path) -> list[str]:
    return [sys.executable, "-m", "homeassistant", "-c", str(folder), "--skip-pip"]


def log_tail(folder: Path) -> str:
    """Return the last lines of Home Assistant's output."""
    with (folder / LOG_FILE).open(errors="replace") as output:
        return "".join(_last_lines(output))


def _last_lines(output: IO[str]) -> list[str]:
    return output.readlines()[-_LOG_TAIL_LINES:]
