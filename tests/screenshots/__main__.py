# SPDX-License-Identifier: Apache-2.0
"""Take the pictures of the documentation: `scripts/screenshots --help`."""

import argparse
import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
import os
from pathlib import Path
import sys
import time
from typing import Final
from zoneinfo import ZoneInfo

from playwright.async_api import Error as BrowserError

from tests.demo.client import HomeAssistantClient, open_client
from tests.demo.errors import DemoError
from tests.demo.flows import DOMAIN
from tests.demo.home_assistant import CHECKOUT, HOST, choose_port
from tests.demo.processes import child_process

from .browser import open_browser, take
from .pictures import FAULT, FAULTY, HEALTHY, Picture

IMAGES: Final = CHECKOUT / "docs" / "images"
# The demo begins in the morning, wherever and whenever it is started.
LOCAL_HOUR: Final = 9
_TIME_ZONES: Final = (
    "Pacific/Auckland", "Pacific/Noumea", "Australia/Brisbane", "Asia/Tokyo",
    "Asia/Singapore", "Asia/Bangkok", "Asia/Dhaka", "Asia/Karachi", "Asia/Dubai",
    "Africa/Nairobi", "Africa/Johannesburg", "Africa/Lagos", "Africa/Abidjan",
    "Atlantic/Cape_Verde", "America/Noronha", "America/Sao_Paulo", "America/Puerto_Rico",
    "America/Bogota", "America/Costa_Rica", "America/Phoenix", "Pacific/Pitcairn",
    "Pacific/Gambier", "Pacific/Honolulu", "Pacific/Pago_Pago",
)  # fmt: skip
READY_SECONDS: Final = 240.0
NOTICE_SECONDS: Final = 900.0
_WAIT_SECONDS: Final = 1.0
_READY: Final = "Ready: "


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/screenshots",
        description=(
            "Start the demo and take pictures of it for the documentation; for the repair"
            " notice start it once more, with a Bluetooth adapter that fails."
        ),
    )
    parser.add_argument(
        "pictures",
        nargs="*",
        choices=[*(picture.name for picture in (*HEALTHY, *FAULTY)), []],
        metavar="PICTURE",
        help="what to take: %(choices)s; everything if left out",
    )
    parser.add_argument(
        "--browser", type=Path, required=True, help="the program of Chromium"
    )
    parser.add_argument(
        "--folder", type=Path, default=IMAGES, help="where the pictures go"
    )
    return parser.parse_args()


def _log(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _morning_zone() -> ZoneInfo:
    """Return a time zone where the day is about to begin."""
    now = datetime.now(UTC)
    zones = [ZoneInfo(name) for name in _TIME_ZONES]
    return min(zones, key=lambda zone: abs(now.astimezone(zone).hour - LOCAL_HOUR))


def _posix(zone: ZoneInfo) -> str:
    """Return a time zone for programs that may lack the list of zones."""
    offset = datetime.now(zone).utcoffset()
    assert offset is not None
    # POSIX counts from there to UTC.
    return f"UTC{-offset // timedelta(hours=1):+d}"


@asynccontextmanager
async def _demo(
    zone: ZoneInfo, *arguments: str
) -> AsyncGenerator[tuple[HomeAssistantClient, str]]:
    """Run the demo; return once it is ready to be looked at."""
    port = choose_port(None)
    url = f"http://{HOST}:{port}"
    command = [sys.executable, "-m", "tests.demo", "--port", str(port), *arguments]
    environment = dict(os.environ, TZ=_posix(zone))
    async with child_process(
        "The demo", command, environment=environment, stderr=asyncio.subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        async with asyncio.timeout(READY_SECONDS):
            while line := (await process.stderr.readline()).decode():
                print(line, end="", file=sys.stderr, flush=True)
                if _READY in line:
                    break
            else:
                raise DemoError("The demo has ended, see above")
        rest = asyncio.create_task(_pass_on(process.stderr))
        async with open_client(url) as client:
            await client.log_in()
            yield client, url
        rest.cancel()


async def _pass_on(stream: asyncio.StreamReader) -> None:
    while line := await stream.readline():
        print(line.decode(), end="", file=sys.stderr, flush=True)


async def _wait_for_notice(client: HomeAssistantClient) -> None:
    """Wait for the integration's own notice; ignore what others say of the emulated adapter."""
    _log("Waiting for the repair notice")
    noticed = False
    async with asyncio.timeout(NOTICE_SECONDS):
        while not noticed:
            await asyncio.sleep(_WAIT_SECONDS)
            for issue in (await client.command("repairs/list_issues"))["issues"]:
                noticed |= issue["domain"] == DOMAIN
                if issue["domain"] != DOMAIN and not issue["ignored"]:
                    await client.command(
                        "repairs/ignore_issue",
                        domain=issue["domain"],
                        issue_id=issue["issue_id"],
                        ignore=True,
                    )


async def _take_all(
    arguments: argparse.Namespace, pictures: Iterable[Picture], *switches: str
) -> None:
    """Take those of the pictures that were asked for, of one demo."""
    wanted = [
        picture
        for picture in pictures
        if not arguments.pictures or picture.name in arguments.pictures
    ]
    if not wanted:
        return
    zone = _morning_zone()
    async with (
        _demo(zone, *switches) as (client, url),
        open_browser(arguments.browser) as browser,
    ):
        if switches:
            await _wait_for_notice(client)
        for picture in wanted:
            file = await take(browser, client, url, picture, arguments.folder, zone.key)
            _log(f"{file}: {file.stat().st_size // 1000} kB")


async def _main(arguments: argparse.Namespace) -> None:
    arguments.folder.mkdir(parents=True, exist_ok=True)
    await _take_all(arguments, HEALTHY)
    await _take_all(arguments, FAULTY, "--fault", FAULT)


def main() -> int:
    """Take the pictures and return the exit status."""
    try:
        asyncio.run(_main(_arguments()))
    except DemoError as err:
        print(f"scripts/screenshots: {err}", file=sys.stderr)
        return 1
    except BrowserError as err:
        print(f"scripts/screenshots: the browser: {err}", file=sys.stderr)
        return 1
    except TimeoutError:
        print("scripts/screenshots: the demo took too long", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
