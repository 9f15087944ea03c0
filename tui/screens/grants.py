"""The grants in force and the alerts that fire, each with what can be done about it."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from engine.base.errors import QuarterdeckError
from tui.render import formats
from tui.render.plain_text import clean
from tui.render.spans import Line, fit
from tui.screens.fetched_list import FetchedList, FetchedRow

if TYPE_CHECKING:
    from engine.operations.declared.alerts import AlertRow, SilenceRow
    from engine.operations.declared.permissions import GrantRow
    from tui.feeds.base import Feed

_MOST = 1000
_LIVES = (("10m", ""), ("1h", ""), ("8h", ""), ("1d", ""), ("7d", ""))


class GrantsList(FetchedList):
    """What is allowed without asking, by whom, and until when; X revokes."""

    HEAD = f"{'ID':<6} {'SCOPE':<13} {'UNTIL':>7}  {'BY':<10} ACTION"
    NOTHING = "No grant is in force: every request is asked."
    BINDINGS: ClassVar[list[BindingType]] = [Binding("X", "revoke", show=False)]

    def __init__(self) -> None:
        super().__init__("GRANTS", "X revoke", self._fetched)

    async def _fetched(self, feed: Feed) -> Sequence[FetchedRow]:
        """Those in force, oldest first."""
        from engine.operations.declared.paging import PageArgs
        from engine.operations.declared.permissions import LIST_GRANTS

        now = self.console.store.live_now
        return [_granted(row, now) for row in (await feed.send(LIST_GRANTS, PageArgs(limit=_MOST))).grants]

    def action_revoke(self) -> None:
        """Take the grant under the cursor back, after a question."""
        row = self.row
        if refusal := self.console.refusal or ("" if row is not None else "There is no grant under the cursor."):
            self.console.notify(refusal, severity="warning")
        elif row is not None:
            self.console.carry_out(self._revoke(row))

    async def _revoke(self, row: FetchedRow) -> str | None:
        from engine.operations.declared.permissions import REVOKE_GRANT, GrantId

        facts: list[Line] = [
            [(row.about, "strong")],
            [],
            [("what happens   ", "muted"), ("what it allowed is asked for again", "")],
            [("same as        ", "muted"), (f"quarterdeck permissions revoke {row.id}", "")],
        ]
        feed = self.console.feed
        if feed is None or not await self.console.dialogs.confirm(f"REVOKE GRANT {row.id}", facts, "revoke", "keep it"):
            return None
        await feed.send(REVOKE_GRANT, GrantId(id=row.id))
        self.action_reload()
        return f"{row.id} is revoked."


def _granted(row: GrantRow, now: float) -> FetchedRow:
    left = formats.span(max(0.0, row.expires - now))
    action = clean(row.action)
    line = f"{fit(row.id, 6)} {fit(row.scope, 13)} {left:>7}  {fit(row.by, 10)} {action}"
    where = f"conversation {row.conversation[:8]}" if row.conversation else f"profile {row.profile} of {row.tenant}"
    return FetchedRow(row.id, line, f"{action}   for {clean(where)} in {clean(row.workspace)}")


class AlertsList(FetchedList):
    """The alerts that fire; S silences, U lifts a silence."""

    HEAD = f"{'SEVERITY':<9} {'SINCE':>7}  {'SILENCED':>8}  RULE AND TEXT"
    NOTHING = "No alert fires."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("S", "silence", show=False),
        Binding("U", "lift", show=False),
    ]

    def __init__(self) -> None:
        super().__init__("ALERTS", "S silence · U lift the silence", self._fetched)
        self._silenced: set[str] = set()

    async def _fetched(self, feed: Feed) -> Sequence[FetchedRow]:
        """Those that fire or will, and the silences of rules that do not fire."""
        from engine.operations.declared.alerts import LIST_ALERTS
        from engine.operations.declared.paging import PageArgs

        found = await feed.send(LIST_ALERTS, PageArgs(limit=_MOST))
        now = self.console.store.live_now
        self._silenced = {each.pattern for each in found.silences}
        firing = [row for row in found.alerts if row.ended is None]
        rows = [_alert(row, now) for row in firing]
        quiet = [each for each in found.silences if each.pattern not in {row.rule for row in firing}]
        return rows + [FetchedRow(f"{each.pattern} ", _silenced(each, now), "It does not fire now.") for each in quiet]

    @property
    def _rule(self) -> str:
        return self.cursor.partition(" ")[0]

    def action_silence(self) -> None:
        """Notify nobody of this rule for a while."""
        self._start(self._silence(self._rule))

    def action_lift(self) -> None:
        """Notify of this rule again."""
        self._start(self._lift(self._rule))

    def _start(self, work: Coroutine[None, None, str | None]) -> None:
        if refusal := self.console.refusal or ("" if self.row is not None else "There is no alert under the cursor."):
            work.close()
            self.console.notify(refusal, severity="warning")
        else:
            self.console.carry_out(work)

    async def _silence(self, rule: str) -> str | None:
        from engine.operations.declared.alerts import SILENCE_ALERTS, SilenceAlerts

        facts: list[Line] = [[("rule    ", "muted"), (rule, "strong")]]
        facts.append([("same as ", "muted"), (f"quarterdeck alerts silence {rule} --for 1h", "")])
        keys = "enter silence · esc keep it loud"
        life = await self.console.dialogs.choose("SILENCE FOR", _LIVES, "1h", facts=[*facts, []], keys=keys)
        feed = self.console.feed
        if life is None or feed is None:
            return None
        await feed.send(SILENCE_ALERTS, SilenceAlerts(name=rule, duration=life))
        self.action_reload()
        return f"{rule} is silent for {life}."

    async def _lift(self, rule: str) -> str | None:
        from engine.operations.declared.alerts import REMOVE_SILENCE, SilenceName

        feed = self.console.feed
        if rule not in self._silenced:
            raise QuarterdeckError(f"{rule} is not silenced.", remedy="S silences it.")
        if feed is not None:
            await feed.send(REMOVE_SILENCE, SilenceName(name=rule))
            self.action_reload()
        return f"{rule} notifies again."


def _silenced(silence: SilenceRow, now: float) -> str:
    who = f"{clean(silence.pattern)}  silenced by {clean(silence.who)}"
    return f"{'–':<9} {'–':>7}  {formats.span(silence.until - now):>8}  {who}"


def _alert(row: AlertRow, now: float) -> FetchedRow:
    silent = formats.span(row.silenced_until - now) if row.silenced_until > now else "–"
    subject = f" {row.subject}" if row.subject else ""
    line = f"{fit(row.severity, 9)} {formats.span(now - row.since):>7}  {silent:>8}  {row.rule}{subject}  {row.text}"
    return FetchedRow(f"{row.rule} {row.subject}", clean(line), clean(row.remedy or row.text))
