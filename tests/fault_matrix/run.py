"""One case of the matrix: a world, a Home Assistant on it, a fault, and what becomes of it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
import json
from pathlib import Path
import tempfile
import time
from typing import Final

from tests.demo.check import entry_ids, read_parts, wait_for_batteries
from tests.demo.client import HomeAssistantClient, Json, open_client, wait_for_port
from tests.demo.emulator import DEFAULT_WORLD, EmulatorProcess, run_emulator
from tests.demo.errors import DemoError
from tests.demo.flows import DOMAIN, confirm_adapters, set_up_links
from tests.demo.home_assistant import (
    HOST,
    INTEGRATION,
    WITNESS,
    choose_port,
    run_home_assistant,
    witness_configuration,
    write_configuration,
)

from .cases import Case, ScanMode
from .return_of_reads import LASTING, ReturnOfReads

WATCHED_FOR: Final = 600.0
_SAMPLE_SECONDS: Final = 0.5
_START_SECONDS: Final = 120.0
_COMPONENTS: Final = Path(__file__).parent / "components"
_OPTIONS_FLOW: Final = "/api/config/config_entries/options/flow"
_BEFORE_WINDOW: Final = 60.0
_RESTART_SECONDS: Final = 90.0
_BATTERIES: Final = 4


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a fault.

    `seconds` until the batteries were read again for good, None where that took over ten minutes;
    `issue_seconds` until the user was told, None where that was not needed.
    """

    seconds: float | None
    issue_seconds: float | None = None
    steps: tuple[str, ...] = ()
    issues: tuple[str, ...] = ()


class Trial:
    """One case in one Home Assistant, with the integration or without."""

    def __init__(self, case: Case, *, with_integration: bool) -> None:
        """Prepare; nothing runs yet."""
        self._case = case
        self._with_integration = with_integration

    async def run(self) -> Outcome:
        """Set up, let the fault begin, and watch what becomes of it."""
        with tempfile.TemporaryDirectory(prefix="renogy_bt-faults-") as temporary:
            folder = Path(temporary)
            world = folder / "world.json"
            world.write_text(json.dumps(self._case.world_data(DEFAULT_WORLD)))
            async with run_emulator(world, self._case.switches) as emulator:
                async with self._home_assistant(folder, emulator) as client:
                    await self._set_up(client, emulator)
                    if self._case.window is not None:
                        began = await self._kill_scanner(
                            client, emulator, self._case.window
                        )
                        return await self._watch(client, emulator, began)
                    if not self._case.at_start:
                        began = datetime.now(UTC)
                        await emulator.begin_late_faults()
                        return await self._watch(client, emulator, began)
                began = datetime.now(UTC)
                await emulator.begin_late_faults()
                async with self._home_assistant(folder, emulator) as client:
                    return await self._watch(client, emulator, began)

    @staticmethod
    async def _kill_scanner(
        client: HomeAssistantClient, emulator: EmulatorProcess, window: float
    ) -> datetime:
        """Have the scan restarted in an active window; return when the window has ended."""
        before = await _scan_started(client)
        await emulator.begin_late_faults()
        await asyncio.sleep(_BEFORE_WINDOW)
        opened = time.monotonic()
        await client.post("/api/services/active_window/open", {"seconds": window})
        async with asyncio.timeout(_RESTART_SECONDS):
            while await _scan_started(client) == before:
                await asyncio.sleep(_SAMPLE_SECONDS)
        await emulator.clear_faults()
        await asyncio.sleep(opened + window - time.monotonic())
        return datetime.now(UTC)

    @asynccontextmanager
    async def _home_assistant(
        self, folder: Path, emulator: EmulatorProcess
    ) -> AsyncGenerator[HomeAssistantClient]:
        port = choose_port(None)
        configuration = folder / "configuration"
        components = []
        yaml = ""
        if self._with_integration:
            components.append(INTEGRATION)
        else:
            components.append(_COMPONENTS / "plain_poller")
            yaml += f"plain_poller:\n  address: {emulator.link_addresses[0]}\n"
        if self._case.window is not None:
            components.append(_COMPONENTS / "active_window")
            yaml += "active_window:\n"
        if self._case.witness:
            components.append(WITNESS)
            yaml += witness_configuration(emulator.link_addresses[0])
        write_configuration(
            configuration, port, components=components, configuration=yaml
        )
        async with (
            run_home_assistant(configuration, emulator.bus_address),
            open_client(f"http://{HOST}:{port}") as client,
        ):
            await wait_for_port(HOST, port)
            await client.log_in()
            yield client

    async def _set_up(
        self, client: HomeAssistantClient, emulator: EmulatorProcess
    ) -> None:
        await client.wait_until_running()
        async with asyncio.timeout(_START_SECONDS):
            await _choose_mode(client, self._case.mode)
            if self._with_integration:
                await set_up_links(client, emulator.owner_units, _no_log)
                await wait_for_batteries(client, emulator.batteries)
            else:
                while await self._last_read(client) is None:
                    await confirm_adapters(client)
                    await asyncio.sleep(_SAMPLE_SECONDS)
        await asyncio.sleep(self._case.known_for)

    async def _watch(
        self, client: HomeAssistantClient, emulator: EmulatorProcess, began: datetime
    ) -> Outcome:
        case, start = self._case, time.monotonic()
        issues: list[str] = []
        issue_seconds: float | None = None
        returned = None if case.lasts is not None else ReturnOfReads(began)
        limit = max(WATCHED_FOR, case.limit) + (case.lasts or 0) + LASTING.seconds
        while (elapsed := time.monotonic() - start) < limit:
            if returned is None and case.lasts is not None and elapsed >= case.lasts:
                await emulator.clear_faults()
                returned = ReturnOfReads(datetime.now(UTC))
            issues += [i for i in await _issues(client) if i not in issues]
            if issues and issue_seconds is None:
                issue_seconds = round(elapsed, 1)
            if returned is not None:
                returned.note(await self._last_read(client))
                if returned.seconds is not None:
                    break
            await asyncio.sleep(_SAMPLE_SECONDS)
        seconds = returned.seconds if returned is not None else None
        return Outcome(
            seconds=None if seconds is None else round(seconds, 1),
            issue_seconds=issue_seconds,
            steps=await _steps(client) if self._with_integration else (),
            issues=tuple(issues),
        )

    async def _last_read(self, client: HomeAssistantClient) -> datetime | None:
        """Return when every battery had last been read."""
        if not self._with_integration:
            for state in await client.command("get_states"):
                if state["entity_id"] == "plain_poller.read":
                    return datetime.fromisoformat(state["state"])
            return None
        reads = [
            str(part.entities["last_read"])
            for part in await read_parts(client)
            if part.entities.get("last_read") is not None
        ]
        if len(reads) < _BATTERIES:
            return None
        return min(datetime.fromisoformat(read) for read in reads)


def _no_log(text: str) -> None:
    """Say nothing: many trials run at the same time."""


async def _choose_mode(client: HomeAssistantClient, mode: ScanMode) -> None:
    """Set the scanning mode of every adapter, through its options flow."""
    while not (entries := await _adapter_entries(client)):
        await confirm_adapters(client)
        await asyncio.sleep(_SAMPLE_SECONDS)
    if mode is ScanMode.AUTO:
        return
    for entry in entries:
        flow = await client.post(_OPTIONS_FLOW, {"handler": entry["entry_id"]})
        answer = await client.post(f"{_OPTIONS_FLOW}/{flow['flow_id']}", {"mode": mode})
        if answer["type"] != "create_entry":
            raise DemoError(f"The scanning mode cannot be set: {answer}")


async def _adapter_entries(client: HomeAssistantClient) -> list[Json]:
    entries = await client.get("/api/config/config_entries/entry?domain=bluetooth")
    return [entry for entry in entries if entry["source"] != "ignore"]


async def _scan_started(client: HomeAssistantClient) -> str:
    """Return when the scan that runs was started."""
    for state in await client.command("get_states"):
        if state["entity_id"] == "active_window.scan_started":
            return str(state["state"])
    raise DemoError("Nothing tells when the scan was started")


async def _issues(client: HomeAssistantClient) -> list[str]:
    answer = await client.command("repairs/list_issues")
    return [
        issue["translation_key"]
        for issue in answer["issues"]
        if issue["domain"] == DOMAIN
    ]


async def _steps(client: HomeAssistantClient) -> tuple[str, ...]:
    """Return the recovery steps that were taken, oldest first."""
    steps: list[str] = []
    for entry_id in await entry_ids(client):
        answer = await client.get(f"/api/diagnostics/config_entry/{entry_id}")
        for adapter in answer["data"]["bluetooth_health"]["adapters"]:
            records = adapter["history"]["records"]
            steps += [record["rung"] for record in records if "rung" in record]
    return tuple(steps)
