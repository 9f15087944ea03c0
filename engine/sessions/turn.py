"""A turn in flight, seen from the engine: its order, its clocks, and the wait for its one end."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.base.clock import Clock
from engine.base.errors import DeadlinePassed, ErrorClass, ErrorKind, TurnFailed
from engine.base.text import one_line, prompt_title
from engine.events.types import TurnEnded
from engine.sessions import protocol_events as f
from engine.sessions.account import Spent
from engine.sessions.clocks import SILENCE, Expired, ToolTime, TurnClocks, TurnLimits
from engine.sessions.messages import Usage
from engine.sessions.outcome import Ended, Outcome, Written, judge, judge_cancelled, judge_lost, judge_unreadable


def _ignore_text(_text: str) -> None:
    """Nobody listens to the stream."""


def _ignore() -> None:
    """Nobody waits for the first sign."""


def _ignore_waiting(_waiting: bool) -> None:
    """Nobody follows whether a person is waited for."""


def _ignore_size(_size: int) -> None:
    """Nobody listens to the stream."""


@dataclass(frozen=True)
class TurnOrder:
    """What to run: `quiet` turns (our own `/clear`) are not published; `on_answer` hears of the first sign of it.

    `commands` states that the prompt may be one of the CLI's own commands, `watched` that the caller reads the answer
    as it grows. `on_person` is called when the wait for a person begins or ends, at most `permission_timeout` seconds
    each (the setting's without one).
    """

    request: str
    prompt: str
    user: str = ""
    attempt: int = 1
    quiet: bool = False
    commands: bool = False
    watched: bool = False
    on_delta: Callable[[str], None] = _ignore_text
    on_drop: Callable[[int], None] = _ignore_size
    on_answer: Callable[[], None] = _ignore
    on_person: Callable[[bool], None] = _ignore_waiting
    permission_timeout: float | None = None

    @property
    def title(self) -> str:
        """The prompt in one line."""
        return prompt_title(self.prompt)


READ_ONLY_TOOLS = frozenset({"Glob", "Grep", "LS", "NotebookRead", "Read", "TodoWrite", "ToolSearch"})
"""Tools that may run twice without harm."""
_LAST_LOOK_S = 0.05
"""Time for what waits in the pipes to be read before a clock condemns."""
_LOOK_S = 1.0
"""Time between two looks while a person is waited for."""


class RunningTurn:
    """Owner of the wait for a turn's end."""

    def __init__(self, order: TurnOrder, limits: TurnLimits, clock: Clock) -> None:
        self.order = order
        self._acted = False
        self._spent, self._usage = Spent(), Usage()
        self._clock = clock
        self._began = clock.monotonic()
        self._clocks = TurnClocks(limits, self._began)
        self._tools = ToolTime()
        self._done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    @property
    def acted(self) -> bool:
        """Whether a tool was used that does more than read."""
        return self._acted

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
        """A sign of the answer; the first one is reported."""
        if self._clocks.first_byte_at is None:
            self._clocks.answered(self._clock.monotonic())
            self.order.on_answer()

    def used(self, tool: str) -> None:
        """The agent called a tool, or may have: from now on a second run may do its work twice."""
        self._acted = self._acted or tool not in READ_ONLY_TOOLS

    def take(self, fact: f.Fact, stopped: str) -> None:
        """Take in what the agent's lines said of this turn; `finish` takes its result, and `stopped` is as there."""
        match fact:
            case f.TextDelta(text):
                self.answered()
                self.order.on_delta(text)
            case f.PartialDropped(size):
                self.order.on_drop(size)
            case f.ToolUsed(tool):
                self.used(tool)
                if tool:  # else a line could not be read, and its end cannot be known
                    self._tools.began(self._clock.monotonic())
            case f.ToolEnded():
                self._tools.ended(self._clock.monotonic())
            case f.ActivityChanged():
                self.answered()
            case f.TurnStarted():
                self.queue(queued=False)
            case f.TurnCompleting():
                self._clocks.closing()
            case f.TurnCancelled(partial):
                self._end(judge_cancelled(partial, stopped))
            case f.TurnUnreadable(reason, partial):
                self._end(judge_unreadable(reason, partial))

    def wait_for_person(self, *, waiting: bool) -> None:
        """A permission begins or ends to wait."""
        self._clocks.wait_for_person(self._clock.monotonic(), waiting=waiting)
        self.order.on_person(waiting)

    def queue(self, *, queued: bool) -> None:
        """The prompt begins or ends to queue behind a turn that the CLI began by itself."""
        self._clocks.queue(self._clock.monotonic(), queued=queued)

    def finish(self, finished: f.TurnFinished, spent: Spent, stopped: str) -> None:
        """The result is here; `stopped` states who stops the session and why, if somebody does."""
        commands = self.order.commands or self.order.quiet
        written = Written(finished.text, finished.failure, finished.answered, commands, finished.resets_at)
        outcome = judge(finished.result, written, interrupted=finished.interrupted)
        if stopped and outcome.ended is Ended.INTERRUPTED:
            outcome = replace(outcome, ended=Ended.STOPPED, reason=stopped)
        whole = self._spent.plus(spent)
        self._end(replace(outcome, cost=whole.cost, usage=self._usage.plus(outcome.usage)), whole)

    def steered(self, usage: Usage, spent: Spent) -> None:
        """It goes on with another prompt; what it took so far counts."""
        self._usage, self._spent = self._usage.plus(usage), self._spent.plus(spent)

    def lose(self, exit_code: int, stderr: str, partial: str, stopped: str) -> None:
        """The process is gone."""
        self._end(judge_lost(exit_code, stderr, partial, stopped))

    def _end(self, outcome: Outcome, spent: Spent | None = None) -> None:
        self._spent = spent or self._spent
        if not self._done.done():
            self._done.set_result(outcome)

    def abort_turn(self, reason: str) -> None:
        """The session is about to be stopped under the turn."""
        if not self._done.done():
            remedy = "Raise the limit in `session_pool.limits`, or make the request smaller."
            sentence = f"The session was stopped in its turn: {reason}."
            self._done.set_exception(TurnFailed(sentence, kind=ErrorKind.RESOURCE, code="session_limit", remedy=remedy))

    def ended_event(self, session: str, outcome: Outcome | None, reason: str) -> TurnEnded:
        """The event of the turn's end."""
        spent = self._spent
        first = self._clocks.first_byte_at
        ok = outcome is not None and outcome.ok
        now = self._clock.monotonic()
        people = self._clocks.for_person(now)
        return TurnEnded(
            request=self.order.request,
            session=session,
            ok=ok,
            outcome=outcome.ended.value if outcome is not None else "abandoned",
            duration=now - self._began,
            for_person=people,
            tools=max(0.0, self._tools.seconds(now) - people),
            ttft=first - self._began if first is not None else None,
            tokens_in=spent.tokens_in,
            tokens_out=spent.tokens_out,
            tokens_cached=spent.tokens_cached,
            tokens_cache_written=spent.tokens_cache_written,
            cost=spent.cost,
            model=spent.model,
            context=spent.context,
            context_window=spent.window,
            error="" if ok else one_line(reason),
        )

    def _watch(self) -> list[asyncio.TimerHandle]:
        loop = asyncio.get_running_loop()
        timers: list[asyncio.TimerHandle] = []

        def look(*, last: bool = False) -> None:
            expired = self._clocks.expired(self._clock.monotonic())
            if expired is None:
                timers[:] = [loop.call_later(self._wait_s(), look)]
            elif not last:  # what the agent wrote meanwhile may still be in its pipe
                timers[:] = [loop.call_later(_LAST_LOOK_S, functools.partial(look, last=True))]
            elif not self._done.done():
                self._done.set_exception(self._late(expired))

        timers.append(loop.call_later(self._wait_s(), look))
        return timers

    def _late(self, expired: Expired) -> DeadlinePassed:
        sentence = f"The turn's {expired.clock} clock ran out after {expired.seconds:g} s."
        late = DeadlinePassed(sentence, remedy=f"Raise `{expired.setting}`.")
        late = late.changed(clock=expired.clock, acted=self._acted)
        if expired.clock not in SILENCE:
            return late
        return late.changed(retryable=True, verdict=ErrorClass("turn-silent", "hang", "high", "session"))

    def _wait_s(self) -> float:
        deadline = self._clocks.next_deadline()
        return _LOOK_S if deadline is None else max(0.01, deadline - self._clock.monotonic())

    @staticmethod
    def _stop_watch(timers: list[asyncio.TimerHandle]) -> None:
        for timer in timers:
            timer.cancel()
