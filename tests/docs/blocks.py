"""The pages, their fenced blocks, and the comments that say how a block is run.

A comment stands on the lines before its block: `<!-- NAME: VALUE -->`. The names:

- `not run`: the reason why it is not.
- `with`: the situation that it needs (tests/docs/situations.py).
- `exit N`: a text; commands that hold it end with this exit code instead of 0.
- `is`: what the data is (tests/docs/test_data_blocks.py); a YAML block without it is settings.
- `file`: the block is written to a file of this name, for the commands of its page.
- `answer`: the method and path whose answer a JSON block shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMES = re.compile(r"not run|with|exit \d+|is|file|answer")
_FENCE = re.compile(r"^ *(```+) *(\S*)")
_COMMENT = re.compile(r"<!-- ([^:]+): (.+) -->")


@dataclass(frozen=True)
class Block:
    """One fenced block; `line` counts from 1 and `marks` are the comments before it."""

    page: Path
    line: int
    language: str
    text: str
    marks: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """`PAGE:LINE`, as editors open it."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def runs(self) -> bool:
        """Whether no reason is given why it does not."""
        return "not run" not in self.marks


@cache
def pages() -> list[Path]:
    """README, the pages beside it, and all of `docs`."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


@cache
def all_blocks() -> list[Block]:
    """Every fenced block of every page, in the order of a reader."""
    return [block for page in pages() for block in blocks_of(page, page.read_text())]


def running(*languages: str) -> list[Block]:
    """The blocks in these languages that run."""
    return [block for block in all_blocks() if block.language in languages and block.runs]


def blocks_of(page: Path, text: str) -> Iterator[Block]:
    """The blocks of one page's text. A fence that stays open is a ValueError."""
    marks: dict[str, str] = {}
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        if fence := _FENCE.match(line):
            body = list(_until(fence[1], lines, f"{page}:{number}"))
            yield Block(page, number, fence[2], "\n".join(body) + "\n", marks)
            marks = {}
        elif comment := _COMMENT.fullmatch(line.strip()):
            marks = {**marks, comment[1]: comment[2]}
        elif line.strip():
            marks = {}


def prose(text: str) -> str:
    """A page's text without its fenced blocks."""
    kept, inside = [], False
    for line in text.splitlines():
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def _until(fence: str, lines: Iterator[tuple[int, str]], where: str) -> Iterator[str]:
    for _, line in lines:
        if line.strip() == fence:
            return
        yield line
    raise ValueError(f"The block at {where} has no end.")
