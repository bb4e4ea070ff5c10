# SPDX-License-Identifier: Apache-2.0
"""The pictures: where each is found, when it is complete, and how it is framed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from playwright.async_api import Page

from tests.demo.check import battery_identifier
from tests.demo.client import HomeAssistantClient
from tests.demo.errors import DemoError
from tests.demo.flows import DOMAIN

FAULT: Final = "discovery-stuck"
_BATTERY: Final = battery_identifier("6C:B2:FD:A1:B2:C3", 48)


async def _nothing(_: Page) -> None:
    """Leave the page as it is."""


async def _show_yesterday(page: Page) -> None:
    """Go back one day, to a complete one."""
    await page.get_by_label("Previous").first.click()
    # Away from the button, which would show that the pointer is over it.
    await page.mouse.move(0, 0)


async def _open_notice(page: Page) -> None:
    """Open the repair notice of the integration."""
    await page.get_by_text("hears nothing").first.click()


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture.

    It is complete when the texts are to be seen. `size` is that of the window, width and height
    in pixels; `prepare` is done to the page before.
    """

    name: str
    path: Callable[[HomeAssistantClient], Awaitable[str]]
    size: tuple[int, int]
    texts: tuple[str, ...]
    prepare: Callable[[Page], Awaitable[None]] = _nothing


def _at(path: str) -> Callable[[HomeAssistantClient], Awaitable[str]]:
    async def fixed(_: HomeAssistantClient) -> str:
        return path

    return fixed


async def _battery_page(client: HomeAssistantClient) -> str:
    for device in await client.command("config/device_registry/list"):
        if [DOMAIN, _BATTERY] in device["identifiers"]:
            return f"/config/devices/device/{device['id']}"
    raise DemoError(f"The demo has no battery {_BATTERY}")


HEALTHY: Final = (
    Picture(
        name="dashboard",
        path=_at("/battery-bank"),
        size=(1280, 1560),
        texts=("Batteries", "Details", "Working"),
    ),
    Picture(
        name="battery",
        path=_battery_page,
        size=(1200, 1400),
        texts=("Sensors", "State of charge", "Diagnostic"),
    ),
    Picture(
        name="energy",
        path=_at("/energy/overview"),
        size=(1000, 860),
        texts=("Energy distribution",),
        prepare=_show_yesterday,
    ),
    Picture(
        name="integration",
        path=_at(f"/config/integrations/integration/{DOMAIN}"),
        size=(1000, 1080),
        texts=("Renogy Bluetooth batteries", "RBT50LFP48S 4"),
    ),
)
FAULTY: Final = (
    Picture(
        name="repair",
        path=_at("/config/repairs"),
        size=(900, 640),
        texts=("Repairs",),
        prepare=_open_notice,
    ),
)
