"""What is taken out of a transcript: a block, a document, the pager in the console's own terminal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.base.clock import ManualClock
from engine.base.errors import BadInput
from engine.sessions.transcripts import TranscriptEntry
from tests.console import scene
from tests.console.test_terminal import QUICK, Terminal, terminal
from tests.support.console import FakeFeed, console_fixture
from tests.support.processes import until, wait_until
from tui.model.transcript_text import code_blocks, document
from tui.terminal.hand_over import program

ANSWER = "Two ways:\n```python\nx = 1\n```\nor\n```sh\nls\n```\nSo."


def test_the_code_blocks_of_an_answer_are_found() -> None:
    assert code_blocks(ANSWER) == [("python", "x = 1"), ("sh", "ls")]
    assert code_blocks("```\nunfinished") == [("", "unfinished")]
    assert code_blocks("none") == []


def test_a_document_holds_every_word_and_nothing_that_a_terminal_obeys() -> None:
    entries = [
        TranscriptEntry(0, scene.NOW, "user", "", "fix it"),
        TranscriptEntry(1, scene.NOW, "tool", "Bash", "ls", '{"command": "ls\\n```\\npwd"}'),
        TranscriptEntry(2, scene.NOW, "result", "", "\x1b[2Jout\n```` x"),
        TranscriptEntry(3, 0.0, "assistant", "", ANSWER),
    ]
    assert "left out" in document("s1", entries, whole=False)
    text = document("s1", entries, whole=True)
    for word in ("fix it", "pwd", "out", "So."):
        assert word in text
    assert "\x1b" not in text
    assert "`````\n·[2Jout" in text


@pytest.mark.parametrize(
    ("pager", "expected"),
    [("cat -n", ["cat", "-n"]), ("", ["cat"]), ("  ", ["cat"]), ("'cat' \"a b\"", ["cat", "a b"])],
)
def test_the_pager_is_read_without_a_shell(pager: str, expected: list[str]) -> None:
    assert program({"PAGER": pager, "PATH": os.environ["PATH"]}, "PAGER", "cat") == expected


@pytest.mark.parametrize("pager", ["no-such-program-here", "'unclosed", "/no/where"])
def test_a_pager_that_is_not_there_is_named(pager: str) -> None:
    with pytest.raises(BadInput, match="PAGER") as error:
        program({"PAGER": pager, "PATH": os.environ["PATH"]}, "PAGER", "cat")
    assert error.value.remedy


async def test_a_block_is_copied_and_the_conversation_exported(clock: ManualClock, tmp_path: Path) -> None:
    feed = FakeFeed(scene.tape(), {"s0002": [TranscriptEntry(0, scene.NOW, "assistant", "", ANSWER)]})
    async with console_fixture(feed, clock) as console:
        console.app.exports = tmp_path
        console.app.navigation.open_transcript("s0002")
        await console.settle()
        await console.press("y")
        await until(lambda: "block 1 python" in console.text)
        await console.press("2")
        await until(lambda: console.app.clipboard == "ls")
        await console.press("e")
        await until(lambda: "Markdown" in console.text)
        await console.press("m")
        await until(lambda: "EXPORT MD" in console.text)
        await console.press("enter")
        await until(lambda: list(tmp_path.glob("*.md")))
        (written,) = tmp_path.glob("*.md")
        await until(lambda: "So." in written.read_text(encoding="utf-8"))
        assert "Two ways" in written.read_text(encoding="utf-8")
        assert written.stat().st_mode & 0o777 == 0o600


async def test_a_missing_pager_is_said_and_nothing_breaks(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = FakeFeed(scene.tape(), {"s0002": [TranscriptEntry(0, scene.NOW, "assistant", "", ANSWER)]})
    monkeypatch.setenv("PAGER", "no-such-program-here")
    async with console_fixture(feed, clock) as console:
        console.app.navigation.open_transcript("s0002")
        await console.settle()
        await console.press("o")
        await until(lambda: console.told)
        assert "no-such-program-here" in console.told[0]
        assert "Two ways" in console.text


def _transcript(console: Terminal) -> None:
    wait_until(console.shows("● HEALTHY"))
    console.press(b"P")
    wait_until(console.shows("what should Claude do?"))
    console.press(b"[[reply: a short answer]]\r")
    wait_until(console.shows("1 turn"))
    console.press(b"2\r")
    wait_until(console.shows("a short answer"))


@pytest.mark.parametrize(("code", "told"), [(0, ""), (3, "exit code 3")])
def test_the_pager_gets_the_terminal_and_gives_it_back(home: Path, code: int, told: str) -> None:
    pager = home / "pager"
    pager.write_text(f'#!/bin/sh\nprintf "PAGER "; grep -c answer "$1"; read line; exit {code}\n')
    pager.chmod(0o700)
    settings = ("--set", "engine.demo=off", "--set", "session_pool.min_size=1")
    with terminal(home, "--backend", "simulator", *QUICK, *settings, PAGER=str(pager)) as console:
        _transcript(console)
        console.press(b"o")
        wait_until(console.shows("PAGER 3"))
        console.press(b"x\n")
        wait_until(console.shows("a short answer"))
        assert console.process.poll() is None
        if told:
            wait_until(console.shows(told))
        console.press(b"\x1b")
        wait_until(console.shows("sort"))
        console.press(b"q")
        wait_until(console.shows("drain and leave"))
        console.press(b"\r")
        wait_until(console.ended)
        assert console.process.returncode == 0
