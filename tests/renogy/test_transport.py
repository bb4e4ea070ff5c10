# SPDX-License-Identifier: Apache-2.0
"""Tests of the connection through bleak, on a client that is scripted."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
import errno
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, patch

import bleak
from bleak.backends.device import BLEDevice
from bleak.exc import BleakDBusError, BleakError
import bleak_retry_connector
from hypothesis import given, strategies as st
import pytest

from custom_components.renogy_bt.renogy.exceptions import LinkLost, LinkUnreachable
from custom_components.renogy_bt.renogy.transport import BleakTransport, connect
from tests.renogy.virtual_time import on_virtual_time, run

# As documented, not as the code has it.
CONNECT_SECONDS = 20.0
DISCONNECT_SECONDS = 5.0

DEVICE = BLEDevice("6C:B2:FD:A1:B2:C3", "BT-TH-FDA1B2C3", {})
# Of the captured BT-2 (protocol 1.2).
REQUEST_SERVICE = "0000ffd0-0000-1000-8000-00805f9b34fb"
REQUEST_CHARACTERISTIC = "0000ffd1-0000-1000-8000-00805f9b34fb"
REPLY_SERVICE = "0000fff0-0000-1000-8000-00805f9b34fb"
REPLY_CHARACTERISTIC = "0000fff1-0000-1000-8000-00805f9b34fb"
UPDATE_SERVICE = "f000ffd0-0451-4000-b000-000000000000"
UPDATE_CHARACTERISTIC = "f000ffd1-0451-4000-b000-000000000000"
STALE = BleakDBusError("org.freedesktop.DBus.Error.UnknownObject", ["StartNotify"])


type Row = tuple[str, str, tuple[str, ...]]
"""The service, the uuid and the properties of a characteristic."""

BT_2: list[Row] = [
    (UPDATE_SERVICE, UPDATE_CHARACTERISTIC, ("write-without-response", "write")),
    (
        REQUEST_SERVICE,
        REQUEST_CHARACTERISTIC,
        ("read", "write-without-response", "write"),
    ),
    (REPLY_SERVICE, REPLY_CHARACTERISTIC, ("read", "notify")),
]


class FakeClient:
    """A bleak client with the characteristics of a GATT table."""

    def __init__(self, table: Sequence[Row] = BT_2) -> None:
        """Start connected."""
        self.services = SimpleNamespace(
            characteristics={
                handle: SimpleNamespace(
                    service_uuid=service,
                    uuid=uuid,
                    properties=list(properties),
                    handle=handle,
                )
                for handle, (service, uuid, properties) in enumerate(table)
            }
        )
        self.is_connected = True
        self.disconnected: Callable[[Any], None] = lambda _: None
        self.notified: Callable[[Any, bytearray], None] | None = None
        self.subscribed_to: Any = None
        self.written: list[tuple[Any, bytes, bool]] = []
        self.cache_cleared = 0
        self.notify_error: Exception | None = None
        self.write_error: Exception | None = None
        self.disconnect_error: Exception | None = None
        self.hangs: set[str] = set()
        self.failed_before: FakeClient | None = None
        """What was connected to in vain before, and is reported as ended meanwhile."""

    async def maybe_hang(self, name: str) -> None:
        """Never come back from what is to hang."""
        if name in self.hangs:
            await asyncio.Event().wait()

    async def start_notify(
        self, characteristic: Any, callback: Callable[[Any, bytearray], None]
    ) -> None:
        """Subscribe."""
        await self.maybe_hang("start_notify")
        if self.notify_error is not None:
            raise self.notify_error
        self.subscribed_to = characteristic
        self.notified = callback

    async def write_gatt_char(
        self, characteristic: Any, data: bytes, response: bool
    ) -> None:
        """Take a request."""
        if self.write_error is not None:
            raise self.write_error
        self.written.append((characteristic, data, response))

    async def clear_cache(self) -> bool:
        """Count."""
        self.cache_cleared += 1
        return True

    async def disconnect(self) -> None:
        """Disconnect and call back, as bleak does."""
        await self.maybe_hang("disconnect")
        if self.disconnect_error is not None:
            raise self.disconnect_error
        self.is_connected = False
        self.disconnected(self)


type Establish = Callable[..., Awaitable[FakeClient]]


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> list[FakeClient]:
    """Return the clients that the next connections get, in order."""
    waiting: list[FakeClient] = []

    async def establish(
        client_class: type, device: BLEDevice, name: str, disconnected: Any
    ) -> FakeClient:
        assert client_class is bleak_retry_connector.BleakClientWithServiceCache
        assert device is DEVICE
        client = waiting.pop(0)
        await client.maybe_hang("connect")
        client.disconnected = disconnected
        if client.failed_before is not None:
            disconnected(client.failed_before)
        return client

    monkeypatch.setattr(bleak_retry_connector, "establish_connection", establish)
    return waiting


def _raising(error: Exception) -> Establish:
    async def establish(*_: Any) -> FakeClient:
        raise error

    return establish


@on_virtual_time
async def test_requests_and_replies_use_the_right_characteristics(
    clients: list[FakeClient],
) -> None:
    """Never the firmware update's ffd1, and always without response."""
    client = FakeClient()
    clients.append(client)

    transport = await connect(DEVICE, "link")
    received: list[bytes] = []
    assert client.notified is not None
    client.notified(None, bytearray(b"early"))
    transport.on_notification(received.append)
    client.notified(None, bytearray(b"\x30\x03"))
    await transport.write(b"request")
    assert received == [b"\x30\x03"]
    assert client.subscribed_to.handle == 2
    ((characteristic, data, response),) = client.written
    assert (characteristic.handle, data, response) == (1, b"request", False)
    assert not transport.lost.done()
    await transport.disconnect()
    assert transport.lost.done()


READ: tuple[str, ...] = ("read",)
WRITE = ("read", "write")
COMMAND = ("write-without-response",)


@pytest.mark.parametrize(
    ("table", "request_handle", "reply_handle", "acknowledged"),
    [
        pytest.param(
            [
                (UPDATE_SERVICE, REQUEST_CHARACTERISTIC, COMMAND),
                (REQUEST_SERVICE, REQUEST_CHARACTERISTIC, COMMAND),
                (REPLY_SERVICE, REPLY_CHARACTERISTIC, ("notify",)),
            ],
            *(1, 2, False),
            id="ffd1 in the service of updates, too",
        ),
        pytest.param(
            [
                (REQUEST_SERVICE, REQUEST_CHARACTERISTIC, READ),
                (REQUEST_SERVICE, REQUEST_CHARACTERISTIC, COMMAND),
                (REPLY_SERVICE, REPLY_CHARACTERISTIC, READ),
                (REPLY_SERVICE, REPLY_CHARACTERISTIC, ("indicate",)),
            ],
            *(1, 3, False),
            id="each twice, the first without its property",
        ),
        pytest.param(
            [
                (REQUEST_SERVICE, REQUEST_CHARACTERISTIC, WRITE),
                (REPLY_SERVICE, REPLY_CHARACTERISTIC, ("notify",)),
            ],
            *(0, 1, True),
            id="takes acknowledged writes only",
        ),
        pytest.param(
            [
                (REQUEST_SERVICE, REQUEST_CHARACTERISTIC, WRITE),
                (REQUEST_SERVICE, REQUEST_CHARACTERISTIC, COMMAND),
                (REPLY_SERVICE, REPLY_CHARACTERISTIC, ("indicate",)),
                (REPLY_SERVICE, REPLY_CHARACTERISTIC, ("notify",)),
            ],
            *(1, 3, False),
            id="commands and notifications are wanted most",
        ),
    ],
)
@on_virtual_time
async def test_of_two_that_are_called_alike_the_able_one_is_used(
    clients: list[FakeClient],
    table: list[Row],
    request_handle: int,
    reply_handle: int,
    acknowledged: bool,
) -> None:
    """The service and the properties decide, not which comes first."""
    client = FakeClient(table)
    clients.append(client)

    await (await connect(DEVICE, "link")).write(b"request")
    assert client.subscribed_to.handle == reply_handle
    ((characteristic, _, response),) = client.written
    assert (characteristic.handle, response) == (request_handle, acknowledged)


_SHORT_UUIDS = st.sampled_from(["ffd0", "ffd1", "fff0", "fff1", "180a"])
_UUIDS = st.builds(
    "{0}-{1}".format,
    st.one_of(_SHORT_UUIDS.map("0000{}".format), _SHORT_UUIDS.map("f000{}".format)),
    st.sampled_from(["0000-1000-8000-00805f9b34fb", "0451-4000-b000-000000000000"]),
)
_ROWS = st.tuples(
    _UUIDS,
    _UUIDS,
    st.lists(
        st.sampled_from(["read", *WRITE, *COMMAND, "notify", "indicate"]), unique=True
    ).map(tuple),
)
_RIGHT_ROWS = st.one_of(
    st.tuples(
        st.just(REQUEST_SERVICE),
        st.just(REQUEST_CHARACTERISTIC),
        st.sampled_from([READ, WRITE, COMMAND, (*WRITE, *COMMAND), ()]),
    ),
    st.tuples(
        st.just(REPLY_SERVICE),
        st.just(REPLY_CHARACTERISTIC),
        st.sampled_from([READ, ("read", "notify"), ("indicate",), ("notify",), ()]),
    ),
)


@given(
    st.lists(st.one_of(_ROWS, _RIGHT_ROWS, _RIGHT_ROWS), max_size=12).flatmap(
        st.permutations
    )
)
@on_virtual_time
async def test_any_table_is_used_right_or_refused(table: list[Row]) -> None:
    """Whatever stands beside the pair, and in whatever order, nothing else is ever used."""
    requests = [
        properties
        for service, uuid, properties in table
        if (service, uuid) == (REQUEST_SERVICE, REQUEST_CHARACTERISTIC)
        and {"write", "write-without-response"} & {*properties}
    ]
    replies = [
        properties
        for service, uuid, properties in table
        if (service, uuid) == (REPLY_SERVICE, REPLY_CHARACTERISTIC)
        and {"notify", "indicate"} & {*properties}
    ]
    client = FakeClient(table)

    transport = BleakTransport("link")
    with patch.object(
        bleak_retry_connector,
        "establish_connection",
        AsyncMock(return_value=client),
    ):
        await transport.open(DEVICE)
    if not requests or not replies:
        with pytest.raises(BleakError):
            await transport.subscribe()
        return
    await transport.subscribe()
    await transport.write(b"request")
    ((written, _, acknowledged),) = client.written
    assert (written.service_uuid, written.uuid) == (
        REQUEST_SERVICE,
        REQUEST_CHARACTERISTIC,
    )
    assert acknowledged is all("write-without-response" not in p for p in requests)
    wanted = "write" if acknowledged else "write-without-response"
    assert wanted in written.properties
    told = client.subscribed_to
    assert (told.service_uuid, told.uuid) == (REPLY_SERVICE, REPLY_CHARACTERISTIC)
    by_notifying = any("notify" in properties for properties in replies)
    assert ("notify" if by_notifying else "indicate") in told.properties


@on_virtual_time
async def test_the_client_class_is_the_one_that_home_assistant_put_there(
    clients: list[FakeClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The class is looked up when connecting, not when the module was loaded."""

    class Wrapped(bleak_retry_connector.BleakClientWithServiceCache):
        pass

    monkeypatch.setattr(bleak_retry_connector, "BleakClientWithServiceCache", Wrapped)
    clients.append(FakeClient())

    # The fixture compares with what stands in the module now.
    await (await connect(DEVICE, "link")).disconnect()


class PlainClient(FakeClient):
    """A client of bleak's own, which connects itself and has no cache to clear."""

    clear_cache = None  # type: ignore[assignment]

    def __init__(
        self, device: BLEDevice, disconnected_callback: Callable[[Any], None]
    ) -> None:
        """Start unconnected."""
        super().__init__()
        assert device is DEVICE
        self.is_connected = False
        self.disconnected = disconnected_callback
        self.notify_error = PlainClient.first_error
        PlainClient.first_error = None

    first_error: Exception | None = None

    async def connect(self) -> None:
        """Connect."""
        self.is_connected = True


@on_virtual_time
async def test_without_what_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing retries any more, bleak itself connects, and subscribes anew as well."""
    monkeypatch.setattr(bleak, "BleakClient", PlainClient)
    monkeypatch.setattr(PlainClient, "first_error", STALE)
    monkeypatch.delattr(bleak_retry_connector, "establish_connection")
    monkeypatch.delattr(bleak_retry_connector, "BleakClientWithServiceCache")

    transport = await connect(DEVICE, "link")
    await transport.write(b"request")
    assert not transport.lost.done()
    await transport.disconnect()
    assert transport.lost.done()


@on_virtual_time
async def test_a_lost_connection_is_told_once(clients: list[FakeClient]) -> None:
    """However often bleak reports it."""
    client = FakeClient()
    clients.append(client)

    transport = await connect(DEVICE, "link")
    client.disconnected(client)
    client.disconnected(client)
    assert transport.lost.done()
    await transport.disconnect()


@on_virtual_time
async def test_attempts_that_failed_before_do_not_lose_the_connection(
    clients: list[FakeClient],
) -> None:
    """A disconnect of an earlier attempt, reported while connecting, means nothing."""
    client = FakeClient()
    client.failed_before = FakeClient()
    clients.append(client)
    transport = BleakTransport("link")
    await transport.open(DEVICE)
    assert not transport.lost.done()
    await transport.disconnect()


@on_virtual_time
async def test_a_connection_that_ended_at_once_is_lost(
    clients: list[FakeClient],
) -> None:
    """A peripheral that hangs up right after connecting is not waited for."""
    client = FakeClient()
    client.is_connected = False
    clients.append(client)

    transport = BleakTransport("link")
    await transport.open(DEVICE)
    assert transport.lost.done()


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(BT_2[:1], id="other services"),
        pytest.param(
            [(UPDATE_SERVICE, REQUEST_CHARACTERISTIC, COMMAND), BT_2[2]],
            id="other service",
        ),
        pytest.param([*BT_2[:1], *BT_2[2:]], id="no requests"),
        pytest.param(BT_2[:2], id="no replies"),
        pytest.param(None, id="StartNotify"),
    ],
)
@on_virtual_time
async def test_stale_services_are_read_anew(
    clients: list[FakeClient], table: list[Row] | None
) -> None:
    """When subscribing fails, the cache is cleared and the link connected once more."""
    stale, fresh = FakeClient(table or BT_2), FakeClient()
    if table is None:
        stale.notify_error = STALE
    clients += [stale, fresh]

    transport = await connect(DEVICE, "link")
    assert not stale.is_connected
    assert stale.cache_cleared == 1
    assert not transport.lost.done()
    await transport.write(b"request")
    assert fresh.written
    await transport.disconnect()


@on_virtual_time
async def test_services_that_stay_wrong_are_an_error(clients: list[FakeClient]) -> None:
    """One more try, then the reason is reported and nothing stays connected."""
    tries = [FakeClient(BT_2[:1]) for _ in range(2)]
    clients += tries

    with pytest.raises(LinkUnreachable, match="was not found") as failure:
        await connect(DEVICE, "link")
    assert not any(client.is_connected for client in tries)
    # Nor does the next poll go by them: they may be those of a bluetoothd that is gone.
    assert [client.cache_cleared for client in tries] == [1, 1]
    (offered,) = failure.value.characteristics
    assert (offered.service, offered.uuid, offered.properties) == BT_2[0]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (BleakError("no slot"), "no slot"),
        (BleakError(), "BleakError"),
        (OSError(9, "Bad file descriptor"), "Bad file descriptor"),
        (EOFError(), "EOFError"),
    ],
)
@on_virtual_time
async def test_failing_connections_have_a_reason(
    monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    """Errors of bleak and of a lost D-Bus are one error to the caller."""
    monkeypatch.setattr(bleak_retry_connector, "establish_connection", _raising(error))

    with pytest.raises(LinkUnreachable, match=reason):
        await connect(DEVICE, "link")


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (ConnectionAbortedError(errno.ECONNABORTED, "broken off"), 4),
        (OSError(errno.EHOSTDOWN, "host is down"), 4),
        # Bleak-retry-connector has tried again by itself, or nothing helps.
        (BleakError("no connection"), 1),
        (TimeoutError(errno.ETIMEDOUT, "timed out"), 1),
        (OSError(errno.EBADF, "bad file descriptor"), 1),
        (OSError(errno.EHOSTUNREACH, "no adapter"), 1),
    ],
)
def test_errors_of_the_kernel_are_tried_again(
    monkeypatch: pytest.MonkeyPatch, error: Exception, tries: int
) -> None:
    """Where no bluetoothd is between, an error of the air comes from the kernel as it is."""
    client = FakeClient()
    for failures, is_connected in ((3, tries == 4), (4, False)):
        establish = AsyncMock(side_effect=[*[error] * failures, client])
        monkeypatch.setattr(bleak_retry_connector, "establish_connection", establish)

        async def tried(is_connected: bool = is_connected) -> None:
            if is_connected:
                await (await connect(DEVICE, "link")).disconnect()
                return
            with pytest.raises(LinkUnreachable):
                await connect(DEVICE, "link")

        run(tried)
        assert establish.await_count == tries


@pytest.mark.parametrize("step", ["connect", "start_notify"])
@on_virtual_time
async def test_connecting_is_bounded(clients: list[FakeClient], step: str) -> None:
    """A stack that never answers costs twenty seconds, and nothing stays connected."""
    client = FakeClient()
    client.hangs.add(step)
    clients.append(client)

    with pytest.raises(LinkUnreachable, match="20 s"):
        await connect(DEVICE, "link")
    assert asyncio.get_running_loop().time() == pytest.approx(CONNECT_SECONDS)
    if step == "start_notify":
        assert not client.is_connected


@on_virtual_time
async def test_disconnecting_is_bounded(clients: list[FakeClient]) -> None:
    """A disconnect that hangs or fails is given up without an error."""
    hanging, failing = FakeClient(), FakeClient()
    hanging.hangs.add("disconnect")
    failing.disconnect_error = BleakError("not connected")
    clients += [hanging, failing]

    transport = await connect(DEVICE, "link")
    await transport.disconnect()
    assert asyncio.get_running_loop().time() == pytest.approx(DISCONNECT_SECONDS)
    transport = await connect(DEVICE, "link")
    await transport.disconnect()


@pytest.mark.parametrize(
    ("error", "reason"),
    [(BleakError("gone"), "gone"), (OSError(), "OSError"), (EOFError(), "EOFError")],
)
@on_virtual_time
async def test_a_write_that_fails_means_a_lost_link(
    clients: list[FakeClient], error: Exception, reason: str
) -> None:
    """There is no use in going on with such a connection."""
    client = FakeClient()
    client.write_error = error
    clients.append(client)

    transport = await connect(DEVICE, "link")
    with pytest.raises(LinkLost, match=reason):
        await transport.write(b"request")
    await transport.disconnect()


@on_virtual_time
async def test_a_transport_that_was_never_opened() -> None:
    """Using it is a lost link, not a crash."""
    transport = BleakTransport("link")
    with pytest.raises(LinkLost, match="not subscribed"):
        await transport.write(b"request")
    with pytest.raises(LinkLost, match="not connected"):
        await transport.subscribe()
