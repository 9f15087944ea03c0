"""A terminal that goes away, stops reading or speaks by itself: the console ends in order, or goes on."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest

from tests.console.test_terminal import OWN_SCREEN_LEFT, QUICK, Terminal, terminal
from tests.support.headless import PROGRAM, environment_of, headless
from tests.support.processes import runs, survivors, wait_until
from tui.feeds.client import Address, EngineClient
from tui.terminal.replies import LONGEST, Replies

OWN = ("--backend", "simulator", *QUICK, "--set", "engine.demo=off", "--set", "session_pool.min_size=1")
KEYS = (
    b"hello\x1b[A\x1b[1;5C\x1bx\x1b[<0;10;20M\x1b[M !!\x1b[200~a pasted\nline\x1b[201~\x1b[13;2u\x1bOP\x1b[15~\x1b[[A"
)
AWAITED = b"\x1b[?2026;2$y\x1b[?2048;0$y\x1b[48;36;120;720;1200t\x1b[I\x1b[O\x1b[24;80R"
UNASKED = [
    b"\x1b]11;rgb:1e1e/1e1e/1e1e\x07",
    b"\x1b]52;c;cXVpdA==\x1b\\",
    b"\x1bP>|quit(390)\x1b\\",
    b"\x1bP1+r544e=787465726d\x1b\\",
    b"\x1b_Gi=31;OK\x1b\\",
    b"\x1b[?62;22c",
    b"\x1b[>41;390;0c",
    b"\x1b[?1u",
    b"\x1b[0n",
    b"\x1b[8;36;120t",
    b"\x1b[?997;1n",
    b"\x1b[?1;2$y",
    b"\x1b[2;1x",
    "\x9b?62c".encode(),
    "\x9d11;quit\x9c".encode(),
]


@pytest.mark.parametrize("reply", UNASKED)
def test_a_reply_is_no_key_wherever_the_line_cuts_it(reply: bytes) -> None:
    text = reply.decode()
    for cut in range(len(text) + 1):
        replies = Replies()
        typed = replies.feed("ab" + text[:cut]) + replies.feed(text[cut:] + "cd")
        assert typed == "abcd"
        assert replies.wait is None


def test_keys_and_awaited_replies_pass() -> None:
    for sent in (KEYS.decode(), AWAITED.decode()):
        replies = Replies()
        assert replies.feed(sent) == sent
        parts = Replies()
        assert "".join(parts.feed(character) for character in sent) == sent


@pytest.mark.parametrize("key", ["\x1b", "\x1b]", "\x1bP", "\x1b_", "\x1bX"])
def test_a_key_that_looks_like_a_replys_beginning_is_given_after_a_moment(key: str) -> None:
    replies = Replies()
    assert replies.feed(f"a{key}") == "a"
    assert replies.wait is not None
    assert replies.wait < 0.1
    assert (replies.idle(), replies.wait) == (key, None)


def test_a_reply_without_an_end_is_given_up() -> None:
    replies = Replies()
    assert replies.feed("\x1b]11;rgb:") == ""
    assert (replies.idle(), replies.feed("q")) == ("", "q")
    replies = Replies()
    assert replies.feed("\x1b]" + "x" * LONGEST) == ""
    assert replies.feed("q") == "q"


def engine_of(home: Path) -> str:
    """The id of the engine that runs in this home."""
    (entry,) = (home / "state/quarterdeck/engines").glob("*.json")
    return entry.stem


def with_session(console: Terminal, home: Path) -> list[int]:
    """The pids of the console's own session, once it runs."""
    wait_until(console.shows("● HEALTHY"))
    wait_until(lambda: survivors(engine_of(home)))
    return survivors(engine_of(home))


def busy(home: Path) -> None:
    """Let the console's engine answer a prompt that takes minutes."""
    with EngineClient(Address(uds=home / "run/quarterdeck/engine.sock")) as client:
        client.call("POST", "/api/prompts", {"prompt": "[[words: 9000]] [[pace: 50ms]]", "wait": False})
        wait_until(lambda: client.call("GET", "/api/pool")["pool"]["active"] == 1)


def test_a_terminal_that_is_gone_ends_the_console_and_drains_its_engine(home: Path) -> None:
    with terminal(home, *OWN) as console:
        tree = with_session(console, home)
        console.hang_up()
        wait_until(console.ended, 20.0)
        assert console.process.returncode == 0
        assert not any(runs(pid) for pid in tree)
        assert not list((home / "state/quarterdeck/engines").iterdir())


def test_a_terminal_that_is_gone_is_not_drawn_on_a_file_instead(home: Path) -> None:
    """The kernel sends SIGCONT behind the SIGHUP of a lost terminal, and SIGCONT draws anew."""
    log = home / "errors"
    with log.open("wb") as errors, terminal(home, *OWN, errors=errors) as console:
        with_session(console, home)
        console.hang_up()
        console.process.send_signal(signal.SIGHUP)
        console.process.send_signal(signal.SIGCONT)
        wait_until(console.ended, 20.0)
    assert b"\x1b" not in log.read_bytes()


def test_a_terminal_that_is_gone_leaves_the_engine_that_the_console_was_attached_to(home: Path) -> None:
    with headless(home) as engine, terminal(home, "attach") as console:
        wait_until(console.shows("HEALTHY"))
        console.hang_up()
        wait_until(console.ended, 20.0)
        assert console.process.returncode == 0
        assert engine.call("POST", "/api/prompts", {"prompt": "hello"})["prompt"]["text"]


def stop_reading(console: Terminal) -> None:
    """Let it draw more than the terminal's buffer takes, and read nothing of it."""
    for _ in range(200):
        console.press(b"21")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminal_that_does_not_read_keeps_nothing_from_ending(home: Path, number: signal.Signals) -> None:
    with terminal(home, *OWN) as console:
        before = console.modes
        tree = with_session(console, home)
        stop_reading(console)
        console.process.send_signal(number)
        assert console.process.wait(20.0) == 0
        assert not any(runs(pid) for pid in tree)
        assert console.modes == before
        console.ended()
        assert OWN_SCREEN_LEFT in console.said[-4096:]


def test_a_terminal_that_reads_again_shows_what_is_true_now(home: Path) -> None:
    with terminal(home, *OWN) as console:
        with_session(console, home)
        stop_reading(console)
        busy(home)
        wait_until(console.shows("● HEALTHY"))
        console.press(b"2")
        wait_until(console.shows("busy"))
        console.process.send_signal(signal.SIGTERM)
        wait_until(console.ended)
        assert console.process.returncode == 0


def test_bytes_that_are_no_text_and_replies_that_nobody_asked_for_are_no_keys(home: Path) -> None:
    with terminal(home, *OWN) as console:
        with_session(console, home)
        console.press(b"\xff\xfe\xc3" + b"".join(UNASKED))
        console.press(b"2")
        wait_until(console.shows("[2 Sessions]"))
        assert not console.shows("drain and leave")()
        console.process.send_signal(signal.SIGTERM)
        wait_until(console.ended)
        assert console.process.returncode == 0
        assert b"Traceback" not in console.said


def test_a_second_signal_ends_a_drain_that_has_a_long_grace(home: Path) -> None:
    with terminal(home, *OWN, "--set", "engine.grace=600s") as console:
        tree = with_session(console, home)
        busy(home)
        console.process.send_signal(signal.SIGTERM)
        wait_until(lambda: console.ended() or b"draining" in console.said)
        assert runs(tree[0])
        console.process.send_signal(signal.SIGTERM)
        wait_until(console.ended, 20.0)
        assert console.process.returncode == 0
        assert not any(runs(pid) for pid in tree)


def test_two_signals_at_once_hurry_too(home: Path) -> None:
    with terminal(home, *OWN, "--set", "engine.grace=600s") as console:
        tree = with_session(console, home)
        busy(home)
        console.process.send_signal(signal.SIGTERM)
        console.process.send_signal(signal.SIGHUP)
        wait_until(console.ended, 20.0)
        assert not any(runs(pid) for pid in tree)


@pytest.mark.parametrize(("closed", "named"), [((0,), "standard input"), ((1, 2), "standard output")])
def test_the_stream_that_is_no_terminal_is_named(home: Path, closed: tuple[int, ...], named: str) -> None:
    master, slave = pty.openpty()
    streams = [subprocess.DEVNULL if number in closed else slave for number in (0, 1, 2)]
    if 2 in closed:
        streams[2] = subprocess.PIPE
    process = subprocess.Popen(
        [*PROGRAM],
        stdin=streams[0],
        stdout=streams[1],
        stderr=streams[2],
        cwd=home,
        env=environment_of(home, TERM="xterm-256color"),
    )
    _, error = process.communicate(timeout=60)
    said = error if error is not None else os.read(master, 65536)
    os.close(master)
    os.close(slave)
    assert process.returncode == 2
    assert b"needs a terminal" in said
    assert named.encode() in said
