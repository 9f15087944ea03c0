"""Settings that change while the engine runs: validated whole, applied part by part, put back when a part refuses."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from engine.base.clock import Clock
from engine.base.errors import BadInput, QuarterdeckError, SettingsError
from engine.settings import catalogue, unused
from engine.settings.fields import Group
from engine.settings.load import validated
from engine.settings.local_only import check_remote, check_remote_save, local_changes
from engine.settings.saving import is_secret, save
from engine.settings.schema import Settings
from engine.settings.sources import Layer
from engine.settings.tree import find_value, flatten, flatten_raw, redacted, without

Applier = Callable[[Settings, Settings], None]
"""Makes a part follow a change, given the settings before and after; raises QuarterdeckError to refuse it unchanged."""

ENGINE = "engine"
G = TypeVar("G", bound=Group)


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """One change that was made: `when` in seconds since 1970, key → [old, new] with secrets redacted.

    `restarts` names the parts that follow only after a restart; `undoes` is the number of the change it took back.
    """

    number: int
    who: str
    when: float
    changes: dict[str, list[Any]]
    restarts: tuple[str, ...] = ()
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """Where settings were saved, and which; left out are secrets, and what only a local caller may save."""

    file: str
    keys: list[str]
    left_out: list[str]


class LiveSettings:
    """Owner of the current settings and of the history of changes; used on the engine's thread only."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        origins: Mapping[str, str] | None = None,
        appliers: Sequence[tuple[str, Applier]] = (),
        history: int = 200,
    ) -> None:
        self._current = settings
        self._saved = flatten_raw(settings)
        self._clock = clock
        self._origins = dict(origins or {})
        self._appliers = list(appliers)
        self._subscribers: list[Callable[[ChangeRecord], None]] = []
        # At the bound the oldest change is forgotten, and can no longer be undone.
        self._shown: dict[str, Any] | None = None
        self._history: deque[ChangeRecord] = deque(maxlen=history)
        self._undoable: deque[tuple[ChangeRecord, Settings, dict[str, str]]] = deque(maxlen=history)
        self._number = 0

    @property
    def current(self) -> Settings:
        """The settings in force."""
        return self._current

    @property
    def shown(self) -> Mapping[str, Any]:
        """The settings in force by dotted key, with secrets redacted; worked out once a change."""
        if self._shown is None:
            self._shown = flatten(self._current)
        return self._shown

    @property
    def origins(self) -> dict[str, str]:
        """Where each setting came from, by dotted key."""
        return dict(self._origins)

    @property
    def history(self) -> tuple[ChangeRecord, ...]:
        """The changes made, oldest first; undoing one is a change of its own."""
        return tuple(self._history)

    def add_applier(self, part: str, applier: Applier) -> None:
        """Let a part follow changes from now on; parts follow in the order they were added."""
        self._appliers.append((part, applier))

    def subscribe(self, on_change: Callable[[ChangeRecord], None]) -> Callable[[], None]:
        """Hear of every change after it was made; the answer ends the subscription."""
        self._subscribers.append(on_change)
        return lambda: self._subscribers.remove(on_change)

    def propose(self, changes: Mapping[str, Any], who: str, *, remote: bool = False) -> ChangeRecord:
        """Make the changes (dotted key → value, None takes a profile or its variable away), all of them or none.

        SettingsError names every problem, or the part that refused; LocalOnly what a `remote` caller may not change.
        """
        origin = f"live by {who}"
        after, given = self._validated(changes, origin)
        self._check_door(after, remote=remote)
        before, origins = self._current, dict(self._origins)
        record = self._record(after, who)
        if not record.changes:
            raise BadInput(
                "Nothing would change: every value is in force already.", remedy="`quarterdeck config show` lists them."
            )
        self._apply(after)
        self._undoable.append((record, before, origins))
        present = flatten_raw(after).keys()
        kept = {key: value for key, value in origins.items() if key in present}
        self._origins = kept | {key: origin for key in given if key in record.changes}
        return self._publish(record)

    def check(self, changes: Mapping[str, Any], who: str, *, remote: bool = False) -> None:
        """Raises what `propose` would raise for what is wrong with the values or the caller; changes nothing."""
        after, _given = self._validated(changes, f"live by {who}")
        self._check_door(after, remote=remote)

    def undo(self, who: str, *, remote: bool = False) -> ChangeRecord:
        """Take back the last change that is still in force; BadInput when there is none, LocalOnly as for `propose`."""
        if not self._undoable:
            raise BadInput("There is no change to undo.", remedy="`quarterdeck config history` lists the changes.")
        undone, before, origins = self._undoable[-1]
        self._check_door(before, remote=remote)
        record = replace(self._record(before, who), undoes=undone.number)
        self._apply(before)
        self._undoable.pop()
        self._origins = origins
        return self._publish(record)

    def unsaved(self) -> dict[str, Any]:
        """What live changes made of the settings since the start or the last saving: key → value, None for gone."""
        old, new = self._saved, flatten_raw(self._current)
        return {key: new.get(key) for key in _changed(old, new)}

    def save(self, path: Path, keys: Collection[str] = (), *, remote: bool = False) -> Saved:
        """Write the unsaved changes, or these of them, into a settings file, so that they survive a restart.

        Left out are secrets, and what a `remote` caller may not change; naming one of them is refused.
        Raises BadInput, SettingsError, LocalOnly.
        """
        unsaved = self.unsaved()
        local = local_changes(self._saved, flatten_raw(self._current)) if remote else []
        check_remote_save([key for key in local if key in keys])
        left_out = [] if keys else [key for key in unsaved if is_secret(key) or key in local]
        chosen = {key: value for key, value in unsaved.items() if (key in keys if keys else key not in left_out)}
        if not chosen:
            raise _nothing_to_save(left_out)
        save(path, chosen)
        self._mark_saved(chosen)
        self._origins |= {key: str(path) for key in chosen if key in self._origins}
        return Saved(str(path), sorted(chosen), left_out)

    def _mark_saved(self, chosen: Collection[str]) -> None:
        """What was not chosen stays unsaved."""
        new = flatten_raw(self._current)
        kept = {key: value for key, value in self._saved.items() if key not in chosen}
        self._saved = kept | {key: new[key] for key in chosen if key in new}

    def _validated(self, changes: Mapping[str, Any], origin: str) -> tuple[Settings, set[str]]:
        """The settings after the changes, and the keys that were given."""
        gone = [key for key, value in changes.items() if value is None and _is_entry(key)]
        layer, base = Layer(), self._current.model_dump()
        for key in gone:
            if find_value(base, key) is None:
                layer.problems.append(f"{key} ({origin}): there is nothing of this name to take away.")
            base = without(base, key)
        for key in changes.keys() - gone:
            layer.add(key, changes[key], origin)
        layer.problems += unused.refused(layer.origins) or _fixed(layer.origins)
        after, _origins = validated([Layer(base, dict(self._origins)), layer])
        return _sharing(self._current, after), set(layer.origins)

    def _check_door(self, after: Settings, *, remote: bool) -> None:
        if remote:
            check_remote(flatten_raw(self._current), flatten_raw(after))

    def _record(self, after: Settings, who: str) -> ChangeRecord:
        old, new = flatten_raw(self._current), flatten_raw(after)
        changed = _changed(old, new)
        restarts = {info.restart for key in changed if (info := catalogue.find(key)) is not None and info.restart}
        return ChangeRecord(
            number=self._number + 1,
            who=who,
            when=self._clock.wall(),
            changes={key: [redacted(key, old.get(key)), redacted(key, new.get(key))] for key in changed},
            restarts=tuple(sorted(restarts)),
        )

    def _apply(self, after: Settings) -> None:
        before = self._current
        with ExitStack() as put_back:
            for part, applier in self._appliers:
                _apply_one(part, applier, before, after)
                put_back.callback(applier, after, before)
            put_back.pop_all()
        self._current, self._shown = after, None

    def _publish(self, record: ChangeRecord) -> ChangeRecord:
        self._number = record.number
        self._history.append(record)
        for on_change in tuple(self._subscribers):
            on_change(record)
        return record


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [key for key in {**old, **new} if old.get(key) != new.get(key) or (key in old) != (key in new)]


def _nothing_to_save(left_out: Collection[str]) -> BadInput:
    if left_out:
        sentence = f"There is nothing to save: secrets, and what a token may not save, are left out: {len(left_out)}."
        return BadInput(sentence, remedy="Put secrets into the environment; save the rest on the engine's machine.")
    sentence = "There is nothing to save: no live change is unsaved."
    return BadInput(sentence, remedy="`quarterdeck config history` lists the changes.")


def _apply_one(part: str, applier: Applier, before: Settings, after: Settings) -> None:
    try:
        applier(before, after)
    except QuarterdeckError as error:
        problem = f"{part} refused the change: {error.message} Everything was put back."
        raise SettingsError([problem], remedy=error.remedy) from error


def _fixed(origins: Mapping[str, str]) -> list[str]:
    """A problem for each key that only a new start of the engine can change."""
    fixed = [key for key in origins if (info := catalogue.find(key)) is not None and info.restart == ENGINE]
    return [
        f"{key} ({origins[key]}): it cannot change while the engine runs; set it in the file and start again."
        for key in fixed
    ]


def _is_entry(key: str) -> bool:
    """Whether the key names a profile, or a variable of one: what can be taken away."""
    return (key.startswith("profiles.") and key.count(".") == 1) or catalogue.is_variable(key)


def _sharing(before: G, after: G) -> G:
    """`after`, with the groups of `before` wherever they are equal: 200 kept changes are not 200 whole settings."""
    same: dict[str, Any] = {}
    for name in type(after).model_fields:
        old, new = getattr(before, name), getattr(after, name)
        if old == new:
            same[name] = old
        elif isinstance(old, Group) and isinstance(new, Group):
            same[name] = _sharing(old, new)
    return after.model_copy(update=same)
