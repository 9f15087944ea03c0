"""What is asked wrongly or has gone wrong on disk: a clear error with its remedy, and a pool that goes on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.base.errors import NotFound, QuarterdeckError, StartFailed
from tests.pool.pools import Conversation, profile
from tests.support.engines import running
from tests.support.operations import stop_session

UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def test_another_tenant_s_profile_and_conversation_are_as_good_as_unknown(tmp_path: Path) -> None:
    async with running(tmp_path, "profiles={shop: {tenant: shop}}", "retry.max_attempts=1") as engine:
        talk = Conversation(engine)
        theirs = await talk.ask("secret", tenant="shop", profile="shop")
        with pytest.raises(NotFound, match="no profile 'shop' for tenant 'default'") as refusal:
            await talk.ask("hello", profile="shop")
        assert "Known ones: default" in refusal.value.remedy
        with pytest.raises(NotFound, match="No conversation found"):
            await talk.ask("hello", theirs.conversation)
        assert theirs.session in engine.pool.sessions
        assert (await talk.ask("hello")).text == "Echo: hello"


async def test_a_workspace_that_goes_away_under_a_profile_is_named_and_its_return_is_enough(tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    folder.mkdir()
    async with running(tmp_path, f"profiles={{mine: {{workspace: {folder}}}}}", "retry.max_attempts=1") as engine:
        talk = Conversation(engine)
        first = await talk.ask("one", profile="mine")
        await stop_session(engine, first.session, "test")
        folder.rmdir()
        with pytest.raises(StartFailed, match=f"The workspace {folder} of profile mine does not exist") as refusal:
            await talk.ask("two", first.conversation, profile="mine")
        assert "profiles.mine.workspace" in refusal.value.remedy
        assert engine.pool.members == {}
        folder.mkdir()
        again = await talk.ask("[[history]]", first.conversation, profile="mine")
        assert again.text.startswith("History: 2 user messages")


@pytest.mark.parametrize(
    ("kept", "damage", "messages"),
    [
        (False, b"", 1),
        (False, b"\x00\xff no JSON at all\n", 1),
        (True, b'{"type": "user", "message": {"con', 2),
    ],
    ids=["emptied", "overwritten", "torn"],
)
async def test_a_damaged_transcript_is_gone_on_with_from_what_can_be_read(
    tmp_path: Path, kept: bool, damage: bytes, messages: int
) -> None:
    async with running(tmp_path, "session_pool.max_size=1", "retry.max_attempts=1") as engine:
        talk = Conversation(engine)
        first = await talk.ask("one")
        await stop_session(engine, first.session, "test")
        path = engine.backend.transcript(profile(engine), first.conversation)
        assert path is not None
        path.write_bytes((path.read_bytes() if kept else b"") + damage)
        answer = await talk.ask("[[history]]", first.conversation)
        assert answer.text.startswith(f"History: {messages} user messages")
        assert (await talk.ask("hello")).text == "Echo: hello"


async def test_an_unknown_conversation_takes_nobody_s_process(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=1", "retry.max_attempts=1") as engine:
        talk = Conversation(engine)
        kept = await talk.ask("one")
        for _ in range(3):
            with pytest.raises(NotFound, match=f"No conversation found with id {UNKNOWN}") as refusal:
                await talk.ask("hello", UNKNOWN)
            assert "Leave the conversation out" in refusal.value.remedy
        assert (await talk.ask("[[history]]", kept.conversation)).session == kept.session
        assert engine.pool.statistics().counts.wakes == 0


async def test_a_transcript_that_cannot_be_read_is_a_clear_error(tmp_path: Path) -> None:
    async with running(tmp_path, "retry.max_attempts=1") as engine:
        talk = Conversation(engine)
        first = await talk.ask("one")
        await stop_session(engine, first.session, "test")
        path = engine.backend.transcript(profile(engine), first.conversation)
        assert path is not None
        path.unlink()
        path.mkdir()  # root may read anything but a folder
        with pytest.raises(QuarterdeckError) as refusal:
            await talk.ask("two", first.conversation)
        assert refusal.value.remedy
        os.rmdir(path)
        assert (await talk.ask("hello")).text == "Echo: hello"
