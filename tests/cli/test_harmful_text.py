"""What an agent or another caller wrote is shown by the terminal and never obeyed; a pipe gets it as it is."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.base.errors import BadInput
from tests.support.headless import PROGRAM, Headless, environment_of, headless, quarterdeck
from tests.support.processes import PATIENCE_S
from tui.feeds import server_sent_events
from tui.feeds.server_sent_events import StreamTooLong, events_in
from tui.feeds.wire import segment
from tui.render.plain_text import clean, clean_lines, escape_json

EVIL = "hi \x1b]52;c;ZXZpbA==\x07\x1b]0;owned\x07\x1b[2J\x9b2J\u202egnp\u2066\u2028x"
HARM = ("\x1b", "\x07", "\x9b", "\u202e", "\u2066", "\u2028")


@pytest.fixture
def engine(home: Path) -> Iterator[Headless]:
    """A running engine."""
    with headless(home) as running:
        yield running


def on_terminal(home: Path, *arguments: str) -> str:
    """What a command writes to a terminal, in and out of its answers."""
    main, side = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=side, stderr=side, env=environment_of(home)
    )
    os.close(side)
    written = b""
    while select.select([main], [], [], PATIENCE_S)[0]:
        try:
            piece = os.read(main, 65536)
        except OSError:  # the end of what the process wrote
            break
        written += piece
    os.close(main)
    process.wait(PATIENCE_S)
    return written.decode()


def harm_in(text: str) -> list[str]:
    """The harmful characters in a text, beside the codes that the command line itself draws with."""
    plain = text.replace("\x1b[2m", "").replace("\x1b[0m", "")
    return [each for each in HARM if each in plain]


@pytest.mark.parametrize("stream", [[], ["--stream"]])
def test_an_answer_is_cleaned_for_a_terminal_and_whole_in_a_pipe(engine: Headless, stream: list[str]) -> None:
    prompt = f"[[reply: {EVIL}]]"
    shown = on_terminal(engine.home, "run", *stream, prompt)
    assert "hi ·]52;c;ZXZpbA==" in shown
    assert harm_in(shown) == []
    piped = quarterdeck(engine.home, "run", *stream, prompt)
    assert piped.stdout == f"{EVIL}\n"
    told = quarterdeck(engine.home, "run", "--json", prompt)
    assert harm_in(told.stdout) == []
    assert json.loads(told.stdout)["text"] == EVIL


def test_cells_and_failures_are_cleaned(engine: Headless) -> None:
    engine.call(
        "POST", "/api/prompts", {"prompt": f"{EVIL} [[delay: 20s]] [[words: 400]]", "wait": False, "id": "evil"}
    )
    for command in (["queue"], ["sessions"], ["queue", "show", "evil"], ["queue", "show", f"no{EVIL}"], ["profiles"]):
        assert harm_in(on_terminal(engine.home, *command)) == [], command
    assert harm_in(on_terminal(engine.home, "run", f"[[fault: http400]] {EVIL}")) == []
    assert harm_in(on_terminal(engine.home, "run", "--profile", EVIL, "x")) == []


@pytest.mark.parametrize(
    "arguments",
    [[EVIL], [f"--{EVIL}"], ["run", "x", "y", EVIL], ["run", "--deadline", EVIL, "x"], ["bench", EVIL], ["keys", EVIL]],
)
def test_a_wrong_command_line_is_told_without_harm(home: Path, arguments: list[str]) -> None:
    shown = on_terminal(home, *arguments)
    assert "Error" in shown
    assert harm_in(shown) == []


def test_a_wrong_command_line_is_not_returned_whole(home: Path) -> None:
    done = quarterdeck(home, "run", "--deadline", "9" * 100_000 + "x", "hello")
    assert (done.returncode, len(done.stderr) < 3000) == (2, True)


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085", "\v", "\f", "\x1c"])
def test_a_line_separator_is_no_line_end(engine: Headless, separator: str) -> None:
    done = quarterdeck(engine.home, "run", f"[[reply: one{separator}two]]")
    assert (done.returncode, done.stdout) == (0, f"one{separator}two\n")


@pytest.mark.parametrize("name", ["{}/kill?x=", "{}/kill#", "{}%2Fkill", "../sessions/{}", "{}/../{}/kill"])
def test_a_name_never_becomes_another_call(engine: Headless, name: str) -> None:
    assert quarterdeck(engine.home, "run", "hello").returncode == 0
    session = engine.call("GET", "/api/sessions")["sessions"][0]["id"]
    for verb in ("stop", "interrupt", "show"):
        assert quarterdeck(engine.home, "sessions", verb, name.replace("{}", session)).returncode == 2
    assert [row["id"] for row in engine.call("GET", "/api/sessions")["sessions"]] == [session]


def test_segments_are_quoted_whole() -> None:
    assert segment("a/b?c=d#e%&é") == "a%2Fb%3Fc%3Dd%23e%25%26%C3%A9"
    assert (segment(".."), segment("."), segment("s0001")) == ("%2E%2E", "%2E", "s0001")
    with pytest.raises(BadInput, match="empty"):
        segment("")


def test_cleaning_leaves_nothing_that_a_terminal_obeys() -> None:
    every = "".join(map(chr, [*range(0x300), *range(0x2000, 0x2070), 0xFEFF, 0x61C, 0xD800, 0xE0041]))
    for cleaned, kept in ((clean(every), ""), (clean_lines(every), "\n\t\u200c\u200d")):
        assert [each for each in cleaned if not each.isprintable() and each not in kept] == []
    assert json.loads(escape_json(json.dumps({"a": every}, ensure_ascii=False))) == {"a": every}
    assert clean_lines("a\r\nb\tc 👩‍💻") == "a\nb\tc 👩‍💻"


def test_events_are_split_at_line_ends_alone() -> None:
    stream = 'event: delta\ndata: {"text":"one\u2028two\x85"}\n\n: ping\r\n\r\n'
    stream += "id: 2\r\nevent: answer\r\ndata: a\r\ndata: b\r\n\r\n"
    wanted = [("delta", '{"text":"one\u2028two\x85"}'), ("answer", "a\nb")]
    raw = stream.encode()
    for size in (1, 2, 3, 7, len(raw)):
        assert list(events_in(raw[at : at + size] for at in range(0, len(raw), size))) == wanted


def test_an_event_without_an_end_is_refused_before_memory_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_sent_events, "MAX_EVENT", 2**22)

    def endless() -> Iterator[bytes]:
        yield b"data: first\n\ndata: "
        while True:
            yield b"x" * 2**20

    events = events_in(endless())
    assert next(events) == ("message", "first")
    with pytest.raises(StreamTooLong):
        next(events)


def test_the_bound_is_that_of_one_event_not_of_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_sent_events, "MAX_EVENT", 1000)
    assert len(list(events_in(b"data: %d\n\n" % number for number in range(1000)))) == 1000
