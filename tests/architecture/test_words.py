"""Words: names and text follow docs/development/glossary.md; what was renamed does not come back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.test_source import ROOT, SOURCES, place, tree_of

BANNED_NAMES = {
    "trouble",
    "ladder",
    "rung",
    "seat",
    "skin",
    "desk",
    "wish",
    "keeper",
    "yard",
    "hurry",
    "traveller",
    "inkwell",
}
"""Words of names of earlier versions."""
BANNED_TEXT = re.compile(
    r"\b(anew|of late|one's own|(?:is|was) gone to|ladder|rungs?|seats|skins?|wears?|wore"
    r"|(?:is|are|was|were) told|told of)\b",
    re.IGNORECASE,
)
KEPT = {"console.skin", "view.skin", "skin", "skins"}
"""Names of earlier versions that are still read."""
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def names(node: ast.AST) -> Iterator[str]:
    """What a node gives a name to."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        yield node.attr


def words(name: str) -> set[str]:
    """The words of an identifier, in the singular."""
    parts = {part.lower() for part in re.findall(r"[A-Z]?[a-z]+", name)}
    return parts | {part.removesuffix("s") for part in parts}


def test_no_name_uses_a_word_that_was_replaced() -> None:
    found = [
        f"{place(path, node)} {name}"  # type: ignore[arg-type]
        for path in SOURCES
        for node in ast.walk(tree_of(path))
        for name in names(node)
        if words(name) & BANNED_NAMES
    ]
    assert found == []


def test_no_module_is_named_by_a_word_that_was_replaced() -> None:
    assert [path.name for path in SOURCES if words(path.stem) & BANNED_NAMES] == []


def test_no_text_uses_a_phrase_that_only_this_project_would() -> None:
    found = [
        f"{place(path, node)} {hit.group(0)}"
        for path in SOURCES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in KEPT
        for hit in BANNED_TEXT.finditer(node.value)
    ]
    assert found == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_use_the_words_of_the_glossary(page: Path) -> None:
    text = page.read_text()
    if page.name == "glossary.md":
        text = text.partition("## Words that are not used")[0]
    assert [hit.group(0) for hit in BANNED_TEXT.finditer(text)] == []


def test_every_banned_word_of_the_glossary_is_held() -> None:
    listed = (ROOT / "docs" / "development" / "glossary.md").read_text().partition("## Words that are not used")[2]
    rows = re.findall(r"^\| ([a-z, ]+) \| [a-z]", listed, re.MULTILINE)
    words_of_rows = {word for row in rows for word in row.split(", ")} - {"not", "case", "flight"}
    assert words_of_rows
    assert words_of_rows <= BANNED_NAMES
