"""Screens of one's own: installed by pip, named by module, refused with a reason, and harmless when they break."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from textual.widget import Widget

from engine.base.clock import ManualClock
from tests.support.console import NORMAL, SMALL, ConsoleFixture, FakeFeed, console_fixture
from tests.support.examples import install, on_path
from tests.support.processes import until
from tui.actions.keymap import load_keymap
from tui.actions.registry import Action
from tui.console.plugin_screens import MAX_SCREENS, Discovered, PluginScreen, Rejected, adopted, find_screens
from tui.model.columns import Column
from tui.model.tables import Listing, command
from tui.render.spans import Line
from tui.screens.base_screen import BaseScreen
from tui.screens.list_screen import ListScreen
from tui.screens.sessions import SessionsScreen
from tui.widgets.styled import LineBlock

HERE = __name__


NAMES: Listing[str] = Listing(
    "names",
    "name",
    (Column("id", "ID", 6, 0, lambda name, _: name, lambda name: name, lambda name, _: name),),
    id=lambda name: name,
    command=lambda name: command("sessions", "show", name),
)


class Mine(ListScreen[str]):
    """One line that says how often it was painted, and keys of which some are taken."""

    NAME = "mine"
    TITLE = "Mine"
    KEY = "m"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("mine.down", "j,down", "down", "", "screen.move(1)"),
        Action("mine.frozen", "f", "a key that is taken", "", "screen.move(1)"),
        Action("mine.low", "x", "an act on a small letter", "", "screen.harm", True),
        Action("mine.harm", "X", "harm", "", "screen.harm", True, 1),
    )
    done: ClassVar[list[str]] = []

    def __init__(self) -> None:
        super().__init__(NAMES)

    def items(self) -> list[str]:
        return ["one", "two"]

    def draw(self, width: int, height: int) -> list[Line]:
        return [[(f"mine, on {self.cursor}", "")]]

    def action_harm(self) -> None:
        self.done.append(self.cursor)


class BadPaint(Mine):
    """Fails while it is painted, as long as it is told to."""

    NAME = "bad-paint"
    TITLE = "Bad paint"
    KEY = "p"
    ACTIONS: ClassVar[tuple[Action, ...]] = ()
    fails = True

    def draw(self, width: int, height: int) -> list[Line]:
        if BadPaint.fails:
            raise ZeroDivisionError("no \x1b[31mgood[/]")
        return [[("well again", "")]]


class BadMaking(BaseScreen):
    """Fails while it is made."""

    NAME = "bad-making"
    TITLE = "Bad making"

    def __init__(self) -> None:
        raise RuntimeError("not today")


class BadBody(BaseScreen):
    """Fails while its widgets are made, and in what it says in line 1."""

    NAME = "bad-body"
    TITLE = "Bad body"

    @property
    def crumb(self) -> str:
        raise LookupError("no crumb")

    def compose_body(self) -> Iterable[Widget]:
        yield LineBlock(id="half")
        raise LookupError("no body")


class BadAction(Mine):
    """Fails when its key is pressed."""

    NAME = "bad-action"
    TITLE = "Bad action"
    KEY = ""
    ACTIONS: ClassVar[tuple[Action, ...]] = (Action("bad-action.go", "g", "fail", "", "screen.fail"),)

    def action_fail(self) -> None:
        raise ValueError("not so")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip installed the example."""
    return install("quarterdeck-users", tmp_path_factory.mktemp("example"))


@pytest.fixture
def installed(site: Path) -> Iterator[Path]:
    """The folder on this process's path."""
    with on_path(site, "quarterdeck_users"):
        yield site


@asynccontextmanager
async def with_screens(
    feed: FakeFeed, clock: ManualClock, *named: str, size: tuple[int, int] = NORMAL, **options: Any
) -> AsyncIterator[ConsoleFixture]:
    """A console that has looked for screens."""
    async with console_fixture(feed, clock, size, **options) as console:
        console.app.directory.add(find_screens(named))
        await console.settle()
        yield console


async def go(console: ConsoleFixture, name: str) -> None:
    """Go to a screen by the command line."""
    await console.press("colon")
    await console.type(f"go {name}")
    await console.press("enter")
    await console.settle()


@pytest.mark.parametrize("size", [NORMAL, SMALL])
async def test_an_installed_screen_is_there_like_any_other(
    size: tuple[int, int], installed: Path, feed: FakeFeed, clock: ManualClock
) -> None:
    async with with_screens(feed, clock, size=size) as console:
        assert console.told == []
        assert ("f6 Users" if size == NORMAL else " f6 ") in console.lines[0]
        await console.press("f6")
        assert "[f6 Users]" in console.lines[0]
        assert "USERS" in console.text
        assert "▌  ana" in console.text
        assert "I interrupt" in console.lines[-1]
        await console.press("question_mark")
        assert "interrupt all turns" in console.text
        await console.press("escape", "j", "1", "f6")
        assert "▌  ben" in console.text
        await console.press("I")
        await console.press("enter")
        await until(lambda: [call[0] for call in feed.calls] == ["interrupt"] * 2)
        await console.press("enter")
        assert isinstance(console.app.screen, SessionsScreen)
        assert console.lines[2].startswith(" / user:ben")
        await go(console, "users")
        assert "USERS" in console.text
        await console.press("colon")
        await console.type("go use")
        await console.press("tab")
        assert console.app.screen.query_one("#line").value == "go users "  # type: ignore[attr-defined]


async def test_it_is_found_beside_the_connection(installed: Path, feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock, (160, 36)) as console:
        console.app.run_worker(console.app.directory.look([f"{HERE}:Mine"]))
        await until(lambda: "m Mine" in console.lines[0])
        assert "f6 Users" in console.lines[0]
        await console.app.directory.look([f"{HERE}:Mine"])  # a second attempt to connect
        await console.pilot.click("#where", offset=(console.lines[0].index("Mine"), 0))
        await console.settle()
        assert "mine, on one" in console.text


async def test_keys_that_it_cannot_have_are_told_with_both_owners(feed: FakeFeed, clock: ManualClock) -> None:
    async with with_screens(feed, clock, f"{HERE}:Mine") as console:
        told = "\n".join(console.told)
        assert "mine.frozen" in told
        assert "Clash: f in Mine: view.freeze and mine.frozen; mine.frozen goes without" in told
        assert "mine.low acts, so it cannot have the key x" in told
        await console.press("m", "j", "x")
        assert "mine, on two" in console.text
        assert Mine.done == []
        await console.press("X")
        assert Mine.done == ["two"]
        Mine.done.clear()
        await console.press("comma", "X")
        assert "past cannot be acted on" in console.told[-1]
        assert Mine.done == []


@pytest.mark.parametrize("key", ["1", "6", "8", "9", "f"])
def test_a_screen_gets_no_key_that_is_taken_or_kept(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mine, "KEY", key)
    screen, problems = adopted(Mine, "me")
    assert screen.view.key == ""
    assert "view.mine" in problems[0]
    assert problems[0].startswith("me: ")


def test_two_of_one_s_own_do_not_take_each_other_s_key(monkeypatch: pytest.MonkeyPatch) -> None:
    first, _problems = adopted(Mine, "me")
    monkeypatch.setattr(BadPaint, "KEY", "m")
    second, problems = adopted(BadPaint, "you", [first])
    assert second.view.key == ""
    assert problems == ["you: Clash: m in everywhere: view.mine and view.bad-paint; view.bad-paint goes without"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"NAME": "Two Words"}, "NAME is 'Two Words'"),
        ({"NAME": ""}, "NAME is ''"),
        ({"TITLE": "a title that is far too long"}, "not one to 14 characters"),
        ({"TITLE": "\x1b[31m"}, "not one to 14 characters"),
        ({"NAME": "errors"}, "is a screen of Quarterdeck's own"),
        ({"TITLE": "Queue"}, "is a screen of Quarterdeck's own"),
        ({"BINDINGS": []}, "keys belong into ACTIONS"),
        ({"ACTIONS": (Action("other.x", "x", "x", "", "screen.x"),)}, "id begins with mine."),
        ({"ACTIONS": ("x",)}, "id begins with mine."),
    ],
)
def test_a_class_that_cannot_be_a_screen_is_refused(changed: dict[str, Any], said: str) -> None:
    made = type("Changed", (Mine,), changed)
    with pytest.raises(Rejected, match=said):
        adopted(made, "me")
    for no_screen in (int, 7, "x"):
        with pytest.raises(Rejected, match="no subclass"):
            adopted(no_screen, "me")


def test_a_name_is_taken_once() -> None:
    first, _problems = adopted(Mine, "me")
    with pytest.raises(Rejected, match="is a screen of me already"):
        adopted(type("Again", (Mine,), {}), "you", [first])


async def test_what_cannot_be_imported_is_named_and_the_rest_is_there(
    feed: FakeFeed, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loud_screen.py").write_text("raise SystemExit('goodbye')\n")
    (tmp_path / "no_python.py").write_text("this is no Python\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    named = ["loud_screen:Mine", "no_python:Mine", "nowhere:Mine", f"{HERE}:Nothing", f"{HERE}:HERE", f"{HERE}:Mine"]
    found = find_screens(named)
    assert [screen.name for screen in found.screens] == ["mine"]
    for name, words in zip(
        named, ("goodbye", "SyntaxError", "No module named", "no attribute", "no subclass"), strict=False
    ):
        assert any(problem.startswith(f"{name}: ") and words in problem for problem in found.problems), name
    async with console_fixture(feed, clock) as console:
        console.app.directory.add(Discovered(found.screens, found.problems[:2]))
        await console.settle()
        assert "loud_screen:Mine: SystemExit: goodbye" in console.told


def test_there_is_a_bound() -> None:
    found = find_screens([f"{HERE}:Mine"] * (MAX_SCREENS + 1))
    assert len(found.screens) == 1
    assert found.problems[0].startswith(f"more than {MAX_SCREENS} plugin screens")


@pytest.mark.parametrize(
    ("name", "keys", "trouble"),
    [
        ("BadPaint", (), "ZeroDivisionError: no ·[31mgood[/]"),
        ("BadMaking", (), "RuntimeError: not today"),
        ("BadBody", (), "LookupError: no"),
        ("BadAction", ("g",), "ValueError: not so"),
    ],
)
@pytest.mark.parametrize("size", [NORMAL, SMALL])
async def test_a_screen_that_breaks_says_so_and_nothing_else_is_touched(
    name: str, keys: Sequence[str], trouble: str, size: tuple[int, int], feed: FakeFeed, clock: ManualClock
) -> None:
    async with with_screens(feed, clock, f"{HERE}:{name}", size=size) as console:
        own: PluginScreen = console.app.directory._plugins[0]
        await go(console, own.name)
        await console.press(*keys)
        assert trouble in console.text
        assert f"{own.title} is of {HERE}:{name}, and failed:" in console.text
        assert [told for told in console.told if "failed" in told] == [
            f"The screen {own.title} of {HERE}:{name} failed: {trouble}" if name != "BadBody" else console.told[-1]
        ]
        await console.settle()
        assert len(console.told) == 1
        assert "▲ DEGRADED" in console.lines[1]
        await console.press("2")
        assert isinstance(console.app.screen, SessionsScreen)
        assert "s0001" in console.text


async def test_it_is_tried_again_when_it_is_come_to_again(
    feed: FakeFeed, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with with_screens(feed, clock, f"{HERE}:BadPaint") as console:
        await console.press("p")
        assert "ZeroDivisionError" in console.text
        monkeypatch.setattr(BadPaint, "fails", False)
        await console.press("2", "p")
        assert "well again" in console.text
        assert "and failed" not in console.text


async def test_keys_toml_may_change_its_keys(feed: FakeFeed, clock: ManualClock, home: Path) -> None:
    path = home / "config/quarterdeck/keys.toml"
    path.parent.mkdir(parents=True)
    path.write_text('view.mine = "ctrl+o"\nmine.harm = "H"\nmine.none = "x"\n')
    async with with_screens(feed, clock, f"{HERE}:Mine") as console:
        assert any("no action 'mine.none'" in told for told in console.told)
        await console.press("ctrl+o", "X", "H")
        assert Mine.done == ["one"]
        Mine.done.clear()
    assert load_keymap().actions == load_keymap().came
