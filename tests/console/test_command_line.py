"""The line `:` without a screen: what it reads, what it offers, what it remembers."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.operations.registry import REGISTRY
from tui.actions import line_actions
from tui.actions.command_history import HIDDEN, LINES_KEPT, CommandHistory, without_secrets
from tui.actions.command_line import COMMANDS, ArgumentKind, LineError, Suggestion, check, complete, nearest, parse
from tui.cli.main import quarterdeck
from tui.render.plain_text import clean

ROWS = (
    Suggestion("session_pool.max_size=", "10", "1–10000", "most sessions"),
    Suggestion("session_pool.min_size=", "2", "0–10000", "fewest sessions"),
    Suggestion("queue.max_waiting=", "1000", "0–100000", "requests that may wait"),
)
KNOWN = {
    ArgumentKind.SETTING: ROWS,
    ArgumentKind.SESSION: (Suggestion("s0001", "running", "ana"), Suggestion("s0002", "idle", "ben")),
    ArgumentKind.SCREEN: (Suggestion("overview"), Suggestion("sessions"), Suggestion("errors")),
    ArgumentKind.SWITCH: (Suggestion("on"), Suggestion("off")),
}


def known(kind: ArgumentKind) -> tuple[Suggestion, ...]:
    """What the tests know."""
    return KNOWN.get(kind, ())


def offered(line: str) -> list[str]:
    """The texts that complete a line."""
    return [choice.text for choice in complete(line, known).choices]


@pytest.mark.parametrize(
    ("line", "name", "words"),
    [
        ("go errors", "go", ("errors",)),
        ("  :scale  20 ", "scale", ("20",)),
        ("tune set a.b=1 c='x y'", "config set", ("a.b=1", "c=x y")),
        ("config set a.b=1", "config set", ("a.b=1",)),
        ("quarterdeck sessions kill s0001 s0002", "sessions kill", ("s0001", "s0002")),
        ("kill s0001", "sessions kill", ("s0001",)),
        ("prompt say 'hello", "run", ("say 'hello",)),
        ("filter state!=idle ctx>50", "filter", ("state!=idle ctx>50",)),
        ("filter", "filter", ()),
        ("live", "live", ()),
        ("help config set", "help", ("config set",)),
    ],
)
def test_a_line_is_a_command_with_its_words(line: str, name: str, words: tuple[str, ...]) -> None:
    parsed = parse(line)
    assert (parsed.command.name, parsed.words) == (name, words)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "Nothing is typed"),
        (":", "Nothing is typed"),
        ("scael 3", "no command 'scael'; the nearest is scale"),
        ("tune", "tune goes on: set, undo."),
        ("tune sett a=1", "tune goes on: set, undo."),
        ("zzzz", "There is no command 'zzzz'."),
        ("go", "It is written: go SCREEN"),
        ("go one two", "It is written: go SCREEN"),
        ("live now", "It is written: live"),
        ("kill", "It is written: sessions kill SESSION…"),
        ("config set a='1", "quotation mark is not closed"),
    ],
)
def test_a_line_that_cannot_be_read_says_why(line: str, said: str) -> None:
    with pytest.raises(LineError, match=re.escape(said)):
        parse(line)


def test_an_argument_that_names_nothing_is_told_with_the_nearest() -> None:
    with pytest.raises(LineError, match=r"no session 's001'; the nearest is s0001. There is s0001, s0002"):
        check(parse("kill s0002 s001"), known)
    with pytest.raises(LineError, match="'maybe' is neither on nor off"):
        check(parse("autoscale maybe"), known)
    check(parse("kill s0002 s0001"), known)
    check(parse("scale 7"), known)


def test_names_are_offered_as_they_are_typed_and_the_other_ones_when_asked_for() -> None:
    assert offered("")[:4] == ["go", "filter", "sort", "at"]
    assert "tune set" not in offered("")
    assert offered("tun") == ["tune set", "tune undo"]
    assert offered("kil") == ["kill", "sessions kill"]
    assert offered("xyzzy") == []


def test_settings_are_offered_with_their_value_and_bounds_by_any_part_of_their_name() -> None:
    found = complete("tune set max_", known)
    assert [choice.text for choice in found.choices] == ["session_pool.max_size=", "queue.max_waiting="]
    assert (found.choices[0].value, found.choices[0].bounds) == ("10", "1–10000")
    assert found.start == len("tune set ")
    typed = complete("tune set session_pool.max_size=12", known)
    assert [(choice.value, choice.bounds) for choice in typed.choices] == [("10", "1–10000")]
    assert typed.extended("tune set session_pool.max_size=12") == "tune set session_pool.max_size=12 "
    assert offered("tune set no.such=12") == []
    assert offered("tune set queue.max_waiting=5 session_pool.m")[0] == "session_pool.max_size="


def test_what_is_named_already_is_not_offered_again() -> None:
    assert offered("kill s0001 ") == ["s0002"]
    assert offered("go e") == ["errors", "overview", "sessions"]
    assert offered("help tune")[:1] == []
    assert offered("help conf") == ["config set", "config undo"]


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("tune set ses", "tune set session_pool.m"),
        ("tune set session_pool.max", "tune set session_pool.max_size="),
        ("go ov", "go overview "),
        ("tun", "tune "),
        ("kill ", "kill s000"),
        ("xyzzy", "xyzzy"),
    ],
)
def test_tab_goes_as_far_as_the_completions_agree(line: str, after: str) -> None:
    assert complete(line, known).extended(line) == after


@given(st.text(max_size=200))
def test_no_text_breaks_reading_or_completing(line: str) -> None:
    complete(line, known).extended(line)
    said = ""
    try:
        check(parse(line), known)
    except LineError as error:
        said = str(error)
    assert clean(said) == said


def test_every_command_is_unique_can_be_run_and_says_what_it_does() -> None:
    names = [name for command in COMMANDS for name in command.names]
    assert len(names) == len(set(names))
    runs = {command.run for command in COMMANDS}
    assert runs | {"operation"} == set(line_actions.RUNS)
    assert all(command.text and command.usage.startswith(command.name) for command in COMMANDS)
    assert all(
        command.most == 1
        for command in COMMANDS
        if command.kind in {ArgumentKind.TEXT, ArgumentKind.FILTER, ArgumentKind.MOMENT}
    )


@pytest.mark.parametrize(
    "name", ["config set", "config undo", "scale", "run", "queue cancel", "permissions allow", "permissions deny",
             "breakers open", "breakers trip", "sessions kill", "sessions recycle"]
)  # fmt: skip
def test_a_command_of_the_shell_is_written_here_as_there(name: str) -> None:
    first, *more = name.split()
    found = quarterdeck.get_command(None, first)  # type: ignore[arg-type]
    for word in more:
        found = found.get_command(None, word)  # type: ignore[union-attr, arg-type]
    assert found is not None
    assert parse(f"quarterdeck {name} auto" if name != "config undo" else name).command.name == name


def test_nothing_near_is_not_invented() -> None:
    assert nearest("qqqq", ["go", "scale"]) == ""
    assert nearest("x" * 100_000, ["go"]) == ""


# what is remembered


def test_lines_are_kept_in_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "state" / "commands.history"
    history = CommandHistory()
    assert history.add("go errors") == ""
    history.keep_in(path)
    assert history.add("scale 3") == ""
    assert history.add("scale 3") == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    other = CommandHistory()
    other.keep_in(path)
    assert other.lines == ["scale 3"]
    assert other.add("live") == ""
    assert history.add("quit") == ""
    assert path.read_text(encoding="utf-8").splitlines() == ["scale 3", "live", "quit"]
    assert [each.name for each in path.parent.iterdir()] == ["commands.history"]


def test_it_is_bounded_and_a_bad_file_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "commands.history"
    path.write_bytes(b"\xff\xfe\x1b[31mgo\n" * 3)
    history = CommandHistory()
    history.keep_in(path)
    assert all("\x1b" not in line for line in history.lines)
    for number in range(2 * LINES_KEPT):
        history.add(f"scale {number}")
    assert len(history.lines) == LINES_KEPT
    assert len(path.read_text(encoding="utf-8").splitlines()) == LINES_KEPT
    huge = tmp_path / "huge"
    huge.write_bytes(b"x" * 300_000)
    other = CommandHistory()
    other.keep_in(huge)
    assert other.lines == []


def test_a_folder_that_cannot_be_written_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    history = CommandHistory()
    history.keep_in(tmp_path / "file" / "commands.history")
    assert os.fspath(tmp_path / "file") in history.add("scale 3")
    assert history.add("scale 4") == ""
    assert history.lines == ["scale 3", "scale 4"]


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("tune set session_pool.max_size=12", "tune set session_pool.max_size=12"),
        ("tune set credential.api_key=abc def=1", f"tune set credential.api_key={HIDDEN} def=1"),
        ("tune set my.token='a b c' x=1", f"tune set my.token={HIDDEN} x=1"),
        ("prompt use sk-ant-api03-abcdefgh please", f"prompt use {HIDDEN} please"),
        ("prompt ghp_0123456789abcdef", f"prompt {HIDDEN}"),
    ],
)
def test_secrets_are_not_remembered(line: str, kept: str) -> None:
    assert without_secrets(line) == kept


@pytest.mark.parametrize(
    ("line", "operation", "words"),
    [
        ("conversations delete c1", "conversations.delete", ("c1",)),
        ("profiles drain ci deadline=5", "profiles.drain", ("ci", "deadline=5")),
        ("quarterdeck errors learn timeout 'too slow'", "errors.learn", ("timeout", "too slow")),
        ("sessions side-question s1 'what now?'", "sessions.side_question", ("s1", "what now?")),
        ("sessions steer s1 'the other way'", "sessions.steer", ("s1", "the other way")),
        ("sessions rewind s1 prompt=3", "sessions.rewind", ("s1", "prompt=3")),
        ("sessions diff s1", "sessions.diff", ("s1",)),
        ("sessions export s1", "sessions.export", ("s1",)),
    ],
)
def test_an_operation_without_a_line_of_its_own_is_typed_as_in_the_shell(
    line: str, operation: str, words: tuple[str, ...]
) -> None:
    parsed = parse(line)
    assert (parsed.command.operation, parsed.words) == (operation, words)
    assert parsed.command.acts is REGISTRY[operation].acts


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("conversations delete", "It takes id"),
        ("profiles drain ci deadline=never", "Expected `float`"),
        ("errors learn nonsense x", "Invalid enum value"),
        ("conversations list", "There is no command"),
    ],
)
def test_a_wrong_line_of_an_operation_says_why(line: str, why: str) -> None:
    with pytest.raises(LineError, match=why):
        parse(line)


def test_operations_are_completed_where_the_table_has_nothing() -> None:
    assert [each.text for each in complete("conv", lambda _kind: []).choices] == [
        "conversations update",
        "conversations fork",
        "conversations wake",
        "conversations delete",
        "conversations open",
        "conversations return",
    ]
