"""What a session's agent does by itself: background tasks, turns that it begins, processes left running."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.base.clock import Clock
from engine.base.processes import process_time
from engine.base.text import one_line
from engine.events import types as ev
from engine.events.bus import Bus
from engine.launchers.base import Child, Launcher
from engine.sessions import protocol_events as f
from engine.sessions.account import Account
from engine.sessions.lifecycle import Lifecycle
from engine.sessions.messages import Result, System
from engine.sessions.protocol_events import Task

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


class LeftRunning:
    """Owner of the moment at which the present conversation's first turn began in this process."""

    def __init__(self) -> None:
        self._since: float | None = None

    def turn_begins(self) -> None:
        """Whatever starts from now on belongs to the conversation."""
        if self._since is None:
            self._since = process_time()

    def cleared(self) -> None:
        """The process goes on to another conversation."""
        self._since = None

    def look(self, launcher: Launcher, child: Child | None) -> str:
        """Why the process may serve no other conversation, or nothing."""
        if self._since is None or child is None:
            return ""
        pids = launcher.started_since(child, self._since)
        named = ", ".join(map(str, sorted(pids)[:4]))
        return f"a turn left processes running in its tree (pid {named})" if pids else ""


MOST = 1000
"""Tasks that are followed; further ones are not, and the session is not shared any more after the first."""
_OVER = frozenset({"completed", "failed", "killed", "stopped", "cancelled"})


class BackgroundTasks:
    """Owner of the tasks alive. `background_tasks_changed` lists them all; older CLIs only report begin and end."""

    def __init__(self) -> None:
        self._alive: dict[str, Task] = {}

    @property
    def alive(self) -> tuple[Task, ...]:
        """The tasks that run, oldest first."""
        return tuple(self._alive.values())

    def take(self, message: System) -> bool:
        """Take one system line in; whether the tasks alive changed."""
        before = dict(self._alive)
        match message.subtype:
            case "background_tasks_changed" if message.tasks is not None:
                self._alive = {each.task_id: Task(each.task_id, each.description) for each in message.tasks[:MOST]}
            case "task_started" if message.is_backgrounded is not False and len(self._alive) < MOST:
                self._alive[message.task_id] = Task(message.task_id, message.description)
            case "task_notification":
                self._alive.pop(message.task_id, None)
            case "task_updated" if message.patch is not None and message.patch.status in _OVER:
                self._alive.pop(message.task_id, None)
        return self._alive != before
