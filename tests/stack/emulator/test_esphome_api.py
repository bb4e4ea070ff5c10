# SPDX-License-Identifier: Apache-2.0
"""The emulated ESPHome device's frames, as they may arrive."""

from tests.emulator.esphome_api import ApiConnection, Message, api_pb2, frame


def test_frames_in_pieces() -> None:
    """Messages are read whole, however the line cuts them, and wait while the device hangs."""
    messages: list[Message] = []
    client = ApiConnection(lambda _, message: messages.append(message), lambda _: None)
    sent = [
        api_pb2.PingRequest(),
        api_pb2.HelloRequest(client_info="x" * 300),
        api_pb2.BluetoothGATTWriteRequest(address=0x6CB2FDA1B2C3, handle=29, data=b"0"),
    ]
    line = b"".join(frame(message) for message in sent)
    # An empty ping is three octets: its mark, its length, its number.
    assert line.startswith(b"\x00\x00\x07\x00")
    for octet in line:
        client.data_received(bytes((octet,)))
    assert messages == sent
    client.is_read = False
    client.data_received(line)
    assert messages == sent
    client.is_read = True
    client.read()
    assert messages == sent * 2
