"""Every fenced block is run, or says why not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.blocks import NAMES, ROOT, all_blocks, blocks_of, pages
from tests.docs.situations import SITUATIONS
from tests.docs.test_data_blocks import KINDS

RUN = {"sh", "console", "yaml", "toml", "json", "python"}
"""The languages whose blocks a test of this folder runs."""
MOST = 8
"""Blocks that may give a reason; a page that needs more should show something that runs."""


@pytest.mark.parametrize("block", all_blocks(), ids=lambda block: block.id)
def test_a_block_runs_or_has_a_reason(block: object) -> None:
    from tests.docs.blocks import Block

    assert isinstance(block, Block)
    assert [name for name in block.marks if not NAMES.fullmatch(name)] == []
    if block.runs:
        assert block.language in RUN, f"{block.id}: no test runs a block of the language {block.language!r}."
        assert block.language != "toml" or block.marks.get("is") in KINDS
        assert block.marks.get("with", "") in SITUATIONS
    else:
        assert len(block.marks["not run"].split()) >= 3, f"{block.id} needs a reason why it does not run."


def test_reasons_are_few() -> None:
    assert len([block for block in all_blocks() if not block.runs]) <= MOST


def test_the_pages_are_found() -> None:
    assert {"README.md", "CONTRIBUTING.md", "docs/README.md"} <= {str(page.relative_to(ROOT)) for page in pages()}
    assert len(all_blocks()) > len(pages()) / 2


def test_marks_belong_to_the_block_right_after_them() -> None:
    text = "<!-- not run: it is long -->\n```sh\na\n```\nwords\n\n<!-- is: keys -->\nwords\n```toml\nb\n```\n"
    first, second = blocks_of(Path("x.md"), text)
    assert (first.marks, first.text, second.marks, second.line) == ({"not run": "it is long"}, "a\n", {}, 9)


def test_a_block_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("x.md:1")):
        list(blocks_of(Path("x.md"), "```sh\na\n"))
