"""One registry: no key means two things, what acts is upper case, and help, palette and footer show what there is."""

from __future__ import annotations

import re
from typing import Any

import pytest
from textual.screen import Screen

from engine.base.clock import ManualClock
from engine.operations.registry import REGISTRY
from tests.support.console import NORMAL, SMALL, FakeFeed, console_fixture, plain
from tui.actions.command_line import COMMANDS, Command
from tui.actions.registry import ACTIONS, YIELDING, Action, KeyScope, bindings, clashing, footer, in_scope
from tui.console.app import Console
from tui.render.spans import width_of
from tui.screens.cache import CacheScreen
from tui.screens.conversations import ConversationsScreen
from tui.screens.errors import ErrorsScreen
from tui.screens.header import keys_line
from tui.screens.help import help_lines
from tui.screens.inbox import Inbox
from tui.screens.overview import OverviewScreen
from tui.screens.palette import RegistryCommands
from tui.screens.profile import ProfileScreen
from tui.screens.queue import QueueScreen
from tui.screens.recovery import RecoveryScreen
from tui.screens.sessions import SessionsScreen
from tui.screens.transcript import TranscriptScreen
from tui.screens.tuning import TuningScreen

PLACES: dict[KeyScope, type[Screen[Any]]] = {
    KeyScope.OVERVIEW: OverviewScreen,
    KeyScope.SESSIONS: SessionsScreen,
    KeyScope.TRANSCRIPT: TranscriptScreen,
    KeyScope.INBOX: Inbox,
    KeyScope.TUNING: TuningScreen,
    KeyScope.ERRORS: ErrorsScreen,
    KeyScope.RECOVERY: RecoveryScreen,
    KeyScope.QUEUE: QueueScreen,
    KeyScope.CACHE: CacheScreen,
    KeyScope.PROFILER: ProfileScreen,
    KeyScope.CONVERSATIONS: ConversationsScreen,
}


def test_no_key_means_two_things_in_one_place() -> None:
    assert list(clashing(ACTIONS)) == []
    ours = [action for action in in_scope(KeyScope.APP) if action.id not in YIELDING]
    everywhere = {key for action in ours for key in action.key.split(",")}
    for scope in PLACES:
        here = {key for action in in_scope(scope) for key in action.key.split(",")}
        assert not here & everywhere, scope


def test_a_clash_is_told_with_both_owners() -> None:
    one = Action("a.one", "x,y", "", KeyScope.APP, "one")
    other = Action("a.other", "y", "", KeyScope.APP, "other")
    assert [str(each) for each in clashing([one, other])] == ["y in everywhere: a.one and a.other"]


def test_what_acts_is_upper_case_and_asks_through_the_one_door() -> None:
    for action in ACTIONS:
        if action.acts:
            assert re.fullmatch(r"[A-Z]", action.key), action.id
            assert re.fullmatch(r"screen\.act\('\w+'\)", action.run), action.id


@pytest.mark.parametrize("entry", [*ACTIONS, *COMMANDS], ids=lambda each: getattr(each, "id", "") or each.name)
def test_what_acts_names_the_operation_that_it_executes(entry: Action | Command) -> None:
    assert bool(entry.operation) is entry.acts
    assert not entry.acts or REGISTRY[entry.operation].acts


def test_ids_are_unique_and_every_action_has_a_method_behind_it() -> None:
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)
    for action in ACTIONS:
        place, name = re.split(r"[.(]", action.run)[:2]
        owners = [Console] if place == "app" else [PLACES[action.scope]]
        assert all(callable(getattr(owner, f"action_{name}", None)) for owner in owners), action.id


@pytest.mark.parametrize("scope", [KeyScope.APP, *PLACES])
@pytest.mark.parametrize("width", [40, 80, 120])
def test_help_lists_every_action_of_the_place_uncut(scope: KeyScope, width: int) -> None:
    said = "\n".join(plain(line) for line in help_lines(scope, width))
    for action in in_scope(scope, KeyScope.APP):
        assert action.text in said, action.id
        assert action.shown_key.removeprefix("pg") in said
    assert "…" not in said.replace("by…", "")


async def test_the_palette_lists_every_action_of_the_place(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("2")
        hits = [hit async for hit in RegistryCommands(console.app.screen).discover()]
        said = [str(hit.display) for hit in hits]
    wanted = [a for a in in_scope(KeyScope.SESSIONS, KeyScope.APP) if a.id != "view.palette"]
    assert len(said) > len(wanted)
    for action in wanted:
        assert any(text.startswith(action.text) and text.endswith(action.shown_key) for text in said), action.id


@pytest.mark.parametrize("scope", PLACES)
@pytest.mark.parametrize("size", [NORMAL, SMALL])
def test_the_footer_cuts_no_key_and_always_shows_help_and_the_way_out(scope: KeyScope, size: tuple[int, int]) -> None:
    line = keys_line(footer(scope), size[0])
    assert width_of(line) <= size[0]
    assert "…" not in plain(line)
    assert plain(line).rstrip().endswith("? keys  q quit")


def test_read_only_offers_nothing_that_acts() -> None:
    said = plain(keys_line(footer(KeyScope.SESSIONS), 200, read_only=True))
    assert "K kill" not in said
    assert "s sort" in said


def test_bindings_carry_the_ids_so_that_keys_can_be_changed() -> None:
    assert {binding.id for binding in bindings(KeyScope.SESSIONS)} == {a.id for a in in_scope(KeyScope.SESSIONS)}
