"""Recoveries that a person starts: what a target's name stands for, and what is done about it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.base.errors import BadInput, NotFound
from engine.recovery.breakers.breaker_keys import CREDENTIAL_BREAKER
from engine.recovery.escalation import CLEAN, FAIL_FAST, REDUCE_LOAD, RESTART, RESUME
from engine.requests import Request
from tests.pool.pools import Conversation
from tests.support.engines import running
from tests.support.processes import until


async def test_a_session_that_works_ends_with_its_turn_and_an_idle_one_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        talk = Conversation(engine)
        first = await talk.ask("one")
        turn = asyncio.create_task(
            engine.submit(Request(id="long", prompt="[[delay: 1s]] two", conversation=first.conversation))
        )
        await until(lambda: engine.pool.leased(first.session))
        busy = await engine.recoveries.execute(RESTART, f"session:{first.session}", "ana")
        assert (busy.ok, busy.reason) == (True, f"{first.session} gets no more work and ends with its turn")
        assert (await turn).session == first.session
        again = await talk.ask("three", first.conversation)
        assert again.session != first.session
        idle = await engine.recoveries.execute(RESTART, f"conversation:{first.conversation}", "ana")
        assert (idle.ok, idle.reason) == (True, f"{again.session} was ended")


async def test_a_conversation_in_use_is_not_free(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        first = await Conversation(engine).ask("one")
        freed = await engine.recoveries.execute(RESUME, f"session:{first.session}", "ana")
        assert (freed.ok, freed.reason) == (True, "the conversation can be resumed")


@pytest.mark.parametrize(
    ("strategy", "target"), [(CLEAN, "engine"), (REDUCE_LOAD, "profile:default"), (REDUCE_LOAD, CREDENTIAL_BREAKER)]
)
async def test_targets_without_a_session(tmp_path: Path, strategy: str, target: str) -> None:
    async with running(tmp_path) as engine:
        await Conversation(engine).ask("one")  # so that the credential has its breaker
        assert (await engine.recoveries.execute(strategy, target, "ana")).ok


async def test_failing_fast_does_nothing_and_reports_it(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        ended = await engine.recoveries.execute(FAIL_FAST, "engine", "ana")
        assert (ended.ok, ended.reason) == (False, "nothing that the engine can do would help")


@pytest.mark.parametrize(
    ("strategy", "target", "error", "words"),
    [
        (RESTART, "session:s9999", NotFound, "s9999"),
        (RESTART, "conversation:unheard", NotFound, "No session holds conversation unheard"),
        (CLEAN, "moon:full", BadInput, "'moon:full' is nothing that recovery works on"),
        (CLEAN, "session:", BadInput, "is nothing that recovery works on"),
    ],
)
async def test_what_cannot_be_done_is_refused(
    tmp_path: Path, strategy: str, target: str, error: type[Exception], words: str
) -> None:
    async with running(tmp_path) as engine:
        with pytest.raises(error, match=words):
            await engine.recoveries.execute(strategy, target, "ana")
