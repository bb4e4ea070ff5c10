# SPDX-License-Identifier: Apache-2.0
"""Connecting to links: one at a time, and a link has one user."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from custom_components.renogy_bt.links.connection import (
    LinkNotSeen,
    async_connector,
    async_end_left_connection,
)
from custom_components.renogy_bt.links.probing import ProbedLink, async_probe_link
from custom_components.renogy_bt.links.rescan import async_rescan
from custom_components.renogy_bt.renogy.exceptions import LinkUnreachable
from custom_components.renogy_bt.supervisor.poll_gate import PollGate
from custom_components.renogy_bt.supervisor.supervisor import async_get_supervisor
from homeassistant.core import HomeAssistant
from tests.banks import bank_entry, link_of, link_settings, set_up, settle
from tests.fake_air import DONGLE, DONGLE_NAME, SCANNER, FakeAir
from tests.renogy.fake_link import four_batteries

OTHER = "60:98:66:ED:FC:11"
OTHER_NAME = "BT-TH-66EDFC11"


async def test_link_that_nobody_sees(hass: HomeAssistant, air: FakeAir) -> None:
    """Without a path to the link Home Assistant's explanation is the reason."""
    with pytest.raises(LinkNotSeen, match="never seen by any scanner"):
        await async_connector(hass, DONGLE, DONGLE_NAME)()


async def test_link_that_is_seen_by_a_passive_proxy_only(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """A link that no connectable scanner hears cannot be connected to."""
    air.links[DONGLE] = four_batteries()
    air.advertise(connectable=False)
    with pytest.raises(LinkNotSeen):
        await async_connector(hass, DONGLE, DONGLE_NAME)()
    assert air.attempts == []


async def test_link_has_one_user_until_it_is_disconnected(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """Who wants a link that is in use waits until the connection has ended."""
    link = air.bring(four_batteries())
    connector = async_connector(hass, DONGLE, DONGLE_NAME)
    first = await connector()
    waiting = asyncio.ensure_future(connector())
    await asyncio.sleep(0)
    assert len(link.connections) == 1
    await first.disconnect()
    second = await waiting
    assert len(link.connections) == 2
    await second.disconnect()


async def test_lost_connection_gives_the_link_free(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """A connection that is lost frees the link even if nobody disconnects."""
    link = air.bring(four_batteries())
    connector = async_connector(hass, DONGLE, DONGLE_NAME)
    await connector()
    link.connections[0].drop()
    second = await connector()
    await second.disconnect()


async def test_refused_connection_gives_the_link_free(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """A connection that was not made holds nothing."""
    link = air.bring(four_batteries())
    link.unreachable = "abort-by-local"
    connector = async_connector(hass, DONGLE, DONGLE_NAME)
    with pytest.raises(LinkUnreachable, match="abort-by-local"):
        await connector()
    link.unreachable = None
    await (await connector()).disconnect()


async def test_cancelled_connecting_gives_everything_free(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever gives up while connecting, or while waiting for a turn, holds nothing."""

    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    air.bring(four_batteries())
    connector = async_connector(hass, DONGLE, DONGLE_NAME)
    with monkeypatch.context() as patch:
        patch.setattr("custom_components.renogy_bt.links.connection.connect", hang)
        tasks = [asyncio.ensure_future(connector()) for _ in range(2)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    await (await connector()).disconnect()


async def test_step_ends_connecting_and_gives_everything_free(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever connects, or waits for a turn, when a recovery step begins connects after it."""
    attempts = 0

    async def hang(*_: object) -> None:
        nonlocal attempts
        attempts += 1
        await asyncio.Event().wait()

    air.bring(four_batteries())
    air.bring(four_batteries(), OTHER, OTHER_NAME)
    gate = async_get_supervisor(hass).gate
    connector = async_connector(hass, DONGLE, DONGLE_NAME)
    with monkeypatch.context() as patch:
        patch.setattr("custom_components.renogy_bt.links.connection.connect", hang)
        tasks = [
            asyncio.ensure_future(connect())
            for connect in (connector, async_connector(hass, OTHER, OTHER_NAME))
        ]
        await asyncio.sleep(0)
        await gate.async_hold(SCANNER)
        for _ in range(10):
            await asyncio.sleep(0)
        assert attempts == 1
    assert not any(task.done() for task in tasks)
    assert air.attempts == []
    gate.async_release()
    for task in tasks:
        await (await task).disconnect()


async def test_second_step_in_a_row_is_the_end(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is disturbed twice is told why it ends; nothing is held after it."""
    air.bring(four_batteries())
    gate = async_get_supervisor(hass).gate

    async def disturbed(*_: object) -> None:
        await gate.async_hold(SCANNER)
        gate.async_release()
        await asyncio.Event().wait()

    connector = async_connector(hass, DONGLE, DONGLE_NAME)
    with monkeypatch.context() as patch:
        patch.setattr("custom_components.renogy_bt.supervisor.poll_gate.POLLS_LIMIT", 0)
        patch.setattr("custom_components.renogy_bt.links.connection.connect", disturbed)
        with pytest.raises(LinkUnreachable, match="adapter is being repaired"):
            await connector()
    await (await connector()).disconnect()


async def test_gate_is_asked_once_a_connection(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polls, set-up, rescans, searches and register reads pass one gate, once each."""
    asked: list[str] = []
    connecting = PollGate.connecting

    def counted(gate: PollGate, link: str) -> AbstractAsyncContextManager[None]:
        asked.append(link)
        return connecting(gate, link)

    monkeypatch.setattr(PollGate, "connecting", counted)
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    link = link_of(entry)
    for use in (
        link.async_refresh(),
        link.async_probe(),
        link.client.read_registers(48, 5000, 1),
        async_rescan(hass, entry, link.subentry_id),
        async_probe_link(hass, DONGLE, DONGLE_NAME),
    ):
        await async_end_left_connection(hass, DONGLE)
        connections = len(air.attempts)
        asked.clear()
        await use
        assert asked == [DONGLE]
        assert len(air.attempts) == connections + 1
    await settle(hass)


async def test_step_leaves_a_connection_alone(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """What is connected when a recovery step begins stays so, and is not reported as ended."""
    air.bring(four_batteries())
    pollers = async_get_supervisor(hass).gate
    transport = await async_connector(hass, DONGLE, DONGLE_NAME)()
    await pollers.async_hold(SCANNER)
    pollers.async_release()
    assert not transport.lost.done()
    await transport.disconnect()


async def test_poll_goes_on_with_the_connection_of_a_probe(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """Set-up makes one connection: the first poll need not wait for another."""
    link = air.bring(four_batteries())
    await async_probe_link(hass, DONGLE, DONGLE_NAME)
    assert not link.connections[0].lost.done()
    await set_up(hass, bank_entry(link_settings()))
    await settle(hass)
    assert len(link.connections) == 1
    assert link.connections[0].lost.done()


async def test_connection_of_a_probe_ends_by_itself(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody goes on with it: the link advertises again, and can be connected to."""
    monkeypatch.setattr(
        "custom_components.renogy_bt.links.connection.LEFT_SECONDS", 0.0
    )
    link = air.bring(four_batteries())
    await async_probe_link(hass, DONGLE, DONGLE_NAME)
    await asyncio.wait({link.connections[0].lost}, timeout=5)
    assert link.connections[0].lost.done()
    await (await async_connector(hass, DONGLE, DONGLE_NAME)()).disconnect()
    assert len(link.connections) == 2


@pytest.mark.parametrize("end", ["lost", "ended"])
async def test_connection_of_a_probe_that_is_gone_is_not_taken_over(
    hass: HomeAssistant, air: FakeAir, end: str
) -> None:
    """Whoever connects next connects anew."""
    link = air.bring(four_batteries())
    await async_probe_link(hass, DONGLE, DONGLE_NAME)
    if end == "lost":
        link.connections[0].drop()
    else:
        await async_end_left_connection(hass, DONGLE)
        assert link.connections[0].lost.done()
    await (await async_connector(hass, DONGLE, DONGLE_NAME)()).disconnect()
    assert len(link.connections) == 2


async def test_transport_passes_everything_on(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """Requests go out and replies come in over the transport that the library gets."""
    air.bring(four_batteries())
    transport = await async_connector(hass, DONGLE, DONGLE_NAME)()
    reply: asyncio.Future[bytes] = hass.loop.create_future()
    transport.on_notification(reply.set_result)
    await transport.write(bytes.fromhex("300313b20006654a"))
    assert (await reply).hex().startswith("30030c")
    assert not transport.lost.done()
    await transport.disconnect()
    assert transport.lost.done()


async def test_bank_that_ends_does_not_disturb_a_probe(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The locks of links outlive the last bank while a dialogue connects to another link."""
    air.bring(four_batteries())
    other = air.bring(four_batteries(), OTHER, OTHER_NAME)
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    await settle(hass)
    may_connect = asyncio.Event()

    async def connect_later(*device: Any) -> Any:
        await may_connect.wait()
        return await air.connect(*device)

    monkeypatch.setattr(
        "custom_components.renogy_bt.links.connection.connect", connect_later
    )
    probe = asyncio.ensure_future(async_probe_link(hass, OTHER, OTHER_NAME))
    await asyncio.sleep(0)
    await hass.config_entries.async_unload(entry.entry_id)
    may_connect.set()
    assert isinstance(await probe, ProbedLink)
    await async_end_left_connection(hass, OTHER)
    assert other.connections[-1].lost.done()
