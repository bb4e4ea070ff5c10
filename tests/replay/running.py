# SPDX-License-Identifier: Apache-2.0
"""Runs a world on the real stack, as `scripts/demo --check` does."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
import json
from pathlib import Path
import tempfile
from typing import Any, Final

from tests.demo.check import (
    bank_entity,
    battery_identifier,
    check_document,
    diagnostics_of,
    enable_all_entities,
    entry_ids,
    missing_batteries,
    wait_for_batteries,
)
from tests.demo.client import HomeAssistantClient
from tests.demo.errors import DemoError
from tests.demo.flows import LinkRefused, set_up_links
from tests.demo.home_assistant import log_tail
from tests.demo.running import running

type Json = dict[str, Any]

LIMIT_SECONDS: Final = 240.0
VALUES_WITHIN: Final = 45.0
"""A battery that has no values by then does not get any, s."""
POLLED_WITHIN: Final = 40.0
"""A poll of a link takes 30 s at most, and waits for other links to connect, s."""
_WAIT_SECONDS: Final = 0.2
ATTEMPTS: Final = 2
"""A bank that is just being reloaded shows nothing: once more."""
POLLS: Final = 2
"""The first poll after a start leaves to the second what is read every six hours only."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run shows: the document of `--check`, and why a link was refused, if one was."""

    document: Json | None
    refusal: str | None = None


async def run_world(
    world: Json,
    batteries: Iterable[tuple[str, int]],
    owner_units: dict[str, list[int]],
    log: Callable[[str], None],
) -> Outcome:
    """Run a world until these batteries have values; raises DemoError."""
    with tempfile.TemporaryDirectory(prefix="renogy_bt-replay-") as temporary:
        folder = Path(temporary)
        path = folder / "world.json"
        path.write_text(json.dumps(world), encoding="utf-8")
        configuration = folder / "configuration"
        configuration.mkdir()
        try:
            async with (
                asyncio.timeout(LIMIT_SECONDS),
                running(configuration, world=path, log=log) as (emulator, client, _),
            ):
                units = {
                    link: [*of_link, *owner_units.get(link, ())]
                    for link, of_link in emulator.owner_units.items()
                }
                try:
                    await set_up_links(client, units, log)
                except LinkRefused as refused:
                    return Outcome(None, _reason(refused.reason))
                return Outcome(await _read(client, batteries, log))
        except TimeoutError as error:
            raise DemoError(
                f"The replay did not end within {LIMIT_SECONDS:.0f} s. "
                f"The end of Home Assistant's log:\n{log_tail(configuration)}"
            ) from error


async def _read(
    client: HomeAssistantClient,
    batteries: Iterable[tuple[str, int]],
    log: Callable[[str], None],
) -> Json:
    """Return what is shown when every battery has values, or had the time for it."""
    wanted = list(batteries)
    # What there is of cells and sensors is known after the first reading only.
    await _wait(client, wanted, log)
    await enable_all_entities(client)
    for _ in range(ATTEMPTS):
        await _wait(client, wanted, log)
        for _ in range(POLLS):
            await _poll(client, log)
        shown = await check_document(client, {})
        if await _are_loaded(client) and not await _missing(client, wanted):
            break
    return shown


async def _are_loaded(client: HomeAssistantClient) -> bool:
    """Tell whether no bank is being reloaded, as Home Assistant does 30 s after enabling entities."""
    banks = [
        await diagnostics_of(client, entry_id) for entry_id in await entry_ids(client)
    ]
    return all("links" in bank["data"] for bank in banks)


async def _missing(
    client: HomeAssistantClient, batteries: Iterable[tuple[str, int]]
) -> list[str]:
    return await missing_batteries(
        client, [battery_identifier(*battery) for battery in batteries]
    )


async def _poll(client: HomeAssistantClient, log: Callable[[str], None]) -> None:
    """Poll every link once more, whatever comes of it."""
    before = await _polled_at(client)
    await client.command(
        "call_service",
        domain="homeassistant",
        service="update_entity",
        service_data={"entity_id": await bank_entity(client)},
    )
    try:
        async with asyncio.timeout(POLLED_WITHIN):
            while {*before} & {*await _polled_at(client)}:
                await asyncio.sleep(_WAIT_SECONDS)
    except TimeoutError:
        log("Not every link was polled once more")


async def _polled_at(client: HomeAssistantClient) -> list[object]:
    return [
        link["polled_at"]
        for entry_id in await entry_ids(client)
        for link in (await diagnostics_of(client, entry_id))["data"].get("links", [])
    ]


async def _wait(
    client: HomeAssistantClient,
    batteries: Iterable[tuple[str, int]],
    log: Callable[[str], None],
) -> None:
    try:
        async with asyncio.timeout(VALUES_WITHIN):
            await wait_for_batteries(client, batteries)
    except TimeoutError:
        log("Not every battery has values")


def _reason(reason: object) -> str:
    """Return why a link was refused, as the end of a translation key."""
    return str(reason.get("base")) if isinstance(reason, dict) else str(reason)
