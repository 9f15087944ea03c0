"""The settings of a moment that is past, from those of a later one and the changes in between. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import yaml

from engine.events.state import CauseView
from engine.settings.sources import read_text
from tui.model.settings_sheet import SettingChange, SettingsSheet
from tui.model.tuning import Tuning
from tui.render import formats

UNKNOWN = "before the first change known"
"""Where a value came from that was in force before anything is known of it."""


class PastTuning:
    """Owner of the settings of the moment shown last."""

    def __init__(self) -> None:
        self._sheet: SettingsSheet | None = None
        self._started: float | None = None
        self._made: tuple[float, Tuning] | None = None

    def load(self, sheet: SettingsSheet, started: float | None) -> None:
        """Take in the settings as they are now and when the engine started; None for a recording."""
        self._sheet, self._started, self._made = sheet, started, None

    def at(self, at: float) -> Tuning:
        """The settings at that moment; empty when they are not known."""
        if self._made is None or self._made[0] != at:
            past = Tuning()
            if self._sheet is not None and at >= self._since(self._sheet):
                past.load(sheet_at(self._sheet, at))
            self._made = (at, past)
        return self._made[1]

    def missing(self, at: float) -> str:
        """Why there is nothing to see of that moment."""
        if self._sheet is None:
            return "reading the settings…"
        if self._started is None:
            return "A recording holds the settings that change in it, and none did."
        since = formats.clock(self._since(self._sheet))
        return f"What was set at {formats.clock(at)} is not known: the changes are, from {since} on."

    def _since(self, sheet: SettingsSheet) -> float:
        return known_since(sheet, self._started) if self._started is not None else 0.0


def known_since(sheet: SettingsSheet, started: float) -> float:
    """From when on all changes are known: the engine's start, or the oldest change where older ones are forgotten."""
    first = next(iter(sheet.changes), None)
    return started if first is None or first.number == 1 else first.when


def sheet_at(sheet: SettingsSheet, at: float) -> SettingsSheet:
    """The sheet as it was at `at`, seconds since 1970: what changed later is taken back, the newest first."""
    values, origins = dict(sheet.values), dict(sheet.origins)
    for change in reversed([change for change in sheet.changes if change.when > at]):
        for key, (old, _new) in change.changes.items():
            values[key], origins[key] = old, UNKNOWN
            if old is None and key.startswith("profiles."):
                del values[key]
    earlier = [change for change in sheet.changes if change.when <= at]
    for change in earlier:
        origins |= {key: f"live by {change.who}" for key in change.changes if origins.get(key) == UNKNOWN}
    return replace(sheet, values=values, origins=origins, changes=earlier)


def recorded_sheet(causes: Iterable[CauseView]) -> SettingsSheet:
    """What a recording reports settings: those that changed in it, as they were at its end, and the changes."""
    changes: list[SettingChange] = []
    values: dict[str, Any] = {}
    for cause in causes:
        if cause.mark != "tuning":
            continue
        pair = {cause.subject: [_meant(cause.subject, cause.before), _meant(cause.subject, cause.after)]}
        values[cause.subject] = pair[cause.subject][1]
        if changes and (changes[-1].when, changes[-1].who) == (cause.at, cause.reason):
            changes[-1] = replace(changes[-1], changes={**changes[-1].changes, **pair})
        else:
            changes.append(SettingChange(len(changes) + 1, cause.reason, cause.at, pair))
    origins = {key: f"live by {change.who}" for change in changes for key in change.changes}
    return SettingsSheet(values, origins, changes)


def _meant(key: str, text: str) -> Any:
    """A value from the text that the state keeps of it."""
    if text == "None":
        return None
    try:
        value = read_text(key, text)
    except yaml.YAMLError:
        return text
    return value if isinstance(value, bool | int | float) else text
