"""The stop ladder's steps come in order, each only when the one before did not help."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from engine.base.processes import ProcessId
from engine.launchers import containment
from engine.launchers.base import ProcessEnd
from engine.launchers.containment import Containment
from engine.requests import Request
from engine.sessions.outcome import Ended
from engine.settings.schema import Settings
from tests.launchers.launching import LauncherFixture
from tests.support.engines import running
from tests.support.operations import stop_session
from tests.support.processes import until
from tests.support.sessions import SessionFixture
from tests.support.virtual_time import run_virtually

STAYS_ON = "while true; do read -t 600 <>fifo; done"


def noting(*, on_term: str = "true", after_eof: str = STAYS_ON) -> str:
    """An agent that writes down what reaches it."""
    return f"""
        mkfifo fifo
        exec 3>>notes
        trap 'echo term >&3; {on_term}' TERM
        echo ready
        cat >/dev/null
        echo eof >&3
        {after_eof}
    """


def notes(launchers: LauncherFixture) -> list[str]:
    """What reached it, in order."""
    return (launchers.folder / "notes").read_text().split()


async def test_an_agent_that_leaves_at_the_end_of_its_input_gets_no_signal(launchers: LauncherFixture) -> None:
    child = await launchers.start(noting(after_eof="exit 7"))
    ending = await launchers.launcher.stop(child, polite=10.0, term_grace=10.0)
    assert (ending, notes(launchers)) == (ProcessEnd("eof", 7), ["eof"])


async def test_an_agent_that_stays_gets_sigterm_after_the_end_of_its_input(launchers: LauncherFixture) -> None:
    child = await launchers.start(noting(on_term="exit 143"))
    ending = await launchers.launcher.stop(child, polite=0.2, term_grace=10.0)
    assert (ending, notes(launchers)) == (ProcessEnd("sigterm", 143), ["eof", "term"])


async def test_an_agent_that_minds_nothing_is_killed_last(launchers: LauncherFixture) -> None:
    child = await launchers.start(noting())
    ending = await launchers.launcher.stop(child, polite=0.2, term_grace=0.3)
    assert (ending, notes(launchers)) == (ProcessEnd("sigkill", -9), ["eof", "term"])


async def test_a_running_turn_is_interrupted_before_anything_else(tmp_path: Path) -> None:
    session_fixture = SessionFixture(tmp_path)
    session = await session_fixture.start()
    turn, pieces = session_fixture.begin(session, "[[words: 400]] [[pace: 20ms]]")
    await until(lambda: pieces)
    ending = await session.stop("test", 5.0)
    assert ending == ProcessEnd("eof", 1)  # at the end of its input alone the agent would have gone on
    assert (await turn).ended is Ended.STOPPED
    await session_fixture.aclose()


def test_sigkill_comes_a_whole_grace_after_sigterm(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, float, str]] = []

    def note(process: ProcessId, number: signal.Signals) -> bool:
        sent.append((process.pid, round(asyncio.get_running_loop().time(), 1), number.name))
        return True

    monkeypatch.setattr(containment, "send_signal", note)
    monkeypatch.setattr(containment, "alive", lambda _process: True)
    stuck = [ProcessId(1_000_001, 1), ProcessId(1_000_002, 1)]
    left = run_virtually(Containment("e").end(stuck, 5.0))
    assert sent == [
        (1_000_001, 0.0, "SIGTERM"),
        (1_000_002, 0.0, "SIGTERM"),
        (1_000_001, 5.0, "SIGKILL"),
        (1_000_002, 5.0, "SIGKILL"),
    ]
    assert left == stuck


async def test_the_grace_is_five_seconds_and_the_settings_change_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Settings().engine.stop_term_grace == 5.0
    async with running(tmp_path, "engine.stop_term_grace=1234ms") as engine:
        stop, graces = engine.launcher.stop, []

        async def noted(child: Any, *, polite: float, term_grace: float) -> ProcessEnd:
            graces.append(term_grace)
            return await stop(child, polite=polite, term_grace=term_grace)

        monkeypatch.setattr(engine.launcher, "stop", noted)
        answer = await engine.submit(Request(id="a", prompt="hello"))
        await stop_session(engine, answer.session, "test")
        assert graces == [1.234]
