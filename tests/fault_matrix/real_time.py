# SPDX-License-Identifier: Apache-2.0
"""One case of the matrix in real time: a world, a Home Assistant on it, and a fault."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
import json
from pathlib import Path
import tempfile
from typing import Final

from homeassistant.util import dt as dt_util
from tests.demo.check import (
    enable_all_entities,
    entry_ids,
    read_parts,
    wait_for_batteries,
)
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
from .trial import Outcome, strike, watch

_SAMPLE_SECONDS: Final = 0.5
_START_SECONDS: Final = 120.0
_COMPONENTS: Final = Path(__file__).parent / "components"
_OPTIONS_FLOW: Final = "/api/config/config_entries/options/flow"
_BATTERIES: Final = 4


@dataclass(frozen=True)
class RealPlace:
    """A Home Assistant and its emulated world, each in a process of its own."""

    client: HomeAssistantClient
    emulator: EmulatorProcess
    _: KW_ONLY
    with_integration: bool

    async def last_read(self) -> datetime | None:
        """Return when every battery had last been read."""
        if not self.with_integration:
            read = await self._state("plain_poller.read")
            return None if read is None else datetime.fromisoformat(read)
        reads = [
            str(part.entities["last_read"])
            for part in await read_parts(self.client)
            if part.entities.get("last_read") is not None
        ]
        if len(reads) < _BATTERIES:
            return None
        return min(datetime.fromisoformat(read) for read in reads)

    async def issues(self) -> Sequence[str]:
        """Return what is shown to the user."""
        answer = await self.client.command("repairs/list_issues")
        return [
            issue["translation_key"]
            for issue in answer["issues"]
            if issue["domain"] == DOMAIN
        ]

    async def steps(self) -> Sequence[str]:
        """Return the recovery steps that were taken, oldest first."""
        steps: list[str] = []
        if not self.with_integration:
            return steps
        for entry_id in await entry_ids(self.client):
            answer = await self.client.get(f"/api/diagnostics/config_entry/{entry_id}")
            for adapter in answer["data"]["bluetooth_health"]["adapters"]:
                records = adapter["history"]["records"]
                steps += [record["step"] for record in records if "step" in record]
        return steps

    async def scan_started(self) -> str:
        """Return when the scan that runs was started."""
        started = await self._state("active_window.scan_started")
        if started is None:
            raise DemoError("Nothing tells when the scan was started")
        return started

    async def open_window(self, seconds: float) -> None:
        """Have Home Assistant scan actively for a while."""
        await self.client.post("/api/services/active_window/open", {"seconds": seconds})

    async def begin_faults(self) -> None:
        """Let the faults of the case begin."""
        await self.emulator.begin_late_faults()

    async def clear_faults(self) -> None:
        """Take every fault away."""
        await self.emulator.clear_faults()

    async def _state(self, entity_id: str) -> str | None:
        for state in await self.client.command("get_states"):
            if state["entity_id"] == entity_id:
                return str(state["state"])
        return None


class Trial:
    """One case in one Home Assistant, with the integration or without."""

    def __init__(self, case: Case, *, with_integration: bool) -> None:
        """Prepare; nothing runs yet."""
        self._case = case
        self._with_integration = with_integration

    async def run(self, phase: float) -> Outcome:
        """Set up, let the fault begin so long after a poll, and watch what becomes of it."""
        with tempfile.TemporaryDirectory(prefix="renogy_bt-faults-") as temporary:
            folder = Path(temporary)
            world = folder / "world.json"
            world.write_text(json.dumps(self._case.world_data(DEFAULT_WORLD)))
            async with run_emulator(world, self._case.switches) as emulator:
                async with self._place(folder, emulator) as place:
                    await self._set_up(place)
                    if not self._case.at_start:
                        began = await strike(place, self._case, phase)
                        return await watch(place, self._case, began)
                began = dt_util.utcnow()
                await emulator.begin_late_faults()
                async with self._place(folder, emulator) as place:
                    return await watch(place, self._case, began)

    @asynccontextmanager
    async def _place(
        self, folder: Path, emulator: EmulatorProcess
    ) -> AsyncGenerator[RealPlace]:
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
            yield RealPlace(client, emulator, with_integration=self._with_integration)

    async def _set_up(self, place: RealPlace) -> None:
        client, emulator = place.client, place.emulator
        await client.wait_until_running()
        async with asyncio.timeout(_START_SECONDS):
            await _choose_mode(client, self._case.mode)
            if self._with_integration:
                await set_up_links(
                    client,
                    emulator.owner_units,
                    _no_log,
                    kept_intervals=emulator.kept_intervals,
                )
                await enable_all_entities(client)
                await wait_for_batteries(client, emulator.batteries)
            else:
                while await place.last_read() is None:
                    await confirm_adapters(client)
                    await asyncio.sleep(_SAMPLE_SECONDS)


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
