"""Typing a prompt: lines, pastes, drafts, history, the editor."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from textual import events

from engine.base.clock import ManualClock
from tests.support.console import ConsoleFixture, FakeFeed, console_fixture
from tui.widgets.prompt_area import PromptArea

PASTED = "\n".join(f"line {number}" for number in range(1000))


def prompts(feed: FakeFeed) -> list[str]:
    return [call[1] for call in feed.calls if call[0] == "prompt"]


async def paste(console: ConsoleFixture, text: str) -> None:
    console.app.screen.query_one(PromptArea).post_message(events.Paste(text))
    await console.settle()


async def test_it_has_lines_and_enter_sends_them(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("1", "P")
        assert "what should Claude do?" in console.text
        await console.type("first")
        await console.press("ctrl+j")
        await console.type("second")
        await console.press("enter")
        assert prompts(feed) == ["first\nsecond"]


@pytest.mark.parametrize("size", [len(PASTED), 5_000_000])
async def test_a_paste_of_any_size_is_one_word_and_sent_whole(feed: FakeFeed, clock: ManualClock, size: int) -> None:
    text = (PASTED * (size // len(PASTED) + 1))[:size]
    async with console_fixture(feed, clock) as console:
        await console.press("1", "P")
        await console.type("read ")
        await paste(console, text)
        assert "[paste 1: " in console.text
        await console.press("enter")
        assert prompts(feed) == [f"read {text}"]


async def test_what_is_left_is_a_draft_and_what_was_sent_comes_back_by_up(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("1", "P")
        await console.type("half a thought")
        await console.press("escape", "P")
        assert "half a thought" in console.text
        await console.type(" more")
        await console.press("enter")
        await console.press("P")
        assert "half a thought" not in console.text
        await console.type("new")
        await console.press("up")
        assert "half a thought more" in console.text
        await console.press("down")
        assert "half a thought" not in console.text
        await console.press("enter")
        assert prompts(feed) == ["half a thought more", "new"]


async def test_an_empty_prompt_is_not_sent(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("1", "P", "space", "enter")
        assert prompts(feed) == []
        assert console.app.screen.query(PromptArea)


@pytest.mark.parametrize("named", ["no-such-editor", "'"])
async def test_an_editor_that_is_missing_is_named_and_nothing_lost(
    feed: FakeFeed, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", named)
    async with console_fixture(feed, clock) as console:
        await console.press("1", "P")
        await console.type("keep me")
        await console.press("ctrl+e")
        assert "EDITOR" in console.told[-1]
        assert "keep me" in console.text


async def test_the_editors_text_is_taken(
    feed: FakeFeed, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nprintf 'edited\\nby hand\\n' > \"$1\"\n")
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("VISUAL", str(editor))
    monkeypatch.setattr("tui.terminal.hand_over.hand_over", _run)
    async with console_fixture(feed, clock) as console:
        await console.press("1", "P", "ctrl+e")
        await console.press("enter")
        assert prompts(feed) == ["edited\nby hand"]


def _run(_app: object, argv: list[str]) -> None:
    """A test's display cannot be handed over, so the program runs beside it."""
    from tui.terminal.hand_over import Program, run

    assert run(Program(argv)) == 0


@pytest.mark.parametrize("key", ["backspace", "delete", "ctrl+w", "x"])
async def test_a_paste_is_deleted_and_kept_as_a_whole(feed: FakeFeed, clock: ManualClock, key: str) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("1", "P")
        await console.type("a")
        await paste(console, PASTED)
        await console.type("b")
        await console.press("left", *(["left"] * 5 if key in {"x", "delete"} else []), key, "enter")
        assert prompts(feed) == [f"a{PASTED}xb" if key == "x" else "ab"]


async def test_a_deleted_paste_comes_back_by_undo(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("1", "P")
        await paste(console, PASTED)
        await console.press("backspace", "ctrl+z", "enter")
        assert prompts(feed) == [PASTED]


async def test_a_word_that_looks_like_a_paste_is_sent_as_it_is(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("1", "P")
        await paste(console, PASTED)
        await paste(console, "[paste 1: 1,000 lines, 9K]")
        await console.press("enter")
        assert prompts(feed) == [f"{PASTED}[paste 1: 1,000 lines, 9K]"]


@pytest.mark.parametrize("way", ["recall", "draft"])
async def test_a_prompt_with_a_paste_comes_back_as_it_was_shown(feed: FakeFeed, clock: ManualClock, way: str) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("1", "P")
        await console.type("read this ")
        await paste(console, PASTED)
        await console.press("enter" if way == "recall" else "escape", "P", *(["up"] if way == "recall" else []))
        assert "read this [paste 1: 1,000 lines" in console.text
        await console.press("enter")
        assert prompts(feed)[-1] == f"read this {PASTED}"


async def test_up_moves_in_a_wrapped_line_before_it_recalls(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock, (80, 24)) as console:
        await console.press("1", "P")
        await console.type("sent")
        await console.press("enter", "P")
        await paste(console, "word " * 40)
        area = console.app.screen.query_one(PromptArea)
        rows = area.wrapped_document.height
        assert rows > 2
        await console.press(*["up"] * (rows - 1))
        assert area.text == "word " * 40
        await console.press("up")
        assert area.text == "sent"
        await console.press("down")
        assert area.text == "word " * 40


async def test_escape_on_a_recalled_prompt_keeps_what_was_typed(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("1", "P")
        await console.type("sent")
        await console.press("enter", "P")
        await console.type("half")
        await console.press("up", "escape", "P")
        assert console.app.screen.query_one(PromptArea).text == "half"
        await console.press("up", "x", "escape", "P")  # a recalled prompt that was changed is a draft, too
        assert console.app.screen.query_one(PromptArea).text == "sentx"
        await console.press("up")
        assert console.app.screen.query_one(PromptArea).text == "half"


async def test_keys_before_the_editor_in_a_burst_are_in_the_text(
    feed: FakeFeed, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nprintf ', edited' >> \"$1\"\n")
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("VISUAL", str(editor))
    monkeypatch.setattr("tui.terminal.hand_over.hand_over", _run)
    async with console_fixture(feed, clock) as console:
        await console.press("1", "P")
        for key in ("a", "b", "c", "ctrl+e", "d"):
            console.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await console.settle()
        await console.press("enter")
        assert prompts(feed) == ["abc, editedd"]


async def test_keys_in_a_burst_reach_the_prompt_that_was_recalled(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("1", "P")
        await console.type("sent")
        await console.press("enter", "P")
        for key, character in (("up", None), ("x", "x"), ("enter", "\r")):
            console.app.post_message(events.Key(key, character))
        await console.settle()
        assert prompts(feed) == ["sent", "sentx"]
