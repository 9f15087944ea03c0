"""Extensions: classes found by entry point or named as `module:Class`; an error names the extension and its remedy."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import entry_points
from typing import Any, TypeVar

from engine.base.errors import SettingsError
from engine.base.text import nearest_name

T = TypeVar("T")

BALANCER_GROUP = "quarterdeck.balancers"
BACKEND_GROUP = "quarterdeck.backends"
STRATEGY_GROUP = "quarterdeck.strategies"
SCREEN_GROUP = "quarterdeck.screens"


def find(kind: str, group: str, name: str, built_in: Mapping[str, Callable[..., T]], key: str) -> Callable[..., T]:
    """What makes a `kind` by its name. Raises SettingsError, which names the setting `key` and all that is known."""
    if name in built_in:
        return built_in[name]
    if ":" in name:
        return _imported(kind, name, key)
    found = {point.name: point for point in entry_points(group=group)}
    if name not in found:
        known = ", ".join([*built_in, *sorted(found)])
        near = nearest(name, [*built_in, *found])
        problem = f"{key}: there is no {kind} {name!r}{near}. Known ones: {known}; or name one as module:Class."
        raise SettingsError([problem], remedy=f"`quarterdeck config set {key}=…`", field=key)
    return _loaded(kind, name, key, found[name].load)


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name, empty when none is near."""
    near = nearest_name(name, known)
    return f"; the nearest is {near}" if near else ""


def _imported(kind: str, name: str, key: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")

    def load() -> Any:
        return getattr(importlib.import_module(module), attribute)

    return _loaded(kind, name, key, load)


def _loaded(kind: str, name: str, key: str, load: Callable[[], Any]) -> Callable[..., Any]:
    try:
        made = load()
    except (ImportError, AttributeError, SyntaxError, ValueError) as error:
        problem = f"{key}: the {kind} {name!r} cannot be loaded: {error}."
        raise SettingsError([problem], remedy="Install it into the environment of Quarterdeck.", field=key) from error
    if not callable(made):
        problem = f"{key}: {name!r} is no class."
        raise SettingsError([problem], remedy=f"Name a class that makes a {kind}.", field=key)
    return made  # type: ignore[no-any-return]
