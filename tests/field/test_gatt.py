# SPDX-License-Identifier: Apache-2.0
"""Which characteristics of a peripheral of the field are used."""

from unittest.mock import AsyncMock, patch

from bleak.exc import BleakError
import bleak_retry_connector
import pytest

from custom_components.renogy_bt.renogy.transport import BleakTransport
from tests.renogy.test_transport import DEVICE, FakeClient
from tests.renogy.virtual_time import on_virtual_time

from .cases import cases_with

CASES = cases_with("expect", "characteristics")


@pytest.mark.parametrize("name", CASES)
@on_virtual_time
async def test_a_table_of_the_field(name: str) -> None:
    """Requests are written to one row and replies taken from another, or the table is refused."""
    case = CASES[name]
    client = FakeClient(
        [
            (row["service"], row["characteristic"], tuple(row["properties"]))
            for row in case["link"]["characteristics"]
        ]
    )
    expected = case["expect"]["characteristics"]

    transport = BleakTransport("link")
    with patch.object(
        bleak_retry_connector,
        "establish_connection",
        AsyncMock(return_value=client),
    ):
        await transport.open(DEVICE)
    if expected["written"] is None:
        with pytest.raises(BleakError):
            await transport.subscribe()
        return
    await transport.subscribe()
    await transport.write(b"request")
    ((written, _, acknowledged),) = client.written
    assert (written.handle, acknowledged) == (
        expected["written"],
        expected["acknowledged"],
    )
    assert client.subscribed_to.handle == expected["subscribed"]
