# SPDX-License-Identifier: Apache-2.0
"""A client of Home Assistant's REST and WebSocket interfaces."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http import HTTPStatus
import time
from typing import Any, Final

import aiohttp

from .errors import DemoError

OWNER_NAME: Final = "Demo"
OWNER_LANGUAGE: Final = "en"
_REQUEST_SECONDS: Final = 60.0
_WAIT_SECONDS: Final = 0.2
# Home Assistant closes a connection on which nobody has answered its pings for a minute.
_IDLE_SECONDS: Final = 20.0

type Json = dict[str, Any]


class HomeAssistantClient:
    """One logged-in session with a running Home Assistant."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        """Talk to the Home Assistant at ``url`` (no trailing slash)."""
        self._session = session
        self._url = url
        self._token = ""
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._used_at = 0.0
        self._last_id = 0

    async def log_in(self) -> None:
        """Create the owner on a new installation, then log in as a browser on this host does.

        Raises:
            DemoError: Home Assistant refused one of the steps.

        """
        if not await self._owner_exists():
            await self._create_owner()
        await self._log_in_by_trusted_network()
        await self._open_socket()

    async def close(self) -> None:
        """Close the WebSocket connection."""
        if self._socket is not None:
            await self._socket.close()
            self._socket = None

    async def _open_socket(self) -> None:
        await self.close()
        self._socket = await self._session.ws_connect(
            f"{self._url}/api/websocket", max_msg_size=0
        )
        await self._socket.receive_json()
        await self._socket.send_json({"type": "auth", "access_token": self._token})
        answer = await self._socket.receive_json()
        if answer["type"] != "auth_ok":
            raise DemoError(f"Home Assistant refused the log-in: {answer}")
        self._used_at = time.monotonic()

    async def wait_until_running(self) -> None:
        """Wait until every integration has had its turn at the start."""
        while (await self.get("/api/config"))["state"] != "RUNNING":
            await asyncio.sleep(_WAIT_SECONDS)

    async def get(self, path: str) -> Any:
        """Return the JSON answer of a GET request."""
        return await self._request("GET", path)

    async def post(self, path: str, body: Json) -> Any:
        """Return the JSON answer of a POST request."""
        return await self._request("POST", path, body)

    async def command(self, command: str, **fields: Any) -> Any:
        """Return the result of a WebSocket command.

        Raises:
            DemoError: Home Assistant answered with an error.

        """
        if time.monotonic() - self._used_at > _IDLE_SECONDS:
            await self._open_socket()
        assert self._socket is not None
        self._used_at = time.monotonic()
        self._last_id += 1
        await self._socket.send_json({"id": self._last_id, "type": command, **fields})
        async with asyncio.timeout(_REQUEST_SECONDS):
            answer = await self._socket.receive_json()
        if not answer.get("success"):
            raise DemoError(f"{command}: {answer.get('error')}")
        return answer["result"]

    async def _owner_exists(self) -> bool:
        async with self._session.get(f"{self._url}/api/onboarding") as response:
            if response.status == HTTPStatus.NOT_FOUND:
                return True
            steps = await response.json()
        return any(step["step"] == "user" and step["done"] for step in steps)

    async def _create_owner(self) -> None:
        await self._request(
            "POST",
            "/api/onboarding/users",
            {
                "client_id": f"{self._url}/",
                "name": OWNER_NAME,
                "username": OWNER_NAME.lower(),
                "password": OWNER_NAME.lower(),
                "language": OWNER_LANGUAGE,
            },
        )

    async def _log_in_by_trusted_network(self) -> None:
        flow = await self._request(
            "POST",
            "/auth/login_flow",
            {
                "client_id": f"{self._url}/",
                "handler": ["trusted_networks", None],
                "redirect_uri": f"{self._url}/",
            },
        )
        if flow["type"] == "form":
            user = flow["data_schema"][0]["options"][0][0]
            flow = await self._request(
                "POST",
                f"/auth/login_flow/{flow['flow_id']}",
                {"client_id": f"{self._url}/", "user": user},
            )
        if flow["type"] != "create_entry":
            raise DemoError(f"Home Assistant refused the log-in: {flow}")
        async with self._session.post(
            f"{self._url}/auth/token",
            data={
                "client_id": f"{self._url}/",
                "grant_type": "authorization_code",
                "code": flow["result"],
            },
        ) as response:
            self._token = (await response.json())["access_token"]

    async def _request(self, method: str, path: str, body: Json | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        async with self._session.request(
            method, f"{self._url}{path}", json=body, headers=headers
        ) as response:
            if response.status >= HTTPStatus.BAD_REQUEST:
                raise DemoError(
                    f"{method} {path}: {response.status} {await response.text()}"
                )
            return await response.json()


@asynccontextmanager
async def open_client(url: str) -> AsyncGenerator[HomeAssistantClient]:
    """Open a session that is closed with the context."""
    timeout = aiohttp.ClientTimeout(total=_REQUEST_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        client = HomeAssistantClient(session, url)
        try:
            yield client
        finally:
            await client.close()


async def wait_for_port(host: str, port: int) -> None:
    """Wait until something accepts connections there."""
    while True:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            await writer.wait_closed()
            return
