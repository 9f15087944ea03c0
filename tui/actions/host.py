"""What acts and screens know of the console: the facts shown, the operator's keys, and what it can be asked to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from engine.events.state import SessionView
    from engine.operations.declared.conversations import ConversationRow
    from tui.actions.command_history import CommandHistory
    from tui.actions.command_line import Suggestion
    from tui.actions.keymap import Keymap
    from tui.actions.press_guard import ApprovalCard, PressGuard
    from tui.feeds.base import Feed, Playback
    from tui.model.health import HealthSummary
    from tui.model.own_cost import OwnCost
    from tui.model.prompt_target import PromptTarget, WrittenPrompt
    from tui.model.store import Store
    from tui.render.spans import Line
    from tui.render.themes import ConsoleTheme
    from tui.terminal.hand_over import Program

Search = Callable[[str], Awaitable[Sequence[tuple[str, str]]]]
"""Brings the options for what is typed."""
Tab = tuple[str, str, str]
"""Action, name and mode of a screen."""


class Dialogs(Protocol):
    """Questions to the operator; each waits for the answer, so it is awaited inside a worker."""

    async def confirm(self, title: str, facts: Sequence[Line], verb: str, keep: str, count: int = 0) -> bool:
        """Whether the operator agrees; with `count`, that number must be typed."""

    async def choose(
        self,
        title: str,
        options: Sequence[tuple[str, str]],
        current: str,
        *,
        facts: Sequence[Line] = (),
        keys: str = "enter take · esc keep",
    ) -> str | None:
        """One of the options, or None."""

    async def find(
        self, title: str, options: Sequence[tuple[str, str]], current: str, search: Search, *, keys: str
    ) -> str | None:
        """One of the options, or of those that `search` brings for what is typed; None for none."""

    async def choose_letter(
        self, title: str, options: Sequence[tuple[str, str]], facts: Sequence[Line] = ()
    ) -> str | None:
        """The letter of one of the options, or None."""

    async def enter_text(
        self, title: str, facts: Sequence[Line], verb: str, ask: str, value: str = "", *, optional: bool = False
    ) -> str | None:
        """The line that the operator typed, empty only where that is optional, or None."""

    async def enter_prompt(self, title: str, target: PromptTarget) -> WrittenPrompt | None:
        """The prompt that the operator wrote, and where it goes; its draft is kept when it is left: None."""

    def keep_prompt(self, target: PromptTarget, text: str) -> None:
        """A prompt that could not be sent becomes a draft again."""

    async def follow_prompt(self, request: str) -> str | None:
        """The session that runs a request, to go to; an empty string for another prompt; None to stay."""

    async def edit(self, title: str, facts: Sequence[Line], text: str) -> str | None:
        """The text as the operator edited it, or None."""

    async def read_and_confirm(self, title: str, lines: Sequence[Line], verb: str, keep: str) -> bool:
        """Whether the operator agrees to what can be scrolled through."""


class ListInSight(Protocol):
    """The list of the screen in sight, for `filter` and `sort` of the command line."""

    def sortable(self) -> Sequence[Suggestion]:
        """The columns that it can be sorted by."""

    def filter_problem(self, text: str) -> str:
        """Why it cannot be filtered so, or an empty string."""

    def set_filter(self, text: str) -> None:
        """Show only what passes; an empty text shows all."""

    def sort_by(self, key: str) -> None:
        """Sort by a column, or reverse its order."""


class SessionActions(Protocol):
    """What can be done to sessions, by the names of the registry's acts."""

    def refusal(self, name: str, rows: Sequence[SessionView]) -> str:
        """Why the act cannot be done to these sessions now, or an empty string."""

    def start(self, name: str, rows: Sequence[SessionView]) -> None:
        """Do the act to these sessions, or show why not."""

    def choose(self, rows: Sequence[SessionView]) -> None:
        """Choose what to do to these sessions."""


class TimeTravel(Protocol):
    """The moment that is shown."""

    @property
    def travelling(self) -> bool:
        """Whether a moment is shown that is not now."""

    @property
    def playback(self) -> Playback | None:
        """The feed, when it plays a recording."""

    @property
    def seeks(self) -> int:
        """How often another moment of a recording was opened."""

    def scrub_line(self, width: int) -> Line:
        """The bar of the time that can be gone to."""

    def go_to_text(self, text: str) -> str:
        """Show the moment that is typed; the answer states why it cannot be shown."""

    def live(self) -> None:
        """Return from the past to now."""

    def note(self, text: str) -> str:
        """Note something of this moment; the answer states why it cannot be noted."""


class Theming(Protocol):
    """How the console looks."""

    @property
    def refresh_hz(self) -> float:
        """Refreshes a second."""

    @property
    def themes(self) -> Mapping[str, ConsoleTheme]:
        """The themes at hand, by name."""

    @property
    def pool_name(self) -> str:
        """The pool's title."""

    def set_theme(self, name: str) -> None:
        """Use a theme until the console ends."""


class Navigation(Protocol):
    """Which screen is shown."""

    @property
    def list_in_sight(self) -> ListInSight | None:
        """The list of the screen in sight."""

    def go(self, mode: str) -> None:
        """Show a screen."""

    def go_back(self) -> None:
        """Show the screen before this one."""

    def open_transcript(self, session: str) -> None:
        """Show a session's transcript over the present screen."""

    def open_conversation(self, row: ConversationRow) -> None:
        """Show a conversation's transcript over the present screen."""

    def show_sessions(self, filter_text: str) -> None:
        """Show Sessions with this filter."""

    def show_commands(self, wanted: str) -> None:
        """Show the commands of the command line whose name begins with `wanted`."""

    def open_command_line(self, line: str = "") -> None:
        """Type a command, of which this is there already."""

    def read_whole(self, title: str, text: str) -> None:
        """Show a text that a line has no room for."""

    def show_grants(self) -> None:
        """Show the grants in force."""

    def show_alerts(self) -> None:
        """Show the alerts that fire, and silence them."""

    def stage(self, texts: Mapping[str, str], *, apply: bool = False) -> None:
        """Show Tuning with these values staged; with `apply`, apply them."""

    def undo_settings(self) -> None:
        """Show Tuning and offer to undo the last change."""


class ConsoleHost(Protocol):
    """The console as its acts and screens see it; `tui.console.app.Console` is the one implementation."""

    store: Store
    press_guard: PressGuard
    own_cost: OwnCost
    typed: CommandHistory
    exports: Path
    templates: Path

    @property
    def dialogs(self) -> Dialogs:
        """Questions to the operator."""

    @property
    def session_actions(self) -> SessionActions:
        """What can be done to sessions."""

    @property
    def time_travel(self) -> TimeTravel:
        """The moment that is shown."""

    @property
    def theming(self) -> Theming:
        """How the console looks."""

    @property
    def navigation(self) -> Navigation:
        """Which screen is shown."""

    @property
    def feed(self) -> Feed | None:
        """The feed, once there is one."""

    @property
    def keys(self) -> Keymap:
        """The keys in force."""

    @property
    def tabs(self) -> tuple[Tab, ...]:
        """The screens that can be shown."""

    @property
    def refusal(self) -> str:
        """Why nothing can be acted on now, or an empty string."""

    @property
    def is_read_only(self) -> bool:
        """Whether acts are off."""

    @property
    def verdict(self) -> HealthSummary:
        """The health sentence."""

    @property
    def rate(self) -> str:
        """The refresh rate and the time, for line 1."""

    def notify(
        self, message: str, *, title: str = "", severity: SeverityLevel = "information", timeout: float | None = None
    ) -> None:
        """Show a message in the corner; the text is never markup."""

    def carry_out(self, work: Coroutine[Any, Any, str | None]) -> None:
        """Carry an act out; its answer and the engine's refusal are shown."""

    def card(self, session: str) -> ApprovalCard | None:
        """The approval that a session waits for, now in sight."""

    def check_display(self, remedy: str) -> None:
        """Raises HandOverFailed, with this remedy, for a display that is no terminal."""

    def lend_terminal(self, program: Program) -> int:
        """Run a program in the terminal until it ends; its exit code. Raises HandOverFailed."""

    def copy_to_clipboard(self, text: str) -> None:
        """Put a text on the terminal's clipboard."""

    def export_screenshot(self, *, title: str | None = None) -> str:
        """The screen as an SVG."""

    def action_leave(self) -> None:
        """Leave the console."""
