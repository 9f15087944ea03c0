"""The messages that the troubleshooting page quotes are those of the program."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cache

import pytest

from tests.docs.blocks import ROOT

PAGE = ROOT / "docs/operations/troubleshooting-advanced.md"
LEAST = 10
"""Letters that a text of the sources must have to be what a message was quoted from."""
_QUOTED = re.compile(r"^- `([^`]+)`", re.MULTILINE)
_ANY = "…"


@cache
def texts() -> Sequence[re.Pattern[str]]:
    """The strings of the sources; what is put in may be anything."""
    found: set[str] = set()
    for folder in ("engine", "tui"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            found.update(_strings(ast.parse(path.read_text())))
    return [re.compile(re.escape(text).replace(_ANY, ".+")) for text in sorted(found)]


def _strings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (str(part.value) if isinstance(part, ast.Constant) else _ANY for part in node.values)
            text = "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if len(text.replace(_ANY, "")) >= LEAST and "\n" not in text:
            yield text.rstrip(".")


def is_of_the_program(message: str) -> bool:
    """Whether a text of the sources makes this message; its own `…` stand for what is put in."""
    return any(text.fullmatch(message.rstrip(".")) for text in texts())


@pytest.mark.parametrize("message", _QUOTED.findall(PAGE.read_text()))
def test_a_quoted_message_is_of_the_program(message: str) -> None:
    assert is_of_the_program(message)


def test_messages_are_quoted_for_every_symptom() -> None:
    _, *parts = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
    assert parts
    assert [part.partition("\n")[0] for part in parts if not _QUOTED.search(part)] == []


def test_a_message_that_is_not_of_the_program_is_found() -> None:
    assert is_of_the_program("No session became free within 2 s: all 1 sessions are busy")
    assert not is_of_the_program("No session became idle within 2 s: all 1 sessions are busy")
