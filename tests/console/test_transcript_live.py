"""The transcript while it is written: what grows, what is dropped, what is searched and leafed through."""

from __future__ import annotations

import random

import pytest

from engine.base.clock import ManualClock
from engine.events import types as ev
from engine.operations.declared.conversations import Message
from engine.sessions.transcripts import LivePart, TranscriptEntry
from tests.console import scene
from tests.support.console import NORMAL, SMALL, ConsoleFixture, FakeFeed, console_fixture
from tests.support.processes import until
from tui.screens.transcript import TranscriptScreen

SIZES = [NORMAL, SMALL]


def part(text: str, kind: str = "assistant", number: int = 1, title: str = "") -> LivePart:
    return LivePart(number, scene.NOW, kind, title, 0, text)


def said(*texts: str, kind: str = "assistant") -> list[TranscriptEntry]:
    return [TranscriptEntry(n, scene.NOW - 100 + n, kind, "", text) for n, text in enumerate(texts)]


async def opened(console: ConsoleFixture, session: str = "s0002") -> TranscriptScreen:
    console.app.navigation.open_transcript(session)
    await console.settle()
    await console.settle()
    screen = console.app.screen
    assert isinstance(screen, TranscriptScreen)
    return screen


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("kind", "title", "first", "second"),
    [
        ("assistant", "", "I will move", " the lease"),
        ("think", "", "The callers", " use it"),
        ("tool", "Write", '{"file_path": "a.py", "content": "x = 1', '\\ny = 2"}'),
    ],
)
async def test_what_is_written_grows_on_the_page_by_itself(
    size: tuple[int, int], kind: str, title: str, first: str, second: str, clock: ManualClock
) -> None:
    feed = FakeFeed(scene.tape(), {"s0002": said("before")})
    feed.writing["s0002"] = part(first, kind, title=title)
    async with console_fixture(feed, clock, size) as console:
        await opened(console)
        assert first.split("\\n", maxsplit=1)[0] in console.text
        feed.writing["s0002"] = part(first + second, kind, title=title)
        await until(lambda: "y = 2" in console.text if title else second.strip() in console.text)  # without a paint
        assert first.split("\\n", maxsplit=1)[0] in console.text
        del feed.writing["s0002"]
        feed.said["s0002"] = [*said("before", "It is done.")]
        await until(lambda: "It is done." in console.text)
        assert second.strip() not in console.text


async def test_the_page_of_an_ended_session_says_so_and_offers_only_a_prompt(clock: ManualClock) -> None:
    feed = FakeFeed(scene.tape(), {"s0002": said("before")})
    async with console_fixture(feed, clock) as console:
        await opened(console)
        assert "K kill" in console.text
        feed.push(scene.NOW, ev.SessionEnded(session="s0002", how="eof"))
        await console.settle()
        assert "▪ ended" in console.text
        assert "P prompt" in console.text
        assert "K kill" not in console.text


async def test_a_dropped_text_goes_and_the_note_stays(clock: ManualClock) -> None:
    feed = FakeFeed(scene.tape(), {"s0002": said("before")})
    feed.writing["s0002"] = part("half a sent")
    async with console_fixture(feed, clock) as console:
        await opened(console)
        note = TranscriptEntry(
            1, scene.NOW, "note", "partial dropped", "The API call failed; 11 characters are written again."
        )
        feed.said["s0002"] = [*feed.said["s0002"], note]
        feed.writing["s0002"] = part("Half", number=2)
        await until(lambda: "partial dropped" in console.text)
        assert "half a sent" not in console.text
        assert "● Half" in console.text


@pytest.mark.parametrize("size", SIZES)
async def test_the_page_shows_at_each_moment_what_it_would_show_if_it_were_drawn_anew(
    size: tuple[int, int], clock: ManualClock
) -> None:
    rng, text = random.Random(7), ""
    words = ["lease ", "worker\n", "## head\n", "漢字 ", "- item\n", "```\n", "\n", "renew() ", "\x1b[2J", "\u202eabc "]
    feed = FakeFeed(scene.tape(), {"s0002": said(*(f"remark {n}" for n in range(30)))})
    async with console_fixture(feed, clock, size) as console:
        screen = await opened(console)
        for _ in range(40):
            text += "".join(rng.choice(words) for _ in range(6))
            feed.writing["s0002"] = part(text)
            await console.settle()
            await console.settle()
            seen = console.text
            screen.prose.refresh()
            await console.settle()
            assert console.text == seen
            assert "\x1b" not in seen
            assert "\u202e" not in seen


async def test_the_end_stays_in_sight_and_the_page_moves_in_leaps(clock: ManualClock) -> None:
    feed = FakeFeed(scene.tape(), {"s0002": said("before")})
    tops = set()
    async with console_fixture(feed, clock) as console:
        screen = await opened(console)
        for number in range(80):
            feed.writing["s0002"] = part("".join(f"line {n}\n\n" for n in range(number)))
            await console.settle()
            await console.settle()
            if number:
                assert f"line {number - 1}" in console.text
            tops.add(screen.prose.scroll_offset.y)
        assert len(tops) < 30
        del feed.writing["s0002"]
        await console.settle()
        await console.settle()
        assert screen.prose.scroll_offset.y == screen.prose._last_top


async def test_somebody_who_reads_further_up_is_not_moved(clock: ManualClock) -> None:
    feed = FakeFeed(scene.tape(), {"s0002": said(*(f"remark {n}" for n in range(200)))})
    async with console_fixture(feed, clock) as console:
        await opened(console)
        await console.press("pageup", "pageup")
        before = console.text
        feed.writing["s0002"] = part("word " * 400)
        await console.settle()
        await console.settle()
        assert console.text == before


async def test_the_progress_stands_in_grid_drawer_and_transcript(clock: ManualClock) -> None:
    feed = FakeFeed(scene.tape(), {"s0001": said("before")})
    feed.push(
        scene.NOW,
        ev.TurnActivity(session="s0001", activity="writing"),
        ev.TurnProgress(session="s0001", words=240, tokens=300, seconds=12.0, rate=31.4),
    )
    feed.writing["s0001"] = part("The lease is renewed in two places.")
    async with console_fixture(feed, clock, (200, 50)) as console:
        await console.press("2")
        await until(lambda: "writing, 240 words, 12s, 31 tok/s" in console.text)  # the drawer
        await until(lambda: "renewed in two places." in console.text)
        row = next(line for line in console.lines if "s0001" in line and "running" in line)
        assert "writing, 240 words, 12s" in row
        assert "31" in row
        await console.press("enter")
        await console.settle()
        assert "writing, 240 words, 12s, 31 tok/s" in console.text


async def test_a_search_marks_jumps_and_unfolds(clock: ManualClock) -> None:
    entries = said(*(f"remark {n}" for n in range(300)))
    entries[40] = TranscriptEntry(40, scene.NOW, "result", "", "a\nb\nc\nd\nthe Needle is here")
    entries[250] = TranscriptEntry(250, scene.NOW, "assistant", "", "another needle")
    feed = FakeFeed(scene.tape(), {"s0002": entries})
    async with console_fixture(feed, clock) as console:
        screen = await opened(console)
        await console.press("slash", *"needle", "enter")
        assert "another needle" in console.text
        await console.press("N")
        assert "the Needle is here" in console.text
        await console.press("N")
        assert "does not occur further up" in console.told[-1]
        await console.press("n")
        assert "another needle" in console.text
        await console.press("escape")
        assert not screen.prose.searched
        assert console.app.screen is screen
        await console.press("escape")
        assert console.app.screen is not screen


async def test_turns_are_jumped_over(clock: ManualClock) -> None:
    entries = said(*(f"remark {n}" for n in range(90)))
    for at, text in ((10, "first prompt"), (50, "second prompt")):
        entries[at] = TranscriptEntry(at, scene.NOW, "user", "", text)
    feed = FakeFeed(scene.tape(), {"s0002": entries})
    async with console_fixture(feed, clock) as console:
        screen = await opened(console)
        for key, line in (
            ("left_square_bracket", "second prompt"),
            ("left_square_bracket", "first prompt"),
            ("right_square_bracket", "second prompt"),
        ):
            await console.press(key)
            assert line in console.lines[4]
        await console.press("right_square_bracket")
        assert screen.prose.following


async def test_folds_open_the_whole_command_and_the_diff(clock: ManualClock) -> None:
    edit = '{"file_path": "a.py", "old_string": "x = 1", "new_string": "x = 2"}'
    entries = [TranscriptEntry(0, scene.NOW, "tool", "Edit", "a.py", edit)]
    feed = FakeFeed(scene.tape(), {"s0002": entries})
    async with console_fixture(feed, clock) as console:
        await opened(console)
        assert "Edit a.py  +1 −1" in console.text
        assert "- x = 1" in console.text
        assert "+ x = 2" in console.text


def message(number: int, text: str, kind: str = "assistant") -> Message:
    return Message(at=scene.NOW - 5000 + number, kind=kind, title="", text=text, detail="", ref=f"m{number}")


@pytest.mark.parametrize("size", SIZES)
async def test_what_was_before_comes_from_disk_without_a_gap_or_a_double(
    size: tuple[int, int], clock: ManualClock
) -> None:
    conversation = f"{scene.CONVERSATION}01"
    entries = [TranscriptEntry(n, scene.NOW, "assistant", "", f"new {n}", ref=f"m{n + 500}") for n in range(3)]
    feed = FakeFeed(scene.tape(), {"s0002": entries})
    feed.disk[conversation] = [
        *(message(n, f"old {n}", "user" if n % 100 == 0 else "assistant") for n in range(500)),
        *(message(n + 500, f"new {n}") for n in range(3)),
    ]
    async with console_fixture(feed, clock, size) as console:
        screen = await opened(console)
        assert "reads what was before" in console.text
        await console.press("pageup")
        await until(lambda: len(screen.prose.entries) == 203)
        await console.settle()
        assert [entry.text for entry in screen.prose.entries] == [
            *(f"old {n}" for n in range(300, 500)),
            "new 0",
            "new 1",
            "new 2",
        ]
        await console.press("G")
        assert "new 2" in console.text
        await console.press("slash", *"old 123", "enter")
        await until(lambda: "old 123" in "".join(console.lines[4:]))
        await console.press("escape", "left_square_bracket")
        await until(lambda: "old 100" in console.lines[4])
        await console.press("g")
        await until(lambda: "the conversation begins here" in console.text)
        assert "old 0" in console.text


async def test_a_transcript_that_begins_here_says_so_and_asks_no_more(clock: ManualClock) -> None:
    feed = FakeFeed(scene.tape(), {"s0002": said("only this")})
    async with console_fixture(feed, clock) as console:
        await opened(console)
        await console.press("g")
        await until(lambda: "the conversation begins here" in console.text)
        assert "only this" in console.text


async def test_what_stands_above_clear_is_not_the_begin_of_the_conversation(clock: ManualClock) -> None:
    entries = said("of the conversation before", "", "of this one")
    entries[1] = TranscriptEntry(1, scene.NOW - 99, "note", "/clear", "")
    feed = FakeFeed(scene.tape(), {"s0002": entries})
    feed.disk = {
        f"{scene.CONVERSATION}02": [Message(kind="user", title="", text="this again", at=1.0, detail="", ref="")]
    }
    async with console_fixture(feed, clock) as console:
        await opened(console)
        await console.press("g")
        await until(lambda: "of an earlier conversation of this session" in console.text)
        assert "begins here" not in console.text
        assert "this again" not in console.text
