"""Pool and lifecycle driven together: whatever happens in whatever order, each answer is its asker's own."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.base.errors import QuarterdeckError
from engine.engine import Engine
from engine.parts import processes, sessions
from engine.pool.conversation_locks import LocalLocks
from engine.requests import Answer, Request
from engine.store.leases import Holding
from tests.support.engines import loaded
from tests.support.operations import interrupt, stop_session
from tests.support.scripted_agents import ScriptedChild, ScriptedLauncher

SIZE = 3
PICK = st.integers(0, 9)
QUIET = (
    f"session_pool.max_size={SIZE}",
    "session_pool.max_starting=4",
    "session_pool.max_waking=4",
    "session_pool.health_observe=true",
    "session_pool.load_balancing.health_check_interval=1h",
    "retry.base_delay=0s",
    "retry.max_delay=0s",
    "recovery.observe=true",
)


class PoolOfAgents(RuleBasedStateMachine):
    """Requests of two users on three agents that do things by themselves, crash, and are ended by people."""

    locks: type = LocalLocks

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.asked: dict[str, asyncio.Task[Answer]] = {}
        self.conversations: list[tuple[str, str]] = []
        self.agents = ScriptedLauncher()
        self.engine = self.run(self._start())

    async def _start(self) -> Engine:
        folder = Path(self.folder.name)
        (folder / "shared").mkdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(processes, "LocalLauncher", lambda *_: self.agents)
            patch.setattr(sessions, "LocalLocks", self.locks)
            workspace = f"profiles.default.workspace={folder / 'shared'}"
            made = Engine(loaded(folder, workspace, *QUIET), environ={"HOME": str(folder / "home"), "PATH": "/bin"})
        made.backend.transcript = lambda *_: Path(__file__)  # every conversation can be resumed
        await made.start()
        return made

    def run(self, work: Any) -> Any:
        """Let it run, and all that follows from it at once."""

        async def run() -> Any:
            found = await work if work is not None else None
            for _ in range(60):
                await asyncio.sleep(0)
            return found

        return self.loop.run_until_complete(run())

    def agent(self, pick: int) -> ScriptedChild | None:
        alive = self.agents.alive
        return alive[pick % len(alive)] if alive else None

    @rule(user=st.sampled_from(["ana", "ben"]))
    def ask(self, user: str) -> None:
        self._submit(user, "")

    @rule(user=st.sampled_from(["ana", "ben"]))
    def ask_and_finish(self, user: str) -> None:
        self._submit(user, "")
        self.finish(len(self.asked))

    @precondition(lambda self: self.conversations)
    @rule(pick=PICK)
    def ask_again(self, pick: int) -> None:
        self._submit(*self.conversations[pick % len(self.conversations)])

    def _submit(self, user: str, conversation: str) -> None:
        name = f"r{len(self.asked)}"
        request = Request(id=name, prompt=f"{user} asks {name}", user=user, conversation=conversation)

        async def submit() -> None:
            self.asked[name] = asyncio.create_task(self.engine.submit(request))

        self.run(submit())

    @rule(pick=PICK)
    def finish(self, pick: int) -> None:
        busy = [child for child in self.agents.alive if child.prompts]
        if busy:
            self.run(self._call(busy[pick % len(busy)].finish))
        for task in self.asked.values():
            if task.done() and not task.exception():
                answer = task.result()
                user = self.engine.bus.state and answer.text.split()[0]
                if answer.conversation and (user, answer.conversation) not in self.conversations:
                    self.conversations.append((user, answer.conversation))

    async def _call(self, act: Any, *arguments: Any) -> None:
        act(*arguments)

    @rule(pick=PICK, act=st.sampled_from(["begin_task", "end_task", "begin_foreign", "end_foreign", "crash"]))
    def by_itself(self, pick: int, act: str) -> None:
        child = self.agent(pick)
        needs = {"end_task": "tasks", "end_foreign": "foreign"}.get(act)
        if child is not None and (needs is None or getattr(child, needs)):
            self.run(self._call(getattr(child, act)))

    @rule(pick=PICK, act=st.sampled_from(["kill", "stop", "keep", "interrupt", "retire", "reconcile"]))
    def by_a_person(self, pick: int, act: str) -> None:
        if act == "reconcile":
            self.run(self._call(self.engine.pool.reconcile))
            return
        names = [*self.engine.pool.sessions]
        if not names:
            return
        name = names[pick % len(names)]
        if act == "interrupt":
            self.run(interrupt(self.engine, name, "ada"))
        elif act == "retire":
            self.run(self._call(self.engine.pool.retire, name, "worn"))
        else:
            self.run(stop_session(self.engine, name, "ada", kill=act != "stop", request=act != "keep"))

    @invariant()
    def every_state_agrees(self) -> None:
        pool = self.engine.pool
        for name, session in pool.sessions.items():
            session.life.validate()
            assert pool.leased(name) == session.life.leased, session.life.story()
            seat = pool.index.get(name)
            if seat is not None and seat.idle:
                assert session.life.usable, session.life.story()
                assert not session.life.leased, session.life.story()
                assert not session.life.retired, session.life.story()
                assert bool(session.life.engaged) == seat.engaged, session.life.story()
                assert seat.single_use or not session.life.single_use, session.life.story()
        assert len(self.agents.alive) <= SIZE  # what makes room ends before what takes its place starts
        assert len(pool.sessions) <= 2 * SIZE

    @invariant()
    def nobody_is_given_what_is_not_his(self) -> None:
        for child in self.agents.children.values():
            assert child.wrong == []
        for name, task in self.asked.items():
            if task.done() and not task.cancelled() and task.exception() is None:
                assert task.result().text.endswith(f"asks {name}")

    def teardown(self) -> None:
        async def end() -> int:
            for _ in range(200):
                for child in self.agents.alive:
                    if child.prompts:
                        child.finish()
                    elif child.tasks or child.foreign:
                        await self.engine.pool.stop_session(child.session, "the test is over")
                for _ in range(40):
                    await asyncio.sleep(0)
                if all(task.done() for task in self.asked.values()):
                    break
            ended = await asyncio.gather(*self.asked.values(), return_exceptions=True)
            assert all(isinstance(each, Answer | QuarterdeckError) for each in ended), ended
            survivors = await self.engine.aclose()
            assert self.engine.pool.sessions == {}
            return survivors

        assert self.run(end()) == 0
        self.loop.close()
        self.folder.cleanup()


class DistantLocks(LocalLocks):
    """Locks that take their time, as those of a server do: whatever else happens meanwhile."""

    async def acquire(self, tenant: str, conversation: str, session: str) -> Holding:
        await _others_first()
        return await super().acquire(tenant, conversation, session)

    async def move(self, holding: Holding, conversation: str, session: str) -> Holding:
        await _others_first()
        moved = await super().move(holding, conversation, session)
        await _others_first()
        return moved

    async def release(self, holding: Holding) -> None:
        await _others_first()
        await super().release(holding)
        await _others_first()

    async def is_current(self, holding: Holding) -> bool:
        await _others_first()
        return await super().is_current(holding)


async def _others_first() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class PoolWithDistantLocks(PoolOfAgents):
    """The same, with locks that are awaited."""

    locks = DistantLocks


PoolWithDistantLocks.TestCase.settings = settings(
    max_examples=15, stateful_step_count=40, deadline=None, suppress_health_check=[*HealthCheck]
)
TestPoolWithDistantLocks = PoolWithDistantLocks.TestCase

PoolOfAgents.TestCase.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=[*HealthCheck]
)
TestPoolOfAgents = PoolOfAgents.TestCase
