# SPDX-License-Identifier: Apache-2.0
"""The demo's dashboard: the one that the integration makes."""

from typing import Final

from .client import HomeAssistantClient

_URL_PATH: Final = "battery-bank"


async def save_dashboard(client: HomeAssistantClient) -> None:
    """Make what `create_dashboard` returns the dashboard that a browser opens first."""
    answer = await client.command(
        "call_service",
        domain="renogy_bt",
        service="create_dashboard",
        return_response=True,
    )
    config = answer["response"]
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
