"""What every agent does when it must ask: it waits, obeys, and is never answered by another tenant's grant."""

from __future__ import annotations

import asyncio

from engine.events.types import PermissionAnswered, PermissionAsked
from engine.sessions.outcome import Ended, Outcome
from engine.sessions.session import Session
from tests.support.sessions import SessionFixture

TOUCH = '[[tool: Bash {"command": "touch proof"}]]'


async def asked(session_fixture: SessionFixture, session: Session, **answer: object) -> Outcome:
    """Run the tool's turn, answering the one permission that it asks for."""
    before = len(session_fixture.seen(PermissionAsked))
    turn, _ = session_fixture.begin(session, TOUCH)
    question = await session_fixture.next_of(PermissionAsked, before)
    session_fixture.answer(question.permission, **answer)  # type: ignore[arg-type]
    outcome = await turn
    assert len(session_fixture.seen(PermissionAsked)) == before + 1
    return outcome


async def unasked(session_fixture: SessionFixture, session: Session) -> Outcome:
    """Run the tool's turn, which must not ask."""
    before = len(session_fixture.seen(PermissionAsked))
    outcome = await session_fixture.ask(session, TOUCH)
    assert len(session_fixture.seen(PermissionAsked)) == before
    return outcome


async def test_an_allowed_tool_is_used(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    outcome = await asked(session_fixture, session, allowed=True)
    (question,) = session_fixture.seen(PermissionAsked)
    assert (question.tool, "touch proof" in question.summary) == ("Bash", True)
    assert (outcome.ended, outcome.denials, outcome.acted) == (Ended.ANSWERED, 0, True)
    assert (session.cwd / "proof").exists()


async def test_a_denied_tool_is_not_used_and_is_listed(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    outcome = await asked(session_fixture, session, allowed=False, message="not today")
    assert (outcome.ended, outcome.denials, outcome.ok) == (Ended.REFUSED_TOOLS, 1, True)
    assert "not today" in outcome.text
    assert not (session.cwd / "proof").exists()


async def test_nobody_answers_so_it_is_denied_at_the_deadline(session_fixture: SessionFixture) -> None:
    session_fixture.permission_timeout = 0.2
    session = await session_fixture.start()
    outcome = await session_fixture.ask(session, TOUCH)
    assert outcome.ended is Ended.REFUSED_TOOLS
    assert [(answer.allowed, answer.by) for answer in session_fixture.seen(PermissionAnswered)] == [(False, "deadline")]
    assert not (session.cwd / "proof").exists()


async def test_a_grant_for_the_conversation_ends_with_it(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    await asked(session_fixture, session, allowed=True, scope="conversation")
    assert (await unasked(session_fixture, session)).ended is Ended.ANSWERED
    await session.clear()
    assert (await asked(session_fixture, session, allowed=False)).ended is Ended.REFUSED_TOOLS


async def test_a_grant_for_the_profile_outlives_the_conversation_but_serves_no_other_tenant(
    session_fixture: SessionFixture,
) -> None:
    session = await session_fixture.start()
    await asked(session_fixture, session, allowed=True, scope="profile")
    await session.clear()
    assert (await unasked(session_fixture, session)).ended is Ended.ANSWERED
    stranger = await session_fixture.start(session_fixture.profile(tenant="other"))
    outcome = await asked(session_fixture, stranger, allowed=False)
    assert outcome.denials == 1
    assert not (stranger.cwd / "proof").exists()


async def test_a_grant_covers_exactly_what_was_granted(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    await asked(session_fixture, session, allowed=True, scope="profile")
    turn, _ = session_fixture.begin(session, '[[tool: Bash {"command": "touch more"}]]')
    question = await session_fixture.next_of(PermissionAsked, 1)
    session_fixture.answer(question.permission, allowed=False)
    assert (await turn).denials == 1


async def test_an_edited_command_runs_in_place_of_the_one_asked_for(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    outcome = await asked(session_fixture, session, allowed=True, edited={"command": "touch other"})
    assert (outcome.ended, outcome.denials) == (Ended.ANSWERED, 0)
    assert ((session.cwd / "other").exists(), (session.cwd / "proof").exists()) == (True, False)
    (answered,) = session_fixture.seen(PermissionAnswered)
    assert answered.edited == "Bash: touch other  (exactly this)"
    ((record,), _total) = session_fixture.approvals.history(9, 0)
    assert (record.action, record.edited_from) == (
        "Bash: touch other  (exactly this)",
        "Bash: touch proof  (exactly this)",
    )


async def test_the_reason_of_a_denial_reaches_the_model(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    outcome = await asked(session_fixture, session, allowed=False, message="use make clean")
    assert "use make clean" in outcome.text


async def test_an_interrupt_withdraws_the_question(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    turn, _ = session_fixture.begin(session, TOUCH)
    await session_fixture.next_of(PermissionAsked)
    assert session.interrupt()
    assert (await turn).ended is Ended.INTERRUPTED
    gone = [(answer.by, answer.reason) for answer in session_fixture.seen(PermissionAnswered)]
    assert gone == [("withdrawn", "its turn was interrupted")]
    assert (await session_fixture.ask(session, "next")).text == "Echo: next"


async def test_while_a_question_waits_only_the_whole_turns_clock_counts(session_fixture: SessionFixture) -> None:
    session = await session_fixture.start()
    await session_fixture.ask(session, "warm")
    session_fixture.limits = type(session_fixture.limits)(first_byte=2.0, inactivity=0.3, turn=30.0)
    turn, _ = session_fixture.begin(session, TOUCH)
    question = await session_fixture.next_of(PermissionAsked)
    done, _ = await asyncio.wait([turn], timeout=0.8)
    assert not done
    session_fixture.limits = type(session_fixture.limits)()
    session_fixture.answer(question.permission, allowed=False)
    assert (await turn).denials == 1
