"""The agent's loop: one thread that sleeps in `poll` until stdin, a signal, a tool or a timer has something for it."""

from __future__ import annotations

import os
import select
import signal
import sys
import time

from engine.offline_model.scripted_replies import BadReplies
from engine.simulated_agent import control, ends, lines
from engine.simulated_agent.conversation import Conversation
from engine.simulated_agent.flags import BadFlags, read_flags
from engine.simulated_agent.intake import BadLine, Intake, prompt_of
from engine.simulated_agent.lines import Line
from engine.simulated_agent.questions import Question
from engine.simulated_agent.tool_use import Interrupted, Steered
from engine.simulated_agent.turn import Turn

TYPE_CHECKING = False  # `typing` alone is a quarter of the start time
if TYPE_CHECKING:
    from engine.simulated_agent.tool_use import Waits
    from engine.simulated_agent.tools import Command

MOST_QUEUED = 1024

_EXITS = {int(signal.SIGTERM): 143, int(signal.SIGHUP): 129}


class Waiting:
    """One user line that waits; a `command` of the CLI's own and a `note` are taken alone."""

    __slots__ = ("command", "note", "origin", "prompt", "uuid")

    def __init__(self, prompt: str, uuid: str | None, origin: object, *, command: bool, note: bool) -> None:
        self.prompt, self.uuid, self.origin = prompt, uuid, origin
        self.command, self.note = command, note

    @property
    def alone(self) -> bool:
        """Whether it makes no turn with others."""
        return self.command or self.note


class Agent:
    """Owns the process: stdin, the queue of user lines, the running turn and what it waits for."""

    def __init__(self, talk: Conversation) -> None:
        self.talk = talk
        self._intake = Intake()
        self._poll = select.poll()
        self._signals = _signal_pipe()
        self._poll.register(self._signals, select.POLLIN)
        self._poll.register(0, select.POLLIN)
        self._leaving = False
        self._queue: list[Waiting] = []
        self._urgent = 0
        self._replies: list[tuple[float, str, Line]] = []
        self._turn: Turn | None = None
        self._run: Waits | None = None
        self._due: float | None = None
        self._asked: tuple[str, Question] | None = None
        self._command: Command | None = None
        self._is_cold = True
        self._aborts_first = False

    @property
    def busy(self) -> bool:
        """Whether a turn is open."""
        return self._run is not None

    def work(self) -> int:
        """Run until the end; the exit code. Raises BadLine."""
        while not self._leaving:
            ready = {descriptor for descriptor, _ in self._poll.poll(self._timeout_ms())}
            if self._signals in ready:
                self._signalled(os.read(self._signals, 64))
            if 0 in ready:
                self._receive()
            self._look_after_turn()
            self._look_after_replies()
            self._look_after_tasks()
            self._begin_waiting()
            while self.talk.notices and not self.busy and not self._leaving:
                self._begin_own()
            if not (self._intake.open or self.busy or self._queue or self.talk.background or self._replies):
                return int(self.talk.last_was_error)
        return 0

    def leave(self) -> None:
        """End the process after this line."""
        self.abort()
        self.talk.background.stop_all(self.talk.session)
        self._leaving = True

    # --- stdin ---

    def _receive(self) -> None:
        for message in self._intake.read():
            match message.get("type"):
                case "user":
                    self._begin_waiting()
                    self._user(message)
                case "control_request":
                    # The line behind a prompt is read before the prompt is taken: an interrupt still finds it waiting.
                    self._control_request(message)
                    self._begin_waiting()
                case "control_response":
                    self._control_response(message.get("response"))
                case "control_cancel_request":
                    self._withdraw(str(message.get("request_id", "")))
        if not self._intake.open:
            self._poll.unregister(0)
            if self._asked is not None:
                self._advance(self._asked[1].closed())

    def _user(self, message: Line) -> None:
        prompt = prompt_of(message)
        if prompt is None:
            return
        if len(self._queue) >= MOST_QUEUED:
            raise BadLine(f"Error: more than {MOST_QUEUED} user lines are waiting")
        given, priority = message.get("uuid"), message.get("priority")
        if priority not in {None, "now"}:
            raise BadLine(f"Error: The simulator does not model the priority {priority!r} of a user line.")
        uuid = given if isinstance(given, str) else None
        if priority == "now" and self._asked is not None:
            lines.write_line({"type": "control_cancel_request", "request_id": self._asked[0]})
        if uuid:
            lines.write_line(lines.lifecycle(uuid, "queued", self.talk.session))
        command = prompt.startswith("/") and message.get("text_not_typed") is not True
        waiting = Waiting(
            prompt, uuid, message.get("origin"), command=command, note=message.get("shouldQuery") is False
        )
        if priority != "now":
            self._queue.append(waiting)
            return
        self._queue.insert(self._urgent, waiting)
        self._urgent += 1
        self._steer()

    def _steer(self) -> None:
        """What runs ends for a prompt that does not wait; a tool that runs is let finish."""
        if self._turn is not None and self._command is not None:
            self._turn.steered = True
        elif self.busy:
            self._advance(None, stop=Steered())

    def _control_request(self, message: Line) -> None:
        request = message.get("request")
        if not isinstance(request, dict):
            raise BadLine("Error: Missing request on control_request")
        control.serve(self, str(message.get("request_id", "")), request)

    def _control_response(self, response: object) -> None:
        """The host's answer to our question; a stray one is ignored."""
        if self._asked is not None and isinstance(response, dict) and response.get("request_id") == self._asked[0]:
            self._advance(self._asked[1].read(self.talk, response))

    # --- turns ---

    def _begin_waiting(self) -> None:
        """Take the lines that wait, if no turn is open."""
        while self._queue and not self.busy and not self._leaving:
            self._begin()

    def _begin(self) -> None:
        """Start a turn with what waits: all prompts together are one turn, a slash command and a note are their own."""
        alone = [each.alone for each in self._queue]
        count = 1 if alone[0] or self._urgent else (alone.index(True) if True in alone else len(alone))
        taken, self._queue = self._queue[:count], self._queue[count:]
        first, uuids = taken[0], [each.uuid for each in taken if each.uuid]
        self._urgent = max(0, self._urgent - 1)
        if first.note:
            self.talk.note(first.prompt, uuids)
            return
        if first.command and first.prompt.strip() == "/clear":
            self.talk.clear(uuids)
            return
        if first.command and self.talk.local_command(first.prompt, uuids):
            return
        self._turn = Turn(self.talk, "\n".join(each.prompt for each in taken), uuids, taken[-1].origin)
        self._run = self._turn.run()
        self._advance(None)
        if self._aborts_first:
            self.abort()
        self._is_cold = self._aborts_first = False

    def _begin_own(self) -> None:
        """Start a turn that nobody asked for: a task in the background has ended, and the model is notified."""
        task, summary = self.talk.notices.pop(0)
        origin: Line = {"kind": "task-notification", "producer": "session-task", "runId": task.run_id}
        self._turn = Turn(self.talk, summary, [], origin, task)
        self._run = self._turn.run()
        self._advance(None)

    def _look_after_tasks(self) -> None:
        """Report the tasks that have ended in the background."""
        self.talk.notices += self.talk.background.ended(self.talk.session)

    def _advance(self, answer: object, *, stop: Interrupted | None = None) -> None:
        """Let the turn go on to its next wait, or to its end."""
        if self._run is None:
            return
        self._stop_waiting()
        try:
            # A generator that has just begun takes None only, and an answer comes only after a question.
            wait = self._run.throw(stop) if stop is not None else self._run.send(answer)
        except StopIteration:
            self._run = self._turn = None
            return
        if isinstance(wait, Question):
            self._ask(wait)
        elif isinstance(wait, float):
            self._due = None if wait < 0 else time.monotonic() + wait
        else:
            self._command, self._due = wait, wait.deadline
            self._poll.register(wait.output, select.POLLIN)

    def _stop_waiting(self) -> None:
        if self._command is not None and not self._command.exhausted:
            self._poll.unregister(self._command.output)
        self._due = self._asked = self._command = None

    def _ask(self, question: Question) -> None:
        if not self._intake.open:
            self._advance(question.closed())
            return
        self._asked = (lines.new_uuid(), question)
        lines.write_line({"type": "control_request", "request_id": self._asked[0], "request": question.request()})

    def _look_after_turn(self) -> None:
        """Let the turn go on if what it waits for has come."""
        late = self._due is not None and time.monotonic() >= self._due
        command = self._command
        if command is None:
            if late:
                self._advance(None)
            return
        known_exhausted = command.exhausted
        if command.ended() or late:
            if command.exhausted and not known_exhausted:
                self._poll.unregister(command.output)
            self._advance(None)
        elif command.exhausted and not known_exhausted:
            self._poll.unregister(command.output)

    # --- interrupts, signals, time ---

    def interrupting(self, *, cancel_queued: bool) -> Line:
        """The receipt for an interrupt; withdraws what is asked and, on request, what waits."""
        if self._asked is not None:
            lines.write_line({"type": "control_cancel_request", "request_id": self._asked[0]})
        waiting = [each.uuid for each in self._queue if each.uuid]
        if not cancel_queued:
            # A CLI that is still starting takes the line and ends its turn at once (seen on 2.1.330).
            self._aborts_first = self._is_cold and bool(self._queue)
            return {"still_queued": waiting}
        for uuid in waiting:
            lines.write_line(lines.lifecycle(uuid, "cancelled", self.talk.session))
        self._queue.clear()
        self._urgent = 0
        return {"still_queued": [], "cancelled": waiting}

    def abort(self) -> None:
        """End the running turn now."""
        self._advance(None, stop=Interrupted())

    def _signalled(self, numbers: bytes) -> None:
        for number in numbers:
            if number in _EXITS:
                if self._command is not None:
                    self._command.kill()
                self.talk.background.kill_all()
                os._exit(_EXITS[number])
            if number == signal.SIGINT:
                self.leave()

    # --- answers that take their time ---

    def reply_later(self, seconds: float, request_id: str, line: Line) -> None:
        """Write an answer when its time is up."""
        if seconds <= 0:
            lines.write_line(line)
        else:
            self._replies.append((time.monotonic() + seconds, request_id, line))

    def _withdraw(self, request_id: str) -> None:
        """The host no longer waits for an answer."""
        if any(name == request_id for _, name, _ in self._replies):
            self._replies = [each for each in self._replies if each[1] != request_id]
            refusal: Line = {"subtype": "error", "request_id": request_id, "error": "Side question cancelled"}
            lines.write_line({"type": "control_response", "response": refusal})

    def _look_after_replies(self) -> None:
        now = time.monotonic()
        for _, _, line in [each for each in self._replies if each[0] <= now]:
            lines.write_line(line)
        self._replies = [each for each in self._replies if each[0] > now]

    def _timeout_ms(self) -> float | None:
        due = [each[0] for each in self._replies] + ([] if self._due is None else [self._due])
        return max(0.0, (min(due) - time.monotonic()) * 1000) if due else None


def _signal_pipe() -> int:
    """The reading end of a pipe on which the numbers of the signals arrive that the loop looks after."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, _arrived)
    return reader


def _arrived(_number: int, _frame: object) -> None:
    """A handler must exist for a signal to arrive on the pipe."""


def main(argv: list[str]) -> None:
    """The process, to its exit code."""
    try:
        if argv and argv[0] in {"-v", "--version"}:
            lines.write_bytes(f"{lines.VERSION} (Claude Code)\n".encode())
            sys.exit(0)
        options = read_flags(argv)
        session, history = ends.choose_session(options)
        agent = Agent(Conversation(options, session, history))
        ends.complain_of_hooks(agent.talk.files.other_hooks)
        agent.talk.tell_of_lost_tasks(history.open_tasks)
        code = agent.work()
        agent.talk.save_cost()
    except (BadFlags, BadLine, BadReplies) as problem:
        ends.complain(str(problem))
        code = 1
    except BrokenPipeError:
        # Nobody reads any more: there is no one left to tell.
        os._exit(1)
    sys.exit(code)
