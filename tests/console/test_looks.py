"""How the console looks at any size: line 1 never collides, one left margin, and no message stands over data."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.clock import ManualClock
from tests.console import scene
from tests.support.console import NORMAL, SMALL, FakeFeed, console_fixture, plain
from tests.support.processes import until
from tui.actions.keymap import CAME_ALONG
from tui.render.spans import width_of
from tui.screens.header import TABS, tab_at, where_line

NAMES = st.text("abc-漢 ", min_size=1, max_size=60)
PLUGINS = st.lists(st.text("abcdefgh", min_size=2, max_size=30), max_size=6)
KEYS = [CAME_ALONG.shown(action) for action, _name, _tab in TABS]


@given(
    st.integers(40, 250),
    NAMES,
    st.one_of(st.just(""), NAMES),
    st.lists(NAMES, max_size=3),
    PLUGINS,
    st.sampled_from([tab for _action, _name, tab in TABS]),
)
def test_nothing_in_line_one_touches_what_stands_beside_it(
    width: int, title: str, crumb: str, forms: list[str], plugins: list[str], mode: str
) -> None:
    tabs = (*TABS, *(("view.overview", name, f"plugin-{name}") for name in plugins))
    forms = sorted(forms, key=len, reverse=True)
    line = where_line(title, mode, forms, "●10Hz 14:02:31", width, crumb, tabs=tabs)
    assert width_of(line) == width
    text = plain(line)
    assert text.endswith(" ●10Hz 14:02:31 ")
    here = next(f"[{number} {name}]" for number, (_a, name, tab) in zip(KEYS, TABS, strict=True) if tab == mode)
    assert f" {here} " in text
    for before, after in itertools.pairwise(line):
        if before[1] != after[1] or "ask" in {before[1], after[1]}:
            assert before[0].endswith((" ", "…")) or after[0].startswith((" ", "[", "]")) or not after[0].strip()


@given(st.integers(60, 250))
def test_what_is_shown_of_a_screen_in_line_one_leads_there(width: int) -> None:
    line = where_line("prod-eu", "queue", ["demo"], "●2Hz 14:02:31", width, "r7")
    found = {tab_at(line, x) for x in range(width)} - {""}
    assert "queue" in found
    assert len(found) in {1, len(TABS)}


@pytest.mark.parametrize("size", [NORMAL, SMALL])
@pytest.mark.parametrize("key", KEYS)
async def test_every_screen_has_one_left_margin(
    key: str, size: tuple[int, int], feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock, size) as console:
        await console.press(key)
        assert [line for line in console.lines if not line.startswith(" ") and line] == []
        for line in console.lines[2:-1]:
            title, rule, _rest = line.partition("─" * 12)
            if rule and "   " not in title.lstrip() and len(title) < 40:  # further right stand other blocks
                assert line[1] != " ", line


@pytest.mark.parametrize("size", [NORMAL, SMALL, (60, 16), (40, 10)])
@pytest.mark.parametrize("keys", [["2"], ["3"], ["5"], ["7"], ["2", "enter"], ["1", "P"], ["exclamation_mark"]])
async def test_a_message_stands_over_no_data(
    keys: list[str], size: tuple[int, int], feed: FakeFeed, clock: ManualClock
) -> None:
    async with console_fixture(feed, clock, size, notifications=True) as console:
        await console.press(*keys)
        console.app.notify("Nothing is copied: the clipboard takes no more than that.\nExport it.", severity="error")
        await until(lambda: "Nothing is copied" in console.text)
        await console.settle()
        screen = console.app.screen
        toasts = [toast.region for toast in screen.query("Toast")]
        shown = [child for child in screen.children if child.display and child.visible and child.region]
        assert sum(region.height for region in toasts) >= 2
        assert not [child for child in shown for region in toasts if child.region.overlaps(region)], console.text
        assert "Export it." in console.text or size == (40, 10)


async def test_a_dialog_keeps_its_keys_in_sight_beside_a_message(feed: FakeFeed, clock: ManualClock) -> None:
    for ago, event in scene.crowd():
        feed.push(scene.NOW - ago, event)
    async with console_fixture(feed, clock, SMALL, notifications=True) as console:
        await console.press("exclamation_mark")
        console.app.notify("One.\nTwo.", severity="error")
        await until(lambda: "Two." in console.text)
        await console.settle()
        assert "allow once" in console.text
        assert "nearest" in console.text
