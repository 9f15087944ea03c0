"""The operator's own keys: what can be taken is in force everywhere, what cannot is named, and the rest holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.clock import ManualClock
from tests.support.console import NORMAL, SMALL, FakeFeed, console_fixture, plain
from tests.support.processes import until
from tui.actions.keymap import CAME_ALONG, MAX_FILE, Keymap, canonical, label, load_keymap, resolve
from tui.actions.registry import ACTIONS, KeyScope, clashing
from tui.screens.help import help_lines
from tui.screens.sessions import SessionsScreen

IDS = [action.id for action in ACTIONS]
SOME_KEYS = ["x", "X", "j", "K", "!", "f5", "ctrl+k", "enter", "pgdwn", "", 7, ["A", "B"], ["g", "G"]]


@pytest.fixture
def file(home: Path) -> Path:
    """Where the console reads the operator's keys from."""
    path = home / "config" / "quarterdeck" / "keys.toml"
    path.parent.mkdir(parents=True)
    return path


@pytest.mark.parametrize(
    ("said", "key", "shown"),
    [
        ("x", "x", "x"), ("X", "X", "X"), ("shift+x", "X", "X"), ("!", "exclamation_mark", "!"), ("f12", "f12", "f12"),
        ("question_mark", "question_mark", "?"), ("ctrl+k",) * 3, ("+", "plus", "+"), (",", "comma", ","),
        ("pageup", "pageup", "pgup"), ("escape", "escape", "esc"), ("space", "space", "space"), ("/", "slash", "/"),
        ("grave_accent", "grave_accent", "`"), ("ctrl+shift+left", "ctrl+shift+left", "ctrl+shift+left"),
        ("\u00e4", "\u00e4", "\u00e4"), ("_", "underscore", "_"), ("@", "at", "@"), ("-", "minus", "-"),
    ],
)  # fmt: skip
def test_a_key_is_written_as_a_person_or_as_textual_names_it(said: str, key: str, shown: str) -> None:
    assert canonical(said) == key
    assert label(key) == shown


@pytest.mark.parametrize("said", ["", " ", "crtl+k", "pgdwn", "ctrl+", "a,b", "\x1b", "any"])
def test_what_is_no_key_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="no key"):
        canonical(said)


def test_without_a_file_the_keys_are_as_they_came(file: Path) -> None:
    assert load_keymap() == CAME_ALONG
    assert (CAME_ALONG.changed, CAME_ALONG.problems) == ({}, ())


def test_a_table_and_a_dotted_name_say_the_same(file: Path) -> None:
    file.write_text('"session.kill" = "X"\nview.theme = "ctrl+t"\n[sessions]\nfilter = ["f3", "/"]\n')
    keymap = load_keymap()
    assert keymap.problems == ()
    assert keymap.changed == {"session.kill": "X", "view.theme": "ctrl+t", "sessions.filter": "f3,slash"}
    assert [keymap.shown(name) for name in ("session.kill", "view.theme", "sessions.filter")] == ["X", "ctrl+t", "f3"]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"sesion.kill": "X"}, "There is no action 'sesion.kill'; did you mean 'session.kill'."),
        ({"session.kill": "k"}, "upper-case letter, a function key, ctrl or alt, not 'k'; it keeps K."),
        ({"session.kill": "pgdwn"}, "'pgdwn' is no key; did you mean 'pagedown'; it keeps K."),
        ({"session.kill": "cmd+x"}, "'cmd' is none of alt, ctrl, hyper, meta, shift, super"),
        ({"session.kill": []}, "a list of one to 4 of them"),
        ({"session.kill": 7}, "a key is a text"),
        ({"session.kill": "S"}, "Clash: S in Sessions: sessions.reverse and session.kill. session.kill stays on K."),
        ({"sessions.sort": "f"}, "Clash: f in Sessions: view.freeze and sessions.sort. sessions.sort stays on s."),
        ({"view.freeze": "d"}, "Clash: d in Sessions: view.freeze and sessions.drawer. view.freeze stays on f."),
        (
            {"view.freeze": "f9", "view.theme": "f9"},
            "f9 in everywhere: view.freeze and view.theme. view.theme stays on T.",
        ),
    ],
)
def test_what_cannot_be_taken_is_named_and_the_action_keeps_its_key(said: dict[str, object], problem: str) -> None:
    keymap = resolve({**said, "sessions.top": "f6"})
    assert len(keymap.problems) == 1
    assert problem in keymap.problems[0]
    assert keymap.shown("session.kill") == "K"
    assert keymap.shown("sessions.top") == "f6"


def test_two_actions_may_change_places() -> None:
    keymap = resolve({"session.kill": "I", "session.interrupt": "K"})
    assert keymap.problems == ()
    assert keymap.changed == {"session.kill": "I", "session.interrupt": "K"}


def test_a_file_that_is_no_toml_or_too_large_changes_nothing_and_is_named(file: Path) -> None:
    file.write_text("session.kill = ")
    assert str(file) in load_keymap().problems[0]
    file.write_text("# " + "x" * MAX_FILE)
    assert load_keymap() == Keymap(problems=(f"{file} is larger than {MAX_FILE} bytes, so it is not read.",))
    file.unlink()
    file.mkdir()
    assert len(load_keymap().problems) == 1


@given(st.dictionaries(st.sampled_from([*IDS, "no.such"]), st.sampled_from(SOME_KEYS), max_size=12))
def test_whatever_is_wished_for_no_key_means_two_things_and_every_action_has_one(wishes: dict[str, object]) -> None:
    keymap = resolve(wishes)
    assert list(clashing(keymap.actions)) == []
    assert [action.id for action in keymap.actions] == IDS
    assert all(action.key and action.shown_key for action in keymap.actions)
    assert set(keymap.changed) <= set(wishes)


@pytest.mark.parametrize("size", [NORMAL, SMALL])
async def test_changed_keys_work_and_are_shown_in_footer_help_palette_and_hints(
    size: tuple[int, int], feed: FakeFeed, clock: ManualClock, file: Path
) -> None:
    file.write_text('view.sessions = "f6"\nsession.stop = "f9"\nsessions.problems = ["f7", "f8"]\nview.help = "f1"\n'
                    'approvals.review = "f2"\nview.freeze = "ctrl+f"\n')  # fmt: skip
    async with console_fixture(feed, clock, size) as console:
        assert console.told == []
        assert "f2 review" in console.lines[1]
        assert " f6 " in console.lines[0]
        assert "f1 keys" in console.lines[-1]
        await console.press("2")
        assert not isinstance(console.app.screen, SessionsScreen)
        await console.press("f6")
        assert isinstance(console.app.screen, SessionsScreen)
        await console.press("z")
        assert "state:approval" not in console.text
        await console.press("f8")
        assert "state:approval" in console.text
        await console.press("f7", "f1")
        assert re.search(r"f7 +only problems", console.text)
        await console.press("escape", "ctrl+p")
        await until(lambda: "Search for commands" in console.text)
        await console.pilot.press(*"problems")
        await until(lambda: "go to Overview" not in console.text and "only problems" in console.text)
        assert re.search(r"only problems +f7 ", console.text)
        await console.press("escape", "escape", "ctrl+f")
        assert "ctrl+f unfreeze" in console.lines[1]


async def test_what_keys_toml_gets_wrong_is_told_at_start_and_on_help(
    feed: FakeFeed, clock: ManualClock, file: Path
) -> None:
    file.write_text(
        'session.kill = "S"\nview.nonsense = "x"\nsessions.top = "f6"\nview.theme = "F40"\nview.retry = "q"\n'
    )
    async with console_fixture(feed, clock) as console:
        assert len(console.told) == 4
        assert "There is no action 'view.nonsense'" in console.told[0]
        assert console.told[-1] == "keys.toml: 1 more; ? lists them."
        await console.press("question_mark")
        for problem in console.app.keys.problems:
            assert problem[:40] in console.text
        await console.press("escape", "2", "f6")
        assert isinstance(console.app.screen, SessionsScreen)


def test_help_shows_the_problems_first_and_whole() -> None:
    keymap = resolve({"session.kill": "S", "sessions.filter": "no such key at all"})
    for width in (40, 80, 120):
        said = [plain(line) for line in help_lines(KeyScope.SESSIONS, width, keymap)]
        assert said[0].startswith("KEYS.TOML")
        assert "session.kill stays on K." in " ".join(said)
