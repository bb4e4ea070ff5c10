"""The demo's dashboard: the one that the documentation offers."""

from typing import Final

from homeassistant.util.yaml import load_yaml_dict

from .client import HomeAssistantClient
from .home_assistant import CHECKOUT

DASHBOARD: Final = CHECKOUT / "docs" / "dashboard.yaml"
_URL_PATH: Final = "battery-bank"


async def save_dashboard(client: HomeAssistantClient) -> None:
    """Make `docs/dashboard.yaml` the dashboard that a browser opens first."""
    config = load_yaml_dict(str(DASHBOARD))
    dashboards = await client.command("lovelace/dashboards/list")
    if not any(dashboard["url_path"] == _URL_PATH for dashboard in dashboards):
        await client.command(
            "lovelace/dashboards/create",
            url_path=_URL_PATH,
            title=config["title"],
            icon="mdi:home-battery",
        )
    await client.command("lovelace/config/save", url_path=_URL_PATH, config=config)
    await client.command(
        "frontend/set_system_data", key="core", value={"default_panel": _URL_PATH}
    )
