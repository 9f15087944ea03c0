"""The console's way to its feed: connect after the first paint, state what is wrong, try again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from engine.base.clock import Clock
from engine.base.errors import NoEngine, QuarterdeckError
from tui.feeds.base import Feed
from tui.model.link import FeedStatus, LinkState

RETRY_S = (2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds before each further attempt while no engine answers; the last one repeats."""

_log = logging.getLogger("quarterdeck.console")

Connect = Callable[[], Awaitable[Feed]]


class Connection:
    """Owner of the feed: from `connect` until `aclose`."""

    def __init__(self, feed: Feed | None, connect: Connect | None, clock: Clock) -> None:
        self._clock = clock
        self._given = feed
        self._connect = connect
        self._wake = asyncio.Event()
        self._attempt = 0
        self._retry_at = 0.0
        self._problem = ""
        self.feed: Feed | None = None

    @property
    def status(self) -> FeedStatus:
        """How the link stands: the feed's own word once there is a feed."""
        if self.feed is not None:
            return self.feed.status
        if not self._problem:
            return FeedStatus(LinkState.CONNECTING, "engine", "waiting for the engine")
        left = max(0.0, self._retry_at - self._clock.monotonic()) if self._retry_at else 0.0
        return FeedStatus(LinkState.LOST, "the engine", self._problem, self._attempt, left)

    @property
    def waits(self) -> bool:
        """Whether `retry_now` would do something."""
        return self.feed is None and bool(self._problem)

    def retry_now(self) -> None:
        """Do not wait any longer for the next attempt."""
        self._wake.set()

    async def join(self) -> None:
        """Connect, however many attempts that takes. An error that trying again cannot cure waits for `retry_now`."""
        while self.feed is None:
            self._wake.clear()
            try:
                self.feed = await self._reach()
            except NoEngine as error:
                await self._pause(str(error), RETRY_S[min(self._attempt, len(RETRY_S) - 1)])
            except (QuarterdeckError, OSError) as error:
                await self._pause(str(error), None)

    async def aclose(self) -> None:
        """Close the feed; safe to call twice."""
        feed, self.feed = self.feed, None
        if feed is not None:
            try:
                await feed.aclose()
            except (QuarterdeckError, OSError):
                _log.warning("The feed did not close cleanly.", exc_info=True)

    async def _reach(self) -> Feed:
        feed = self._given
        if feed is None:
            if self._connect is None:
                raise NoEngine("The console was given no engine.", remedy="Start it with `quarterdeck`.")
            feed = await self._connect()
        await feed.start()
        self._problem = ""
        return feed

    async def _pause(self, problem: str, seconds: float | None) -> None:
        self._problem = problem
        self._attempt += 1
        self._retry_at = self._clock.monotonic() + seconds if seconds is not None else 0.0
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
