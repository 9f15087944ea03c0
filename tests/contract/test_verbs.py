"""What is asked of either agent beside its turns: answered alike, and nothing of it stays where it should not."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.base.errors import AgentRefused, ConversationChanged, DeadlinePassed, NotFound, SessionBusy, VerbUnknown
from engine.events import types as ev
from engine.offline_model.script import digest
from engine.offline_model.server import OfflineModel
from engine.sessions import verbs
from engine.sessions.history import read_page
from engine.sessions.outcome import Ended, Outcome
from engine.sessions.prompts import prompts_in
from engine.sessions.session import Session
from tests.support.older_cli import OLDER, older_cli
from tests.support.processes import until
from tests.support.sessions import SessionFixture

SLOW = "[[words: 400]] [[pace: 25ms]]"
SHORT = "[[words: 20]] [[pace: 25ms]]"
PATIENCE_S = 30.0


async def writing(fixture: SessionFixture, session: Session) -> tuple[asyncio.Task[Outcome], list[str]]:
    """A turn in the midst of its answer."""
    turn, pieces = fixture.begin(session, SLOW)
    await until(lambda: len(pieces) > 3)
    return turn, pieces


async def test_a_side_question_is_answered_at_any_time_and_leaves_nothing(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    assert await verbs.side_question(session, "[[reply: nothing yet]]", PATIENCE_S) == "nothing yet"
    assert (await session_fixture.ask(session, "first [[reply: one]]")).ok
    asked = "second [[history]]"
    prompts = ["first [[reply: one]]", asked]
    said = f"History: 2 user messages, digest {digest(prompts)}"
    assert await verbs.side_question(session, asked, PATIENCE_S) == said
    turn, pieces = await writing(session_fixture, session)
    assert await verbs.side_question(session, "what? [[reply: writing words]]", PATIENCE_S) == "writing words"
    before = len(pieces)
    await until(lambda: len(pieces) > before)
    assert not turn.done()
    session.interrupt()
    await turn
    after = "third [[history]]"
    outcome = await session_fixture.ask(session, after)
    assert outcome.text == f"History: 3 user messages, digest {digest([prompts[0], SLOW, after])}"
    path = session.transcript()
    assert path is not None
    assert "writing words" not in path.read_text()
    assert "nothing yet" not in path.read_text()
    entries = session_fixture.transcripts.page(session.id).entries
    assert not [entry for entry in entries if "writing words" in entry.text]


@pytest.mark.parametrize("question", ['[[tool: Bash {"command": "touch side"}]]', "[[fault: http529]]"])
async def test_what_no_model_answered_is_no_answer(session_fixture: SessionFixture, question: str) -> None:
    session = await session_fixture.start()
    with pytest.raises(AgentRefused, match="has no answer"):
        await verbs.side_question(session, question, PATIENCE_S)
    assert not (session.cwd / "side").exists()
    assert (await session_fixture.ask(session, "[[reply: fine]]")).text == "fine"


async def test_a_side_question_that_takes_too_long_is_withdrawn(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    with pytest.raises(DeadlinePassed):
        await verbs.side_question(session, "[[delay: 60s]] [[reply: late]]", 0.5)
    assert (await session_fixture.ask(session, "[[reply: fine]]")).text == "fine"


async def test_a_note_joins_the_next_prompt_and_takes_no_turn(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    assert (await session_fixture.ask(session, "first [[reply: one]]")).ok
    await session.noted(session.note("/the owner is Ana"), PATIENCE_S)
    outcome = await session_fixture.ask(session, "second [[reply: two]]")
    assert (outcome.text, session.turns) == ("two", 2)
    path = session.transcript()
    assert path is not None
    assert [prompt.text.strip() for prompt in prompts_in(path)][1] == "/the owner is Ana"
    assert not [entry for entry in session_fixture.transcripts.page(session.id).entries if entry.kind == "error"]
    (noted,) = [entry for entry in session_fixture.transcripts.page(session.id).entries if entry.title == "note"]
    assert noted.text == "/the owner is Ana"


@pytest.mark.parametrize("interrupted", [False, True])
async def test_a_note_in_the_midst_of_a_turn_is_taken_after_it_however_that_ends(
    session_fixture: SessionFixture, *, interrupted: bool
) -> None:
    """An interrupt takes it out of the agent's queue; it is sent again."""
    session = await session_fixture.start()
    turn, _pieces = await writing(session_fixture, session) if interrupted else session_fixture.begin(session, SHORT)
    note = session.note("the owner is Ana")
    if interrupted:
        session.interrupt()
    outcome = await turn
    assert outcome.ok is not interrupted
    await session.noted(note, PATIENCE_S)
    assert (await session_fixture.ask(session, "[[reply: fine]]")).text == "fine"
    path = session.transcript()
    assert path is not None
    assert [prompt.text for prompt in prompts_in(path)].count("the owner is Ana") == 1


async def test_a_conversation_goes_back_and_stays_so_when_it_is_resumed(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    texts = [f"p{number} [[reply: r{number}]]" for number in range(1, 5)]
    for text in texts:
        assert (await session_fixture.ask(session, text)).ok
    path = session.transcript()
    assert path is not None
    prompts = prompts_in(path)
    assert [(each.number, each.text) for each in prompts] == list(enumerate(texts, 1))
    assert await verbs.rewind(session, prompts[2].ref, prompts[3].ref) == texts[2]
    await until(lambda: [each.text for each in prompts_in(path)] == texts[:2])
    shown = [entry.text for entry in read_page(path, None, limit=1000).entries if entry.kind in {"user", "assistant"}]
    assert shown == [texts[0], "r1", texts[1], "r2"]
    await session.stop("the test resumes it", 2.0)
    resumed = await session_fixture.start(resume=session.conversation)
    again = "again [[history]]"
    outcome = await session_fixture.ask(resumed, again)
    assert outcome.text == f"History: 3 user messages, digest {digest([*texts[:2], again])}"
    prompts = prompts_in(path)
    assert await verbs.rewind(resumed, prompts[0].ref, prompts[-1].ref) == texts[0]
    await until(lambda: prompts_in(path) == [])
    assert (await session_fixture.ask(resumed, again)).text == f"History: 1 user messages, digest {digest([again])}"
    await until(lambda: [each.text for each in prompts_in(path)] == [again])


async def test_it_goes_back_in_no_running_turn_and_to_nothing_that_is_not_there(
    session_fixture: SessionFixture,
) -> None:
    session = await session_fixture.start()
    for number in range(2):
        assert (await session_fixture.ask(session, f"p{number}")).ok
    path = session.transcript()
    assert path is not None
    first, last = (each.ref for each in prompts_in(path))
    with pytest.raises(ConversationChanged):
        await verbs.rewind(session, first, first)
    with pytest.raises(NotFound):
        await verbs.rewind(session, "11111111-2222-4333-8444-555555555555", last)
    turn, _pieces = await writing(session_fixture, session)
    with pytest.raises(SessionBusy):
        await verbs.rewind(session, first, last)
    session.interrupt()
    await turn
    prompts = prompts_in(path)
    assert await verbs.rewind(session, prompts[-1].ref, prompts[-1].ref) == SLOW


async def test_an_export_holds_the_conversation(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    assert (await verbs.export_conversation(session)).text == ""
    assert (await session_fixture.ask(session, "hello [[reply: good day]]")).ok
    assert (await session_fixture.ask(session, '[[tool: Bash {"command": "echo hi"}]] [[reply: done]]')).ok
    turn, _pieces = await writing(session_fixture, session)
    export = await verbs.export_conversation(session)
    session.interrupt()
    await turn
    assert export.text.startswith("\n❯ hello [[reply: good day]]\n\n● good day\n\n❯ [[tool: Bash")
    assert "\n\n  Ran 1 shell command (ctrl+o to expand)\n\n● done\n\n❯ [[words: 400]]" in export.text
    assert export.default_filename.endswith("-hello-reply-good-day.txt")


async def test_without_a_repository_there_is_no_diff(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    with pytest.raises(NotFound, match="is no git repository"):
        await verbs.workspace_diff(session)


async def test_in_a_repository_the_diff_is_there_or_refused_by_name(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    _committed(session.cwd)
    if session.profile.backend == "simulator":
        with pytest.raises(AgentRefused, match="does not model get_workspace_diff"):
            await verbs.workspace_diff(session)
        return
    diff = await verbs.workspace_diff(session)
    assert (diff.stats.lines_added, diff.stats.lines_removed) == (1, 0)
    assert [(file.path, [line for hunk in file.hunks for line in hunk.lines]) for file in diff.hunks] == [
        ("f.txt", [" one", "+two"])
    ]
    assert {(each.path, each.is_untracked) for each in diff.per_file_stats} >= {("f.txt", False), ("n.txt", True)}


def _committed(folder: Path) -> None:
    """A repository with a change of a tracked file and a file that it does not know."""
    (folder / "f.txt").write_text("one\n")
    who = ("-c", "user.name=x", "-c", "user.email=x@y")
    for words in (("init", "-q"), ("add", "f.txt"), (*who, "commit", "-qm", "one")):
        subprocess.run(["git", *words], cwd=folder, check=True)
    (folder / "f.txt").write_text("one\ntwo\n")
    (folder / "n.txt").write_text("new\n")


async def test_a_steered_turn_answers_with_what_it_was_steered_to(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    turn, pieces = await writing(session_fixture, session)
    assert session.steer("other way [[reply: as you wish]]", "ana")
    outcome = await turn
    assert (outcome.ok, outcome.text, "".join(pieces).endswith("as you wish")) == (True, "as you wish", True)
    steered = session_fixture.seen(ev.TurnSteered)
    assert [(event.by, event.prompt) for event in steered] == [("ana", "other way [[reply: as you wish]]")]
    (ended,) = session_fixture.seen(ev.TurnEnded)
    assert ended.ok
    if session.profile.backend != "simulator":
        assert ended.cost > 0
    assert ended.tokens_out > 2  # both parts of the turn
    entries = [entry for entry in session_fixture.transcripts.page(session.id).entries if entry.kind == "user"]
    path = session.transcript()
    assert path is not None
    assert [entry.ref for entry in entries] == [each.ref for each in prompts_in(path)]
    after = "after [[history]]"
    told = await session_fixture.ask(session, after)
    prompts = [SLOW, "other way [[reply: as you wish]]", after]
    assert told.text == f"History: 3 user messages, digest {digest(prompts)}"
    assert not session_fixture.seen(ev.ProtocolFault)


async def test_steered_twice_the_last_word_counts(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    turn, _pieces = await writing(session_fixture, session)
    assert session.steer("[[reply: second]]", "ana")
    assert session.steer("[[reply: third]]", "ana")
    assert (await turn).text == "third"
    assert (await session_fixture.ask(session, "[[reply: fourth]]")).text == "fourth"


async def test_a_tool_that_runs_is_let_finish(session_fixture: SessionFixture, tmp_path: Path) -> None:
    session = await session_fixture.start()
    begun, done = tmp_path / "begun", tmp_path / "done"
    command = f"touch {begun}; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; touch {done}"
    turn, _pieces = session_fixture.begin(session, f'[[tool: Bash {{"command": "{command}"}}]]')
    asked = await session_fixture.next_of(ev.PermissionAsked)
    session_fixture.answer(asked.permission, allowed=True)
    await until(begun.exists)
    assert session.steer("[[reply: steered]]", "ana")
    (tmp_path / "go").touch()
    outcome = await turn
    assert (outcome.text, done.exists(), outcome.acted) == ("steered", True, True)


async def test_a_permission_that_waits_is_withdrawn(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    turn, _pieces = session_fixture.begin(session, '[[tool: Bash {"command": "touch never"}]]')
    await session_fixture.next_of(ev.PermissionAsked)
    assert await verbs.side_question(session, "[[reply: I wait]]", PATIENCE_S) == "I wait"
    assert session.steer("[[reply: steered]]", "ana")
    outcome = await turn
    assert (outcome.text, outcome.ended) == ("steered", Ended.ANSWERED)
    answered = await session_fixture.next_of(ev.PermissionAnswered)
    assert (answered.by, answered.reason) == ("withdrawn", "its turn was steered")
    assert not (session.cwd / "never").exists()


async def test_an_interrupt_ends_a_turn_that_was_steered(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    turn, pieces = await writing(session_fixture, session)
    assert session.steer(SLOW, "ana")
    session.interrupt()
    assert not session.steer("[[reply: too late]]", "ana")
    assert (await turn).ended is Ended.INTERRUPTED
    turn, pieces = await writing(session_fixture, session)
    so_far = len(pieces)
    assert session.steer(f"another {SLOW}", "ana")
    await until(lambda: len(session_fixture.seen(ev.TurnSteered)) > 1 and len(pieces) > so_far + 30)
    session.interrupt()
    assert (await turn).ended is Ended.INTERRUPTED
    assert (await session_fixture.ask(session, "[[reply: fine]]")).text == "fine"


@pytest.fixture(params=[pytest.param(OLDER, marks=pytest.mark.real_cli)])
async def older(tmp_path: Path) -> AsyncIterator[SessionFixture]:
    """The CLI as it was before it marked its results."""
    async with OfflineModel() as model:
        made = SessionFixture(tmp_path, older_cli(), model.url)
        yield made
        await made.aclose()


async def test_what_an_older_cli_does_not_know_is_refused_with_a_remedy(older: SessionFixture) -> None:
    session = await older.start()
    for ask in (verbs.export_conversation, verbs.workspace_diff):
        with pytest.raises(VerbUnknown, match="does not know") as caught:
            await ask(session)
        assert "Update the Claude Code CLI" in caught.value.remedy
    turn, _pieces = await writing(older, session)
    assert session.steer("[[reply: steered]]", "ana")
    assert (await turn).text == "steered"
    assert (await older.ask(session, "[[reply: fine]]")).text == "fine"


async def test_without_a_turn_there_is_nothing_to_steer(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    assert not session.steer("hello", "ana")
    assert (await session_fixture.ask(session, "[[reply: fine]]")).text == "fine"
    assert not session.steer("hello", "ana")
    assert not session_fixture.seen(ev.TurnSteered)
