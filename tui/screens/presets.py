"""The presets of settings: compared with what is in force, staged in Tuning, saved, deleted."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from engine.base.errors import NotFound
from engine.operations.declared.paging import PageArgs
from engine.operations.declared.presets import (
    DELETE_PRESET,
    LIST_PRESETS,
    SAVE_PRESET,
    SHOW_PRESET,
    PresetDetail,
    PresetName,
    SavePreset,
)
from engine.settings import catalogue
from tui.render import formats
from tui.render.plain_text import clean
from tui.render.spans import Line, fit
from tui.screens.fetched_list import FetchedList, FetchedRow

if TYPE_CHECKING:
    from tui.feeds.base import Feed

_MOST = 100
_LISTED = 12


class PresetsList(FetchedList):
    """Enter stages what differs, so that Tuning shows it and applies it; N saves, X deletes."""

    HEAD = f"{'NAME':<24} {'SETTINGS':>8} {'DIFFER':>6} {'SAVED':>6}  BY"
    NOTHING = "No preset yet: N saves the settings that were changed live under a name."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "stage", show=False),
        Binding("N", "save", show=False),
        Binding("X", "delete", show=False),
    ]

    def __init__(self) -> None:
        super().__init__("PRESETS", "enter stage · N save · X delete", self._fetched)

    async def _fetched(self, feed: Feed) -> Sequence[FetchedRow]:
        """Those there are, each with what differs."""
        now = self.console.store.live_now
        found = (await feed.send(LIST_PRESETS, PageArgs(limit=_MOST))).presets
        rows = []
        for each in found:
            try:
                detail = (await feed.send(SHOW_PRESET, PresetName(name=each.name))).preset
            except NotFound:  # deleted meanwhile
                continue
            age = formats.coarse(now - each.at)
            line = f"{fit(each.name, 24)} {each.settings:>8} {each.differs:>6} {age:>6}  {clean(each.by)}"
            rows.append(FetchedRow(each.name, line, _differences(detail)))
        return rows

    def action_stage(self) -> None:
        """Stage the values that are not in force."""
        self._start(self._stage)

    def action_delete(self) -> None:
        """Delete it, after a question."""
        self._start(self._delete)

    def action_save(self) -> None:
        """Save what was changed live under a name."""
        if refusal := self.console.refusal:
            self.console.notify(refusal, severity="warning")
        elif (feed := self.console.feed) is not None:
            self.console.carry_out(self._save(feed))

    def _start(self, work: Any) -> None:
        row, feed = self.row, self.console.feed
        if refusal := self.console.refusal or ("" if row is not None else "There is no preset under the cursor."):
            self.console.notify(refusal, severity="warning")
        elif row is not None and feed is not None:
            started: Coroutine[Any, Any, str | None] = work(row.id, feed)
            self.console.carry_out(started)

    async def _stage(self, name: str, feed: Feed) -> str | None:
        preset = (await feed.send(SHOW_PRESET, PresetName(name=name))).preset
        texts = {each.key: _text(each.key, each.value) for each in preset.values if each.differs}
        if not texts:
            return f"Every value of {name} is in force."
        if self.app.screen is not self:
            return "Nothing is staged: another question was opened meanwhile."
        self.dismiss(None)
        self.console.navigation.stage(texts)
        key = self.console.keys.shown("tuning.apply")
        return f"{formats.plural(len(texts), 'setting')} of {name} staged; {key} applies them as one."

    async def _save(self, feed: Feed) -> str | None:
        facts: list[Line] = [[("keeps    ", "muted"), ("the values in force of all that was changed live", "")]]
        facts.append([("same as  ", "muted"), ("quarterdeck presets save NAME", "")])
        name = await self.console.dialogs.enter_text("SAVE A PRESET", [*facts, []], "save", "a name, as night-shift")
        if not name:
            return None
        saved = (await feed.send(SAVE_PRESET, SavePreset(name=name))).preset
        self.action_reload()
        return f"{saved.name} keeps {formats.plural(len(saved.values), 'setting')}."

    async def _delete(self, name: str, feed: Feed) -> str | None:
        facts: list[Line] = [[("what happens  ", "muted"), ("the settings in force stay", "")]]
        facts.append([("same as       ", "muted"), (f"quarterdeck presets delete {name}", "")])
        if not await self.console.dialogs.confirm(f"DELETE {name}", facts, "delete", "keep it"):
            return None
        await feed.send(DELETE_PRESET, PresetName(name=name))
        self.action_reload()
        return f"{name} is deleted."


def _text(key: str, value: Any) -> str:
    setting = catalogue.find(key)
    return setting.shown(value) if setting is not None else str(value)


def _differences(preset: PresetDetail) -> str:
    """What would change, key by key."""
    differing = [each for each in preset.values if each.differs]
    shown = [f"{each.key} {_text(each.key, each.live)} → {_text(each.key, each.value)}" for each in differing]
    more = f", and {len(shown) - _LISTED} more" if len(shown) > _LISTED else ""
    return ", ".join(shown[:_LISTED]) + more if shown else "every value is in force"
