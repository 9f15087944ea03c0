"""Sources cite only documents of the repository, and parts of them that are there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.docs.blocks import ROOT

FOLDERS = ("engine", "tui", "themes", "tests", "screenshots", "supply")
KINDS = (".py", ".toml", ".tcss")
OTHERS = {"AGENTS.md", "CLAUDE.md", "NOTES.md"}
"""Files in the workspaces of examples, which sources name and do not cite."""
_DOCUMENT = re.compile(r"\b(?:docs/(?:development|advanced|operations)/[\w-]+|[A-Z][A-Z-]{3,})\.md\b")
_NAMED = re.compile(
    r"\b(?:DESIGN|MOCKUPS|REQUIREMENTS|HAZARDS|PROTOCOL|ALGORITHMS|BASELINES) (?:\w?\d+|section|rule)\b"
)
_HAZARD = re.compile(r"\b[Hh]azards?(?:\.md,)? ((?:H\d+(?:, | and )?)+)")
_SECTION = re.compile(r"protocol\.md, section (\d+)")


def sources() -> Iterator[Path]:
    """The files whose comments and docstrings may cite."""
    for folder in FOLDERS:
        yield from (path for path in sorted((ROOT / folder).rglob("*")) if path.suffix in KINDS)
    yield ROOT / "pyproject.toml"
    yield ROOT / "Makefile"


TEXTS = {path: path.read_text() for path in sources() if path != Path(__file__)}


def test_cited_documents_are_there() -> None:
    cited = {(document, path) for path, text in TEXTS.items() for document in _DOCUMENT.findall(text)}
    assert {
        (document, str(path)) for document, path in cited if document not in OTHERS and not known(document)
    } == set()
    assert {str(path) for path, text in TEXTS.items() if _NAMED.search(text)} == set()


def known(document: str) -> bool:
    """Whether a document is in the repository."""
    return (ROOT / document).exists()


def test_cited_hazards_and_sections_are_there() -> None:
    hazards = re.findall(r"^\| (H\d+) \|", (ROOT / "docs/development/hazards.md").read_text(), re.MULTILINE)
    sections = re.findall(r"^## (\d+)\.", (ROOT / "docs/development/protocol.md").read_text(), re.MULTILINE)
    cited = {
        number for text in TEXTS.values() for found in _HAZARD.findall(text) for number in re.findall(r"H\d+", found)
    }
    assert cited
    assert cited <= set(hazards)
    numbers = {number for text in TEXTS.values() for number in _SECTION.findall(text)}
    assert numbers
    assert numbers <= set(sections)


def test_the_hooks_are_tools_that_the_tests_install() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    programs = {Path(hook["entry"].split()[0]) for hook in hooks}
    assert {program.parent for program in programs} == {Path(".venv/bin")}
    assert {program.name for program in programs} == {"ruff", "mypy", "lint-imports"}
