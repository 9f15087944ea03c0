"""One tab: what the page says becomes packets, a console that does not end is ended, and bad words end it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import pytest

from tests.support.processes import PATIENCE_S, until
from tui.web import tab
from tui.web.tab import MAX_PACKET, Tab, environment, packet_of

STUB = """
import os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN if "deaf" in sys.argv else signal.SIG_DFL)
out = sys.stdout.buffer
def say(kind, payload, size=None):
    out.write(kind + (len(payload) if size is None else size).to_bytes(4, "big") + payload); out.flush()
if "no-prelude" in sys.argv:
    print("Traceback: nothing works", flush=True); sys.exit(1)
out.write(b"__GANGLION__\\n")
say(b"D", f"{os.getpid()} {os.environ['COLUMNS']}x{os.environ['ROWS']}".encode())
if "huge" in sys.argv:
    say(b"D", b"", 1 << 30)
while packet := sys.stdin.buffer.read(5):
    payload = sys.stdin.buffer.read(int.from_bytes(packet[1:], "big"))
    if b"quit" in payload and "deaf" not in sys.argv:
        break
    if payload == b"q":
        say(b"M", b'{"type": "exit"}'); break
    say(b"P", b"something packed")
    say(b"D", packet[:1] + payload)
"deaf" in sys.argv and signal.pause()
"""
"""A console that echoes its packets."""


class Browser:
    """The page in the test's hand."""

    def __init__(self) -> None:
        self.heard: list[bytes | str] = []
        self._words: asyncio.Queue[str | None] = asyncio.Queue()
        self.gone = False

    def say(self, *word: Any) -> None:
        self._words.put_nowait(json.dumps(word))

    def say_raw(self, text: str) -> None:
        self._words.put_nowait(text)

    def leave(self) -> None:
        self._words.put_nowait(None)

    async def receive(self) -> str | None:
        return await self._words.get()

    async def send(self, data: bytes | str) -> None:
        if self.gone:
            raise BrokenPipeError
        self.heard.append(data)


@pytest.fixture
def browser() -> Browser:
    return Browser()


def start(browser: Browser, *how: str) -> asyncio.Task[None]:
    """A tab on the stub."""
    made = Tab((sys.executable, "-c", STUB, *how), dict(os.environ), browser)
    return asyncio.create_task(made.run(100, 30))


async def greeted(browser: Browser) -> int:
    """The pid of the console, once it has said something."""
    await until(lambda: bool(browser.heard))
    pid, size = browser.heard[0].split()
    assert size == b"100x30"
    return int(pid)


async def assert_ended(task: asyncio.Task[None], pid: int) -> None:
    """The tab ends, and its process with it."""
    async with asyncio.timeout(PATIENCE_S):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_keys_and_sizes_reach_the_console_and_its_output_the_page(browser: Browser) -> None:
    task = start(browser)
    pid = await greeted(browser)
    browser.say("stdin", "j\x1b[A\u00e4")
    browser.say("resize", {"width": 120, "height": 36})
    browser.say("ping", 7)
    browser.say("what", "is this")
    browser.say("focus")
    await until(lambda: len(browser.heard) == 5)
    pong, *echoes = sorted(browser.heard[1:], key=lambda word: isinstance(word, bytes))
    assert pong == '["pong", 7]'
    assert echoes[0] == "Dj\x1b[A\u00e4".encode()
    assert [json.loads(echo[1:]) for echo in echoes[1:]] == [
        {"type": "resize", "width": 120, "height": 36},
        {"type": "focus"},
    ]
    browser.leave()
    await assert_ended(task, pid)


async def test_a_console_that_is_left_closes_its_tab(browser: Browser) -> None:
    task = start(browser)
    pid = await greeted(browser)
    browser.say("stdin", "q")
    await assert_ended(task, pid)


@pytest.mark.parametrize("word", ["no json", "{}", "[]", "[7]", '["stdin", 7]', '["resize", {"width": "x"}]'])
async def test_a_word_that_no_page_says_ends_the_tab(browser: Browser, word: str) -> None:
    task = start(browser)
    pid = await greeted(browser)
    browser.say_raw(word)
    await assert_ended(task, pid)


async def test_a_console_that_does_not_listen_is_killed(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tab, "QUIT_S", 0.1)
    monkeypatch.setattr(tab, "TERM_S", 0.1)
    task = start(browser, "deaf")
    pid = await greeted(browser)
    browser.leave()
    await assert_ended(task, pid)


async def test_a_tab_that_is_cancelled_leaves_no_process(browser: Browser) -> None:
    task = start(browser, "deaf")
    pid = await greeted(browser)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("how", ["no-prelude", "huge"])
async def test_a_console_that_says_nonsense_ends_its_tab(browser: Browser, how: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await start(browser, how)
    assert len(browser.heard) == (how == "huge")
    assert MAX_PACKET < 1 << 30


async def test_a_browser_that_has_gone_ends_the_console(browser: Browser) -> None:
    task = start(browser)
    pid = await greeted(browser)
    browser.gone = True
    browser.say("stdin", "x")
    await assert_ended(task, pid)


def test_sizes_stay_within_reason() -> None:
    assert json.loads((packet_of("resize", [{"width": 10**9, "height": -1}]) or b"")[5:]) == {
        "type": "resize", "width": 1000, "height": 10,
    }  # fmt: skip
    made = environment({"TERM": "dumb", "LANG": "C"}, 0, 10**6)
    assert (made["COLUMNS"], made["ROWS"], made["TERM"], made["LC_ALL"]) == ("10", "1000", "xterm-256color", "C.UTF-8")
