"""Terminals of 160 columns and more: a second pane beside each list, and charts that use the height."""

from __future__ import annotations

from typing import Any

import pytest

from engine.base.clock import ManualClock
from engine.operations.declared.conversations import Message
from engine.sessions.transcripts import TranscriptEntry
from tests.console import scene
from tests.support.console import NORMAL, FakeFeed, console_fixture
from tests.support.processes import until
from tui.render.entry_tail import EntryTail

WIDE = (200, 60)
ASLEEP = "0f8fad5b-d9cb-469f-a165-70867728950e"
LIVE = scene.CONVERSATION + "07"
SAID = "It is in the fixture:\n\n1. it sleeps\n2. the clock is real"


class CountingFeed(FakeFeed):
    """Counts how often a conversation's messages are read."""

    reads = 0

    def _settings(self, operation: str, args: Any) -> dict[str, Any]:
        self.reads += operation == "conversations.messages"
        return super()._settings(operation, args)


@pytest.fixture
def feed() -> CountingFeed:
    """The scene, with a transcript in memory and one on disk."""
    made = CountingFeed(scene.tape(), {"s0001": scene.transcript()})
    made.conversations = [
        {"id": ASLEEP, "title": "find the flaky test", "used": scene.NOW - 60},
        {"id": LIVE, "title": "refactor queue", "used": scene.NOW - 7200},
    ]
    texts = (("user", "where is it?"), ("assistant", SAID))
    made.disk[ASLEEP] = [Message(at=1.0, kind=kind, title="", text=text, detail="", ref=kind) for kind, text in texts]
    return made


async def test_the_transcript_of_the_row_stands_beside_the_sessions(feed: CountingFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock, WIDE) as console:
        await console.press("2")
        await until(lambda: "rg -n lease_timeout" in console.text)
        side = next(line for line in console.lines if "rg -n lease_timeout" in line).index("rg -n")
        assert side > WIDE[0] // 2
        assert "nothing said yet" not in console.text
        gutters = [line for line in console.lines if " ▸ " in line[side - 20 :] or " ● " in line[side - 20 :]]
        assert gutters  # drawn as the transcript draws it


async def test_what_was_said_last_stands_beside_the_conversations_and_is_read_once(
    feed: CountingFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock, WIDE) as console:
        await console.press("0")
        await until(lambda: "2. the clock is real" in console.text)
        assert "where is it?" in console.text
        for _ in range(3):
            await console.settle()
        assert feed.reads == 1
        await console.press("j")
        await until(lambda: feed.reads == 2)
        assert "2. the clock is real" not in console.text


async def test_the_request_that_is_read_stands_beside_the_approvals(feed: CountingFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock, WIDE) as console:
        await console.press("exclamation_mark")
        await until(lambda: "1 line" in console.text)
        (head,) = (line for line in console.lines if "REQUEST" in line and "RISK" in line)
        assert "armed" in head  # the card's rule is beside the heads of the columns
        assert any("risk" in line and "cwd" not in line for line in console.lines)


@pytest.mark.parametrize(("size", "rows"), [(NORMAL, 6), (WIDE, 14)])
async def test_the_charts_use_the_height(
    feed: CountingFeed, clock: ManualClock, size: tuple[int, int], rows: int
) -> None:
    async with console_fixture(feed, clock, size) as console:
        await console.press("1")
        first = next(number for number, line in enumerate(console.lines) if "tok/s" in line)
        last = next(number for number, line in enumerate(console.lines) if line.strip().startswith("-20m"))
        assert last - first - 1 == rows


def test_a_page_is_the_end_of_a_transcript_and_is_drawn_once() -> None:
    entries = [TranscriptEntry(number, 1.0, "user", "", f"prompt {number}", "", "") for number in range(30)]
    entries.append(TranscriptEntry(30, 1.0, "assistant", "", "\n\n".join(f"line {n}" for n in range(90)), "", ""))
    page = EntryTail()
    lines = page.lines(entries, 60, 45)
    texts = ["".join(text for text, _role in line).strip() for line in lines]
    assert (len(lines), texts[-1]) == (45, "line 89")
    assert texts[0].endswith("prompt 25")
    assert page.lines(entries, 60, 45)[-1] is lines[-1]
    assert page.lines(entries, 50, 45)[-1] is not lines[-1]
    assert page.lines(entries, 60, 0) == []
