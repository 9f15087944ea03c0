"""The feed of an engine in this very process, across the border between its thread and the console's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

from engine.base.caller import Caller, Door
from engine.base.errors import NoEngine, QuarterdeckError
from engine.base.operator import user_name
from engine.events.bus import Subscription
from engine.events.state import decode_state
from engine.operations.execute import Operations
from engine.operations.operation import A, Operation, R
from engine.sessions.transcripts import Page
from engine.thread import EngineThread
from tui.feeds.arguments import checked
from tui.model.link import FeedBatch, FeedStatus, LinkState

T = TypeVar("T")


class InProcessFeed:
    """Owner of one subscription to the engine's bus."""

    def __init__(self, thread: EngineThread) -> None:
        self._thread = thread
        self._subscription: Subscription | None = None
        self._caller = Caller(user_name(), door=Door.CONSOLE)

    @property
    def status(self) -> FeedStatus:
        """Live for as long as the engine's thread is."""
        return FeedStatus(LinkState.LIVE if self._subscription is not None else LinkState.CONNECTING, "in process")

    async def start(self) -> None:
        """Subscribe; the first poll brings a snapshot."""
        engine = self._thread.engine

        async def subscribe() -> Subscription:
            return engine.bus.subscribe()

        self._subscription = await self._call(subscribe())

    async def aclose(self) -> None:
        """Leave the bus; prompts that were sent go on in the engine until it drains."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:

            async def close() -> None:
                subscription.close()

            with contextlib.suppress(NoEngine):  # it took the subscription with it
                await self._call(close())

    def poll(self) -> FeedBatch:
        """Take what waits in the mailbox."""
        if self._subscription is None:
            return FeedBatch(None, [])
        batch = self._subscription.take()
        state = decode_state(batch.snapshot.state) if batch.snapshot is not None else None
        return FeedBatch(state, batch.events)

    async def transcript(
        self, session: str, after: int = 0, *, last: int = 0, part: int = 0, part_from: int = 0
    ) -> Page:
        """A page of the session's transcript."""
        engine = self._thread.engine

        async def page() -> Page:
            engine.pool.look_at(session)
            return engine.transcripts.page(session, after, last=last, part=part, part_from=part_from)

        return await self._call(page())

    async def send(self, operation: Operation[A, R], args: A) -> R:
        """Execute an operation on the engine's thread."""
        return await self._call(
            Operations(self._thread.engine).execute(operation, checked(operation, args), self._caller)
        )

    async def _call(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return await asyncio.wrap_future(self._thread.call(work))
        except QuarterdeckError:
            raise
        except RuntimeError as error:
            raise NoEngine("The engine has stopped.", remedy="Start it again with `quarterdeck`.") from error
