"""Answers over HTTP: whole, or as they grow by server-sent events; a caller who leaves ends the turn."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response, StreamingResponse

from engine.api.ending import Ending, EngineStops
from engine.api.envelope import done
from engine.base.caller import Caller
from engine.base.errors import QuarterdeckError, internal_error
from engine.operations.declared.prompts import SEND_PROMPT, SendPrompt, SentPromptResult
from engine.operations.execute import Operations

KEEP_ALIVE_S = 15.0
"""Seconds of silence after which a comment keeps proxies from closing the stream."""
MAX_WAITING = 4096
"""Events that may wait for a slow reader; text is joined, so more means that nobody reads."""
_log = logging.getLogger("uvicorn.error")  # bounded, see server_log
_encode = msgspec.json.Encoder().encode
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def answered(operations: Operations, args: SendPrompt, caller: Caller, request: HttpRequest) -> Response:
    """The whole answer; the turn is interrupted when the caller leaves before it."""
    work: asyncio.Future[SentPromptResult] = asyncio.ensure_future(operations.execute(SEND_PROMPT, args, caller))
    gone = asyncio.ensure_future(_disconnected(request))
    closing = asyncio.ensure_future(request.app.state.ending.closing.wait())
    try:
        await asyncio.wait([work, gone, closing], return_when=asyncio.FIRST_COMPLETED)
        if not work.done() and closing.done():
            raise EngineStops
        if not work.done():
            return Response(status_code=499)
        return done(work.result())
    finally:
        for task in (work, gone, closing):
            task.cancel()
        await asyncio.wait([work, gone, closing])


async def streamed(operations: Operations, args: SendPrompt, caller: Caller, ending: Ending) -> Response:
    """Server-sent events: started, delta, dropped, then answer or error; ids count from 1.

    What speaks against the request at once is raised.
    """
    heard, accepted = _Growing(), asyncio.Event()
    work: asyncio.Future[SentPromptResult] = asyncio.ensure_future(
        operations.execute(SEND_PROMPT, args, caller, stream=heard, accepted=accepted.set)
    )
    waiting = asyncio.ensure_future(accepted.wait())
    try:
        either: list[asyncio.Future[Any]] = [work, waiting]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    except BaseException:
        work.cancel()
        raise
    finally:
        waiting.cancel()
    if not accepted.is_set():
        work.result()
    return StreamingResponse(_events(work, heard, ending), headers=_HEADERS, media_type="text/event-stream")


class _Growing:
    """Queues what a reader gets, joining text while the reader is slow; nothing follows the last event."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, Any]] = []
        self.ready = asyncio.Event()
        self.ended = False

    def started(self, session: str, conversation: str) -> None:
        self._put("started", {"session": session, "conversation": conversation})

    def delta(self, text: str) -> None:
        if not self.ended and self.waiting and self.waiting[-1][0] == "delta":
            self.waiting[-1][1]["text"] += text
        else:
            self._put("delta", {"text": text})

    def dropped(self, size: int) -> None:
        self._put("dropped", {"size": size})

    def cut(self) -> None:
        """The API closes its connections: the last event, unless it was heard already."""
        if not self.ended:
            self._put_last("error", EngineStops().as_dict())

    def end(self, work: asyncio.Future[SentPromptResult]) -> None:
        """The last event, heard one step of the loop after the work is done."""
        if self.ended:
            return
        if work.cancelled():
            self._put_last("error", EngineStops().as_dict())
        elif (error := work.exception()) is None:
            self._put_last("answer", work.result().prompt)
        elif isinstance(error, QuarterdeckError):
            self._put_last("error", error.as_dict())
        else:
            _log.error("A streamed request failed", exc_info=error)
            self._put_last("error", internal_error(error).as_dict())

    def _put_last(self, name: str, data: Any) -> None:
        """The bound does not hold for it: a reader that gets no end waits for ever."""
        self.ended = True
        self.waiting.append((name, data))
        self.ready.set()

    def _put(self, name: str, data: Any) -> None:
        if not self.ended and len(self.waiting) < MAX_WAITING:
            self.waiting.append((name, data))
        self.ready.set()


async def _events(work: asyncio.Future[SentPromptResult], heard: _Growing, ending: Ending) -> AsyncIterator[bytes]:
    closing = asyncio.ensure_future(ending.closing.wait())
    closing.add_done_callback(lambda cut: None if cut.cancelled() else heard.cut())
    work.add_done_callback(heard.end)
    number = 0
    try:
        while heard.waiting or not heard.ended:
            if not heard.waiting and not await _within(heard.ready, KEEP_ALIVE_S):
                yield b": keep-alive\n\n"
                continue
            heard.ready.clear()
            waiting, heard.waiting = heard.waiting, []
            for name, data in waiting:
                number += 1
                yield b"id: %d\nevent: %s\ndata: %s\n\n" % (number, name.encode(), _encode(data))
    finally:
        closing.cancel()
        work.cancel()
        both: list[asyncio.Future[Any]] = [work, closing]
        await asyncio.wait(both)


async def _within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def _disconnected(request: HttpRequest) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
