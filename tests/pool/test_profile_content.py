"""A profile is its content: after a change of what reaches an agent nothing of the old content serves a new request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.engine import Engine
from tests.pool.pools import MANY, Conversation, idle, profile, request
from tests.support.engines import running
from tests.support.processes import until

REACH_THE_AGENT: list[tuple[str, Any]] = [
    ("claude.model", "haiku"),
    ("claude.permission_mode", "plan"),
    ("claude.max_tokens", 1000),
    ("claude.max_retries", 1),
    ("claude.extra_args", ["--effort=low"]),
    ("claude.setting_sources", ["user"]),
    ("credential.api_key", "other"),
    ("credential.base_url", "http://127.0.0.1:9"),
    ("profiles.default.model", "haiku"),
    ("profiles.default.permission_mode", "acceptEdits"),
    ("profiles.default.environment.A", "b"),
]
DO_NOT = [("claude.permission_timeout", "5s"), ("session_pool.max_size", 7), ("profiles.default.weight", 2)]


def running_ids(engine: Engine) -> set[str]:
    return set(engine.pool.sessions)


@pytest.mark.parametrize(("key", "value"), REACH_THE_AGENT)
async def test_sessions_of_the_old_content_are_retired(key: str, value: Any, tmp_path: Path) -> None:
    async with running(tmp_path, *MANY) as engine:
        (old,) = await idle(engine, 1)
        before = profile(engine).fingerprint
        engine.live.propose({key: value}, "test")
        assert profile(engine).fingerprint != before
        answer = await Conversation(engine).ask("hello")
        assert answer.session != old
        await until(lambda: old not in engine.pool.sessions)


@pytest.mark.parametrize(("key", "value"), DO_NOT)
async def test_what_reaches_no_agent_retires_nothing(key: str, value: Any, tmp_path: Path) -> None:
    async with running(tmp_path, *MANY) as engine:
        (kept,) = await idle(engine, 1)
        engine.live.propose({key: value}, "test")
        assert (await Conversation(engine).ask("hello")).session == kept


async def test_a_busy_session_ends_its_turn_first(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY) as engine:
        talk = Conversation(engine)
        turn = talk.begin("[[delay: 300ms]] slow")
        await until(lambda: any(session.busy for session in engine.pool.sessions.values()))
        (busy,) = running_ids(engine)
        engine.live.propose({"claude.model": "haiku"}, "test")
        other = await talk.ask("quick")
        assert other.session != busy
        slow = await turn
        assert (slow.session, slow.text) == (busy, "Echo: slow")
        await until(lambda: busy not in engine.pool.sessions)


async def test_who_waits_gets_the_new_content(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY, "session_pool.max_size=1") as engine:
        talk = Conversation(engine)
        first = talk.begin("[[delay: 200ms]] first")
        await until(lambda: any(session.busy for session in engine.pool.sessions.values()))
        second = talk.begin("second")
        await until(lambda: engine.pool.statistics().waiting)
        engine.live.propose({"claude.model": "haiku"}, "test")
        served = (await second).session
        assert served != (await first).session
        assert b"--model=haiku" in Path(f"/proc/{engine.pool.session(served).pid}/cmdline").read_bytes().split(b"\0")


async def test_a_session_that_is_starting_with_the_old_content_serves_nobody(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY) as engine:
        turn = Conversation(engine).begin("hello")
        await until(lambda: engine.pool.sessions)
        (old,) = running_ids(engine)
        engine.live.propose({"claude.model": "haiku"}, "test")
        assert (await turn).session != old


async def test_a_cached_answer_of_the_old_content_is_not_given(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY) as engine:
        talk = Conversation(engine)
        await talk.ask("hello", cacheable=True)
        assert (await talk.ask("hello", cacheable=True)).cached
        engine.live.propose({"claude.model": "haiku"}, "test")
        assert not (await talk.ask("hello", cacheable=True)).cached


async def test_another_profiles_sessions_stay(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY, "profiles={big: {model: opus}}") as engine:
        talk = Conversation(engine)
        kept = (await talk.ask("hello", profile="big")).session
        engine.live.propose({"claude.model": "haiku"}, "test")
        assert (await talk.ask("hello", profile="big")).session == kept


async def test_a_drained_profile_stays_drained_whatever_it_becomes(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY) as engine:
        await engine.pool.drain_profile(profile(engine), "test", 1.0)
        engine.live.propose({"claude.model": "haiku"}, "test")
        with pytest.raises(Exception, match="is drained"):
            await engine.pool.lease(request(engine), timeout=0.05)
        engine.pool.resume_profile(profile(engine))
        assert (await Conversation(engine).ask("hello")).text == "Echo: hello"


async def test_a_fingerprint_tells_no_secret(tmp_path: Path) -> None:
    async with running(
        tmp_path, "credential.api_key=sk-secret", "profiles={p: {environment: {TOKEN: hidden}}}"
    ) as engine:
        shown = repr(profile(engine).fingerprint) + repr(profile(engine, "p").key)
        assert "secret" not in shown
        assert "hidden" not in shown
