"""The stages of one request, from the events that its way left: waits, wake or start, first token, turn, retries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.events import types as ev
from engine.events.types import EventEnvelope


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: its beginning in seconds after the request came, and its length; `detail` names reason or session.

    `name` is queue, wait, retry, first_token, turn, tools, people or end.
    """

    name: str
    began: float
    seconds: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RequestTrace:
    """A request's way: when it came in seconds since 1970, how long it took so far, and its stages in order."""

    request: str
    came_at: float
    seconds: float
    outcome: str
    attempts: int
    stages: tuple[Stage, ...]


class _Tracer:
    """Owner of the stage under way."""

    def __init__(self, came: float) -> None:
        self.came = came
        self.stages: list[Stage] = []
        self._name, self._detail, self._at = "queue", "", came
        self.attempts = 0
        self.outcome = "running"

    def take(self, stamped: EventEnvelope) -> None:
        """One event of the request."""
        match stamped.event:
            case ev.RequestWaiting(reason=reason) if reason and self._name != "turn":
                self._next("wait", stamped.at, reason)
            case ev.RequestRetrying(reason=reason):
                self._next("retry", stamped.at, reason)
            case ev.TurnStarted(session=session):
                self.attempts += 1
                self._next("turn", stamped.at, session)
            case ev.TurnEnded() as ended:
                self._turn(ended, stamped.at)
            case ev.RequestEnded() as ended:
                self._next("", stamped.at, "")
                self.outcome = "cached" if ended.cached else ended.outcome.value

    def end(self, now: float) -> None:
        """Close what is still under way."""
        if self.outcome == "running":
            self._next("", now, "")

    def _next(self, name: str, at: float, detail: str) -> None:
        if self._name and (at > self._at or self._name != "queue"):
            self._add(self._name, self._at, at, self._detail)
        self._name, self._detail, self._at = name, detail, at

    def _turn(self, ended: ev.TurnEnded, at: float) -> None:
        """Divide the turn: until its first token, what it wrote, its tools, and what it waited for people."""
        if self._name != "turn":
            return
        first = min(self._at + (ended.ttft or 0.0), at)
        people = min(max(0.0, ended.for_person), at - first)
        if ended.ttft is not None:
            self._add("first_token", self._at, first, self._detail)
        tools = min(max(0.0, ended.tools), at - first - people)
        self._add("turn", first, at - people - tools, self._detail)
        if tools:
            self._add("tools", at - people - tools, at - people, "wherever in the turn they ran")
        if people:
            self._add("people", at - people, at, "approvals, wherever in the turn they were")
        self._name, self._detail, self._at = "end", "", at

    def _add(self, name: str, began: float, ended: float, detail: str) -> None:
        stage = Stage(name, round(began - self.came, 6), round(max(0.0, ended - began), 6), detail)
        last = self.stages[-1] if self.stages else None
        if last is not None and (last.name, last.detail) == (name, detail) and name == "wait":
            self.stages[-1] = Stage(name, last.began, round(last.seconds + stage.seconds, 6), detail)
        else:
            self.stages.append(stage)


def trace(request: str, events: Iterable[EventEnvelope], now: float) -> RequestTrace | None:
    """The way of the last request of this id among remembered events; None when its beginning is not among them."""
    tracer: _Tracer | None = None
    for stamped in events:
        event = stamped.event
        if getattr(event, "request", None) != request:
            continue
        if isinstance(event, ev.RequestQueued):
            tracer = _Tracer(stamped.at)
        elif tracer is not None:
            tracer.take(stamped)
    if tracer is None:
        return None
    tracer.end(now)
    last = tracer.stages[-1] if tracer.stages else Stage("queue", 0.0, 0.0)
    seconds = round(last.began + last.seconds, 6)
    return RequestTrace(request, tracer.came, seconds, tracer.outcome, tracer.attempts, tuple(tracer.stages))
