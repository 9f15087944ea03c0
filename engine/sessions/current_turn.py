"""The one turn that a session runs at a time: sent, followed, steered, left, ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from engine.base.errors import QuarterdeckError, SessionLost
from engine.base.text import prompt_title
from engine.events import types as ev
from engine.sessions import protocol_events as f
from engine.sessions.account import Account, Spent
from engine.sessions.lifecycle import Lifecycle, State, Transition
from engine.sessions.live_output import LiveOutput
from engine.sessions.machine import SessionMachine
from engine.sessions.messages import Result, Usage
from engine.sessions.outcome import Outcome
from engine.sessions.ports import SessionPorts
from engine.sessions.protocol_events import event_of
from engine.sessions.turn import RunningTurn, TurnOrder


class CurrentTurn:
    """Owner of the turn that runs, and of what is known of the last one; it books and publishes what turns took."""

    def __init__(
        self,
        life: Lifecycle,
        machine: SessionMachine,
        account: Account,
        output: LiveOutput,
        ports: SessionPorts,
        write: Callable[[bytes], None],
    ) -> None:
        self.running: RunningTurn | None = None
        self.count = 0
        self.last_uuid = ""
        self.last_silence = 0.0
        self.last_used = ports.clock.monotonic()
        self._life = life
        self._machine = machine
        self._account = account
        self._output = output
        self._ports = ports
        self._write = write
        self._calm = asyncio.Event()

    @property
    def _on_wire(self) -> bool:
        return self._machine.turn is not None

    @property
    def _steerable(self) -> bool:
        """Whether a turn of a request runs, whose caller waits for it."""
        return self.running is not None and not self.running.order.quiet and self._life.state is State.RUNNING

    def open(self, order: TurnOrder) -> RunningTurn:
        """A turn is about to begin. Raises SessionLost when the process has ended."""
        self.last_uuid = ""
        if self._life.gone:
            raise SessionLost(f"Session {self._life.session} has ended.")
        turn = RunningTurn(order, self._ports.limits(), self._ports.clock)
        self.running = turn
        self.count += not order.quiet
        return turn

    def begin(self, order: TurnOrder) -> None:
        """Send its prompt."""
        self._change(Transition.BEGAN)
        self._write(self._machine.begin(order.prompt, commands=order.commands))
        self._calm.clear()
        sent = self._machine.turn
        self.last_uuid = sent.uuid if sent is not None else ""
        if self.running is not None and sent is not None and not sent.started:
            self.running.queue(queued=True)

    def announce(self, order: TurnOrder) -> None:
        """Note and publish that it began."""
        self._output.add("user", "", order.prompt, ref=self.last_uuid)
        self._ports.bus.publish(
            ev.TurnStarted(
                request=order.request,
                session=self._life.session,
                user=order.user,
                prompt=order.title,
                attempt=order.attempt,
            )
        )

    async def outcome(self, turn: RunningTurn) -> Outcome:
        """Its outcome. Raises DeadlinePassed when a clock runs out; then, or cancelled, the turn is interrupted."""
        try:
            return await turn.wait()
        except (asyncio.CancelledError, QuarterdeckError) as error:
            self._leave()
            self.publish_end(turn, None, str(error) or "cancelled")
            raise
        finally:
            self.running = None
            self.last_used = self._ports.clock.monotonic()
            self.last_silence = turn.silent_for(self.last_used)

    def publish_end(self, turn: RunningTurn, outcome: Outcome | None, reason: str) -> None:
        """Publish how it ended."""
        if not turn.order.quiet:
            self._ports.bus.publish(turn.ended_event(self._life.session, outcome, reason))

    async def settle(self, seconds: float) -> bool:
        """Wait until no turn is on the wire; False when that took longer than `seconds`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._calm.wait(), seconds)
        return not self._on_wire and not self._life.gone

    def interrupt(self) -> bool:
        """Ask the agent to end its turn, ours or its own; False when none is in flight."""
        if not self._on_wire and not self._life.foreign:
            return False
        self._write(self._machine.interrupt())
        return True

    def steer(self, prompt: str, by: str) -> bool:
        """Let the running turn go on with another prompt; False when none runs that could."""
        line = self._machine.steer(prompt) if self._steerable and not self._life.gone else None
        turn = self._machine.turn
        if line is None or turn is None:
            return False
        self._write(line)
        self.last_uuid = turn.steers[-1]
        self._output.add("user", "steered", prompt, ref=self.last_uuid)
        self._ports.bus.publish(ev.TurnSteered(session=self._life.session, by=by, prompt=prompt_title(prompt)))
        return True

    def abort(self, reason: str) -> None:
        """End it because the session is about to be stopped; its caller learns why."""
        if self.running is not None:
            self.running.abort_turn(reason)
        else:
            self.interrupt()

    def wait_for_person(self) -> None:
        """Its clocks stand still as long as any request of the agent waits for an answer."""
        if self.running is not None:
            self.running.wait_for_person(waiting=self._machine.asking)

    def take(self, fact: f.Fact) -> None:
        """What concerns our turn; after its owner left only that it ended."""
        match fact:
            case f.TurnFinished():
                self._finish(fact)
            case f.TurnSteered(_uuid, result):
                self._steered(result)
            case f.TurnCancelled() | f.TurnUnreadable():
                self._over()
        if self.running is not None:
            self.running.take(fact, self._life.ended_by)
        event = event_of(self._life.session, fact)
        if event is not None:
            self._ports.bus.publish(event)

    def lose(self, exit_code: int, stderr: str) -> None:
        """The process is gone."""
        partial = self._machine.abandon()
        self._calm.set()
        if self.running is not None:
            self.running.lose(exit_code, stderr, partial, self._life.ended_by)

    def _leave(self) -> None:
        """Nobody waits for the turn any more: it is interrupted, and its end is awaited before the next one."""
        if self._on_wire and not self._life.gone:
            self._change(Transition.ABANDONED)
            self._write(self._machine.interrupt())

    def _finish(self, finished: f.TurnFinished) -> None:
        spent = self._account.book(finished.result, finished.model, finished.usage)
        self._over()
        if self.running is not None:
            self.running.finish(finished, spent, self._life.ended_by)

    def _steered(self, result: Result | None) -> None:
        spent = self._account.book(result) if result is not None else Spent()
        if self.running is not None:
            self.running.steered(result.usage or Usage() if result is not None else Usage(), spent)

    def _over(self) -> None:
        if self._life.state in {State.RUNNING, State.SETTLING, State.STOPPING}:
            self._change(Transition.FINISHED)
        self._output.end()
        self._calm.set()

    def _change(self, change: Transition) -> None:
        self._life.change(change, self._ports.clock.monotonic())
