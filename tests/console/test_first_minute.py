"""A new operator's first minute: what is real, what to do first, where each line leads, every act by its name."""

from __future__ import annotations

import pytest

from engine.base.clock import ManualClock
from engine.events import types as ev
from engine.events.types import AnyEvent, EventEnvelope, Severity
from tests.console import scene
from tests.support.console import NORMAL, SMALL, ConsoleFixture, FakeFeed, console_fixture
from tests.support.processes import until
from tui.actions.command_line import LineError, parse
from tui.screens.command import CommandScreen
from tui.screens.palette import RegistryCommands

ASKED = "SIMULATOR"


def started(banner: str = ASKED, *more: AnyEvent) -> FakeFeed:
    """An engine that has just begun."""
    engine = ev.EngineStarted(engine="e1", pid=1, backend="simulator", version="0", banner=banner, max_size=10)
    return FakeFeed([EventEnvelope(number, scene.NOW, event) for number, event in enumerate((engine, *more), 1)])


async def line(console: ConsoleFixture, text: str) -> None:
    """Type a line at `:`."""
    await console.press("colon")
    await console.type(text)
    await console.press("enter")


@pytest.mark.parametrize("size", [SMALL, NORMAL])
@pytest.mark.parametrize(
    ("banner", "said"),
    [
        ("SIMULATOR: no Claude Code CLI on this machine", "pip install 'quarterdeck[claude]'"),
        ("SIMULATOR: no API key and no `claude login`, demo traffic", "`claude login`"),
        (ASKED, "it was asked for"),
        ("offline model: no request leaves this machine", "without `--offline`"),
    ],
)
async def test_it_says_why_answers_are_not_real_and_how_they_get_real(
    banner: str, said: str, size: tuple[int, int], clock: ManualClock
) -> None:
    async with console_fixture(started(banner), clock, size) as console:
        text = " ".join(" ".join(drawn[:77] for drawn in console.lines).split())
        assert "To go real" in text
        assert said in text


async def test_three_steps_are_shown_until_a_request_has_come(clock: ManualClock) -> None:
    async with console_fixture(started(""), clock, SMALL) as console:
        assert "FIRST STEPS" in console.text
        assert "To go real" not in console.text
        queued = ev.RequestQueued(request="r1", user="ana", tenant="t", profile="p", priority="medium", prompt="hi")
        console.feed.push(scene.NOW, queued)
        await console.settle()
        assert "FIRST STEPS" not in console.text


async def test_read_only_no_step_says_to_act(clock: ManualClock) -> None:
    async with console_fixture(started(""), clock, SMALL) as console:
        await console.press("ctrl+r")
        assert "FIRST STEPS" in console.text
        assert "send a prompt" not in console.text


async def test_while_something_needs_a_person_that_alone_is_shown(clock: ManualClock) -> None:
    notice = ev.Notice(severity=Severity.CRITICAL, text="The disk is full.", remedy="Free some space.")
    async with console_fixture(started(ASKED, notice), clock, SMALL) as console:
        assert "FIRST STEPS" not in console.text
        assert "The disk is full." in console.text


async def test_every_line_that_says_it_opens_does(clock: ManualClock) -> None:
    long = "The state folder cannot be written, and it goes on like this for longer than a line has room for"
    notice = ev.Notice(severity=Severity.CRITICAL, text=long, remedy="Free space at the very end.")
    breaker = ev.BreakerChanged(breaker="model:x", old="closed", new="open", reason="5 of 5 failed")
    alert = ev.AlertRaised(
        rule="queue-long", subject="", severity=Severity.WARNING, text="9 wait", remedy="Raise it.", value=9.0
    )
    async with console_fixture(started("", notice, breaker, alert), clock, SMALL) as console:
        shown = []
        for _ in range(3):
            await console.press("enter")
            shown.append(console.text)
            await console.press("escape", "1", "j")
        assert "very end" in shown[0]
        assert "BREAKERS" in shown[1]
        assert "ALERTS" in shown[2]


async def test_a_remedy_is_whole_where_there_is_room(clock: ManualClock) -> None:
    text = "The state folder of this engine cannot be written any more, for the disk that it is on is full"
    notice = ev.Notice(severity=Severity.CRITICAL, text=text, remedy="Free space, or set `engine.state_dir`.")
    async with console_fixture(started("", notice), clock, SMALL) as console:
        assert "`engine.state_dir`." in " ".join(console.text.split())
        at = next(y for y, drawn in enumerate(console.lines) if "state_dir" in drawn)
        await console.pilot.click("#glance", offset=(30, at - 2))
        await console.settle()
        assert "j k scroll" in console.text


async def test_counts_have_their_words_while_there_is_room(clock: ManualClock) -> None:
    async with console_fixture(started(""), clock, SMALL) as console:
        for number in range(3):
            console.feed.push(
                scene.NOW, ev.SessionStarting(session=f"s{number}", profile="p", tenant="t", backend="simulator")
            )
        await console.settle()
        assert "◐ 3 starting" in console.text


@pytest.mark.parametrize(
    ("typed", "title"),
    [("sessions", "[2 Sessions]"), ("queue", "[5 Queue]"), ("go 5", "[5 Queue]"), ("go Tuning", "[7 Tuning]"),
     ("Conversations", "[0 Conversations]"), ("go 0", "[0 Conversations]"), ("recovery", "[4 Recovery]")],
)  # fmt: skip
async def test_a_screen_is_gone_to_by_its_name_or_its_key(typed: str, title: str, clock: ManualClock) -> None:
    async with console_fixture(started(""), clock, SMALL) as console:
        await line(console, typed)
        assert title in console.lines[0]


async def test_a_screen_that_there_is_not_is_refused_with_those_that_are(clock: ManualClock) -> None:
    async with console_fixture(started(""), clock, SMALL) as console:
        await line(console, "go quue")
        text = " ".join(console.text.split())
        assert "the nearest is queue" in text
        assert "conversations" in text


def test_the_name_of_a_screen_does_not_hide_a_command() -> None:
    assert parse("sessions kill s1", {"sessions"}).command.name == "sessions kill"
    assert parse(" : Sessions ", {"sessions"}).words == ("sessions",)
    with pytest.raises(LineError, match="goes on"):
        parse("sessions", ())


async def test_screens_are_completed(clock: ManualClock) -> None:
    async with console_fixture(started(""), clock, SMALL) as console:
        await console.press("colon")
        await console.type("conv")
        assert "go to Conversations" in console.text
        await console.press("tab")
        assert ": conversations" in console.text


async def test_the_palette_knows_acts_of_other_screens_and_every_operation(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock, NORMAL) as console:
        hits = [str(hit.display) async for hit in RegistryCommands(console.app.screen).discover()]
        assert any(text.startswith("Queue: cancel it") for text in hits)
        assert any("conversations fork" in text for text in hits)
        await console.press("ctrl+p")
        await until(lambda: "Search for commands" in console.text)
        await console.pilot.press(*"queue", "colon", "space", *"cancel")
        await until(lambda: "Queue: cancel it" in console.text.partition(": queue cancel")[0])
        await console.pilot.press("enter")
        await until(lambda: "[5 Queue]" in console.lines[0])
        assert console.feed.calls == []
        assert any("X does it" in told for told in console.told)


async def test_an_operation_from_the_palette_is_typed_at_the_line(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock, NORMAL) as console:
        await console.press("ctrl+p")
        await until(lambda: "Search for commands" in console.text)
        await console.pilot.press(*"conversations", "space", *"fork")
        await until(lambda: ": conversations fork" in console.text)
        await console.pilot.press("enter")
        await until(lambda: isinstance(console.app.screen, CommandScreen))
        assert ": conversations fork" in console.text


async def test_the_help_explains_the_glyphs(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock, (120, 60)) as console:
        await console.press("2", "question_mark")
        for words in ("asks for an approval", "asleep: a prompt wakes it", "has failed"):
            assert words in console.text
