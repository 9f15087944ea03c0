"""Text as lines of spans: wrapped in cells, Markdown, code, diffs, and what is still being written. Pure."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from engine.sessions.transcripts import LivePart, TranscriptEntry
from tests.support.console import plain
from tui.render.code import code_lines
from tui.render.diff_lines import COMPARED, diff_lines
from tui.render.entry_lines import GUTTER, Fold, LiveEntry, entry_lines, matching
from tui.render.live_text import LiveText
from tui.render.markdown import markdown_lines
from tui.render.spans import Line, changed_cells, padded, width_of
from tui.render.tool_lines import tool_lines
from tui.render.wrapping import wrap_line, wrap_text

TEXTS = st.text(st.sampled_from("ab \n\t`*#->|[]()1.漢é\u202e\x1b\x00_~"), max_size=300)
LINES = st.lists(st.tuples(st.text("ab 漢", max_size=12), st.sampled_from(["", "run", "fail"])), max_size=6)
DOCUMENT = """# Head

Some *em*, **bold** and `code` with a [link](http://x.y/z).
- one
- two
  - nested

1. first
2. second

> quoted

| a | b |
|---|---|
| 1 | two |

```python
def f():
    return 1
```
end"""


def texts(lines: list[Line]) -> list[str]:
    return [plain(line).rstrip() for line in lines]


def letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


@given(LINES, st.integers(1, 30))
def test_wrapping_keeps_the_width_and_loses_no_letter(line: Line, width: int) -> None:
    rows = wrap_line(line, width)
    assert all(width_of(row) <= max(2, width) for row in rows)
    assert letters("".join(map(plain, rows))) == letters(plain(line))


@given(TEXTS, st.integers(12, 60))
def test_no_text_makes_markdown_fail_obey_or_overflow(text: str, width: int) -> None:
    for line in markdown_lines(text, width):
        assert cell_len(plain(line)) <= width + 20  # a deep list keeps room for its text
        assert all(character.isprintable() for character in plain(line))


@given(TEXTS)
def test_no_text_loses_its_letters(text: str) -> None:
    source = letters(text.replace("\x00", ""))
    shown = letters("".join(map(plain, markdown_lines(text, 60))))
    assert len(shown) * 2 >= len(source)


def test_markdown_is_rendered() -> None:
    lines = markdown_lines(DOCUMENT, 60)
    assert texts(lines) == [
        "# Head",
        "",
        "Some em, bold and code with a link (http://x.y/z).",
        "",
        "• one",
        "• two",
        "  • nested",
        "",
        "1. first",
        "2. second",
        "",
        "▌ quoted",
        "",
        "a  b",
        "──────",
        "1  two",
        "",
        "│ def f():",
        "│     return 1",
        "",
        "end",
    ]
    roles = {text.strip(): role for line in lines for text, role in line}
    assert (roles["Head"], roles["bold"], roles["code"], roles["def"]) == ("strong", "strong", "wait", "ask")


@pytest.mark.parametrize(
    "hostile",
    [
        "[" * 60_000,
        "![[" * 20_000,
        "> " * 20_000 + "deep",
        "- " * 3000,
        "*" * 60_000,
        "`" * 60_000,
        "<" * 60_000,
        "|" * 5000 + "\n" + "|-" * 5000 + "|\n",
        "a" * 65_536,
        "_a" * 30_000,
        "\x00\x1b]0;x\x07" * 5000,
        "&#" * 30_000,
    ],
)
def test_hostile_markdown_takes_no_time(hostile: str) -> None:
    began = time.process_time()
    assert markdown_lines(hostile, 80) is not None
    assert time.process_time() - began < 2.0


@given(st.lists(st.integers(1, 40), max_size=30))
def test_what_grows_ends_as_what_was_whole(cuts: list[int]) -> None:
    live, at = LiveText(60, markdown=True), 0
    for size in cuts:
        live.grow(DOCUMENT[at : at + size])
        assert live.lines is not None
        at += size
    live.grow(DOCUMENT[at:])
    assert [text for text in texts(live.lines) if text] == [
        text for text in texts(markdown_lines(DOCUMENT, 60)) if text
    ]


@given(st.lists(TEXTS, max_size=8))
def test_any_growing_text_is_harmless(pieces: list[str]) -> None:
    live = LiveText(40, markdown=True)
    for piece in pieces:
        live.grow(piece)
    assert all(character.isprintable() for line in live.lines for character in plain(line))


def test_a_long_growing_text_costs_little_for_each_piece() -> None:
    live = LiveText(100, markdown=True)
    began = time.process_time()
    for number in range(2000):
        live.grow(f"word{number} ")
        assert live.lines
    assert time.process_time() - began < 6.0


def test_an_edit_is_a_diff_and_counts() -> None:
    detail = json.dumps({"file_path": "a.py", "old_string": "a\nb\nc", "new_string": "a\nB\nc\nd"})
    beside, lines = tool_lines("Edit", "a.py", detail, 80)
    assert beside == "+2 −1"
    assert texts(lines) == ["  a", "- b", "+ B", "  c", "+ d"]
    assert [line[0][1] for line in lines] == ["muted", "fail", "run", "muted", "run"]


def test_a_huge_diff_is_shown_without_being_compared() -> None:
    began = time.process_time()
    lines, added, removed = diff_lines("\n".join("ab" * 3 for _ in range(10_000)), "\n".join(map(str, range(10_000))))
    assert (added, removed, len(lines)) == (10_000, 10_000, 20_000)
    assert time.process_time() - began < 1.0
    assert COMPARED < 10_000


@pytest.mark.parametrize(
    ("tool", "summary", "detail", "shown"),
    [
        ("Write", "n.py", {"file_path": "n.py", "content": "x = 1\ny = 2\n"}, "+ y = 2"),
        ("MultiEdit", "n.py", {"file_path": "n.py", "edits": [{"old_string": "a", "new_string": "b"}]}, "+ b"),
        ("Bash", "ls", {"command": "ls\n  && pwd"}, "  && pwd"),
        ("Grep", "foo", {"pattern": "foo", "path": "/srv"}, "path  /srv"),
        ("mcp__x", "a=1", {"a": 1, "b": {"c": "\x1b[2J"}}, "b"),
    ],
)
def test_a_tools_whole_input_is_there(tool: str, summary: str, detail: object, shown: str) -> None:
    _, lines = tool_lines(tool, summary, json.dumps(detail), 80)
    assert any(shown in text for text in texts(lines))
    assert not any("\x1b" in text for text in texts(lines))


@pytest.mark.parametrize("detail", ["", "[]", "{", '{"command": "x', "\x00", "null", "[" * 9000])
def test_an_input_that_was_cut_or_is_odd_is_shown_as_it_is(detail: str) -> None:
    assert isinstance(tool_lines("Bash", "x", detail, 40)[1], list)


@given(TEXTS, st.sampled_from(["user", "assistant", "think", "tool", "result", "note", "error", "odd"]))
def test_every_entry_has_a_narrow_gutter_and_fits(text: str, kind: str) -> None:
    entry = TranscriptEntry(0, 5000.0, kind, "T", text, text)
    for lines in (entry_lines(entry, 80, Fold()), entry_lines(entry, 80, Fold(whole=True))):
        assert lines
        for line in lines:
            assert width_of(line[:2]) <= GUTTER or plain(line).startswith(" " * GUTTER)


def test_a_folded_entry_says_how_much_more_there_is() -> None:
    entry = TranscriptEntry(0, 0.0, "result", "", "\n".join(map(str, range(10))))
    assert texts(entry_lines(entry, 80, Fold(key="x")))[-1].strip() == "… 7 more lines  x unfolds"
    assert len(entry_lines(entry, 80, Fold(whole=True))) == 10


def test_a_thought_under_way_shows_its_last_lines() -> None:
    live = LiveEntry(LivePart(1, 0.0, "think", "", 0, ""), 80)
    live.grow(LivePart(1, 0.0, "think", "", 0, "\n".join(f"thought {n}" for n in range(50))))
    assert texts(live.lines(whole=False))[-1].endswith("thought 49")
    assert len(live.lines(whole=False)) < 8
    assert len(live.lines(whole=True)) == 50


@given(st.text('ab\\"\n\t/', max_size=60), st.integers(1, 7))
def test_an_input_under_way_is_read_alike_however_it_is_cut(text: str, size: int) -> None:
    escaped = json.dumps(text)[1:-1]
    whole, cut = (LiveEntry(LivePart(1, 0.0, "tool", "Write", 0, ""), 200) for _ in range(2))
    whole.grow(LivePart(1, 0.0, "tool", "Write", 0, escaped))
    for end in range(0, len(escaped) + size, size):
        cut.grow(LivePart(1, 0.0, "tool", "Write", 0, escaped[:end]))
    assert texts(cut.lines(whole=True)) == texts(whole.lines(whole=True))
    shown = LiveEntry(LivePart(1, 0.0, "tool", "Write", 0, ""), 200)
    shown.grow(LivePart(1, 0.0, "tool", "Write", 0, json.dumps("a" + text + "b")[1:-1]))
    assert len(shown.lines(whole=True)) == text.count("\n") + 2


@pytest.mark.parametrize("long", ["漢字" * 60, "x" * 200, "word " * 40])
@pytest.mark.parametrize("tool", ["Edit", "Write"])
def test_the_mark_of_a_changed_line_stands_beside_it_however_long_it_is(tool: str, long: str) -> None:
    changes = {"old_string": "", "new_string": long} if tool == "Edit" else {"content": long}
    _, lines = tool_lines(tool, "", json.dumps({"file_path": "a.txt", **changes}), 40)
    first, *others = (plain(line) for line in lines)
    assert first.startswith(f"+ {long[:4]}")
    assert len(others) > 1
    assert all(line.startswith("  ") for line in others)
    assert all(width_of(line) <= 40 for line in lines)


@given(LINES, LINES, st.integers(3, 40))
def test_drawing_only_the_changed_cells_gives_the_new_line(before: Line, after: Line, width: int) -> None:
    cells = changed_cells(before, after, width)
    old, new = (plain(padded(line, width)) for line in (before, after))
    if cells is None:
        assert old == new
        return
    start, end = cells
    drawn_old, drawn_new = _cells(old), _cells(new)
    assert drawn_old[:start] == drawn_new[:start]
    assert drawn_old[end:] == drawn_new[end:]


@given(LINES, st.sampled_from(["a", "ab", "b a", "漢"]))
def test_what_is_searched_is_marked_and_nothing_is_lost(line: Line, wanted: str) -> None:
    marked = matching(line, wanted)
    assert plain(marked) == plain(line)
    found = plain(line).count(wanted)
    assert "".join(text for text, role in marked if role == "here") == wanted * found


def test_unknown_languages_and_long_code_are_plain() -> None:
    assert texts(code_lines("x = 1", "no-such-language")) == ["x = 1"]
    assert {role for line in code_lines("x = 1\n" * 9000, "python") for _, role in line} == {""}


def test_wrapped_text_counts_what_it_leaves_out() -> None:
    rows, more = wrap_text("a\nb\nc\nd", 10, 2)
    assert (texts(rows), more) == (["a", "b"], 2)


def _cells(text: str) -> list[str]:
    return [cell for character in text for cell in (character, *[""] * (cell_len(character) - 1))]
