# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.emulator`, as other programs start it."""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
import json
from pathlib import Path
import signal
import sys

import pytest

from tests.emulator import FAULTS
from tests.emulator.dbus_connection import disconnected

from .dbus_client import connected
from .test_control import steer

CHECKOUT = Path(__file__).parents[3]
LIMIT = 20


async def start(*arguments: str) -> Process:
    """Start the emulator."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.emulator",
        *arguments,
        cwd=CHECKOUT,
        stdout=PIPE,
        stderr=PIPE,
    )


async def finished(process: Process) -> tuple[int, str, str]:
    """Wait for the end; return status and output."""
    async with asyncio.timeout(LIMIT):
        output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


async def ready(process: Process) -> str:
    """Wait until it is ready; return the bus's address."""
    assert process.stdout is not None
    async with asyncio.timeout(LIMIT):
        line = await process.stdout.readline()
    address: str = json.loads(line)["DBUS_SYSTEM_BUS_ADDRESS"]
    return address


@asynccontextmanager
async def running(*arguments: str) -> AsyncGenerator[tuple[Process, str]]:
    """Run the emulator; make sure that it is gone afterwards."""
    process = await start(*arguments)
    try:
        yield process, await ready(process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_runs_until_it_is_told_to_end(tmp_path: Path, number: int) -> None:
    """It says where the bus is, serves it, and ends cleanly on a signal."""
    socket = tmp_path / "bus"
    async with running("--bus-socket", str(socket)) as (process, address):
        assert address == f"unix:path={socket}"
        async with connected(address) as client:
            assert await client.get("Address") == "B8:27:EB:5A:00:01"
        process.send_signal(number)
        assert await finished(process) == (0, "", "")
    assert not socket.exists()


async def test_begins_with_the_faults_that_it_is_given() -> None:
    """Faults on the command line are on from the beginning."""
    async with running(
        "--fault", "powered-off", "--fault", 'silent={"unit": 48}', "--speed", "10"
    ) as (_, address):
        async with connected(address) as client:
            assert await client.get("Powered") is False
            told = json.loads(await steer(client, "Faults"))
        assert [row["name"] for row in told["active"]] == ["powered-off", "silent"]


async def test_ends_with_its_parent() -> None:
    """When asked to, it ends when its parent does, and the bus with it."""
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'tests.emulator',"
        " '--exit-with-parent'], stdout=subprocess.PIPE)\n"
        "print(child.stdout.readline().decode(), flush=True)\n"
        "sys.stdin.readline()\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=CHECKOUT, stdin=PIPE, stdout=PIPE
    )
    address = await ready(parent)
    async with connected(address) as client:
        parent.kill()
        await parent.wait()
        async with asyncio.timeout(LIMIT):
            await disconnected(client.bus)
            while Path(address.removeprefix("unix:path=")).exists():
                await asyncio.sleep(0.01)


async def test_killed_emulator_takes_its_bus_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even when it is killed, no dbus-daemon is left."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    async with running() as (process, address), connected(address) as client:
        process.kill()
        async with asyncio.timeout(LIMIT):
            await disconnected(client.bus)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--world", "/nonexistent.json"], 2, "/nonexistent.json: No such file"),
        (["--fault", "surprise"], 2, "surprise: no such fault"),
        (["--fault", 'silent={"link": "x"}'], 2, "silent.link: there is no x"),
        (["--speed", "0"], 2, "--speed: must be 0.01 to 1000"),
        (["--hour", "25"], 2, "--hour: must be 0 to 24"),
        (["--bus-socket", "/nonexistent/bus"], 1, "dbus-daemon does not start"),
    ],
)
async def test_wrong_use_is_an_error_with_a_reason(
    arguments: list[str], status: int, message: str
) -> None:
    """What cannot be ends at once, with the reason on standard error."""
    code, output, errors = await finished(await start(*arguments))
    assert (code, output) == (status, "")
    assert message in errors
    assert "Traceback" not in errors


async def test_help_names_every_fault() -> None:
    """The help lists the fault switches."""
    code, output, _ = await finished(await start("--help"))
    assert code == 0
    for name, fault in FAULTS.items():
        assert name in output
        assert fault.description in output
