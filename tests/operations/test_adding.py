"""The page on adding an operation: its code is an operation that works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.operations.handlers.binding import HANDLERS
from tests.docs.blocks import ROOT, blocks_of
from tests.support.engines import running
from tests.support.operations import execute

PAGE = ROOT / "docs/development/adding-an-operation.md"


async def test_the_code_of_the_page_is_an_operation(tmp_path: Path) -> None:
    (block,) = [each for each in blocks_of(PAGE, PAGE.read_text()) if each.language == "python"]
    page: dict[str, Any] = {"__name__": "page"}
    HANDLERS.pop("cache.trim", None)
    exec(block.text, page)
    try:
        async with running(tmp_path) as engine:
            assert (await execute(engine, page["TRIM_CACHE"], page["TrimCache"](keep=3))).sessions == 0
    finally:
        HANDLERS.pop("cache.trim")
