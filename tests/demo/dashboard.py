"""The demo's dashboard: the one that the documentation offers."""

from typing import Final

from homeassistant.util.yaml import load_yaml_dict

from .client import HomeAssistantClient
from .home_assistant import CHECKOUT

DASHBOARD: Final = CHECKOUT / "docs" / "dashboard.yaml"


async def save_dashboard(client: HomeAssistantClient) -> None:
    """Make `docs/dashboard.yaml` the dashboard that a browser opens first."""
    await client.command("lovelace/config/save", config=load_yaml_dict(str(DASHBOARD)))
    await client.command(
        "frontend/set_system_data", key="core", value={"default_panel": "lovelace"}
    )
