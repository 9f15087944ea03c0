"""Templates of prompts: what they ask for, and errors that are named with their reason."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.model.templates import MAX_BYTES, MOST, Placeholder, TemplateError, parse, read_templates

GOOD = """---
description: Review a branch
profile: ci
priority: high
---
Review {{branch}} for {{kind: bugs | style}}, at most {{number = 5}} findings.
Say which of {{branch}} it is; \\{{ stays.
"""


def test_a_template_names_what_it_asks_for() -> None:
    made = parse("review", GOOD)
    assert (made.description, made.profile, made.priority) == ("Review a branch", "ci", "high")
    assert made.placeholders == (
        Placeholder("branch"),
        Placeholder("kind", ("bugs", "style")),
        Placeholder("number", value="5"),
    )
    filled = made.filled({"branch": "main", "kind": "bugs", "number": "3"})
    assert filled == "Review main for bugs, at most 3 findings.\nSay which of main it is; {{ stays."


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("---\ndescription: x\nhello", "line 1: the facts have no end"),
        ("---\nprofil: x\n---\nhello", "did you mean 'profile'?"),
        ("---\njust words\n---\nhello", "line 2: 'just words' is no `name: value`"),
        ("---\npriority: soon\n---\nhello", "priority 'soon' is none of low, medium, high, urgent"),
        ("---\ndescription: x\n---\n \n", "it has no text"),
        ("", "it has no text"),
        ("one\ntwo {{name", "line 2: a placeholder has no end"),
        ("---\ndescription: x\n---\none\n{{name", "line 5: a placeholder has no end"),
        ("{{}}", "names nothing"),
        ("{{ $x }}", "names nothing"),
        ("{{x: }}", "has no options"),
        ("{{x: a|b}} {{x: c}}", "is described twice"),
        (" ".join(f"{{{{n{n}}}}}" for n in range(60)), "more than 50 placeholders"),
    ],
)
def test_what_is_wrong_with_a_template_is_named(text: str, why: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse("t", text)
    assert why in str(caught.value)


@given(st.text("{}:=|\\ \nab-", max_size=60))
def test_whatever_is_written_is_a_template_or_a_named_error(text: str) -> None:
    made = None
    with contextlib.suppress(TemplateError):
        made = parse("t", text)
    if made is not None:
        assert made.filled({each.name: "{{v}}" for each in made.placeholders}).strip()


def test_a_folder_lists_all_and_those_with_errors_beside_the_good_ones(tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text(GOOD)
    (tmp_path / "bad.md").write_text("{{")
    (tmp_path / "bytes.txt").write_bytes(b"a\xff")
    (tmp_path / "large.md").write_bytes(b"x" * (MAX_BYTES + 1))
    (tmp_path / "gone.md").symlink_to(tmp_path / "nothing")
    (tmp_path / ".hidden.md").write_text("x")
    (tmp_path / "image.png").write_text("x")
    (tmp_path / "folder.md").mkdir()
    os.mkfifo(tmp_path / "pipe.md")
    problems = {each.name: each.problem for each in read_templates(tmp_path)}
    assert problems == {
        "bad": "line 1: a placeholder has no end `}}`",
        "bytes": "it is no UTF-8 text (byte 1)",
        "folder": "it is no file",
        "gone": "it is no file",
        "good": "",
        "large": "it is larger than 1,048,576 bytes",
        "pipe": "it is no file",
    }
    for number in range(MOST + 5):
        (tmp_path / f"n{number:04}.md").write_text("x")
    assert len(read_templates(tmp_path)) == MOST
    with pytest.raises(OSError, match="No such file"):
        read_templates(tmp_path / "none")


def test_the_template_of_the_documentation_is_one() -> None:
    page = (Path(__file__).parents[2] / "docs/console.md").read_text()
    made = parse("review", page.partition("```md\n")[2].partition("\n```\n")[0])
    assert (made.profile, made.priority) == ("ci", "high")
    assert made.placeholders == (Placeholder("branch", value="main"), Placeholder("kind", ("bugs", "style")))
