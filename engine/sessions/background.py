"""The tasks that an agent runs beside its turns, from what its lines say of them. Pure."""

from __future__ import annotations

from engine.sessions.messages import System
from engine.sessions.protocol_events import Task

MOST = 1000
"""Tasks that are followed; further ones are not, and the session is not shared any more after the first."""
_OVER = frozenset({"completed", "failed", "killed", "stopped", "cancelled"})


class BackgroundTasks:
    """Owner of the tasks alive. `background_tasks_changed` lists them all; older CLIs only tell of begin and end."""

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
