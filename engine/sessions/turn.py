"""A turn in flight, seen from the engine: its order, its clocks, and the wait for its one end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.clock import Clock
from engine.errors import DeadlinePassed, ErrorKind, TurnFailed, Verdict
from engine.events.types import TurnEnded
from engine.sessions.clocks import SILENCE, TurnClocks, TurnLimits
from engine.sessions.messages import Result
from engine.sessions.outcome import Outcome, judge, judge_lost
from engine.sessions.summaries import one_line, prompt_title


def _ignore_text(_text: str) -> None:
    """Nobody listens to the stream."""


def _ignore() -> None:
    """Nobody waits for the first sign."""


def _ignore_size(_size: int) -> None:
    """Nobody listens to the stream."""


@dataclass(frozen=True)
class TurnOrder:
    """What to run: `quiet` turns (our own `/clear`) are not published; `on_answer` hears of the first sign of it."""

    request: str
    prompt: str
    user: str = ""
    attempt: int = 1
    quiet: bool = False
    on_delta: Callable[[str], None] = _ignore_text
    on_drop: Callable[[int], None] = _ignore_size
    on_answer: Callable[[], None] = _ignore

    @property
    def title(self) -> str:
        """The prompt in one line."""
        return prompt_title(self.prompt)


READ_ONLY_TOOLS = frozenset({"Glob", "Grep", "LS", "NotebookRead", "Read", "TodoWrite", "ToolSearch"})
"""Tools that may run twice without harm."""


class RunningTurn:
    """Owner of the wait for a turn's end."""

    def __init__(self, order: TurnOrder, limits: TurnLimits, clock: Clock) -> None:
        self.order = order
        self.result: Result | None = None
        self._acted = False
        self._clock = clock
        self._began = clock.monotonic()
        self._clocks = TurnClocks(limits, self._began)
        self._done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    async def wait(self) -> Outcome:
        """The outcome. Raises DeadlinePassed, naming the setting, when a clock runs out."""
        watch = self._watch()
        try:
            return replace(await self._done, acted=self._acted)
        finally:
            self._stop_watch(watch)

    def progressed(self) -> None:
        """The agent wrote something."""
        self._clocks.progressed(self._clock.monotonic())

    def silent_for(self, now: float) -> float:
        """Seconds since it last wrote; 0 while a permission waits."""
        return self._clocks.silent_for(now)

    def answered(self) -> None:
        """A sign of the answer; the first one is told."""
        if self._clocks.first_byte_at is None:
            self._clocks.answered(self._clock.monotonic())
            self.order.on_answer()

    def used(self, tool: str) -> None:
        """The agent called a tool: from now on a second run may do its work twice."""
        self._acted = self._acted or tool not in READ_ONLY_TOOLS

    def delta(self, text: str) -> None:
        """A piece of the answer."""
        self.answered()
        self.order.on_delta(text)

    def drop(self, size: int) -> None:
        """The last `size` characters will come again."""
        self.order.on_drop(size)

    def hold(self, *, waiting: bool) -> None:
        """A permission begins or ends to wait."""
        self._clocks.hold(self._clock.monotonic(), waiting=waiting)

    def finish(self, result: Result, *, interrupted: bool) -> None:
        """The result is here."""
        self.result = result
        if not self._done.done():
            self._done.set_result(judge(result, interrupted=interrupted))

    def lose(self, exit_code: int, stderr: str, partial: str) -> None:
        """The process is gone."""
        if not self._done.done():
            self._done.set_result(judge_lost(exit_code, stderr, partial))

    def cut_off(self, reason: str) -> None:
        """The session is about to be stopped under the turn."""
        if not self._done.done():
            remedy = "Raise the limit in `session_pool.limits`, or make the request smaller."
            sentence = f"The session was stopped in its turn: {reason}."
            self._done.set_exception(TurnFailed(sentence, kind=ErrorKind.RESOURCE, code="session_limit", remedy=remedy))

    def ended_event(self, session: str, outcome: Outcome | None, reason: str, cost: float) -> TurnEnded:
        """The event of the turn's end."""
        usage = outcome.usage if outcome is not None else None
        first = self._clocks.first_byte_at
        ok = outcome is not None and outcome.ok
        return TurnEnded(
            request=self.order.request,
            session=session,
            ok=ok,
            outcome=outcome.ended.value if outcome is not None else "abandoned",
            duration=self._clock.monotonic() - self._began,
            ttft=first - self._began if first is not None else None,
            tokens_in=usage.input_tokens if usage else 0,
            tokens_out=usage.output_tokens if usage else 0,
            tokens_cached=usage.cache_read_input_tokens if usage else 0,
            cost=cost,
            error="" if ok else one_line(reason),
        )

    def _watch(self) -> list[asyncio.TimerHandle]:
        loop = asyncio.get_running_loop()
        timers: list[asyncio.TimerHandle] = []

        def look() -> None:
            expired = self._clocks.expired(self._clock.monotonic())
            if expired is None:
                timers[:] = [loop.call_later(self._wait_s(), look)]
            elif not self._done.done():
                sentence = f"The turn's {expired.clock} clock ran out after {expired.seconds:g} s."
                late = DeadlinePassed(sentence, remedy=f"Raise `{expired.setting}`.")
                late.clock, late.acted = expired.clock, self._acted
                if expired.clock in SILENCE:
                    late.retryable, late.verdict = True, Verdict("turn-silent", "hang", "high", "session")
                self._done.set_exception(late)

        timers.append(loop.call_later(self._wait_s(), look))
        return timers

    def _wait_s(self) -> float:
        return max(0.01, self._clocks.next_deadline() - self._clock.monotonic())

    @staticmethod
    def _stop_watch(timers: list[asyncio.TimerHandle]) -> None:
        for timer in timers:
            timer.cancel()
