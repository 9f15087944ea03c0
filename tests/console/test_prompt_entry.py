"""Typing a prompt: lines, pastes, drafts, history, the editor."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events

from engine.base.clock import ManualClock
from tests.support.console import ConsoleFixture, FakeFeed, console_fixture
from tui.screens.prompt_entry import FOLDED, PROMPTS_KEPT, Pastes, PromptArea, PromptMemory

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
    from tui.terminal.hand_over import _run as run

    assert run(argv) == 0


@given(st.lists(st.text(max_size=3 * FOLDED), max_size=4), st.text(max_size=50))
def test_what_is_shown_unfolds_to_what_was_pasted(texts: list[str], between: str) -> None:
    pastes = Pastes()
    shown = between.join(pastes.folded(text) for text in texts)
    assert pastes.unfolded(shown) == between.join(texts)


def test_memory_is_bounded() -> None:
    memory = PromptMemory()
    for number in range(3 * PROMPTS_KEPT):
        memory.remember("t", f"prompt {number}")
        memory.keep(f"target {number}", "draft")
    assert (len(memory.sent), len(memory.drafts)) == (PROMPTS_KEPT, PROMPTS_KEPT)
    assert memory.sent[-1] == f"prompt {3 * PROMPTS_KEPT - 1}"
