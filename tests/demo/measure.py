# SPDX-License-Identifier: Apache-2.0
"""How long a warm poll takes, beside what the emulated line itself needs for it."""

import asyncio
from typing import Final

from .check import diagnostics_of, entry_ids
from .client import HomeAssistantClient, Json
from .emulator import EmulatorProcess

_WAIT_SECONDS: Final = 0.1
# A poll has ended when its disconnect has, which bluetoothd delays by two seconds.
_QUIET_SECONDS: Final = 2.5


async def measure_poll(
    client: HomeAssistantClient, emulator: EmulatorProcess, bank_entity: str
) -> dict[str, float]:
    """Poll once more and return the figures of that poll.

    `poll`: seconds from the moment of connection until the last value was there, as the
    integration took them; `poll_line`: seconds that the lines themselves need for the same
    requests, as the emulated world counts them; both added up over the links, which are read
    side by side. `poll_connect`: seconds that connecting took; `poll_requests`: requests.
    """
    await asyncio.sleep(_QUIET_SECONDS)
    # The first poll after a start leaves to the second what is read every six hours only.
    await _poll(client, bank_entity)
    used = await emulator.line_use()
    after = await _poll(client, bank_entity)
    line = await emulator.line_use()
    connecting = sum(poll["connect_seconds"] for poll in after)
    return {
        "poll": round(sum(poll["seconds"] for poll in after) - connecting, 3),
        "poll_line": round(line.seconds - used.seconds, 3),
        "poll_connect": round(connecting, 3),
        "poll_requests": line.requests - used.requests,
    }


async def _poll(client: HomeAssistantClient, bank_entity: str) -> list[Json]:
    """Poll every link, and return the figures of these polls."""
    before = await _last_polls(client)
    await client.command(
        "call_service",
        domain="homeassistant",
        service="update_entity",
        service_data={"entity_id": bank_entity},
    )
    while not _all_new(before, after := await _last_polls(client)):
        await asyncio.sleep(_WAIT_SECONDS)
    return after


def _all_new(before: list[Json], after: list[Json]) -> bool:
    """Tell whether every link has been polled once more.

    A bank that is just being reloaded has fewer.
    """
    return len(before) == len(after) and all(
        old != new for old, new in zip(before, after, strict=True)
    )


async def _last_polls(client: HomeAssistantClient) -> list[Json]:
    """Return the figures of each link's last poll, from the diagnostics."""
    polls = []
    for entry_id in await entry_ids(client):
        answer = await diagnostics_of(client, entry_id)
        polls += [link["last_poll"] for link in answer["data"].get("links", [])]
    return [poll for poll in polls if poll is not None]
