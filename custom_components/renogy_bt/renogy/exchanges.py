# SPDX-License-Identifier: Apache-2.0
"""Requests and replies as they are told: without what is a peripheral's own, and as plain data."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from .modbus import FrameAssembler
from .plan import MODEL, Block
from .probe import PRODUCT_MODEL
from .recording import Exchange, Received
from .redaction import Redaction, Span

_REQUEST_BYTES = 8
_BYTES_OF_WORD = 2


def redacted_exchanges(
    exchanges: Sequence[Exchange], redaction: Redaction
) -> list[Exchange]:
    """Return exchanges without what is the peripheral's own.

    What came in is looked at in one piece: what is left out may be cut by notifications.
    """
    stream = b"".join(
        received.data for exchange in exchanges for received in exchange.received
    )
    redacted = redaction.data(stream, list(_models(exchanges)))
    if redacted == stream:
        return list(exchanges)
    told, position = [], 0
    for exchange in exchanges:
        replies = []
        for received in exchange.received:
            end = position + len(received.data)
            replies.append(Received(received.at, redacted[position:end]))
            position = end
        is_redacted = replies != exchange.received
        told.append(replace(exchange, received=replies, redacted=is_redacted))
    return told


def exchange_data(exchange: Exchange, began_at: float) -> dict[str, Any]:
    """Return an exchange as plain data, by the time since something began."""
    return {
        "at": round(exchange.at - began_at, 3),
        "request": exchange.request.hex(),
        "replies": [
            [round(received.at - began_at, 3), received.data.hex()]
            for received in exchange.received
        ],
        **({"redacted": True} if exchange.redacted else {}),
    }


def asked_block(request: bytes) -> Block | None:
    """Return the block that a request asks for, None where it asks for none."""
    if len(request) != _REQUEST_BYTES:
        return None
    return Block(int.from_bytes(request[2:4]), int.from_bytes(request[4:6]))


def _models(exchanges: Sequence[Exchange]) -> Iterator[Span]:
    """Yield where in all that came in the models stand that were asked for."""
    begin = 0
    for exchange in exchanges:
        length = sum(len(received.data) for received in exchange.received)
        if (model := _model_in(exchange.request)) is not None:
            yield from _models_of(exchange, model, begin)
        begin += length


def _model_in(request: bytes) -> tuple[Block, Block] | None:
    """Return what a request asks for and the model in it, None where it asks for none."""
    block = asked_block(request)
    if block is None:
        return None
    for model in (MODEL, PRODUCT_MODEL):
        ends = (model.address + model.count, block.address + block.count)
        if block.address <= model.address and ends[0] <= ends[1]:
            return block, model
    return None


def _models_of(
    exchange: Exchange, asked: tuple[Block, Block], begin: int
) -> Iterator[Span]:
    block, model = asked
    came = b"".join(received.data for received in exchange.received)
    for frame in FrameAssembler().feed(came):
        if len(frame.data) == _BYTES_OF_WORD * block.count:
            start = begin + came.index(frame.raw) + frame.raw.index(frame.data)
            start += _BYTES_OF_WORD * (model.address - block.address)
            yield start, start + _BYTES_OF_WORD * model.count
