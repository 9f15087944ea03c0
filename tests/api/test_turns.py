"""A caller's burst of requests does not hold up another caller's."""

from __future__ import annotations

import asyncio

from engine.api.turns import BATCH, Turns


async def test_callers_take_turns() -> None:
    turns, begun = Turns(), list[str]()
    for number in range(3 * BATCH):
        turns.add("busy", lambda number=number: begun.append(f"busy {number}"))  # type: ignore[misc]
    turns.add("late", lambda: begun.append("late"))
    await asyncio.sleep(0)
    assert len(begun) == BATCH
    assert "late" in begun
    while len(begun) < 3 * BATCH + 1:
        await asyncio.sleep(0)
    assert [each for each in begun if each != "late"] == [f"busy {number}" for number in range(3 * BATCH)]


async def test_what_comes_meanwhile_begins_too() -> None:
    turns, begun = Turns(), list[int]()
    turns.add("a", lambda: turns.add("a", lambda: begun.append(2)))
    await asyncio.sleep(0)
    assert begun == [2]
