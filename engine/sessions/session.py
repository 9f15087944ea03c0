"""One member of the pool: the shell around a process and its protocol machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine.backends.base import SIMULATOR, AgentSpec, Profile
from engine.base.errors import DeadlinePassed, SessionLost
from engine.events import types as ev
from engine.launchers.base import ProcessEnd
from engine.sessions import protocol_events as f
from engine.sessions.account import Account
from engine.sessions.agent_process import AgentProcess
from engine.sessions.audience import Audience
from engine.sessions.carry_over import left_by_result, left_by_tool
from engine.sessions.controls import Controls
from engine.sessions.current_turn import CurrentTurn
from engine.sessions.lifecycle import Lifecycle, State, Transition
from engine.sessions.live_output import LiveOutput
from engine.sessions.machine import SessionMachine
from engine.sessions.messages import ControlReply
from engine.sessions.outcome import Outcome, how_exited
from engine.sessions.own_work import LeftRunning, OwnWork
from engine.sessions.permission_port import Requester
from engine.sessions.ports import SessionPorts
from engine.sessions.replies import Started, context_usage, cost_so_far
from engine.sessions.turn import TurnOrder
from engine.sessions.workplace import Workplace

_INTERRUPT_WAIT_S = 1.0
_STOP_TASK_S = 1.0


def _ignore_reply(_reply: ControlReply) -> None:
    """Nothing depends on it: an agent that does not know the request writes each piece as before."""


def _ignore(_session: Session) -> None:
    """Nobody follows what the agent does by itself."""


class Session:
    """Owner of one agent process; its state is `life`.

    `on_exit` is called once when the process ended without being stopped, `on_engaged` when the agent begins or ends to
    do something by itself.
    """

    def __init__(
        self,
        spec: AgentSpec,
        ports: SessionPorts,
        on_exit: Callable[[Session], None],
        on_engaged: Callable[[Session], None] = _ignore,
    ) -> None:
        self._ports = ports
        self._on_exit = on_exit
        self._machine = SessionMachine(lambda: str(uuid.uuid4()))
        self._account = Account(free=spec.profile.backend == SIMULATOR)
        self._workplace = Workplace(spec, ports.backend)
        self._left_running = LeftRunning()
        self._audience = Audience()
        self._output = LiveOutput(spec.session, ports.transcripts, ports.bus, ports.clock)
        self.life = Lifecycle(spec.session, ports.clock.monotonic())
        self._process = AgentProcess(
            spec,
            ports,
            self.life,
            self._workplace,
            on_output=self._on_output,
            on_exit=self._on_child_exit,
            control=self.control,
            unused=lambda: not self.turns,
        )
        self._controls = Controls(self.life, self._machine.request, self._process.write)
        self._turn = CurrentTurn(self.life, self._machine, self._account, self._output, ports, self._process.write)
        self._own_work = OwnWork(self.life, self._account, ports.bus, ports.clock, lambda: on_engaged(self))
        self.conversation = spec.conversation
        self.user = ""
        self.version = ""

    @property
    def id(self) -> str:
        """The session's name within the engine."""
        return self._process.spec.session

    @property
    def profile(self) -> Profile:
        """What all its turns have in common."""
        return self._process.spec.profile

    @property
    def pid(self) -> int:
        """Process id, or 0."""
        return self._process.child.pid if self._process.child is not None else 0

    @property
    def survivors(self) -> int:
        """How many processes of its tree outlived its end."""
        return self._process.survivors

    @property
    def spec(self) -> AgentSpec:
        """What was started."""
        return self._process.spec

    @property
    def cwd(self) -> Path:
        """Where the agent works."""
        return self._workplace.directory

    def outputs(self) -> Sequence[Path]:
        """The files that tools of the present conversation write in the background."""
        return self._ports.backend.outputs(self._process.spec, self.conversation)

    def transcript(self) -> Path | None:
        """The file that holds the present conversation, or None before its first turn."""
        return self._ports.backend.transcript(self.profile, self.conversation)

    @property
    def ready(self) -> bool:
        """Whether it came up; it may have ended since."""
        return self.life.ready

    @property
    def lost(self) -> bool:
        """Whether its process has ended."""
        return self.life.gone

    @property
    def busy(self) -> bool:
        """Whether a turn of ours is in flight on the wire."""
        return self._machine.turn is not None

    @property
    def turns(self) -> int:
        """How many turns of requests it has begun."""
        return self._turn.count

    @property
    def last_uuid(self) -> str:
        """The uuid of the last prompt that was sent in the last turn, empty before it was."""
        return self._turn.last_uuid

    @property
    def last_silence(self) -> float:
        """Seconds for which the last turn had written nothing at its end."""
        return self._turn.last_silence

    @property
    def last_used(self) -> float:
        """When the last turn ended, or the session was made."""
        return self._turn.last_used

    @property
    def usable(self) -> bool:
        """Whether a turn may be begun."""
        return self.life.usable

    def silent_for(self, now: float) -> float:
        """Seconds since the running turn wrote anything; 0 without a turn and while a permission waits."""
        running = self._turn.running
        return running.silent_for(now) if running is not None else 0.0

    @property
    def stopping(self) -> bool:
        """Whether somebody ends it."""
        return self.life.ending

    async def start(self, timeout: float) -> None:
        """Start the process and wait until it answers. Raises StartFailed or BackendMissing; cleans up itself."""
        began = self._ports.clock.monotonic()
        started = await self._process.start(timeout)
        if self.spec.resume:
            self._ask_cost_so_far()
        self.keep_to_one(await self._workplace.try_out(self.control))
        self._came_up(started, began)

    async def park(self, timeout: float) -> None:
        """Start the process as far as its gate. Raises StartFailed or BackendMissing; cleans up itself."""
        await self._process.park(timeout)

    async def wake(self, spec: AgentSpec, transcript: Path, timeout: float) -> None:
        """Let a parked agent resume a conversation. Raises StartFailed at any doubt; cleans up itself."""
        began = self._ports.clock.monotonic()
        self._change(Transition.WOKEN)
        self.conversation = spec.conversation
        started = await self._process.resume(spec, transcript, timeout)
        self._ask_cost_so_far()
        self._came_up(started, began)

    def _came_up(self, started: Started, began: float) -> None:
        self.version = started.claude_code_version
        took = self._ports.clock.monotonic() - began
        self._ports.bus.publish(ev.SessionReady(session=self.id, pid=self.pid, version=self.version, start_s=took))

    async def run(self, order: TurnOrder) -> Outcome:
        """Run one turn to its end. Raises DeadlinePassed when a clock runs out; cancelled, it interrupts the turn.

        After an error or a cancellation the turn may still be on the wire: `settle` before the next one.
        Raises SessionLost, with nothing sent, when the process has ended already.
        """
        turn = self._turn.open(order)
        if order.commands and not order.quiet:
            self.keep_to_one("a request with commands ran in it")
        if not order.quiet:
            self._report_audience(self._audience.turn_begins(self._ports.clock.monotonic(), watched=order.watched))
        self._turn.begin(order)
        if not order.quiet:
            self._left_running.turn_begins()
            self._turn.announce(order)
        try:
            outcome = await self._turn.outcome(turn)
        finally:
            self.keep_to_one(self._workplace.carries_over())
            if turn.acted:
                self.keep_to_one(self._left_running.look(self._ports.launcher, self._process.child))
        self._turn.publish_end(turn, outcome, outcome.reason)
        return outcome

    async def clear(self) -> None:
        """Empty the context: a new conversation in the same process. Raises SessionLost when it does not work."""
        if left := self._left_running.look(self._ports.launcher, self._process.child):
            self.keep_to_one(left)
            raise SessionLost(f"Session {self.id} may serve no other conversation: {left}.")
        before, bound = self._machine.conversation, bool(self.single_use)
        outcome = await self.run(TurnOrder(request="", prompt="/clear", quiet=True, commands=True))
        if not outcome.ok or self._machine.conversation in {"", before}:
            raise SessionLost(f"Session {self.id} could not be cleared: {outcome.reason}.")
        if self.single_use and not bound:
            raise SessionLost(f"Session {self.id} may serve no other conversation: {self.single_use}.")
        self._left_running.cleared()
        await self._workplace.go_on(self.control, self._machine.conversation)
        self._output.add("note", "/clear", "")

    async def settle(self, seconds: float) -> bool:
        """Wait until no turn is on the wire; False when that took longer than `seconds`."""
        return await self._turn.settle(seconds)

    def interrupt(self) -> bool:
        """Ask the agent to end its turn, ours or its own; False when none is in flight."""
        return self._turn.interrupt()

    def steer(self, prompt: str, by: str) -> bool:
        """Let the running turn go on with another prompt; False when none runs that could."""
        return self._turn.steer(prompt, by)

    def look_at(self) -> None:
        """A person reads its transcript: what it writes comes at once."""
        if not self.lost:
            self._report_audience(self._audience.look(self._ports.clock.monotonic()))

    def warm_up(self) -> None:
        """Let a fresh agent do off a request's path what its first turn would; the reply holds the context's fill."""
        if not self.lost:
            self._controls.ask_later("get_context_usage", self._take_context, detail="summary")

    def note(self, text: str) -> str:
        """Let the agent read a text with its next prompt; the note's id for `noted`, empty when too many wait."""
        made = self._machine.note(text) if not self.lost else None
        if made is None:
            return ""
        note, line = made
        self._controls.expect(note)
        self._process.write(line)
        self._output.add("user", "note", text, ref=note)
        return note

    async def noted(self, note: str, timeout: float) -> None:
        """Until a note is in the conversation. Raises DeadlinePassed after `timeout` seconds, SessionLost."""
        await self._controls.answer(note, "a note", timeout)

    def abort_turn(self, reason: str) -> None:
        """End the turn because the session is about to be stopped; its caller learns why."""
        self._turn.abort(reason)

    async def control(self, subtype: str, timeout: float, /, *, withdraw: bool = False, **fields: Any) -> ControlReply:
        """Ask the agent something. Raises DeadlinePassed after `timeout` seconds, SessionLost when it ended.

        With `withdraw` the agent learns that nobody waits for its reply any more.
        """
        return await self._controls.ask(subtype, timeout, withdraw=withdraw, **fields)

    async def probe(self, timeout: float) -> float:
        """Seconds that the agent's event loop took to answer (docs/development/protocol.md, section 7)."""
        began = self._ports.clock.monotonic()
        await self.control("get_binary_version", timeout)
        return self._ports.clock.monotonic() - began

    async def stop_tasks(self) -> None:
        """End the agent's background tasks and its own turn; one that will not end in time is left to the caller."""
        for task in self._machine.tasks:
            with contextlib.suppress(DeadlinePassed, SessionLost):
                await self.control("stop_task", _STOP_TASK_S, task_id=task.id)
        if self.life.foreign and not self.busy and not self.lost:
            self._process.write(self._machine.interrupt())

    async def stop(self, reason: str, term_grace: float) -> ProcessEnd:
        """Stop its tasks, interrupt, EOF, SIGTERM, SIGKILL of the tree; then publish how it ended."""
        return await self._process.stop(reason, term_grace, self._end_work)

    async def kill(self, reason: str) -> ProcessEnd:
        """SIGKILL of the tree at once."""
        return await self._process.kill(reason)

    async def kill_now(self) -> None:
        """SIGKILL of the tree under a `stop` that runs, which goes on to its end at once."""
        await self._process.kill_now()

    async def collect(self, term_grace: float) -> ProcessEnd:
        """The process ended by itself: end what it left behind and publish it."""
        return await self._process.collect(term_grace)

    @property
    def single_use(self) -> str:
        """Why it may serve only its present conversation, empty when it may be cleared for others."""
        return self.life.single_use

    def keep_to_one(self, why: str) -> None:
        """The process may carry something over `/clear`: it serves no other conversation."""
        self.life.keep_to_one(why)

    def hold(self, conversation: str, user: str) -> None:
        """The session now holds this conversation, for this user."""
        self.conversation = conversation
        self.user = user
        self._ports.bus.publish(
            ev.SessionBound(session=self.id, conversation=conversation, user=user, cwd=str(self.cwd))
        )

    async def _end_work(self) -> None:
        await self.stop_tasks()
        if self.interrupt():
            await self.settle(_INTERRUPT_WAIT_S)

    def _change(self, change: Transition, reason: str = "") -> None:
        self.life.change(change, self._ports.clock.monotonic(), reason)

    def _ask_cost_so_far(self) -> None:
        """Written before the first prompt, so that the reply holds the conversation's cost up to now."""

        def take(reply: ControlReply) -> None:
            if (cost := cost_so_far(reply)) is not None:
                self._account.resumed_at(cost)

        self._controls.ask_later("get_usage", take, skip_behaviors=True)

    def _take_context(self, reply: ControlReply) -> None:
        usage = context_usage(reply)
        if usage is not None and not self.turns:
            self._ports.bus.publish(
                ev.ContextMeasured(session=self.id, context=usage.total_tokens, context_window=usage.max_tokens)
            )

    def _report_audience(self, watched: bool | None) -> None:
        if watched is not None:
            self._controls.ask_later("set_has_subscribers", _ignore_reply, has_subscribers=watched)

    def _on_output(self, data: bytes) -> None:
        facts = self._machine.feed(data)
        replies_only = bool(facts) and all(isinstance(fact, f.Replied | f.ReplyPending) for fact in facts)
        running = self._turn.running
        if running is not None and not replies_only:  # a probe's answer is life, not progress (hazards.md, H5)
            running.progressed()
        for fact in facts:
            self._take(fact)

    def _take(self, fact: f.Fact) -> None:
        match fact:
            case f.MessageReceived(kind, title, text, detail, ref):
                self.keep_to_one(left_by_tool(title) if kind == "tool" else left_by_result(text))
                self._output.add(kind, title, text, detail=detail, ref=ref)
            case f.BlockOpened() | f.BlockGrew() | f.BlockClosed():
                self._output.take(fact)
            case f.AgentChanged(what):
                self.keep_to_one(what)
            case f.ToolEnded(tool, failed, text):
                self._ports.tool_ended(self.profile.at_endpoint(tool), failed, text)
                self._turn.take(fact)
            case f.Replied(reply):
                self._controls.take(reply)
            case f.ReplyUnreadable(request_id):
                self._controls.fail(request_id)
            case f.Send(data):
                self._process.write(data)
            case f.ConversationNamed(conversation):
                self.conversation = conversation
            case f.PermissionWanted():
                self._ask(fact)
            case f.PermissionWithdrawn(permission, why):
                self._ports.permissions.withdraw(self.id, permission, why)
                self._turn.wait_for_person()
            case f.ForeignTurnBegan() | f.ForeignTurnEnded() | f.TasksChanged():
                self._own_work.take(fact, self.conversation, self._machine.tasks)
            case _:
                self._turn.take(fact)

    def _ask(self, wanted: f.PermissionWanted) -> None:
        self._turn.wait_for_person()
        profile, workspace = self.profile, os.path.realpath(self.cwd)
        grants = os.path.realpath(self._workplace.grants)
        running = self._turn.running
        own = running.order.permission_timeout if running is not None else None
        requester = Requester(
            self.id,
            self.conversation,
            profile.name,
            profile.tenant,
            workspace,
            self._answer,
            grants,
            own,
            profile.at_endpoint(wanted.tool),
        )
        self._ports.permissions.ask(requester, wanted)

    def _answer(self, permission: str, allowed: bool, message: str, updated: bytes = b"", /) -> None:
        line = self._machine.answer(permission, allowed=allowed, message=message, updated=updated)
        if line is not None:
            self._process.write(line)
        self._turn.wait_for_person()

    def _on_child_exit(self, exited: asyncio.Future[int]) -> None:
        nobody_waits = self.ready or self.life.parked
        for fact in self._machine.end():
            self._take(fact)
        self._change(Transition.EXITED, how_exited(exited.result()))
        self._output.end(f"the agent ended here ({how_exited(exited.result())})")
        stderr = self._process.child.stderr_tail if self._process.child is not None else ""
        self._turn.lose(exited.result(), stderr)
        self._controls.lose(exited.result())
        self._ports.permissions.withdraw_session(self.id)
        if nobody_waits and self.life.state is State.LOST:
            self._on_exit(self)
