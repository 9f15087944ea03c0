"""Questions to an agent beside its turns, and the wait for their answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from engine.base.errors import DeadlinePassed, SessionLost
from engine.sessions import lines
from engine.sessions.lifecycle import Lifecycle
from engine.sessions.messages import ControlReply
from engine.sessions.outcome import how_exited


class Controls:
    """Owner of the questions that wait. `request` words one and names it, `write` sends it to the agent."""

    def __init__(
        self, life: Lifecycle, request: Callable[..., tuple[str, bytes]], write: Callable[[bytes], None]
    ) -> None:
        self._life = life
        self._request = request
        self._write = write
        self._waiting: dict[str, asyncio.Future[ControlReply]] = {}
        self._later: dict[str, Callable[[ControlReply], None]] = {}

    async def ask(self, subtype: str, timeout: float, /, *, withdraw: bool = False, **fields: Any) -> ControlReply:
        """Ask the agent something. Raises DeadlinePassed after `timeout` seconds, SessionLost when it ended.

        With `withdraw` the agent learns that nobody waits for its reply any more.
        """
        if self._life.gone:
            raise SessionLost(f"Session {self._life.session} has ended.")
        request_id, line = self._request(subtype, **fields)
        self.expect(request_id)
        self._write(line)
        try:
            return await self.answer(request_id, subtype, timeout)
        except (DeadlinePassed, asyncio.CancelledError):
            if withdraw:
                self._write(lines.withdraw(request_id))
            raise

    def ask_later(self, subtype: str, take: Callable[[ControlReply], None], **fields: Any) -> None:
        """Ask the agent something whose answer nobody waits for; `take` gets it when it comes."""
        request_id, line = self._request(subtype, **fields)
        self._later[request_id] = take
        self._write(line)

    def expect(self, request_id: str) -> None:
        """A question is about to be asked."""
        self._waiting[request_id] = asyncio.get_running_loop().create_future()

    async def answer(self, request_id: str, subtype: str, timeout: float) -> ControlReply:
        """Its answer. Raises DeadlinePassed after `timeout` seconds, SessionLost when the process ended."""
        try:
            return await asyncio.wait_for(self._waiting[request_id], timeout)
        except TimeoutError:
            raise DeadlinePassed(f"Session {self._life.session} did not answer {subtype} in {timeout:g} s.") from None
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
                DeadlinePassed(f"Session {self._life.session} answered, and its answer could not be read.")
            )

    def lose(self, exit_code: int) -> None:
        """The process has ended."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(SessionLost(f"Session {self._life.session} ended ({how_exited(exit_code)})."))
