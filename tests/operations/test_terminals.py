"""A conversation lent to a terminal on this machine: to whom, against whom it is locked, and how it comes back."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.backends.base import AgentCommand, AgentSpec
from engine.backends.simulator import SimulatorBackend
from engine.base.caller import Caller, Door
from engine.base.errors import ConversationHeld, Forbidden, NotFound, SessionBusy
from engine.base.processes import ENGINE_TAG, SESSION_TAG, ProcessId
from engine.engine import Engine
from engine.events import types as ev
from engine.operations.declared.conversations import (
    CHANGE_CONVERSATION,
    DELETE_CONVERSATION,
    LIST_CONVERSATIONS,
    SHOW_CONVERSATION,
    ChangeConversation,
    ConversationId,
    ListConversations,
)
from engine.operations.declared.terminals import (
    OPEN_CONVERSATION,
    RETURN_CONVERSATION,
    OpenConversation,
    ReturnConversation,
    TerminalCommand,
)
from engine.operations.execute import Operations
from engine.operations.operation import Operation
from engine.recovery.strategies.base import Cleaned
from engine.requests import Answer, Request
from tests.pool.pools import RecordedEvents
from tests.support.engines import running
from tests.support.processes import runs, until

ANA = Caller("ana")
PROGRAM = "import time; time.sleep(600)"


class WithTerminal(SimulatorBackend):
    """A backend of an extension, on the simulated agent, whose terminal is a program that waits."""

    def terminal(self, spec: AgentSpec) -> AgentCommand:
        command = super().command(spec)
        return dataclasses.replace(command, argv=(sys.executable, "-I", "-c", PROGRAM))


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """An engine whose agents have a terminal."""
    async with running(tmp_path) as made:
        simulator: Any = made.backend._backends["simulator"]
        made.backend._backends["simulator"] = WithTerminal(simulator._agent_dirs, simulator._options)
        yield made


async def ask(engine: Engine, prompt: str, conversation: str = "") -> Answer:
    """An answer."""
    request = f"r{len(prompt)}-{conversation[:4]}"
    return await engine.submit(Request(id=request, prompt=prompt, conversation=conversation))


async def call(engine: Engine, operation: Operation[Any, Any], args: msgspec.Struct, caller: Caller = ANA) -> Any:
    """What an operation answers."""
    return await Operations(engine).execute(operation, args, caller)


async def opened(engine: Engine, conversation: str, caller: Caller = ANA, process: int = 0) -> TerminalCommand:
    """The command of a terminal that a conversation is lent to."""
    wanted = OpenConversation(id=conversation, process=process or os.getpid())
    command: TerminalCommand = (await call(engine, OPEN_CONVERSATION, wanted, caller)).command
    return command


def start(command: TerminalCommand) -> subprocess.Popen[bytes]:
    """Its program."""
    return subprocess.Popen(command.argv, cwd=command.cwd, env=command.environment)


async def state_of(engine: Engine, conversation: str) -> tuple[str, str]:
    """Its state and who has it."""
    row = (await call(engine, SHOW_CONVERSATION, ConversationId(id=conversation))).conversation
    return row.state, row.holder


async def test_it_is_lent_to_one_who_is_named_to_all_others_and_comes_back(engine: Engine) -> None:
    answer = await ask(engine, "hello")
    name = answer.conversation
    command = await opened(engine, name)
    assert command.environment[SESSION_TAG] == f"{engine.id}/{command.terminal}"
    assert "CLAUDE_CONFIG_DIR" in command.environment
    assert Path(command.cwd) == Path(answer.cwd)
    assert answer.session not in engine.pool.sessions  # it was idle, and gave its process back
    holder = f"a terminal of ana (pid {os.getpid()})"
    assert await state_of(engine, name) == ("terminal", holder)
    with pytest.raises(ConversationHeld, match="is open in a terminal of ana") as refused:
        await ask(engine, "meanwhile", name)
    assert f"conversations return {name}" in refused.value.remedy
    for operation, args in (
        (OPEN_CONVERSATION, OpenConversation(id=name, process=os.getpid())),
        (DELETE_CONVERSATION, ConversationId(id=name)),
        (CHANGE_CONVERSATION, ChangeConversation(id=name, archived=True)),
    ):
        with pytest.raises(ConversationHeld, match="is open in a terminal of ana"):
            await call(engine, operation, args)
    listed = (await call(engine, LIST_CONVERSATIONS, ListConversations(state="terminal"))).conversations
    assert [row.id for row in listed] == [name]
    assert (await call(engine, LIST_CONVERSATIONS, ListConversations(state="hibernated"))).conversations == []
    assert (await ask(engine, "another")).conversation != name  # others go on
    returned = await call(engine, RETURN_CONVERSATION, ReturnConversation(id=name, terminal=command.terminal))
    assert (returned.returned, returned.holder) == (name, holder)
    assert await state_of(engine, name) == ("hibernated", "")
    assert (await ask(engine, "again", name)).conversation == name


async def test_one_that_sleeps_is_lent_too_and_what_its_terminal_left_running_ends_with_it(engine: Engine) -> None:
    answer = await ask(engine, "hello")
    await engine.pool.drain_session(answer.session, "a test", 0.0)
    program = start(await opened(engine, answer.conversation))
    await call(engine, RETURN_CONVERSATION, ReturnConversation(id=answer.conversation))
    assert program.wait() == -15
    assert (await ask(engine, "again", answer.conversation)).conversation == answer.conversation


async def test_one_in_which_a_turn_runs_is_refused_with_the_reason(engine: Engine) -> None:
    conversation = (await ask(engine, "hello")).conversation
    task = asyncio.create_task(ask(engine, "[[words: 120]] [[pace: 20ms]]", conversation))
    await until(lambda: any(row.activity == "writing" for row in engine.bus.state.sessions.values()))
    with pytest.raises(SessionBusy, match="runs a turn in conversation") as refused:
        await opened(engine, conversation)
    assert "sessions interrupt" in refused.value.remedy
    assert (await state_of(engine, conversation))[0] == "running"
    assert (await task).conversation == conversation


@pytest.mark.parametrize(
    ("caller", "process"),
    [
        (Caller("ana", door=Door.TOKEN, pid=4), os.getpid()),
        (Caller("ana", door=Door.LOCAL_SOCKET, pid=4), os.getpid()),
        (Caller("ana", door=Door.LOCAL_SOCKET), os.getpid()),
        (ANA, os.getpid() + 1),
    ],
)
async def test_only_a_process_of_this_machine_that_asks_for_itself_gets_it(
    engine: Engine, caller: Caller, process: int
) -> None:
    """A forwarded socket's other end is another process than the one that would run the terminal."""
    conversation = (await ask(engine, "hello")).conversation
    with pytest.raises(Forbidden) as refused:
        await opened(engine, conversation, caller, process)
    assert f"quarterdeck conversations open {conversation}" in refused.value.remedy
    assert (await state_of(engine, conversation))[0] == "idle"


async def test_the_simulator_is_refused_by_name_and_its_session_stays(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        answer = await ask(engine, "hello")
        with pytest.raises(Forbidden, match="The simulator has no terminal"):
            await opened(engine, answer.conversation)
        assert answer.session in engine.pool.sessions
        assert (await ask(engine, "again", answer.conversation)).session == answer.session


async def test_another_tenant_and_an_unknown_one_find_nothing(engine: Engine) -> None:
    conversation = (await ask(engine, "hello")).conversation
    for name, caller in ((conversation, Caller("eve", tenant="other")), ("c" * 36, ANA)):
        with pytest.raises(NotFound):
            await opened(engine, name, caller)


async def test_when_its_opener_is_gone_the_program_is_ended_and_the_engine_says_so(engine: Engine) -> None:
    seen = RecordedEvents(engine)
    conversation = (await ask(engine, "hello")).conversation
    opener = subprocess.Popen([sys.executable, "-I", "-c", PROGRAM])
    command = await opened(engine, conversation, Caller("ana", door=Door.LOCAL_SOCKET, pid=opener.pid), opener.pid)
    program = start(command)
    await engine.terminals.watch()
    assert (await state_of(engine, conversation))[0] == "terminal"
    opener.kill()
    opener.wait()
    await until(lambda: program.poll() is not None)  # the engine's own watch sees it
    await until(lambda: engine.terminals.of("default", conversation) is None)
    assert [event.text for event in seen.of(ev.Notice) if "was gone while its program ran on" in event.text]
    assert (await ask(engine, "again", conversation)).conversation == conversation


async def test_a_cleanup_leaves_the_program_of_a_terminal_alone(engine: Engine) -> None:
    conversation = (await ask(engine, "hello")).conversation
    program = start(await opened(engine, conversation))
    cleaned: Cleaned = await engine._recovery.cleanup.clean()
    assert cleaned.processes == 0
    assert runs(program.pid)
    await call(engine, RETURN_CONVERSATION, ReturnConversation(id=conversation))
    program.wait()


async def test_a_return_of_an_earlier_terminal_takes_nothing_from_a_later_one(engine: Engine) -> None:
    conversation = (await ask(engine, "hello")).conversation
    first = await opened(engine, conversation)
    await call(engine, RETURN_CONVERSATION, ReturnConversation(id=conversation))
    later = await opened(engine, conversation)
    again = await call(engine, RETURN_CONVERSATION, ReturnConversation(id=conversation, terminal=first.terminal))
    assert again.holder == ""
    assert (await state_of(engine, conversation))[0] == "terminal"
    assert later.environment[ENGINE_TAG] == engine.id


async def turns_of(engine: Engine, conversation: str) -> int:
    """The turns that are remembered of it."""
    turns: int = (await call(engine, SHOW_CONVERSATION, ConversationId(id=conversation))).conversation.turns
    return turns


def write_again(engine: Engine, conversation: str) -> None:
    """One turn more in a conversation's file, as its terminal would add it."""
    file = engine.backend.transcript(engine._agents.profiles.find("default", "default"), conversation)
    assert file is not None
    first = [json.loads(line) for line in file.read_text().splitlines()]
    with file.open("a") as more:
        for entry in first:
            more.write(json.dumps({**entry, "uuid": str(uuid.uuid4())}) + "\n")


async def test_two_returns_at_once_count_its_turns_once(engine: Engine) -> None:
    conversation = (await ask(engine, "hello")).conversation
    command = await opened(engine, conversation)
    before = await turns_of(engine, conversation)
    write_again(engine, conversation)
    program = start(command)
    once = ReturnConversation(id=conversation, terminal=command.terminal)
    await asyncio.gather(*(call(engine, RETURN_CONVERSATION, once) for _ in range(2)))
    program.wait()
    assert await turns_of(engine, conversation) == before + 1
    assert await state_of(engine, conversation) == ("hibernated", "")


async def test_an_opening_that_is_broken_off_counts_no_turns_and_keeps_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = (await ask(engine, "hello")).conversation
    before = await turns_of(engine, conversation)
    reading, read_on = threading.Event(), threading.Event()
    read = engine.terminals._read

    def slow(spec: AgentSpec) -> tuple[int, str]:
        reading.set()
        read_on.wait(30.0)
        return read(spec)

    monkeypatch.setattr(engine.terminals, "_read", slow)
    opening = asyncio.create_task(opened(engine, conversation))
    await until(reading.is_set)
    opening.cancel()
    read_on.set()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert await turns_of(engine, conversation) == before
    assert (await ask(engine, "again", conversation)).conversation == conversation


async def test_a_return_during_the_opening_comes_after_it(engine: Engine) -> None:
    conversation = (await ask(engine, "hello")).conversation
    opening = asyncio.create_task(opened(engine, conversation))
    await until(lambda: engine.terminals.of("default", conversation) is not None)
    assert (await call(engine, RETURN_CONVERSATION, ReturnConversation(id=conversation))).returned == conversation
    await opening
    assert await state_of(engine, conversation) == ("hibernated", "")
    assert (await ask(engine, "again", conversation)).conversation == conversation


async def test_a_program_that_cannot_be_ended_keeps_its_own_conversation_alone(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        simulator: Any = engine.backend._backends["simulator"]
        engine.backend._backends["simulator"] = WithTerminal(simulator._agent_dirs, simulator._options)
        names = [(await ask(engine, prompt)).conversation for prompt in ("one", "three")]
        openers = [subprocess.Popen([sys.executable, "-I", "-c", PROGRAM]) for _ in names]
        stuck, _ = [
            await opened(engine, name, Caller("ana", door=Door.LOCAL_SOCKET, pid=opener.pid), opener.pid)
            for name, opener in zip(names, openers, strict=True)
        ]
        end = engine.terminals._containment.end_session

        async def refuse(session: str, known: Iterable[ProcessId], term_grace: float) -> list[ProcessId]:
            left = await end(session, known, term_grace)
            return [ProcessId(1, 1)] if session == stuck.terminal else left

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(engine.terminals._containment, "end_session", refuse)
            for opener in openers:
                opener.kill()
                opener.wait()
            await until(lambda: engine.terminals.of("default", names[1]) is None)
            assert (await state_of(engine, names[0]))[0] == "terminal"
            assert (await ask(engine, "hello", names[1])).conversation == names[1]
            assert engine.pool.sessions
            assert await engine.aclose() == 0
            assert not engine.pool.sessions


async def test_an_engine_that_stops_ends_the_program_and_the_next_one_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path) as engine:
        simulator: Any = engine.backend._backends["simulator"]
        engine.backend._backends["simulator"] = WithTerminal(simulator._agent_dirs, simulator._options)
        conversation = (await ask(engine, "hello")).conversation
        program = start(await opened(engine, conversation))
    assert program.wait() == -15
    async with running(tmp_path) as engine:
        assert (await ask(engine, "again", conversation)).conversation == conversation
