"""Parked processes wake sleeping conversations: with the same history, or not at all."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import uuid
from pathlib import Path

import pytest

from engine.base.errors import QuarterdeckError
from engine.engine import Engine
from engine.events.types import ConversationWoken, SessionState
from engine.pool.member import Member
from engine.pool.routing import LeaseRequest
from engine.pool.wake_checks import MOST_TRIES, agent_name, read_verdicts, verdicts_file
from engine.requests import Request
from engine.simulated_agent import lines
from tests.pool.pools import Conversation, RecordedEvents, leases, profile, request
from tests.support.engines import running
from tests.support.processes import runs, until

SPARES = ("session_pool.wake_spares=1",)
AGENT = agent_name("simulator", lines.VERSION)


async def asleep(engine: Engine, name: str = "default") -> str:
    """A conversation of one turn that has no process any more."""
    answer = await engine.submit(Request(prompt="hello", profile=name))
    await engine.pool.stop_session(answer.session, "test")
    return answer.conversation


async def parked(engine: Engine, name: str = "default") -> Member:
    """The parked process of a profile, once it is ready."""

    def ready() -> list[Member]:
        found = engine.pool.members.values()
        return [each for each in found if each.ready_spare and each.request.profile.name == name]

    await until(ready)
    return ready()[0]


def transcript(engine: Engine, conversation: str) -> Path:
    """A conversation's file."""
    found = engine.backend.transcript(profile(engine), conversation)
    assert found is not None
    return found


async def test_a_parked_process_wakes_a_conversation_that_goes_on_in_its_file(tmp_path: Path) -> None:
    async with running(tmp_path, *SPARES) as engine:
        events = RecordedEvents(engine)
        conversation = await asleep(engine)
        spare = await parked(engine)
        assert engine.bus.state.sessions[spare.session.id].state is SessionState.PARKED
        assert (engine.pool.statistics().size, engine.pool.statistics().spares) == (0, 1)
        file = transcript(engine, conversation)
        before, folders = file.read_bytes(), sorted(file.parent.parent.iterdir())
        answer = await Conversation(engine).ask("[[history]]", conversation)
        assert (answer.conversation, answer.session) == (conversation, spare.session.id)
        assert answer.text.startswith("History: 2 user messages")
        assert [woken.cold for woken in events.of(ConversationWoken)] == [""]
        assert engine.pool.statistics().counts.spare_wakes == 1
        assert transcript(engine, conversation) == file
        assert file.read_bytes().startswith(before)
        assert sorted(file.parent.iterdir()) == [file]
        assert sorted(file.parent.parent.iterdir()) == folders
        assert answer.cwd == str(spare.session.cwd)
    assert read_verdicts(verdicts_file(tmp_path / "state")) == {AGENT: ""}


async def test_a_woken_process_may_serve_others_after_clear_and_its_first_conversation_again(tmp_path: Path) -> None:
    async with running(tmp_path, *SPARES, "session_pool.max_size=1") as engine:
        conversation = await asleep(engine)
        await parked(engine)
        woken = await Conversation(engine).ask("back", conversation)
        other = await engine.submit(Request(prompt="[[history]]"))
        assert other.session == woken.session
        assert other.text.startswith("History: 1 user messages")
        again = await engine.submit(Request(prompt="[[history]]", conversation=conversation))
        assert again.text.startswith("History: 3 user messages")
        more = await engine.submit(Request(prompt="[[history]]", conversation=other.conversation))
        assert more.text.startswith("History: 2 user messages")


async def test_a_process_that_does_not_take_the_conversation_up_is_ended_and_another_one_does(tmp_path: Path) -> None:
    async with running(tmp_path, *SPARES) as engine:
        events = RecordedEvents(engine)
        conversation = await asleep(engine)
        spare = await parked(engine)
        os.kill(spare.session.pid, signal.SIGSTOP)
        answer = await Conversation(engine).ask("[[history]]", conversation)
        assert answer.session != spare.session.id
        assert answer.text.startswith("History: 2 user messages")
        assert "did not take the conversation up" in events.of(ConversationWoken)[-1].cold
        assert not runs(spare.session.pid)


async def test_a_process_in_another_conversation_gets_no_prompt(tmp_path: Path) -> None:
    async with running(tmp_path, *SPARES) as engine:
        events = RecordedEvents(engine)
        conversation = await asleep(engine)
        await parked(engine)
        file, other = transcript(engine, conversation), str(uuid.uuid4())
        file.write_text(file.read_text().replace(f'"sessionId": "{conversation}"', f'"sessionId": "{other}"'))
        answer = await Conversation(engine).ask("[[history]]", conversation)
        assert answer.conversation == conversation
        assert f"took up conversation {other} instead of" in events.of(ConversationWoken)[-1].cold
        assert not (file.parent / f"{other}.jsonl").exists()


WORKSPACE = "profiles.default.workspace={}"


def shared(folder: Path) -> str:
    """The setting of one directory for all conversations."""
    (folder / "shared").mkdir()
    return WORKSPACE.format(folder / "shared")


async def test_a_process_is_kept_for_the_conversation_that_was_used_last(tmp_path: Path) -> None:
    async with running(tmp_path, *SPARES) as engine:
        events = RecordedEvents(engine)
        first = await asleep(engine)
        spare = await parked(engine)
        second = await asleep(engine)
        assert spare.session.cwd == engine.backend.directory(profile(engine), first)
        assert (await engine.submit(Request(prompt="back", conversation=second))).session != spare.session.id
        assert events.of(ConversationWoken)[-1].cold == "no parked process was ready for it"
        assert (await engine.submit(Request(prompt="back", conversation=first))).session == spare.session.id


async def test_a_process_in_a_workspace_wakes_any_conversation_of_it(tmp_path: Path) -> None:
    async with running(tmp_path, *SPARES, shared(tmp_path)) as engine:
        await asleep(engine)
        spare = await parked(engine)
        second = await asleep(engine)
        answer = await Conversation(engine).ask("[[history]]", second)
        assert answer.session == spare.session.id
        assert answer.text.startswith("History: 2 user messages")


@pytest.mark.parametrize("place", ["own", "shared"])
async def test_what_a_parked_process_would_not_serve_alike_is_woken_by_a_new_one(tmp_path: Path, place: str) -> None:
    settings = (shared(tmp_path),) if place == "shared" else ()
    async with running(tmp_path, *SPARES, *settings) as engine:
        events = RecordedEvents(engine)
        conversation = await asleep(engine)
        spare = await parked(engine)
        for name in (".claude", ".mcp.json", "CLAUDE.md"):
            file = engine.backend.directory(profile(engine), conversation) / name
            file.touch()
            answer = await engine.submit(Request(prompt="back", conversation=conversation))
            assert events.of(ConversationWoken)[-1].cold == "the settings in its directory changed"
            assert spare.ready_spare
            await engine.pool.stop_session(answer.session, "test")
            file.unlink()
        with transcript(engine, conversation).open("a") as more:
            more.write(f'{{"type": "filler", "text": "{"x" * 2_200_000}"}}\n')
        await engine.submit(Request(prompt="back", conversation=conversation))
        assert re.fullmatch(r"its transcript of 2\.\d MiB is over 2 MiB", events.of(ConversationWoken)[-1].cold)
        assert spare.ready_spare


async def test_settings_that_were_there_when_it_was_parked_are_no_reason(tmp_path: Path) -> None:
    async with running(tmp_path, *SPARES, shared(tmp_path)) as engine:
        (tmp_path / "shared" / "CLAUDE.md").write_text("Be brief.")
        conversation = await asleep(engine)
        spare = await parked(engine)
        assert (await engine.submit(Request(prompt="back", conversation=conversation))).session == spare.session.id


async def test_a_spare_serves_its_profile_alone(tmp_path: Path) -> None:
    other = ("profiles.other.model=opus",)
    async with running(tmp_path, *SPARES, *other) as engine:
        mine, theirs = await asleep(engine), await asleep(engine, "other")
        first, second = await parked(engine), await parked(engine, "other")
        answers = await asyncio.gather(
            engine.submit(Request(prompt="back", conversation=mine)),
            engine.submit(Request(prompt="back", conversation=theirs, profile="other")),
        )
        assert [answer.session for answer in answers] == [first.session.id, second.session.id]


async def test_a_session_that_gives_its_conversation_to_a_spare_is_leased_to_nobody_meanwhile(tmp_path: Path) -> None:
    both = (shared(tmp_path), f"profiles.other.workspace={tmp_path / 'shared'}", "profiles.other.model=opus")
    home = tuple(f"profiles.{name}.environment.CLAUDE_CONFIG_DIR={tmp_path / 'both'}" for name in ("default", "other"))
    async with running(tmp_path, *SPARES, *both, *home) as engine:
        await asleep(engine, "other")
        spare = await parked(engine, "other")
        held = await engine.submit(Request(prompt="hello"))
        moved, fresh = await asyncio.gather(
            engine.pool.lease(request(engine, conversation=held.conversation, name="other")),
            engine.pool.lease(request(engine)),
        )
        assert moved.session.id == spare.session.id
        assert fresh.session.id != held.session
        assert engine.pool.leased(fresh.session.id)
        for lease in (moved, fresh):
            engine.pool.release(lease)


async def test_a_changed_profile_ends_its_spare(tmp_path: Path) -> None:
    async with running(tmp_path, *SPARES) as engine:
        await asleep(engine)
        old = await parked(engine)
        engine.live.propose({"claude.model": "opus"}, "test")
        await until(lambda: old.session.id not in engine.pool.members)
        assert (await parked(engine)).request.profile.model == "opus"


async def test_spares_give_their_place_to_whoever_waits_and_are_parked_again(tmp_path: Path) -> None:
    async with running(tmp_path, *SPARES, "session_pool.max_size=2") as engine:
        await asleep(engine)
        spare = await parked(engine)
        taken = await leases(engine, 2)
        assert spare.session.id not in engine.pool.members
        for lease in taken:
            engine.pool.release(lease)
        await engine.pool.stop_session(taken[0].session.id, "test")
        await parked(engine)
        assert len(engine.pool.members) == 2


async def test_a_large_pool_leaves_a_spare_the_place_of_an_idle_session(tmp_path: Path) -> None:
    sizes = ("session_pool.max_size=8", "session_pool.min_size=8", "session_pool.max_starting=8")
    async with running(tmp_path, *SPARES, *sizes) as engine:
        await asleep(engine)
        await parked(engine)
        await until(lambda: engine.pool.statistics().idle == 7)
        assert len(engine.pool.members) == 8


async def test_a_size_by_hand_is_reached_though_a_process_is_parked(tmp_path: Path) -> None:
    async with running(tmp_path, *SPARES, "session_pool.max_size=16", "session_pool.max_starting=8") as engine:
        await asleep(engine)
        spare = await parked(engine)
        engine.pool.scale(8)
        await until(lambda: engine.pool.statistics().idle == 8)
        assert spare.session.id not in engine.pool.members
        assert len(engine.pool.members) == 8
        engine.pool.scale(9)
        await until(lambda: engine.pool.statistics().idle == 9)


async def test_without_the_setting_nothing_is_parked_and_what_is_parked_ends(tmp_path: Path) -> None:
    async with running(tmp_path, *SPARES) as engine:
        events = RecordedEvents(engine)
        conversation = await asleep(engine)
        spare = await parked(engine)
        engine.live.propose({"session_pool.wake_spares": 0}, "test")
        await until(lambda: spare.session.id not in engine.pool.members)
        await engine.submit(Request(prompt="back", conversation=conversation))
        assert "session_pool.wake_spares is 0" in events.of(ConversationWoken)[-1].cold


async def test_a_spare_that_dies_is_replaced_by_one_that_wakes(tmp_path: Path) -> None:
    async with running(tmp_path, *SPARES) as engine:
        conversation = await asleep(engine)
        spare = await parked(engine)
        os.kill(spare.session.pid, signal.SIGKILL)
        await until(lambda: spare.session.id not in engine.pool.members)
        after = await parked(engine)
        assert after.session.id != spare.session.id
        assert runs(after.session.pid)
        assert engine.pool.statistics().spares == 1
        assert (await engine.submit(Request(prompt="back", conversation=conversation))).session == after.session.id


async def test_an_agent_that_fails_its_wake_check_is_not_parked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.pool.spares.ANSWER", "what the agent never had")
    monkeypatch.setattr("engine.pool.spares._RETRY_MAX_S", 0.0)
    async with running(tmp_path, *SPARES) as engine:
        events = RecordedEvents(engine)
        conversation = await asleep(engine)
        verdicts = verdicts_file(tmp_path / "state")
        await until(lambda: "without its history" in read_verdicts(verdicts).get(AGENT, ""))
        await until(lambda: not engine.pool.members)
        assert engine.pool.statistics().counts.start_failures == 0
        await engine.submit(Request(prompt="back", conversation=conversation))
        assert "without its history" in events.of(ConversationWoken)[-1].cold
        assert (
            len([each for each in events.events if getattr(each, "state", None) is SessionState.PARKED]) == MOST_TRIES
        )


async def test_a_conversation_from_before_the_engine_has_a_spare_too(tmp_path: Path) -> None:
    async with running(tmp_path, *SPARES) as engine:
        conversation = await asleep(engine)
    async with running(tmp_path, *SPARES, "session_pool.min_size=1") as engine:
        spare = await parked(engine)
        answer = await Conversation(engine).ask("[[history]]", conversation)
        assert answer.session == spare.session.id


async def test_a_parked_process_is_ended_at_once_when_it_is_stopped(tmp_path: Path) -> None:
    async with running(tmp_path, *SPARES) as engine:
        await asleep(engine)
        spare = await parked(engine)
        pid = spare.session.pid
        await asyncio.wait_for(engine.pool.stop_session(spare.session.id, "test"), 1.5)  # not the 2 s of an EOF
        assert not runs(pid)


async def test_a_lease_of_another_conversation_does_not_take_the_spare(tmp_path: Path) -> None:
    async with running(tmp_path, *SPARES) as engine:
        await asleep(engine)
        spare = await parked(engine)
        lease = await engine.pool.lease(request(engine))
        assert lease.session.id != spare.session.id
        assert spare.ready_spare
        engine.pool.release(lease)


async def test_an_expected_prompt_wakes_its_conversation_ahead_and_takes_nothing_from_others(tmp_path: Path) -> None:
    async with running(tmp_path, "session_pool.max_size=2", "session_pool.max_waking=1") as engine:
        first, second = await asleep(engine), await asleep(engine)
        assert engine.pool.wake_ahead(ahead(engine, first)) == ""
        assert "woken ahead already" in engine.pool.wake_ahead(ahead(engine, second))
        await until(lambda: engine.pool.index.holder("default", first) is not None)
        answer = await Conversation(engine).ask("[[history]]", first)
        assert answer.text.startswith("History: 2 user messages")
        counts = engine.pool.statistics().counts
        assert (counts.wakes, counts.affinity_hits) == (1, 0)
        (held,) = await leases(engine, 1)
        assert engine.pool.wake_ahead(ahead(engine, second)).startswith("the idle session worth least")
        assert engine.pool.index.holder("default", first) is not None
        engine.pool.release(held)


async def test_a_request_that_waits_for_its_place_wakes_its_conversation(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        conversation = await asleep(engine)
        talk = Conversation(engine)
        running_turn = talk.begin("[[delay: 60s]]")
        await until(lambda: engine.pool.statistics().active == 1)
        assert engine.concurrency.adjust(0.99) == 1
        waits = talk.begin("[[history]]", conversation)
        await until(lambda: engine.pool.index.holder("default", conversation) is not None)
        assert not waits.done()
        engine.dispatcher.cancel("talk-1", "test")
        assert (await waits).text.startswith("History: 2 user messages")
        with pytest.raises(QuarterdeckError):
            await running_turn


async def test_a_wake_ahead_of_what_is_not_there_harms_nobody(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        assert engine.pool.wake_ahead(ahead(engine, str(uuid.uuid4()))) == ""
        await until(lambda: not engine.pool.members)
        answer = await engine.submit(Request(prompt="hello"))
        assert answer.text


def ahead(engine: Engine, conversation: str) -> LeaseRequest:
    """The request to wake a conversation before its prompt is there."""
    return LeaseRequest(profile(engine), "", conversation, ahead=True)
