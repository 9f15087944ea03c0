"""What every agent does when it must ask: it waits, obeys, and is never answered by another tenant's grant."""

from __future__ import annotations

import asyncio

from engine.events.types import PermissionAnswered, PermissionAsked
from engine.sessions.outcome import Ended, Outcome
from engine.sessions.session import Session
from tests.support.rig import Rig

TOUCH = '[[tool: Bash {"command": "touch proof"}]]'


async def asked(rig: Rig, session: Session, **answer: object) -> Outcome:
    """Run the tool's turn, answering the one permission that it asks for."""
    before = len(rig.seen(PermissionAsked))
    turn, _ = rig.begin(session, TOUCH)
    question = await rig.next_of(PermissionAsked, before)
    rig.answer(question.permission, **answer)  # type: ignore[arg-type]
    outcome = await turn
    assert len(rig.seen(PermissionAsked)) == before + 1
    return outcome


async def unasked(rig: Rig, session: Session) -> Outcome:
    """Run the tool's turn, which must not ask."""
    before = len(rig.seen(PermissionAsked))
    outcome = await rig.ask(session, TOUCH)
    assert len(rig.seen(PermissionAsked)) == before
    return outcome


async def test_an_allowed_tool_is_used(rig: Rig) -> None:
    session = await rig.start()
    outcome = await asked(rig, session, allowed=True)
    (question,) = rig.seen(PermissionAsked)
    assert (question.tool, "touch proof" in question.summary) == ("Bash", True)
    assert (outcome.ended, outcome.denials, outcome.acted) == (Ended.ANSWERED, 0, True)
    assert (session.cwd / "proof").exists()


async def test_a_denied_tool_is_not_used_and_is_listed(rig: Rig) -> None:
    session = await rig.start()
    outcome = await asked(rig, session, allowed=False, message="not today")
    assert (outcome.ended, outcome.denials, outcome.ok) == (Ended.REFUSED_TOOLS, 1, True)
    assert "not today" in outcome.text
    assert not (session.cwd / "proof").exists()


async def test_nobody_answers_so_it_is_denied_at_the_deadline(rig: Rig) -> None:
    rig.permission_timeout = 0.2
    session = await rig.start()
    outcome = await rig.ask(session, TOUCH)
    assert outcome.ended is Ended.REFUSED_TOOLS
    assert [(answer.allowed, answer.by) for answer in rig.seen(PermissionAnswered)] == [(False, "deadline")]
    assert not (session.cwd / "proof").exists()


async def test_a_grant_for_the_conversation_ends_with_it(rig: Rig) -> None:
    session = await rig.start()
    await asked(rig, session, allowed=True, scope="conversation")
    assert (await unasked(rig, session)).ended is Ended.ANSWERED
    await session.clear()
    assert (await asked(rig, session, allowed=False)).ended is Ended.REFUSED_TOOLS


async def test_a_grant_for_the_profile_outlives_the_conversation_but_serves_no_other_tenant(rig: Rig) -> None:
    session = await rig.start()
    await asked(rig, session, allowed=True, scope="profile")
    await session.clear()
    assert (await unasked(rig, session)).ended is Ended.ANSWERED
    stranger = await rig.start(rig.profile(tenant="other"))
    outcome = await asked(rig, stranger, allowed=False)
    assert outcome.denials == 1
    assert not (stranger.cwd / "proof").exists()


async def test_a_grant_covers_exactly_what_was_granted(rig: Rig) -> None:
    session = await rig.start()
    await asked(rig, session, allowed=True, scope="profile")
    turn, _ = rig.begin(session, '[[tool: Bash {"command": "touch more"}]]')
    question = await rig.next_of(PermissionAsked, 1)
    rig.answer(question.permission, allowed=False)
    assert (await turn).denials == 1


async def test_an_interrupt_withdraws_the_question(rig: Rig) -> None:
    session = await rig.start()
    turn, _ = rig.begin(session, TOUCH)
    await rig.next_of(PermissionAsked)
    assert session.interrupt()
    assert (await turn).ended is Ended.INTERRUPTED
    assert [answer.by for answer in rig.seen(PermissionAnswered)] == ["withdrawn"]
    assert (await rig.ask(session, "next")).text == "Echo: next"


async def test_while_a_question_waits_only_the_whole_turns_clock_counts(rig: Rig) -> None:
    session = await rig.start()
    await rig.ask(session, "warm")
    rig.limits = type(rig.limits)(first_byte=2.0, inactivity=0.3, turn=30.0)
    turn, _ = rig.begin(session, TOUCH)
    question = await rig.next_of(PermissionAsked)
    done, _ = await asyncio.wait([turn], timeout=0.8)
    assert not done
    rig.limits = type(rig.limits)()
    rig.answer(question.permission, allowed=False)
    assert (await turn).denials == 1
