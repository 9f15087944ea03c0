"""One door: scopes and read-only mode are checked there, and what acts leaves a record of who and with what outcome."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.base.caller import Caller, Door, Scope
from engine.base.errors import Forbidden, NotFound
from engine.events.types import OperationExecuted
from engine.operations.declared.pool import POOL_STATISTICS, SCALE_POOL, Scale
from engine.operations.declared.prompts import SEND_PROMPT, SHOW_PROMPT, PromptId, SendPrompt
from engine.operations.declared.sessions import STOP_SESSION, StopSession
from engine.operations.execute import Operations
from engine.operations.operation import NoArguments
from tests.pool.pools import RecordedEvents
from tests.support.engines import running
from tests.support.processes import until

ANA = Caller("ana", door=Door.CONSOLE, pid=42)


async def test_an_act_is_recorded_with_who_and_outcome(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        seen, operations = RecordedEvents(engine), Operations(engine)
        assert (await operations.execute(SCALE_POOL, Scale(target=1), ANA)).pool.target == 1
        with pytest.raises(NotFound):
            await operations.execute(STOP_SESSION, StopSession(id="s0999"), ANA)
        await operations.execute(POOL_STATISTICS, NoArguments(), ANA)
        scaled, stopped = seen.of(OperationExecuted)
        assert (scaled.operation, scaled.who, scaled.door, scaled.outcome) == (
            "pool.scale",
            "ana (pid 42)",
            "console",
            "done",
        )
        assert (stopped.operation, stopped.target, stopped.outcome) == ("sessions.stop", "s0999", "not_found")


@pytest.mark.parametrize("scopes", [frozenset(), frozenset({Scope.VIEWER})])
async def test_without_the_scope_nothing_is_done(tmp_path: Path, scopes: frozenset[Scope]) -> None:
    async with running(tmp_path) as engine:
        seen, operations = RecordedEvents(engine), Operations(engine)
        with pytest.raises(Forbidden, match="needs the scope operator"):
            await operations.execute(SCALE_POOL, Scale(target=3), Caller("eve", scopes=scopes))
        assert engine.pool.statistics().target != 3
        assert [event.outcome for event in seen.of(OperationExecuted)] == ["forbidden"]


async def test_a_higher_scope_holds_the_lower_ones(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        bo = Caller("bo", scopes=frozenset({Scope.ADMIN}))
        scaled = await Operations(engine).execute(SCALE_POOL, Scale(target=1), bo)
        assert scaled.pool.target == engine.pool.statistics().target == 1


async def test_read_only_refuses_what_acts_and_answers_what_reads(tmp_path: Path) -> None:
    async with running(tmp_path, "engine.read_only=true") as engine:
        operations = Operations(engine)
        with pytest.raises(Forbidden, match="Read-only"):
            await operations.execute(SCALE_POOL, Scale(target=1), ANA)
        await operations.execute(POOL_STATISTICS, NoArguments(), ANA)


async def test_a_prompt_without_a_wait_is_kept_for_every_door(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        sent = await Operations(engine).execute(SEND_PROMPT, SendPrompt(prompt="hello", wait=False), ANA)
        name = sent.prompt.request
        await until(lambda: b'"answer"' in engine.kept_answers.get(name))
        found = (await Operations(engine).execute(SHOW_PROMPT, PromptId(id=name), ANA)).prompt
        assert found.answer
        assert found.answer.text == "Echo: hello"
