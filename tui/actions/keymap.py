"""The operator's own keys: `keys.toml` maps action ids to keys. What cannot be taken is named, and the rest holds."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from textual.binding import Binding
from textual.keys import Keys, key_to_character

from engine.settings.paths import config_directory
from tui.actions.registry import ACTIONS, Action, Clash, clashing

RENAMED = {"view.skin": "view.theme"}
"""Actions of earlier versions, which are still read: old → new."""
MAX_FILE = 64 * 1024
"""Bytes of a keys.toml; of a larger one nothing is taken."""
MAX_KEYS = 4
"""Keys that one action may have."""
_MODIFIERS = {"ctrl", "alt", "shift", "super", "hyper", "meta"}
_NAMED = {key.value.rpartition("+")[2] for key in Keys} - {"any", "ignore"}
_SHORT = {
    "pagedown": "pgdn", "pageup": "pgup", "escape": "esc", "space": "space", "slash": "/", "backslash": "\\", "at": "@",
    "minus": "-", "plus": "+", "underscore": "_",
}  # fmt: skip
_ACTING = re.compile(r"[A-Z]|f\d+|(ctrl|alt)\+.+")


@dataclass(frozen=True)
class Keymap:
    """The actions with the keys in force, and what of keys.toml could not be taken, each with the reason."""

    actions: tuple[Action, ...] = ACTIONS
    problems: tuple[str, ...] = ()
    came: tuple[Action, ...] = ACTIONS
    """The same actions with the keys that they came with."""

    @cached_property
    def changed(self) -> dict[str, str]:
        """The keys that differ from those that came along, by action id, as Textual's keymap wants them."""
        return {mine.id: mine.key for mine, came in zip(self.actions, self.came, strict=True) if mine.key != came.key}

    @cached_property
    def _by_id(self) -> dict[str, Action]:
        return {action.id: action for action in self.actions}

    def shown(self, action: str) -> str:
        """The key of an action, as a person names it. Raises KeyError for an unknown id."""
        return self._by_id[action].shown_key


CAME_ALONG = Keymap()
"""The keys without a keys.toml."""


def keys_file(environ: Mapping[str, str]) -> Path:
    """Where the operator's own keys are read from."""
    return config_directory(environ) / "keys.toml"


def load_keymap(path: Path | None = None, came: tuple[Action, ...] = ACTIONS) -> Keymap:
    """The keys in force; without a file those that came along. A bad file, or a bad line of it, is a problem told."""
    path = path if path is not None else keys_file(os.environ)
    try:
        if path.stat().st_size > MAX_FILE:
            return Keymap(came, came=came, problems=(f"{path} is larger than {MAX_FILE} bytes, so it is not read.",))
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Keymap(came, came=came)
    except (OSError, ValueError) as error:
        return Keymap(came, came=came, problems=(f"{path}: {error}",))
    return resolve(said, came)


def resolve(said: Mapping[str, object], came: tuple[Action, ...] = ACTIONS) -> Keymap:
    """Lay the wishes of a keys.toml over the registry. Of two owners of one key, the one that was changed gives way."""
    problems: list[str] = []
    wanted: dict[str, Action] = {}
    known = {action.id: action for action in came}
    for given, value in _flat(said):
        name = RENAMED.get(given, given)
        if name not in known:
            problems.append(f"There is no action {name!r}{_nearest(name, list(known))}.")
            continue
        try:
            wanted[name] = _with_keys(known[name], value)
        except ValueError as error:
            problems.append(f"{name}: {error}; it keeps {known[name].shown_key}.")
    return _without_clashes(wanted, problems, came)


def _without_clashes(wanted: dict[str, Action], problems: list[str], came: tuple[Action, ...]) -> Keymap:
    """Each round puts one changed action back on its own key, so it ends with the registry at the latest."""
    while True:
        actions = tuple(wanted.get(action.id, action) for action in came)
        clash = next(clashing(actions), None)
        if clash is None:
            return Keymap(actions, tuple(problems), came)
        loser = _loser(clash, list(wanted))
        del wanted[loser]
        own = next(action for action in came if action.id == loser)
        problems.append(f"Clash: {clash}. {loser} stays on {own.shown_key}.")


def _loser(clash: Clash, changed: list[str]) -> str:
    return max((name for name in (clash.first, clash.second) if name in changed), key=changed.index)


def _flat(said: Mapping[str, object], above: str = "") -> Iterator[tuple[str, object]]:
    """`sessions.kill = "X"` is a table to TOML, and means the same as `"sessions.kill" = "X"`."""
    for name, value in said.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield above + name, value


def _with_keys(action: Action, value: object) -> Action:
    keys = [canonical(key) for key in _listed(value)]
    if action.acts and (low := next((key for key in keys if not acting(key)), None)):
        raise ValueError(f"what acts has an upper-case letter, a function key, ctrl or alt, not {label(low)!r}")
    return replace(action, key=",".join(dict.fromkeys(keys)), label=label(keys[0]))


def _listed(value: object) -> list[str]:
    given = value if isinstance(value, list) else [value]
    keys = [key for key in given if isinstance(key, str)]
    if keys != given or not 0 < len(keys) <= MAX_KEYS:
        raise ValueError(f'a key is a text such as "X" or "ctrl+x", or a list of one to {MAX_KEYS} of them')
    return keys


def acting(key: str) -> bool:
    """Whether an action that acts may have this key, as Textual names it."""
    return _ACTING.fullmatch(key) is not None


def canonical(key: str) -> str:
    """A key as Textual names it: `!` is `exclamation_mark`, `shift+x` is `X`. Raises ValueError for what is no key."""
    *modifiers, base = key.strip().split("+") if len(key) > 1 else [key]
    if len(base) == 1 and base.isprintable() and base != " ":
        base = next(iter(Binding.make_bindings([Binding(base, "")]))).key if base != "," else "comma"
    elif base not in _NAMED and (len(base) < 2 or key_to_character(base) is None):
        raise ValueError(f"{key!r} is no key{_nearest(base, sorted(_NAMED))}")
    if unknown := [name for name in modifiers if name not in _MODIFIERS]:
        raise ValueError(f"{key!r} is no key: {unknown[0]!r} is none of {', '.join(sorted(_MODIFIERS))}")
    if modifiers == ["shift"] and len(base) == 1 and base.isalpha():
        return base.upper()
    return "+".join([*modifiers, base])


def label(key: str) -> str:
    """A canonical key as a person names it."""
    if "+" in key:
        return key
    character = key_to_character(key)
    return _SHORT.get(key) or (character if character and character.isprintable() else key)


def _nearest(name: str, known: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}" if close else ""
