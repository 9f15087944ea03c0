"""Conversations that people have open in the agent's own terminal on this machine: nobody else may write them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from engine.backends.base import AgentCommand, AgentSpec, Profile
from engine.base.errors import ConversationHeld, Forbidden, NotFound, QuarterdeckError, SessionBusy
from engine.base.processes import ProcessId, alive, identify
from engine.events.types import Notice, Severity
from engine.launchers.containment import Containment
from engine.pool.conversation_recorder import LOOKED_AT, last_words
from engine.pool.pool import Pool
from engine.pool.ports import PoolPorts
from engine.pool.routing import LeaseRequest
from engine.pool.starting import check, spec_of
from engine.sessions.history import read_page
from engine.sessions.prompts import prompts_in
from engine.store.conversations import Progress
from engine.store.leases import Holding
from engine.store.sqlite import StoreUnusable

START_S = 30.0
"""Seconds that whoever opens a conversation has to start the program."""
END_S = 5.0
"""Seconds after the program's end in which the conversation is to be returned; then it lapses."""


@dataclass(slots=True)
class OpenTerminal:
    """One conversation that is lent: to whom, whose process that is, and when its program was seen last.

    `prompts` counts those that the conversation had then, None until it is lent; `changing` is held while it is lent
    or taken back, so that neither happens twice.
    """

    id: str
    spec: AgentSpec
    user: str
    process: ProcessId
    since: float
    holding: Holding | None = None
    seen: float | None = None
    prompts: int | None = None
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def holder(self) -> str:
        """Who has it, as messages name them."""
        return f"a terminal of {self.user} (pid {self.process.pid})"

    @property
    def key(self) -> tuple[str, str]:
        """The tenant and the conversation."""
        return self.spec.profile.tenant, self.spec.conversation


class WatchDecision(Enum):
    """What becomes of a terminal after a look at it."""

    KEEP = auto()
    LAPSE = auto()
    END = auto()
    """Whoever opened it is gone and its program runs on: that is ended first."""


def watch_decision(now: float, since: float, seen: float | None, *, opener: bool, program: bool) -> WatchDecision:
    """Whether a conversation stays lent: for as long as both processes are there, and never without its opener."""
    if not opener:
        return WatchDecision.END if program else WatchDecision.LAPSE
    if program:
        return WatchDecision.KEEP
    over = now - since >= START_S if seen is None else now - seen >= END_S
    return WatchDecision.LAPSE if over else WatchDecision.KEEP


class Terminals:
    """Owner of what is lent; each terminal holds the lock of its conversation until it is proven to be over."""

    def __init__(self, pool: Pool, ports: PoolPorts, containment: Containment, term_grace: Callable[[], float]) -> None:
        self._pool = pool
        self._ports = ports
        self._containment = containment
        self._term_grace = term_grace
        self._open: dict[tuple[str, str], OpenTerminal] = {}
        self._numbers = itertools.count(1)

    @property
    def ids(self) -> set[str]:
        """The names under which the processes of terminals are tagged."""
        return {each.id for each in self._open.values()}

    def of(self, tenant: str, conversation: str) -> OpenTerminal | None:
        """The terminal that has a conversation."""
        return self._open.get((tenant, conversation))

    async def open(self, profile: Profile, conversation: str, user: str, pid: int) -> tuple[OpenTerminal, AgentCommand]:
        """Lend a conversation to a process of this machine; how the agent's terminal is started.

        Raises ConversationHeld, SessionBusy while a turn runs in it, Forbidden where its backend has no terminal,
        NotFound without a transcript, StartFailed, BackendMissing, StoreUnusable.
        """
        self._ports.conversations.check_not_lent(profile.tenant, conversation)
        opener = identify(pid)
        if opener is None:
            raise Forbidden(f"Process {pid}, which asks for the terminal, is not to be seen from here.")
        made = OpenTerminal(
            f"terminal-{next(self._numbers)}", self._spec(profile, conversation), user, opener, self._now()
        )
        self._open[made.key] = made
        self._ports.conversations.lend(*made.key, made.holder)
        async with made.changing:
            try:
                command = await self._prepare(made)
            except BaseException:
                await self._give_back(made)
                raise
        tags = self._containment.tags(made.id)
        return made, AgentCommand(command.argv, command.cwd, {**command.environment, **tags})

    async def give_back(self, tenant: str, conversation: str, terminal: str = "") -> OpenTerminal | None:
        """Take a conversation back: what is left of its program is ended; None where it is lent to nobody.

        With `terminal`, only from that one. Raises ConversationHeld while the program cannot be ended.
        """
        found = self._open.get((tenant, conversation))
        if found is None or (terminal and found.id != terminal):
            return None
        await self._end(found)
        return found

    async def watch(self) -> None:
        """Once a round: take back what nobody returned.

        Raises OSError, and ConversationHeld for a program that cannot be ended, after all others were looked at.
        """
        refused: ConversationHeld | None = None
        for each in list(self._open.values()):
            if each.changing.locked():
                continue
            program, now = bool(await self._containment.members(each.id)), self._now()
            each.seen = now if program else each.seen
            decided = watch_decision(now, each.since, each.seen, opener=alive(each.process), program=program)
            if decided is not WatchDecision.KEEP and not each.changing.locked():
                try:
                    await self._lapse(each, decided)
                except ConversationHeld as error:
                    refused = error
        if refused is not None:
            raise refused

    async def aclose(self) -> None:
        """The engine stops: end the programs, so that the next engine may go on with their conversations.

        One that cannot be ended keeps its conversation, and keeps nothing else from stopping.
        """
        for each in list(self._open.values()):
            try:
                await self._end(each)
            except (QuarterdeckError, OSError) as error:
                self._ports.bus.publish(Notice(severity=Severity.CRITICAL, text=f"{each.holder}: {error}"))

    def _spec(self, profile: Profile, conversation: str) -> AgentSpec:
        request = LeaseRequest(profile, "", conversation)
        row = self._ports.conversations.row(profile.tenant, conversation)
        spec = spec_of("", request, conversation, row)
        check(spec, None)
        return spec

    async def _prepare(self, made: OpenTerminal) -> AgentCommand:
        backend, spec = self._ports.session.backend, made.spec
        made.spec = spec = replace(spec, session=made.id)
        command = backend.terminal(spec)
        if await asyncio.to_thread(backend.transcript, spec.profile, spec.conversation) is None:
            sentence = f"Conversation {spec.conversation} has no transcript to go on with."
            raise NotFound(sentence, field="id", remedy="Its first turn writes one.")
        await self._hibernate(made)
        made.holding = await self._ports.conversations.lock(spec.profile.tenant, spec.conversation, made.holder)
        made.prompts, _words = await asyncio.to_thread(self._read, spec)
        made.since = self._now()
        return command

    async def _hibernate(self, made: OpenTerminal) -> None:
        """End the idle session that holds the conversation. Raises SessionBusy for any other one."""
        tenant, conversation = made.spec.profile.tenant, made.spec.conversation
        name = self._ports.conversations.held_by().get((tenant, conversation), "")
        member = self._pool.members.get(name)
        if member is None:
            return
        remedy = f"Wait for its end, or `quarterdeck sessions interrupt {name}`."
        life = member.session.life
        if self._pool.leased(name) or member.session.busy:
            raise SessionBusy(f"Session {name} runs a turn in conversation {conversation}.", remedy=remedy)
        if life.engaged:
            raise SessionBusy(f"The agent of session {name} is still at work by itself: {life.engaged}.", remedy=remedy)
        if not member.session.ready or member.session.stopping:
            how = "starts for" if not member.session.ready else "leaves"
            raise SessionBusy(f"Session {name} {how} conversation {conversation}.", remedy="Try again in a moment.")
        await self._pool.drain_session(name, f"opened in {made.holder}", 0.0)

    async def _lapse(self, each: OpenTerminal, decided: WatchDecision) -> None:
        what = "was gone while its program ran on" if decided is WatchDecision.END else "did not return it"
        if not await self._end(each):
            return
        text = f"Conversation {each.spec.conversation} is the engine's again: {each.holder} {what}."
        self._ports.bus.publish(Notice(severity=Severity.WARNING, text=text, remedy="A prompt goes on with it."))

    async def _end(self, each: OpenTerminal) -> bool:
        """End what is left of its program, then give the lock back; False when somebody else did that meanwhile.

        Raises ConversationHeld while something is left.
        """
        async with each.changing:
            if self._open.get(each.key) is not each:
                return False
            if await self._containment.end_session(each.id, (), self._term_grace()):
                sentence = (
                    f"The program in {each.holder} cannot be ended, so it keeps conversation {each.spec.conversation}."
                )
                raise ConversationHeld(sentence, remedy="Close it there.")
            await self._give_back(each)
            return True

    async def _give_back(self, each: OpenTerminal) -> None:
        if each.holding is not None:
            await self._note_progress(each)
            await self._ports.conversations.unlock(each.holding)
        del self._open[each.key]
        self._ports.conversations.take_back(*each.key)
        self._release(each)

    async def _note_progress(self, each: OpenTerminal) -> None:
        """What was written in the terminal is in no event: it is read from the transcript."""
        before = each.prompts
        if before is None:
            return
        prompts, words = await asyncio.to_thread(self._read, each.spec)
        each.prompts = prompts
        if (turns := prompts - before) > 0:
            more = Progress(self._ports.clock.wall(), user=each.user, turns=turns, last_words=words, revives=True)
            with contextlib.suppress(StoreUnusable):  # the store reports itself
                self._ports.conversations.note(each.spec.profile.tenant, each.spec.conversation, more)

    def _read(self, spec: AgentSpec) -> tuple[int, str]:
        """The prompts of a conversation and its agent's last words; nothing where that cannot be read."""
        try:
            path = self._ports.session.backend.transcript(spec.profile, spec.conversation)
            if path is None:
                return 0, ""
            entries = read_page(path, None, limit=LOOKED_AT).entries
            last = next((entry.text for entry in reversed(entries) if entry.kind == "assistant"), "")
            return len(prompts_in(path)), last_words(last)
        except OSError:
            return 0, ""

    def _release(self, each: OpenTerminal) -> None:
        try:
            self._ports.session.backend.release(each.spec)
        except (QuarterdeckError, OSError) as error:
            self._ports.bus.publish(Notice(severity=Severity.WARNING, text=f"{each.holder}: {error}"))

    def _now(self) -> float:
        return self._ports.clock.monotonic()
