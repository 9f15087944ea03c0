"""Where a prompt goes: files after `@`, choosers, templates, and the way to the session that runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual import events

from engine.base.clock import ManualClock
from engine.base.errors import NotFound, QuarterdeckError
from engine.events import types as ev
from engine.events.state import State
from tests.console import scene
from tests.support.console import NORMAL, SMALL, ConsoleFixture, FakeFeed, console_fixture
from tests.support.processes import until
from tui.model.prompt_target import PromptTarget, landing
from tui.screens.prompt_entry import PromptEntry
from tui.screens.prompt_sent import PromptSent
from tui.screens.transcript import TranscriptScreen
from tui.widgets.prompt_area import PromptArea

SIZES = [NORMAL, SMALL]
FILES = ["src/app.py", "src/apply.py", "my notes.md", "a/b.py", "c/d.py", "e/f.py"]
ROWS = [
    {"name": "default", "workspace": "/src/billing", "directories": ["/srv/one", "/srv/two"]},
    {"name": "ci", "workspace": "", "directories": []},
]
CONVERSATION = {
    **dict.fromkeys(("tenant", "permission_mode", "last_words"), ""),
    "id": "9b11c0de-7a54-4c1e-8d3c-000000000011",
    "profile": "ci",
    "state": "hibernated",
    "session": "",
    "holder": "",
    "directory": "/src/ci",
    "title": "nightly build",
    "user": "ana",
    "created": 1.0,
    "used": 2.0,
    "turns": 9,
    "cost": 0.5,
}

OTHERS = [{**CONVERSATION, "id": f"{number:08d}-7a54", "title": f"story {number}"} for number in range(200)]
OLDER = [*OTHERS, {**CONVERSATION, "id": "77777777-7a54", "title": "the release of last year", "profile": "default"}]


class PromptFeed(FakeFeed):
    """Knows files, profiles, conversations, and how a request ended."""

    def __init__(self) -> None:
        super().__init__(scene.tape(), {"s0008": scene.transcript()})
        self.directory = "/src/billing"
        self.asked: list[Any] = []
        self.no_files: QuarterdeckError | None = None
        self.prompt: dict[str, Any] = {"id": "r900"}

    def _answer(self, operation: str, args: Any) -> dict[str, Any]:
        match operation:
            case "profiles.files":
                self.asked.append(args)
                if self.no_files is not None:
                    raise self.no_files
                files = [name for name in FILES if args.q in name] if self.directory else []
                return {"directory": self.directory, "files": files, "more": False}
            case "profiles.list":
                rest = {"tenant": "default", "model": "sonnet", "warm": 0, "note": "", "sessions": 2}
                return {"profiles": [{**row, **rest} for row in ROWS]}
            case "conversations.list":
                self.asked.append(args)
                rows = [CONVERSATION, *OTHERS] if args.q is msgspec.UNSET else OLDER
                fit = [row for row in rows if args.q is msgspec.UNSET or args.q in row["title"]]
                return {"conversations": fit[: args.limit], "total": len(fit)}
            case "prompts.show":
                return {"prompt": self.prompt}
            case _:
                return super()._answer(operation, args)


@pytest.fixture
def feed() -> PromptFeed:
    return PromptFeed()


def area(console: ConsoleFixture) -> PromptArea:
    return console.app.screen.query_one(PromptArea)


async def opened(console: ConsoleFixture) -> None:
    await console.press("1", "P")
    assert isinstance(console.app.screen, PromptEntry)


@pytest.mark.parametrize("size", SIZES)
async def test_a_file_is_offered_chosen_and_taken(feed: PromptFeed, clock: ManualClock, size: tuple[int, int]) -> None:
    async with console_fixture(feed, clock, size) as console:
        await opened(console)
        await console.type("read @app")
        await console.settle()
        assert "▌ src/app.py" in console.text
        assert "tab takes it" in console.text
        await console.press("down", "tab")
        assert area(console).text == "read @src/apply.py "
        assert "tab takes it" not in console.text
        await console.type("and @notes")
        await console.settle()
        await console.press("tab", "enter")
        assert feed.sent[-1].prompt == 'read @src/apply.py and @"my notes.md"'
        assert feed.asked[-1].q == "notes"


async def test_escape_closes_the_offers_and_then_keeps_the_draft(feed: PromptFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await opened(console)
        await console.type("@app")
        await console.settle()
        await console.press("escape")
        assert "tab takes it" not in console.text
        await console.type("l")
        assert "tab takes it" not in console.text
        await console.press("escape", "P")
        assert area(console).text == "@appl"


async def test_enter_sends_what_was_typed_while_files_are_offered(feed: PromptFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await opened(console)
        await console.type("@app")
        await console.settle()
        await console.press("enter")
        assert feed.sent[-1].prompt == "@app"


@pytest.mark.parametrize("why", ["refused", "no folder", "nothing fits"])
async def test_why_no_file_is_offered_is_said(feed: PromptFeed, clock: ManualClock, why: str) -> None:
    feed.no_files = NotFound("The engine knows no such operation.") if why == "refused" else None
    feed.directory = "" if why == "no folder" else feed.directory
    async with console_fixture(feed, clock) as console:
        await opened(console)
        await console.type("@zzz")
        await console.settle()
        words = {"refused": "knows no such operation", "no folder": "empty folder of its own"}
        assert words.get(why, "no file fits") in console.text


@pytest.mark.parametrize("size", SIZES)
async def test_all_that_is_chosen_is_shown_and_sent(
    feed: PromptFeed, clock: ManualClock, size: tuple[int, int]
) -> None:
    async with console_fixture(feed, clock, size) as console:
        await opened(console)
        for key, what in (("f2", "conversation new"), ("f3", "profile default"), ("f4", "folder its own"),
                          ("f5", "user you"), ("f6", "priority medium"), ("f7", "template")):  # fmt: skip
            assert f"{key} {what}" in console.text
        await console.press("f6", "k", "enter")
        assert "priority high" in console.text
        await console.press("f5", "j", "enter")
        assert "user ana" in console.text
        await console.press("f4", "j", "enter")
        assert "folder /srv/one" in console.text
        assert "a new conversation in /srv/one" in console.text
        await console.type("hello")
        await console.press("enter")
        sent = feed.sent[-1]
        assert (sent.prompt, sent.cwd, sent.user, sent.priority) == ("hello", "/srv/one", "ana", "high")


async def test_the_same_choices_are_made_from_a_menu_by_letters(feed: PromptFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock, SMALL) as console:
        await opened(console)
        await console.type("go on")
        await console.press("tab")
        assert "CHOOSE" in console.text
        await console.press("c")
        assert "nightly build" in console.text
        await console.press("down", "enter")
        assert "the conversation sleeps" in console.text
        assert "profile ci" in console.text
        await console.press("enter")
        assert (feed.sent[-1].conversation, feed.sent[-1].profile, feed.sent[-1].cwd) == (CONVERSATION["id"], "ci", "")


async def test_a_conversation_that_is_not_among_the_last_ones_is_searched_for(
    feed: PromptFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock, SMALL) as console:
        await opened(console)
        await console.press("f2")
        assert "the release of last year" not in console.text
        await console.type("release")
        await until(lambda: "the release of last year" in console.text)
        assert "nightly build" not in console.text
        assert [args.q for args in feed.asked if hasattr(args, "state")] == [msgspec.UNSET, "release"]
        await console.press("enter")
        assert "77777777 the release of last year" in console.text
        await console.press("f2")
        await console.type("nothing like it")
        await until(lambda: "nothing is like that" in console.text)
        await console.press("enter", "down", "escape")
        await console.type("hello")
        await console.press("enter")
        assert feed.sent[-1].conversation == "77777777-7a54"


async def test_another_profile_begins_a_new_conversation(feed: PromptFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await opened(console)
        await console.press("f2", "down", "enter", "f3", "k", "enter")
        assert "conversation new" in console.text
        await console.press("f3", "j", "enter", "f4")
        assert "ci allows no other folder" in console.told[-1]


async def test_a_refused_choice_keeps_the_text(feed: PromptFeed, clock: ManualClock, tmp_path: Path) -> None:
    async with console_fixture(feed, clock) as console:
        console.app.templates = tmp_path / "none"
        await opened(console)
        await console.type("keep me")
        await console.press("f7")
        await console.settle()
        assert "console.templates" in console.told[-1]
        assert area(console).text == "keep me"


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """A folder with a good template, and one with an error."""
    (tmp_path / "review.md").write_text(
        "---\ndescription: Review it\npriority: urgent\n---\nReview {{branch = main}} for {{kind: bugs | style}}.\n"
    )
    (tmp_path / "wrong.md").write_text("Look at {{branch\n")
    return tmp_path


@pytest.mark.parametrize("size", SIZES)
async def test_a_template_asks_for_its_placeholders_and_is_put_in(
    feed: PromptFeed, clock: ManualClock, templates: Path, size: tuple[int, int]
) -> None:
    async with console_fixture(feed, clock, size) as console:
        console.app.templates = templates
        await opened(console)
        await console.type("first. ")
        await console.press("f7")
        await console.settle()
        assert "Review it" in console.text
        assert "✖ line 1: a placeholder has no end" in console.text
        await console.press("enter")
        await console.settle()
        assert "main" in console.text
        await console.type("-2")
        await console.press("enter", "j", "enter")
        await console.settle()
        assert area(console).text == "first. Review main-2 for style."
        assert "priority urgent" in console.text


@pytest.mark.parametrize("left_at", ["placeholder", "options"])
async def test_a_template_that_is_left_or_wrong_changes_nothing(
    feed: PromptFeed, clock: ManualClock, templates: Path, left_at: str
) -> None:
    async with console_fixture(feed, clock) as console:
        console.app.templates = templates
        await opened(console)
        await console.type("mine")
        await console.press("f7")
        await console.settle()
        await console.press("enter", *(["enter"] if left_at == "options" else []), "escape")
        await console.settle()
        assert (area(console).text, "priority medium" in console.text) == ("mine", True)
        await console.press("f7")
        await console.settle()
        await console.press("j", "enter")
        await console.settle()
        assert console.told[-1].startswith("Template wrong is not used: line 1: a placeholder has no end")
        assert area(console).text == "mine"


@pytest.mark.parametrize("size", SIZES)
async def test_after_sending_enter_goes_to_the_session_that_runs_it(
    feed: PromptFeed, clock: ManualClock, size: tuple[int, int]
) -> None:
    async with console_fixture(feed, clock, size) as console:
        await opened(console)
        await console.type("hello")
        await console.press("enter")
        assert isinstance(console.app.screen, PromptSent)
        assert "runs in s0001" in console.text  # r900 of the scene
        await console.press("enter")
        screen = console.app.screen
        assert isinstance(screen, TranscriptScreen)
        assert screen.session == "s0001"


async def test_one_that_waits_is_gone_to_as_soon_as_it_runs(feed: PromptFeed, clock: ManualClock) -> None:
    feed.push(scene.NOW, ev.RequestQueued(request="rX", user="ana", tenant="default", profile="default",
                                          priority="medium", prompt="hello"))  # fmt: skip
    async with console_fixture(feed, clock) as console:
        console.app.push_screen(PromptSent("rX"), lambda found: console.app.navigation.open_transcript(found or ""))
        await console.settle()
        assert "waits, 1 request came before it" in console.text
        await console.press("enter")
        assert "goes there once it runs" in console.text
        feed.push(scene.NOW + 1, ev.TurnStarted(session="s0004", request="rX", user="ana", prompt="hello"))
        await console.settle()
        screen = console.app.screen
        assert isinstance(screen, TranscriptScreen)
        assert screen.session == "s0004"


@pytest.mark.parametrize(
    ("end", "words", "goes"),
    [
        ({"answer": {"session": "s0004"}}, "answered in s0004", True),
        ({"error": {"message": "No capacity."}}, "ended with an error: No capacity.", False),
    ],
)
async def test_one_that_has_ended_says_how(
    feed: PromptFeed, clock: ManualClock, end: dict[str, Any], words: str, goes: bool
) -> None:
    feed.prompt = {"id": "rY", **end}
    if "answer" in end:
        from engine.operations.declared.prompts import PromptAnswer

        blank = {each.name: "" if each.type is str else 0 for each in msgspec.structs.fields(PromptAnswer)}
        feed.prompt["answer"] = {**blank, "cached": False, "simulated": False, **end["answer"]}
    async with console_fixture(feed, clock) as console:

        def go(found: str | None) -> None:
            if found:
                console.app.navigation.open_transcript(found)

        console.app.push_screen(PromptSent("rY"), go)
        await console.settle()
        assert words in console.text
        await console.press("enter")
        assert isinstance(console.app.screen, TranscriptScreen) == goes


@pytest.mark.parametrize(("key", "screen"), [("exclamation_mark", "Inbox"), ("2", "SessionsScreen"), ("colon", "")])
async def test_any_other_key_does_what_it_does_below(
    feed: PromptFeed, clock: ManualClock, key: str, screen: str
) -> None:
    async with console_fixture(feed, clock) as console:
        await opened(console)
        await console.type("hello")
        await console.press("enter", key)
        await console.settle()
        assert type(console.app.screen).__name__ == (screen or "CommandScreen")


async def test_keys_in_a_burst_after_a_prompt_was_sent_keep_their_order(feed: PromptFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await opened(console)
        await console.type("hello")
        await console.press("enter")
        for key, character in (("2", "2"), ("j", "j"), ("enter", "\r")):
            console.app.post_message(events.Key(key, character))
        await console.settle()
        await console.settle()
        screen = console.app.screen
        assert isinstance(screen, TranscriptScreen)
        assert screen.session == "s0002"


async def test_another_prompt_goes_to_the_same_place(feed: PromptFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await opened(console)
        await console.press("f6", "k", "enter")
        await console.type("one")
        await console.press("enter", "P")
        assert "priority high" in console.text
        await console.type("two")
        await console.press("enter", "escape")
        assert [args.prompt for args in feed.sent] == ["one", "two"]
        assert not isinstance(console.app.screen, PromptEntry | PromptSent)


async def test_a_prompt_that_is_refused_is_a_draft_again(feed: PromptFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await opened(console)
        await console.type("precious")
        feed.refusal = QuarterdeckError("The queue is full.", remedy="Wait.")
        await console.press("enter")
        await console.settle()
        assert "The queue is full." in console.told[-1]
        await console.press("P")
        assert area(console).text == "precious"


def test_where_a_prompt_lands_is_told_for_every_state() -> None:
    from engine.events.reducers.projection import Projection

    projection = Projection()
    for stamped in scene.tape():
        projection.apply(stamped)
    state = projection.state
    row = state.sessions["s0001"]
    waits = state.sessions["s0008"]
    idle = state.sessions["s0004"]
    assert landing(PromptTarget(row.conversation), state) == "s0001, after the turn that runs there"
    assert landing(PromptTarget(waits.conversation), state).endswith("which waits for an approval")
    assert landing(PromptTarget(idle.conversation), state) == "s0004, at once"
    assert "sleeps" in landing(PromptTarget("elsewhere"), state)
    assert "idle session of default; 1 request waits already" in landing(PromptTarget(), state)
    assert "once a session of ci is free or has started" in landing(PromptTarget(profile="ci"), State())
