"""Questions to an agent beside its turns, and the wait for their answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine.base.errors import DeadlinePassed, SessionLost
from engine.sessions.messages import ControlReply
from engine.sessions.outcome import how_exited


class Controls:
    """Owner of the questions that wait."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._waiting: dict[str, asyncio.Future[ControlReply]] = {}
        self._later: dict[str, Callable[[ControlReply], None]] = {}

    def expect(self, request_id: str) -> None:
        """A question is about to be asked."""
        self._waiting[request_id] = asyncio.get_running_loop().create_future()

    def expect_later(self, request_id: str, take: Callable[[ControlReply], None]) -> None:
        """A question is about to be asked whose answer nobody waits for; `take` gets it when it comes."""
        self._later[request_id] = take

    async def answer(self, request_id: str, subtype: str, timeout: float) -> ControlReply:
        """Its answer. Raises DeadlinePassed after `timeout` seconds, SessionLost when the process ended."""
        try:
            return await asyncio.wait_for(self._waiting[request_id], timeout)
        except TimeoutError:
            raise DeadlinePassed(f"Session {self._session} did not answer {subtype} in {timeout:g} s.") from None
        finally:
            self._waiting.pop(request_id, None)

    def take(self, reply: ControlReply) -> None:
        """An answer came; one that nobody waits for any more is dropped."""
        if (later := self._later.pop(reply.request_id, None)) is not None:
            later(reply)
        waiting = self._waiting.get(reply.request_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)

    def fail(self, request_id: str) -> None:
        """Its answer came and could not be read."""
        waiting = self._waiting.get(request_id)
        if waiting is not None and not waiting.done():
            waiting.set_exception(
                DeadlinePassed(f"Session {self._session} answered, and its answer could not be read.")
            )

    def lose(self, exit_code: int) -> None:
        """The process has ended."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(SessionLost(f"Session {self._session} ended ({how_exited(exit_code)})."))
