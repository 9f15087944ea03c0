"""Plugin screens: BaseScreen classes found by entry point or named as `module:Class`, checked, and fenced in.

Whatever one of them raises is shown by its name, its screen says so, and the console goes on.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from engine.base.plugins import SCREEN_GROUP
from engine.events.state import SessionView
from tui.actions.keymap import acting
from tui.actions.registry import ACTIONS, Action, KeyScope, clashing
from tui.render.plain_text import clean
from tui.render.spans import Line
from tui.screens.base_screen import BaseScreen
from tui.widgets.styled import LineBlock

MAX_SCREENS = 16
"""Plugin screens; a notice names those above this number."""
KEPT_KEYS = frozenset("689")
"""Keys of screens that are to come."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,15}")
_TITLE = 14
_BUILT_IN = {"overview", "sessions", "errors", "recovery", "queue", "cache", "tuning", "tasks", "profile"}

T = TypeVar("T")
_log = logging.getLogger("quarterdeck.console")


class Rejected(ValueError):
    """A class cannot be a screen; the message states why."""


@dataclass(frozen=True, slots=True)
class PluginScreen:
    """A screen that can be gone to; `owner` is where it comes from, `view` the action that goes there."""

    name: str
    title: str
    owner: str
    make: Callable[[], BaseScreen]
    view: Action
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Discovered:
    """The screens that can be shown, and what could not be taken, each with its owner and the reason."""

    screens: tuple[PluginScreen, ...] = ()
    problems: tuple[str, ...] = ()


def find_screens(named: Iterable[str] = ()) -> Discovered:
    """Those that are installed, in the order of their names, then those `named`. Imports them, so not on the loop."""
    points = sorted(entry_points(group=SCREEN_GROUP), key=lambda point: point.name)
    sources = [(_source(point), point.load) for point in points]
    sources += [(name, _importing(name)) for name in named]
    found: list[PluginScreen] = []
    problems = [f"more than {MAX_SCREENS} plugin screens: the last are not loaded"][: len(sources) > MAX_SCREENS]
    for owner, load in sources[:MAX_SCREENS]:
        try:
            screen, wrong = adopted(load(), owner, found)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the border to code that is not ours
            _log.info("The screen %s cannot be loaded.", owner, exc_info=True)
            problems.append(f"{owner}: {_described(error)}")
            continue
        found.append(screen)
        problems += wrong
    return Discovered(tuple(found), tuple(problems))


def adopted(made: object, owner: str, others: Sequence[PluginScreen] = ()) -> tuple[PluginScreen, list[str]]:
    """The class as a screen, and which of its keys it does not get. Raises Rejected."""
    if not (isinstance(made, type) and issubclass(made, BaseScreen)):
        raise Rejected("it is no subclass of tui.screens.base_screen.BaseScreen")
    name, title = getattr(made, "NAME", ""), getattr(made, "TITLE", "")
    _check(made, name, title, [*others])
    given: Sequence[Action] = getattr(made, "ACTIONS", ())
    wrong: list[str] = []
    taken = [*ACTIONS, *(action for other in others for action in (other.view, *other.actions))]
    go = Action(f"view.{name}", str(getattr(made, "KEY", "")), f"go to {title}", KeyScope.APP, f"app.go('{name}')")
    wanted = [go, *(replace(action, scope=title) for action in given)]
    actions: list[Action] = []
    for action in wanted:
        kept, problem = _with_free_keys(action, [*taken, *actions])
        actions.append(kept)
        wrong += [f"{owner}: {problem}"] if problem else []
    view, *own = actions
    return PluginScreen(name, title, owner, _maker(made, name, title, owner, own), view, tuple(own)), wrong


def _check(made: type[BaseScreen], name: object, title: object, others: Sequence[PluginScreen]) -> None:
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise Rejected(f"its NAME is {name!r}, not one word of small letters, digits and `-`")
    if not (isinstance(title, str) and 0 < len(title) <= _TITLE and clean(title) == title and title.strip() == title):
        raise Rejected(f"its TITLE is {title!r}, not one to {_TITLE} characters")
    clash = next((other for other in others if name == other.name or title == other.title), None)
    if clash is not None:
        raise Rejected(f"{name} ({title}) is a screen of {clash.owner} already")
    if name in _BUILT_IN or title in set(KeyScope):
        raise Rejected(f"{name} ({title}) is a screen of Quarterdeck's own")
    if any("BINDINGS" in base.__dict__ for base in made.__mro__[: made.__mro__.index(BaseScreen)]):
        raise Rejected("it has BINDINGS; keys belong into ACTIONS, where they are checked and shown")
    for action in getattr(made, "ACTIONS", ()):
        if not isinstance(action, Action) or not action.id.startswith(f"{name}."):
            raise Rejected(f"each of its ACTIONS is a tui.actions.Action whose id begins with {name}.")


def _with_free_keys(action: Action, taken: Sequence[Action]) -> tuple[Action, str]:
    """The action with the keys that it can have, none if need be, and why not all."""
    problem, keys = "", []
    for key in filter(None, action.key.split(",")):
        clash = next(clashing([*taken, replace(action, key=key)]), None)
        if action.acts and not acting(key):
            problem = f"{action.id} acts, so it cannot have the key {key}: it takes an upper-case letter"
        elif action.scope == KeyScope.APP and key in KEPT_KEYS:
            problem = f"{action.id} cannot have the key {key}: it is kept for a screen that is to come"
        elif clash is not None:
            problem = f"Clash: {clash}; {action.id} goes without"
        else:
            keys.append(key)
    return replace(action, key=",".join(keys), label=action.label if keys else ""), problem


def _maker(
    made: type[BaseScreen], name: str, title: str, owner: str, actions: Sequence[Action]
) -> Callable[[], BaseScreen]:
    runs = {action.id: action for action in actions}
    bound: list[BindingType] = [
        Binding(action.key, f"screen.own({action.id!r})", action.text, show=False, id=action.id)
        for action in actions
        if action.key
    ]
    fenced: type[SandboxedScreen] = type(
        made.__name__,
        (SandboxedScreen, made),
        # Its module, because that is where Textual looks for its style sheet.
        {"__module__": made.__module__, "MODE": name, "SCOPE": title, "OWNER": owner, "RUNS": runs, "BINDINGS": bound},
    )
    plain: type[SandboxedScreen] = type(
        "Broken", (SandboxedScreen,), {"MODE": name, "SCOPE": title, "OWNER": owner, "LASTING": True}
    )

    def make() -> BaseScreen:
        try:
            return fenced()
        except Exception as error:  # noqa: BLE001 - the border to code that is not ours
            broken = plain()
            broken.problem = _described(error)
            return broken

    return make


class SandboxedScreen(BaseScreen):
    """A plugin screen behind a fence: what it raises while it is made, painted or acts is shown by its name."""

    OWNER: ClassVar[str] = ""
    RUNS: ClassVar[dict[str, Action]] = {}
    LASTING: ClassVar[bool] = False
    """Whether it could not even be made."""
    problem = ""
    _told_of = False

    @property
    def crumb(self) -> str:
        """What follows its name in line 1."""
        return str(self._guarded(lambda: super(SandboxedScreen, self).crumb, ""))

    def compose_body(self) -> Iterable[Widget]:
        """Its widgets, and the block that states what is wrong."""
        own: list[Widget] = self._guarded(lambda: list(super(SandboxedScreen, self).compose_body()), [])
        broken = LineBlock(id="broken")
        broken.display = False
        return [*own, broken]

    def paint_body(self) -> None:
        """Its body, or what is wrong with it."""
        if not self.problem:
            self._guarded(super().paint_body, None)
        self._show_problem()

    def on_screen_suspend(self) -> None:
        """Left: when it is come to again, it is tried again."""
        if not self.LASTING:
            self.problem, self._told_of = "", False

    def targets(self) -> list[SessionView]:
        """The sessions that an act is meant for."""
        return self._guarded(super().targets, [])

    async def action_own(self, name: str) -> None:
        """Run one of its actions; what acts is refused where acts are off."""
        action = self.RUNS[name]
        if action.acts and (refusal := self.console.refusal):
            self.console.notify(refusal, severity="warning")
            return
        try:
            await self.run_action(action.run)
        except Exception as error:  # noqa: BLE001 - the border to code that is not ours
            self._break(error)

    def _guarded(self, do: Callable[[], T], instead: T) -> T:
        try:
            return do()
        except Exception as error:  # noqa: BLE001 - the border to code that is not ours
            self._break(error)
            return instead

    def _break(self, error: Exception) -> None:
        self.problem = _described(error)
        _log.info("The screen %s failed.", self.OWNER, exc_info=error)
        self._show_problem()

    def _show_problem(self) -> None:
        found = self.query("#broken")
        if not found:
            return
        if self.problem and not self._told_of:
            self._told_of = True
            self.console.notify(f"The screen {self.SCOPE} of {self.OWNER} failed: {self.problem}", severity="error")
        broken = found.first(LineBlock)
        for widget in self.query_one("#body").children:
            widget.display = (widget is broken) == bool(self.problem)
        lines: list[Line] = [
            [],
            [(f"  ✖ {self.SCOPE} is of {self.OWNER}, and failed:", "fail")],
            [(f"    {self.problem}", "")],
            [],
            [("  Nothing else is touched. Come to it again to try again.", "muted")],
        ]
        broken.styles.height = len(lines)
        broken.show(lines)


def _importing(name: str) -> Callable[[], object]:
    module, _, attribute = name.partition(":")

    def load() -> object:
        return getattr(import_module(module), attribute)

    return load


def _source(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value


def _described(error: BaseException) -> str:
    words = clean(str(error))[:200]
    return words if isinstance(error, Rejected) else f"{type(error).__name__}: {words}".removesuffix(": ")
