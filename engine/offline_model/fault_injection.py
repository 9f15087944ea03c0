"""How each fault is done to a request: plain HTTP errors, and streams broken at a chosen place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from engine.offline_model.faults import Fallback, Fault, FaultShape, error_body
from engine.offline_model.replies import Reply, encoded, sse
from engine.offline_model.wire import Exchange

PING_EVERY_S = 1.0

# A reset throws away what the client has not read yet; without a moment in between it would come before any byte.
_READ_FIRST_S = 0.05

_PING = sse({"type": "ping"})
_NOT_HTTP = b"\x16\x03\x01\x02\x00 this is not HTTP\r\n\r\n"


async def fail(exchange: Exchange, fault: Fault, reply: Reply, *, stream: bool) -> bool:
    """Do `fault` to the request that `reply` would answer; False when the connection cannot go on after it."""
    if fault.how is FaultShape.ERROR:
        await exchange.answer(
            fault.status, fault.body(reply.model, exchange.request_id), fault.content_type, fault.headers
        )
        return True
    if not stream and fault.how not in _BEFORE_ANYTHING:
        return await _fail_whole(exchange, fault, reply)
    return await _STREAMED[fault.how](exchange, fault, reply)


async def _fail_whole(exchange: Exchange, fault: Fault, reply: Reply) -> bool:
    """A non-streaming request meets the nearest thing to a stream fault."""
    if fault.how is FaultShape.SSE_BAD_JSON:
        await exchange.answer(200, encoded(reply.message())[:-20])
        return True
    if fault.how is FaultShape.REFUSAL:
        await exchange.answer(200, encoded(reply.message()))
        return True
    if fault.error_type:
        await exchange.answer(fault.status, fault.body(reply.model, exchange.request_id))
        return True
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    await exchange.raw(head + (b"zz\r\n" if fault.how is FaultShape.BAD_CHUNK else b"400\r\n{"))
    return await _end_abruptly(exchange, fault)


async def _end_abruptly(exchange: Exchange, fault: Fault) -> bool:
    if fault.how is FaultShape.RESET_MID:
        await asyncio.sleep(_READ_FIRST_S)
        exchange.reset()
    elif fault.how in {FaultShape.STALL_MID, FaultShape.PINGS}:
        await exchange.until_left()
    return False


async def _never(exchange: Exchange, _fault: Fault, _reply: Reply) -> bool:
    await exchange.until_left()
    return False


async def _reset(exchange: Exchange, _fault: Fault, _reply: Reply) -> bool:
    exchange.reset()
    return False


async def _close(_exchange: Exchange, _fault: Fault, _reply: Reply) -> bool:
    return False


async def _not_http(exchange: Exchange, _fault: Fault, _reply: Reply) -> bool:
    await exchange.raw(_NOT_HTTP)
    return False


async def _mid(exchange: Exchange, fault: Fault, reply: Reply) -> bool:
    """Half of a text block, then a reset, a cut or silence."""
    exchange.open_stream(fault.headers)
    await exchange.send(_first_half(reply))
    if fault.how is FaultShape.CUT_MID:
        await exchange.raw(b"400\r\nevent: content_blo")
    return await _end_abruptly(exchange, fault)


async def _bad_chunk(exchange: Exchange, fault: Fault, reply: Reply) -> bool:
    exchange.open_stream(fault.headers)
    await exchange.send(sse(reply.opening()))
    await exchange.raw(b"zz\r\nnot a chunk\r\n")
    return False


async def _pings(exchange: Exchange, fault: Fault, _reply: Reply) -> bool:
    exchange.open_stream(fault.headers)
    left = asyncio.create_task(exchange.until_left())
    try:
        while not left.done():
            await exchange.send(_PING)
            await asyncio.wait({left}, timeout=PING_EVERY_S)
    finally:
        left.cancel()
    return False


async def _broken_events(exchange: Exchange, fault: Fault, reply: Reply) -> bool:
    """Events that go wrong on a connection that is in order."""
    exchange.open_stream(fault.headers)
    await exchange.send(_wrong_events(fault, reply, exchange.request_id))
    await exchange.close_stream()
    return True


def _wrong_events(fault: Fault, reply: Reply, request_id: str) -> bytes:
    error = b"event: error\ndata: " + error_body(fault.error_type, fault.message, request_id) + b"\n\n"
    match fault.how:
        case FaultShape.SSE_ERROR_FIRST:
            return error
        case FaultShape.SSE_ERROR_MID:
            return _first_half(reply) + error
        case FaultShape.SSE_ERROR_AFTER:
            return _all_but_closing(reply) + error
        case FaultShape.SSE_UNFINISHED:
            return _first_half(reply)
        case FaultShape.SSE_BAD_JSON:
            return _first_half(reply) + b'event: content_block_delta\ndata: {"type":"content_block_delta","index\n\n'
        case FaultShape.REFUSAL:
            return b"".join(sse(event) for event in reply.events())
        case _:
            return b""


def _first_half(reply: Reply) -> bytes:
    """The stream up to the middle of its pieces, a text block left open."""
    events = list(reply.events())[: -len(reply.closing()) - 1]
    return b"".join(sse(event) for event in events[: max(3, len(events) // 2 + 1)])


def _all_but_closing(reply: Reply) -> bytes:
    return b"".join(sse(event) for event in list(reply.events())[: -len(reply.closing())])


_Breaker = Callable[[Exchange, Fault, Reply], Awaitable[bool]]

_BEFORE_ANYTHING = frozenset(
    {FaultShape.NO_BYTES, FaultShape.RESET_BEFORE, FaultShape.CLOSE_BEFORE, FaultShape.NOT_HTTP}
)

_STREAMED: dict[FaultShape, _Breaker] = {
    FaultShape.NO_BYTES: _never,
    FaultShape.RESET_BEFORE: _reset,
    FaultShape.CLOSE_BEFORE: _close,
    FaultShape.NOT_HTTP: _not_http,
    FaultShape.BAD_CHUNK: _bad_chunk,
    FaultShape.RESET_MID: _mid,
    FaultShape.CUT_MID: _mid,
    FaultShape.STALL_MID: _mid,
    FaultShape.PINGS: _pings,
    FaultShape.SSE_EMPTY: _broken_events,
    FaultShape.SSE_UNFINISHED: _broken_events,
    FaultShape.SSE_BAD_JSON: _broken_events,
    FaultShape.SSE_ERROR_FIRST: _broken_events,
    FaultShape.SSE_ERROR_MID: _broken_events,
    FaultShape.SSE_ERROR_AFTER: _broken_events,
    FaultShape.REFUSAL: _broken_events,
}


def falls_back(fault: Fault, *, stream: bool) -> Fallback | None:
    """What a non-streaming request meets instead of the fault, None when the fault itself."""
    if stream or fault.how is FaultShape.ERROR or fault.fallback is Fallback.SAME:
        return None
    return fault.fallback
