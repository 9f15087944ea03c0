"""`open in claude`: a conversation in the real CLI's own terminal, from the console and by command, and back."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.base.clock import ManualClock
from engine.base.processes import SESSION_TAG, tagged
from tests.console import scene
from tests.console.test_terminal import terminal
from tests.console.test_whole_way import PATIENCE_S, SIZE, see
from tests.support.console import NORMAL, FakeFeed, console_fixture
from tests.support.headless import background, quarterdeck, takes_work
from tests.support.processes import runs, wait_until

ESC, ENTER, CTRL_C = b"\x1b", b"\r", b"\x03"
CLI = "for shortcuts"
"""What stands below the prompt of the CLI's own terminal."""


@pytest.fixture
def engine(home: Path, claude: Path) -> Iterator[int]:
    """An engine that stays, with the real CLI on the offline model."""
    alone = ("session_pool.min_size=1", "session_pool.max_size=1")  # the row under the cursor is the one that answered
    with background(home, f"claude.binary={claude}", "engine.stop_term_grace=1s", *alone) as pid:
        yield pid


def ask(home: Path, prompt: str, conversation: str = "") -> str:
    """The conversation of an answer."""
    goes_on = ("--conversation", conversation) if conversation else ()
    done = quarterdeck(home, "run", "--json", *goes_on, prompt)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["conversation"])


def state_of(home: Path, conversation: str) -> str:
    """As the engine lists it."""
    shown = quarterdeck(home, "conversations", "show", conversation, "--json")
    return str(json.loads(shown.stdout)["state"])


def programs() -> list[int]:
    """The CLIs that run in terminals."""
    return [each.pid for each in tagged(lambda tags: "/terminal-" in tags.get(SESSION_TAG, ""))]


@pytest.mark.real_cli
def test_the_console_steps_aside_for_the_cli_and_comes_back(home: Path, engine: int) -> None:
    conversation = ask(home, "hello [[reply: heron]]")
    with terminal(home, size=SIZE) as console:
        see(console, "[1 Overview]")
        console.press(b"0")
        see(console, "hello [[reply: heron]]", "○ idle")
        console.press(b"O")
        see(console, CLI, "heron")
        refused = quarterdeck(home, "run", "--conversation", conversation, "meanwhile")
        assert refused.returncode == 1
        assert re.search(rf"is open in a terminal of \S+ \(pid {console.process.pid}\)", refused.stderr)
        console.press(CTRL_C)
        see(console, "Press Ctrl-C again to exit")
        console.press(b"say [[reply: osprey]]")
        see(console, "say [[reply: osprey]]")
        console.press(ENTER)
        see(console, "● osprey")
        wait_until(lambda: "Press Ctrl-C again" not in console.text, PATIENCE_S)  # else one press more ends it
        console.press(CTRL_C)
        see(console, "Press Ctrl-C again to exit")
        console.press(CTRL_C)
        see(console, "◦ asleep", "osprey", "is back with the engine")
        console.press(ENTER)
        see(console, "heron", "osprey", "goes on with it")
        assert state_of(home, conversation) == "hibernated"
        assert ask(home, "more [[reply: egret]]", conversation) == conversation
        see(console, "egret")
        console.press(ESC)
        see(console, "[0 Conversations]", "enter read")
        console.press(b"q")
        wait_until(console.ended)
    assert runs(engine)
    assert programs() == []


@pytest.mark.real_cli
def test_a_transcript_is_read_again_after_the_cli(home: Path, engine: int) -> None:
    conversation = ask(home, "hello [[reply: heron]]")
    with terminal(home, size=SIZE) as console:
        see(console, "[1 Overview]")
        console.press(b"2")
        see(console, "hello [[reply: heron]]", "○ idle")
        console.press(ENTER)
        see(console, "following", "heron")
        console.press(b"O")
        see(console, CLI, "heron")
        console.press(b"say [[reply: osprey]]" + ENTER)
        see(console, "● osprey")
        console.press(b"/exit" + ENTER)
        see(console, "◦ asleep", "heron", "osprey", "goes on with it")
    assert state_of(home, conversation) == "hibernated"
    assert programs() == []


@pytest.mark.real_cli
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_console_that_is_killed_takes_the_cli_with_it_and_the_lock_lapses(
    home: Path, engine: int, number: signal.Signals
) -> None:
    conversation = ask(home, "hello [[reply: heron]]")
    with terminal(home, size=SIZE) as console:
        see(console, "[1 Overview]")
        console.press(b"0")
        see(console, "hello [[reply: heron]]")
        console.press(b"O")
        see(console, CLI, "heron")
        assert programs() != []
        os.kill(console.process.pid, number)
        wait_until(console.ended, PATIENCE_S)
        wait_until(lambda: state_of(home, conversation) == "hibernated", PATIENCE_S)
        assert programs() == []
    assert ask(home, "more [[reply: egret]]", conversation) == conversation


@pytest.mark.real_cli
def test_the_command_opens_it_and_says_that_it_is_back(home: Path, engine: int) -> None:
    conversation = ask(home, "hello [[reply: heron]]")
    with terminal(home, "conversations", "open", conversation, size=SIZE) as shell:
        see(shell, CLI, "heron")
        assert state_of(home, conversation) == "terminal"
        ended = quarterdeck(home, "conversations", "return", conversation)
        assert ended.stdout.strip() == f"{conversation}: returned."
        wait_until(shell.ended)
        assert b"is back with the engine" in shell.said
    assert state_of(home, conversation) == "hibernated"
    refused = quarterdeck(home, "conversations", "open", conversation)
    assert (refused.returncode, "needs a terminal" in refused.stderr) == (2, True)


@pytest.mark.parametrize("keys", ["0", "2"])
async def test_a_display_that_is_no_terminal_is_refused_with_the_command_to_run(keys: str, clock: ManualClock) -> None:
    """As in a browser; nothing is asked of the engine."""
    feed = FakeFeed(scene.tape(), {"s0008": scene.transcript()})
    feed.conversations = [{"id": scene.CONVERSATION + "07", "title": "refactor queue"}]
    async with console_fixture(feed, clock, NORMAL) as console:
        await console.press(keys)
        await console.settle()
        await console.press("O")
        await console.settle()
        (told,) = console.told
        assert "This display cannot be handed to another program." in told
        assert "run `quarterdeck conversations open" in told
        assert feed.calls == []


@pytest.mark.real_cli
def test_a_console_with_an_engine_of_its_own_does_the_same(home: Path, claude: Path) -> None:
    settings = (f"claude.binary={claude}", "engine.demo=off", "engine.stop_term_grace=1s", "engine.grace=0s")
    sets = [word for each in settings for word in ("--set", each)]
    with terminal(home, "--offline", *sets, size=SIZE) as console:
        see(console, "[1 Overview]", "nothing needs you")
        wait_until(lambda: takes_work(home / "run" / "quarterdeck" / "engine.sock"), PATIENCE_S)
        conversation = ask(home, "hello [[reply: heron]]")
        console.press(b"0")
        see(console, "hello [[reply: heron]]", "○ idle")
        console.press(b":")
        see(console, ":")
        console.press(f"conversations open {conversation}".encode() + ENTER)
        see(console, CLI, "heron")
        assert state_of(home, conversation) == "terminal"  # the engine goes on meanwhile
        console.press(b'run it [[tool: Bash {"command": "sleep 0.2; echo done"}]]' + ENTER)
        see(console, "Tool said: done")
        console.press(b"/exit" + ENTER)
        see(console, "◦ asleep", "is back with the engine")
        console.press(ENTER)
        see(console, "goes on with it", "run it")
