"""What an agent is asked beside its turns, by the one door: who may, of which session, and what states why not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.base.caller import Caller, Scope
from engine.base.errors import (
    BadInput,
    ConversationAsleep,
    Forbidden,
    NotFound,
    QuarterdeckError,
    SessionBusy,
    TurnInterrupted,
)
from engine.engine import Engine
from engine.events import types as ev
from engine.operations.declared.conversations import READ_PROMPTS, ReadPrompts
from engine.operations.declared.sessions import HIBERNATE_SESSION, SessionId
from engine.operations.declared.verbs import (
    ADD_NOTE,
    EXPORT_CONVERSATION,
    REWIND_SESSION,
    SIDE_QUESTION,
    STEER_SESSION,
    WORKSPACE_DIFF,
    AddNote,
    Rewind,
    SideQuestion,
    Steer,
)
from engine.operations.execute import Operations
from engine.operations.operation import Operation
from engine.requests import Answer, Request
from engine.sessions.machine import MAX_NOTES
from tests.pool.pools import RecordedEvents
from tests.support.engines import running
from tests.support.processes import until

ANA = Caller("ana")
EVE = Caller("eve", tenant="other")
SLOW = "[[words: 400]] [[pace: 20ms]]"


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """An engine on the simulator."""
    async with running(tmp_path) as made:
        yield made


async def ask(engine: Engine, prompt: str, conversation: str = "") -> Answer:
    """An answer."""
    return await engine.submit(
        Request(id=f"r{len(prompt)}-{conversation[:4]}", prompt=prompt, conversation=conversation)
    )


async def call(engine: Engine, operation: Operation[Any, Any], args: msgspec.Struct, caller: Caller = ANA) -> Any:
    """What an operation answers."""
    return await Operations(engine).execute(operation, args, caller)


async def at_work(engine: Engine) -> tuple[asyncio.Task[Answer], str]:
    """A turn that writes, and its session."""
    task = asyncio.create_task(ask(engine, SLOW))
    await until(lambda: any(row.activity == "writing" for row in engine.bus.state.sessions.values()))
    return task, next(row.id for row in engine.bus.state.sessions.values() if row.activity == "writing")


def every(name: str) -> list[tuple[Operation[Any, Any], msgspec.Struct]]:
    """Each verb of a session."""
    return [
        (SIDE_QUESTION, SideQuestion(id=name, question="what?")),
        (STEER_SESSION, Steer(id=name, prompt="the other way")),
        (ADD_NOTE, AddNote(id=name, text="the owner is Ana")),
        (REWIND_SESSION, Rewind(id=name, prompt=1)),
        (WORKSPACE_DIFF, SessionId(id=name)),
        (EXPORT_CONVERSATION, SessionId(id=name)),
    ]


async def refused(engine: Engine, name: str, caller: Caller = ANA) -> list[QuarterdeckError]:
    """Why each verb is not done."""
    errors = []
    for operation, args in every(name):
        with pytest.raises(QuarterdeckError) as caught:
            await call(engine, operation, args, caller)
        errors.append(caught.value)
    return errors


async def test_a_question_a_turn_that_is_steered_and_its_answer(engine: Engine) -> None:
    seen = RecordedEvents(engine)
    task, name = await at_work(engine)
    asked = SideQuestion(id=name, question="what? [[reply: words]]")
    assert (await call(engine, SIDE_QUESTION, asked)).answer.text == "words"
    conversation = engine.pool.session(name).conversation
    steered = (await call(engine, STEER_SESSION, Steer(id=conversation, prompt="[[reply: steered]]"))).steered
    answer = await task
    assert (answer.text, answer.request, answer.session) == ("steered", steered.request, steered.session)
    (event,) = seen.of(ev.TurnSteered)
    assert (event.session, event.by) == (name, "ana")
    assert [each.outcome for each in seen.of(ev.OperationExecuted)] == ["done", "done"]
    assert "words" not in (await call(engine, EXPORT_CONVERSATION, SessionId(id=name))).export.text.splitlines()


async def test_an_answer_that_was_steered_is_kept_for_no_other_request(engine: Engine) -> None:
    def cached(number: int) -> Request:
        return Request(id=f"c{number}", prompt="[[words: 40]] [[pace: 20ms]]", cacheable=True)

    task = asyncio.create_task(engine.submit(cached(1)))
    await until(lambda: any(row.activity == "writing" for row in engine.bus.state.sessions.values()))
    name = next(row.id for row in engine.bus.state.sessions.values() if row.activity == "writing")
    await call(engine, STEER_SESSION, Steer(id=name, prompt="[[reply: steered]]"))
    assert (await task).text == "steered"
    again = await engine.submit(cached(2))
    assert (again.cached, len(again.text.split())) == (False, 40)


async def test_go_back_and_go_on(engine: Engine) -> None:
    seen = RecordedEvents(engine)
    first = await ask(engine, "p1 [[reply: a]]")
    for prompt in ("second [[reply: b]]", "the third [[reply: c]]"):
        await ask(engine, prompt, first.conversation)
    listed = (await call(engine, READ_PROMPTS, ReadPrompts(id=first.conversation))).prompts
    assert [(each.number, each.text) for each in listed][1:] == [
        (2, "second [[reply: b]]"),
        (3, "the third [[reply: c]]"),
    ]
    gone = (await call(engine, REWIND_SESSION, Rewind(id=first.session, prompt=2))).rewound
    assert (gone.text, gone.prompts, gone.message) == ("second [[reply: b]]", 1, listed[1].ref)
    assert (await call(engine, READ_PROMPTS, ReadPrompts(id=first.conversation))).total == 1
    assert (await ask(engine, "n [[history]]", first.conversation)).text.startswith("History: 2 user messages")
    (event,) = seen.of(ev.ConversationRewound)
    assert (event.session, event.prompts, event.by) == (first.session, 1, "ana")
    gone = (await call(engine, REWIND_SESSION, Rewind(id=first.conversation, message=listed[0].ref))).rewound
    assert (gone.text, gone.prompts) == ("p1 [[reply: a]]", 0)
    assert (await ask(engine, "m [[history]]", first.conversation)).text.startswith("History: 1 user messages")


async def test_what_names_no_prompt_goes_nowhere(engine: Engine) -> None:
    answer = await ask(engine, "p1")
    wrong: list[tuple[Rewind, type[QuarterdeckError], str]] = [
        (Rewind(id=answer.session), BadInput, "prompt"),
        (Rewind(id=answer.session, prompt=1, message="x"), BadInput, "prompt"),
        (Rewind(id=answer.session, prompt=2), NotFound, "prompt"),
        (Rewind(id=answer.session, message="nobody"), NotFound, "message"),
    ]
    for args, kind, field in wrong:
        with pytest.raises(kind) as caught:
            await call(engine, REWIND_SESSION, args)
        assert (type(caught.value), caught.value.field) == (kind, field)
    for empty in (SideQuestion(id=answer.session, question=" \n"), Steer(id=answer.session, prompt="\t")):
        with pytest.raises(BadInput):
            await call(engine, SIDE_QUESTION if isinstance(empty, SideQuestion) else STEER_SESSION, empty)
    assert (await call(engine, READ_PROMPTS, ReadPrompts(id=answer.conversation))).total == 1


async def test_an_unknown_session_and_another_tenants_are_not_found(engine: Engine) -> None:
    answer = await ask(engine, "hello")
    for name, caller in (("nobody", ANA), (answer.session, EVE), (answer.conversation, EVE)):
        errors = await refused(engine, name, caller)
        assert {type(error) for error in errors} == {NotFound}
        assert {str(error) for error in errors} == {f"There is no session {name}. GET /api/sessions lists them."}


async def test_a_conversation_that_sleeps_states_what_wakes_it(engine: Engine) -> None:
    answer = await ask(engine, "hello")
    await call(engine, HIBERNATE_SESSION, SessionId(id=answer.session))
    for name in (answer.conversation, answer.session):
        errors = await refused(engine, name)
        assert {type(error) for error in errors} == {ConversationAsleep}
        assert all("wakes it" in error.remedy for error in errors)
        assert {type(error) for error in await refused(engine, name, EVE)} == {NotFound}


async def test_a_running_turn_is_not_gone_back_in_and_a_resting_one_not_steered(engine: Engine) -> None:
    task, name = await at_work(engine)
    with pytest.raises(SessionBusy, match="runs a turn"):
        await call(engine, REWIND_SESSION, Rewind(id=name, prompt=1))
    engine.dispatcher.interrupt(engine.pool.session(name), "ana")
    with pytest.raises(SessionBusy, match="no turn that can be steered"):
        await call(engine, STEER_SESSION, Steer(id=name, prompt="too late"))
    await asyncio.wait([task])
    assert task.exception() is not None
    with pytest.raises(SessionBusy, match="no turn that can be steered"):
        await call(engine, STEER_SESSION, Steer(id=name, prompt="hello"))


async def test_who_may_only_read_asks_and_steers_nothing(engine: Engine) -> None:
    answer = await ask(engine, "hello [[reply: hi]]")
    viewer = Caller("vi", scopes=frozenset({Scope.VIEWER}))
    for operation, args in every(answer.session)[:4]:
        with pytest.raises(Forbidden):
            await call(engine, operation, args, viewer)
    export = (await call(engine, EXPORT_CONVERSATION, SessionId(id=answer.session), viewer)).export
    assert (export.text, export.conversation) == ("❯ hello [[reply: hi]]\n\n● hi", answer.conversation)
    with pytest.raises(NotFound, match="no git repository"):
        await call(engine, WORKSPACE_DIFF, SessionId(id=answer.session), viewer)


async def test_a_steered_turn_that_fails_is_tried_again_with_what_it_was_steered_to(engine: Engine) -> None:
    seen = RecordedEvents(engine)
    task, name = await at_work(engine)
    await call(engine, STEER_SESSION, Steer(id=name, prompt="[[fault: http529 x4]] [[reply: at last]]"))
    answer = await task
    assert (answer.text, answer.attempts > 1) == ("at last", True)
    assert seen.of(ev.RequestRetrying)


async def test_a_session_that_dies_after_it_was_steered_goes_on_with_that(engine: Engine) -> None:
    task, name = await at_work(engine)
    session = engine.pool.session(name)
    steered = Steer(id=name, prompt="[[reply: at last]]")
    await asyncio.gather(call(engine, STEER_SESSION, steered), session.kill_now())
    assert (await task).text == "at last"


async def test_a_note_is_added_at_rest_and_in_the_midst_of_a_turn(engine: Engine) -> None:
    answer = await ask(engine, "hello")
    note = (await call(engine, ADD_NOTE, AddNote(id=answer.conversation, text="the owner is Ana"))).note
    assert (note.session, note.conversation, note.waits) == (answer.session, answer.conversation, False)
    task = asyncio.create_task(ask(engine, "[[words: 60]] [[pace: 20ms]]", answer.conversation))
    await until(lambda: any(row.activity == "writing" for row in engine.bus.state.sessions.values()))
    assert (await call(engine, ADD_NOTE, AddNote(id=answer.session, text="and Ben"))).note.waits is True
    assert (await task).text != ""
    again = await ask(engine, "who? [[reply: both]]", answer.conversation)
    assert (again.text, again.session) == ("both", answer.session)
    kept = (await call(engine, READ_PROMPTS, ReadPrompts(id=answer.conversation))).prompts
    assert [prompt.text for prompt in kept][1::2] == ["the owner is Ana", "and Ben"]


async def test_a_session_without_a_conversation_notes_nothing_that_another_request_would_read(engine: Engine) -> None:
    engine.pool.scale(1)
    await until(lambda: [entry for entry in engine.pool.sessions if engine.pool.index.get(entry)])
    (warm,) = engine.pool.sessions
    with pytest.raises(BadInput, match="holds no conversation"):
        await call(engine, ADD_NOTE, AddNote(id=warm, text="the owner is Ana"))


async def test_only_so_many_notes_wait(engine: Engine) -> None:
    task, name = await at_work(engine)
    for number in range(MAX_NOTES):
        await call(engine, ADD_NOTE, AddNote(id=name, text=f"note {number}"))
    with pytest.raises(SessionBusy, match="As many notes as may wait"):
        await call(engine, ADD_NOTE, AddNote(id=name, text="one more"))
    engine.dispatcher.interrupt(engine.pool.session(name), "ana")
    with pytest.raises(TurnInterrupted):
        await task
