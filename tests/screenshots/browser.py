# SPDX-License-Identifier: Apache-2.0
"""The browser that looks at the demo."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, Page, async_playwright

from tests.demo.client import HomeAssistantClient

from .pictures import Picture

_READY_MILLISECONDS: Final = 180_000
_STILL_SECONDS: Final = 1.5
_STILL_FRAMES: Final = 4
_MOST_FRAMES: Final = 40
# The demo needs no log-in on this host; without the sidebar there is more to see.
_HIDE_SIDEBAR: Final = """localStorage.setItem("dockedSidebar", '"always_hidden"')"""


@asynccontextmanager
async def open_browser(program: Path) -> AsyncGenerator[Browser]:
    """Start Chromium without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program,
            # Its sandbox needs rights that containers and root do not have.
            chromium_sandbox=False,
        )
        try:
            yield browser
        finally:
            await browser.close()


async def take(
    browser: Browser,
    client: HomeAssistantClient,
    url: str,
    picture: Picture,
    folder: Path,
    time_zone: str,
) -> Path:
    """Take a picture of the Home Assistant at `url`; return its file."""
    width, height = picture.size
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        locale="en-GB",
        timezone_id=time_zone,
        reduced_motion="reduce",
        service_workers="block",
    )
    try:
        context.set_default_timeout(_READY_MILLISECONDS)
        await context.add_init_script(_HIDE_SIDEBAR)
        page = await context.new_page()
        await page.goto(f"{url}{await picture.path(client)}")
        for text in picture.texts:
            await page.get_by_text(text, exact=True).first.wait_for()
        await picture.prepare(page)
        file = folder / f"{picture.name}.png"
        file.write_bytes(await _still(page))
    finally:
        await context.close()
    return file


async def _still(page: Page) -> bytes:
    """Return the page once it looks the same for a while; icons and graphs come late."""
    frames: list[bytes] = []
    for _ in range(_MOST_FRAMES):
        frames.append(await page.screenshot())
        if len(frames) >= _STILL_FRAMES and len(set(frames[-_STILL_FRAMES:])) == 1:
            break
        await asyncio.sleep(_STILL_SECONDS)
    return frames[-1]
