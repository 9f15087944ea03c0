"""What an agent does by itself, beside our turns: its own turns and its background tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.base.clock import Clock
from engine.base.text import one_line
from engine.events import types as ev
from engine.events.bus import Bus
from engine.sessions import protocol_events as f
from engine.sessions.account import Account
from engine.sessions.lifecycle import Lifecycle
from engine.sessions.messages import Result

OwnFact = f.ForeignTurnBegan | f.ForeignTurnEnded | f.TasksChanged


class OwnWork:
    """Records it in the session's state and its account, publishes it, and calls `changed`."""

    def __init__(self, life: Lifecycle, account: Account, bus: Bus, clock: Clock, changed: Callable[[], None]) -> None:
        self._life = life
        self._account = account
        self._bus = bus
        self._clock = clock
        self._changed = changed

    def take(self, fact: OwnFact, conversation: str, tasks: Sequence[f.Task]) -> None:
        """Take one fact in; `tasks` are those alive now."""
        now = self._clock.monotonic()
        match fact:
            case f.ForeignTurnBegan():
                self._life.foreign_began(now)
            case f.ForeignTurnEnded(result):
                self._life.foreign_ended(now)
                self._publish_end(result, conversation)
            case f.TasksChanged():
                self._life.tasks_are(tuple(task.id for task in tasks), now)
        described = [one_line(task.description) for task in tasks]
        self._bus.publish(
            ev.BackgroundChanged(session=self._life.session, tasks=described, own_turn=self._life.foreign)
        )
        self._changed()

    def _publish_end(self, result: Result | None, conversation: str) -> None:
        if result is None:
            return
        spent = self._account.book(result)
        self._bus.publish(
            ev.ForeignTurnEnded(
                session=self._life.session,
                conversation=conversation,
                ok=not result.is_error,
                text=one_line(result.result or "; ".join(result.errors or ())),
                tokens_in=spent.tokens_in,
                tokens_out=spent.tokens_out,
                tokens_cached=spent.tokens_cached,
                tokens_cache_written=spent.tokens_cache_written,
                cost=spent.cost,
            )
        )
