"""What Tuning does to the settings: apply what is staged, undo a change, save what was changed live."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from engine.operations.declared.config import (
    CHANGE_SETTINGS,
    SAVE_SETTINGS,
    UNDO_SETTINGS,
    ChangeSettings,
    SaveSettings,
)
from engine.operations.operation import NoArguments
from tui.actions.tuning_checks import explain, taken_together
from tui.model.tuning import inverse
from tui.render import formats
from tui.screens import tuning_lines as draw

if TYPE_CHECKING:
    from tui.actions.host import ConsoleHost
    from tui.feeds.base import Feed
    from tui.model.tuning import Tuning
    from tui.render.spans import Line

_REFUSED = "Applied nothing: some values are refused; the rows state why."
_LISTED = 12


class TuningChanges:
    """Owner of the effect of the last change made here; `reload` reads the settings and paints them.

    The acts run inside a worker of the console, which shows what they return and what the engine refuses.
    """

    def __init__(self, tuning: Tuning, reload: Callable[[], Awaitable[None]]) -> None:
        self._tuning = tuning
        self._reload = reload
        self.effect: draw.Effect | None = None

    async def stage(self, host: ConsoleHost, texts: Mapping[str, str]) -> None:
        """Propose these values, key → text, once the settings are here, and ask whether they would be taken."""
        if not self._tuning.loaded:
            await self._reload()
        for key, text in texts.items():
            self._tuning.stage(key, text)
        for key in texts:
            await explain(self._tuning, key, host.feed)

    async def apply(self, host: ConsoleHost) -> str | None:
        """Apply all that is staged as one change."""
        tuning, feed = self._tuning, host.feed
        if not tuning.staged:
            return "Nothing is staged."
        if feed is None or not await taken_together(tuning, feed):
            host.notify(_REFUSED, severity="warning")
            return None
        facts: list[Line] = draw.staged_block(tuning, 70, _LISTED, host.keys)[1:]
        pairs = " ".join(f"{key}={one.text}" for key, one in tuning.staged.items())
        same = draw.wrapped(f"quarterdeck config set {pairs}", 60, 6)
        facts += [[], *([("same as  " if not n else " " * 9, "muted"), (part, "")] for n, part in enumerate(same))]
        undo = f"{host.keys.shown('tuning.undo')}, or quarterdeck config undo"
        facts.append([("undo     ", "muted"), (undo, "")])
        lasts = f"until the engine ends; {host.keys.shown('tuning.save')} saves live changes to the settings file"
        facts.append([("lasts    ", "muted"), (lasts, "")])
        number = len(tuning.staged)
        if await host.dialogs.confirm("APPLY AS ONE", facts, f"apply {number}", "keep them staged"):
            await self._change(host, feed)
        return None

    async def _change(self, host: ConsoleHost, feed: Feed) -> None:
        proposal, before = self._tuning.proposal(), draw.figures_of(host.store)
        what = draw.summary({key: (one.base, one.text) for key, one in self._tuning.staged.items()})
        await feed.send(CHANGE_SETTINGS, ChangeSettings(changes=dict(proposal)))
        for key in proposal:
            self._tuning.drop(key)
        self.effect = draw.Effect(host.store.live_now, what, before)
        await self._reload()

    async def save(self, host: ConsoleHost) -> str | None:
        """Write what was changed live to the settings file, so that the next engine has it too."""
        changed = sorted({key for change in self._tuning.changes for key in change.changes})
        if not changed:
            return "No setting was changed live; there is nothing to save."
        facts: list[Line] = [[(key, "")] for key in changed[:_LISTED]]
        facts += [[("…", "muted")]] if len(changed) > _LISTED else []
        facts += [[], [("lasts    ", "muted"), ("for every engine that reads the file from now on", "")]]
        facts.append([("same as  ", "muted"), ("quarterdeck config save", "")])
        agreed = await host.dialogs.confirm("SAVE TO THE SETTINGS FILE", facts, "save", "keep them live only")
        if host.feed is None or not agreed:
            return None
        saved = (await host.feed.send(SAVE_SETTINGS, SaveSettings())).saved
        return f"Saved {formats.plural(len(saved.keys), 'setting')} to {saved.file}."

    async def undo(self, host: ConsoleHost, at: int = 0) -> str | None:
        """The newest change (`at` 0) is undone by the engine; the values before an older one are staged."""
        changes = list(self._tuning.changes)[::-1]
        if not changes:
            return "There is no change to undo."
        chosen = changes[at]
        if at > 0:
            await self.stage(host, inverse(chosen))
            return f"Staged the values of before; {host.keys.shown('tuning.apply')} applies them."
        facts: list[Line] = [[(f"{key}  {new} → {old}", "")] for key, (old, new) in chosen.changes.items()]
        facts += [
            [],
            [("by       ", "muted"), (chosen.who, "")],
            [("same as  ", "muted"), ("quarterdeck config undo", "")],
        ]
        if host.feed is not None and await host.dialogs.confirm("UNDO THE LAST CHANGE", facts, "undo", "keep it"):
            before = draw.figures_of(host.store)
            await host.feed.send(UNDO_SETTINGS, NoArguments())
            self.effect = draw.Effect(host.store.live_now, f"undone: {draw.summary(chosen.changes)}", before)
            await self._reload()
        return None
