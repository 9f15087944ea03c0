"""Commands that run in the background: they outlive their turn, and the CLI reports their start and end.

The lines and their order were recorded from 2.1.330: a start is `background_tasks_changed` and `task_started`, an end
is `task_updated`, `task_notification` and `background_tasks_changed`; then, once no turn is open, a turn of the CLI's
own.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time

from engine.simulated_agent import lines
from engine.simulated_agent.lines import Line
from engine.simulated_agent.transcript import folder_name

TYPE_CHECKING = False  # `typing` alone is a quarter of the start time
if TYPE_CHECKING:
    import subprocess

MOST_TASKS = 64
MOST_SUMMARY = 400

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Task:
    """One command in the background, or one that ended and is not yet reported."""

    def __init__(self, arguments: Line, tool_use_id: str, session: str) -> None:
        import subprocess

        self.id = "b" + "".join(_LETTERS[byte % 36] for byte in os.urandom(8))
        self.run_id = f"{os.urandom(4).hex()}-{os.urandom(4).hex()}"
        self.tool_use_id = tool_use_id
        self.command = str(arguments.get("command", ""))
        self.description = str(arguments.get("description") or self.command)[:MOST_SUMMARY]
        self.output = _output_file(session, self.id)
        with open(self.output, "wb") as file:  # noqa: PTH123 - pathlib costs start time
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                ["/bin/sh", "-c", self.command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    @property
    def said(self) -> str:
        """What the tool's result says of it."""
        return (
            f"Command running in background with ID: {self.id}. Output is being written to: {self.output}. "
            "You will be notified when it completes. To check interim output, use Read on that file path."
        )

    def summary(self, code: int) -> str:
        """How it ended, in a sentence for the model."""
        how = f"completed (exit code {code})" if code == 0 else f"failed with exit code {code}"
        return f'Background command "{self.description}" {how}'

    def sign(self, code: int) -> None:
        """The last line of the output states how the command ended."""
        with contextlib.suppress(OSError), open(self.output, "ab") as file:  # noqa: PTH123 - pathlib costs start time
            file.write(f"\n[exited with code {code}]\n".encode())

    def about(self) -> Line:
        """The task in a list of tasks."""
        return {
            "task_id": self.id,
            "run_id": self.run_id,
            "task_type": "local_bash",
            "description": self.description,
        }

    def kill(self) -> None:
        """End the whole process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class Background:
    """Owns the tasks of the process; `/clear` does not end them."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def start(self, arguments: Line, tool_use_id: str, session: str) -> Task | None:
        """Start a command and report it; None when too many run already."""
        if len(self._tasks) >= MOST_TASKS:
            return None
        task = Task(arguments, tool_use_id, session)
        self._tasks[task.id] = task
        self.tell(session)
        started = lines.task(
            "task_started",
            session,
            task_id=task.id,
            run_id=task.run_id,
            tool_use_id=tool_use_id,
            description=task.description,
            is_backgrounded=True,
            task_type="local_bash",
        )
        lines.write_line(started)
        return task

    def ended(self, session: str) -> list[tuple[Task, str]]:
        """The tasks that have ended by themselves since the last look, each with a sentence; reported at once."""
        found = []
        for task in list(self._tasks.values()):
            code = task.exit_code
            if code is not None:
                task.sign(code)
                summary = task.summary(code)
                self._end(task, session, "completed" if code == 0 else "failed", summary)
                found.append((task, summary))
        return found

    def stop(self, task_id: str, session: str) -> Task | None:
        """End a task because the host wants it; None for one that does not run."""
        task = self._tasks.get(task_id)
        if task is not None:
            task.kill()
            self._end(task, session, "killed", task.description)
        return task

    def stop_all(self, session: str) -> None:
        """End what still runs, and report it."""
        for task_id in list(self._tasks):
            self.stop(task_id, session)

    def kill_all(self) -> None:
        """End what still runs, in silence."""
        for task in self._tasks.values():
            task.kill()
        self._tasks.clear()

    def tell(self, session: str) -> None:
        """The tasks that run now."""
        tasks = [task.about() for task in self._tasks.values()]
        lines.write_line(lines.task("background_tasks_changed", session, tasks=tasks))

    def _end(self, task: Task, session: str, status: str, summary: str) -> None:
        del self._tasks[task.id]
        same: Line = {"task_id": task.id, "run_id": task.run_id}
        patch = {"status": status, "end_time": int(time.time() * 1000)}
        lines.write_line(lines.task("task_updated", session, **same, patch=patch))
        more: Line = {"status": "stopped" if status == "killed" else status, "output_file": task.output}
        notification = lines.task(
            "task_notification", session, **same, tool_use_id=task.tool_use_id, **more, summary=summary
        )
        lines.write_line(notification)
        self.tell(session)


def notice_text(task_id: str, tool_use_id: str, output: str, status: str, summary: str) -> str:
    """What the model reads about a task that ended; the CLI says it in a text of its own."""
    return (
        "<system-reminder>\n[SYSTEM NOTIFICATION - NOT USER INPUT]\n<task-notification>\n"
        f"<task-id>{task_id}</task-id>\n<tool-use-id>{tool_use_id}</tool-use-id>\n"
        f"<output-file>{output}</output-file>\n<status>{status}</status>\n<summary>{summary}</summary>\n"
        "</task-notification>\n</system-reminder>"
    )


def _output_file(session: str, task_id: str) -> str:
    scratch = os.environ.get("CLAUDE_CODE_TMPDIR", "/tmp")  # noqa: S108 - as the CLI does
    cwd = folder_name(os.getcwd())  # noqa: PTH109
    folder = f"{scratch}/claude-{os.getuid()}/{cwd}/{session}/tasks"
    os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
    return f"{folder}/{task_id}.output"
