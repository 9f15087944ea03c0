"""What a closed screen drew is not kept: a console that is left running stays as small as it was."""

from __future__ import annotations

import gc

import pytest
from textual.strip import Strip

from engine.base.clock import ManualClock
from tests.console import scene
from tests.support.console import FakeFeed, console_fixture

ROUNDS = 4


@pytest.mark.parametrize("keys", [("2", "enter", "escape"), ("2", "K", "escape"), ("question_mark", "escape")])
async def test_screens_that_are_opened_and_closed_leave_no_lines(clock: ManualClock, keys: tuple[str, ...]) -> None:
    feed = FakeFeed(scene.tape(), {"s0001": scene.transcript()})
    async with console_fixture(feed, clock) as console:

        async def lines_after(rounds: int) -> int:
            for _ in range(rounds):
                await console.press(*keys)
            await console.settle()
            gc.collect()
            return sum(isinstance(each, Strip) for each in gc.get_objects())

        before = await lines_after(2)
        assert await lines_after(ROUNDS) - before < 10 * ROUNDS
