"""Extensions: classes found by entry point or named as `module:Class`; an error names the extension and its remedy."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points, packages_distributions
from typing import Any, TypeVar

from engine.base.errors import SettingsError
from engine.base.text import nearest_name

T = TypeVar("T")

BALANCER_GROUP = "quarterdeck.balancers"
SCALER_GROUP = "quarterdeck.scalers"
LIMITER_GROUP = "quarterdeck.limiters"
TRIP_GROUP = "quarterdeck.trip_policies"
EVICTION_GROUP = "quarterdeck.eviction_policies"
BACKEND_GROUP = "quarterdeck.backends"
STRATEGY_GROUP = "quarterdeck.strategies"
SCREEN_GROUP = "quarterdeck.screens"


@dataclass(frozen=True, slots=True)
class ExtensionKind:
    """What the classes of one entry point group are: their name for people, and the `parts` that each must have.

    Those with parts are made without arguments; `port` is the module that states what they are made of.
    """

    name: str
    parts: tuple[str, ...] = ()
    port: str = ""


GROUPS = {
    BALANCER_GROUP: ExtensionKind("balancer", ("considers", "choose"), "engine/pool/balancers.py"),
    SCALER_GROUP: ExtensionKind("scaler", ("recommend",), "engine/pool/scaling_policies.py"),
    LIMITER_GROUP: ExtensionKind("concurrency limiter", ("limit", "decrease"), "engine/flow/limit_policies.py"),
    TRIP_GROUP: ExtensionKind("trip policy", ("reason_to_open",), "engine/recovery/breakers/trip_policies.py"),
    EVICTION_GROUP: ExtensionKind(
        "eviction policy", ("added", "used", "removed", "victim"), "engine/cache/eviction_policies.py"
    ),
    STRATEGY_GROUP: ExtensionKind(
        "recovery strategy",
        ("target_kind", "estimated_time", "can_recover", "execute"),
        "engine/recovery/strategies/base.py",
    ),
    BACKEND_GROUP: ExtensionKind("backend"),
    SCREEN_GROUP: ExtensionKind("screen"),
}
"""What is found by entry point, by its group."""


def make(group: str, name: str, built_in: Mapping[str, Callable[[], T]], key: str) -> T:
    """What `name` stands for, made and found complete. Raises SettingsError, which names the setting `key`."""
    kind = GROUPS[group]
    made: T
    made, why = _made(kind, find(kind.name, group, name, built_in, key))
    if why:
        problem = f"{key}: the {kind.name} {name!r} cannot be used: {why}."
        raise SettingsError([problem], remedy=f"{kind.port} states what one is made of.", field=key)
    return made


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
    except (Exception, SystemExit) as error:  # an extension is somebody else's code
        why = (
            str(error)
            if isinstance(error, ImportError | AttributeError | SyntaxError | ValueError)
            else f"{type(error).__name__}: {error}"
        )
        problem = f"{key}: the {kind} {name!r} cannot be loaded: {why}."
        raise SettingsError([problem], remedy="Install it into the environment of Quarterdeck.", field=key) from error
    if not callable(made):
        problem = f"{key}: {name!r} is no class."
        raise SettingsError([problem], remedy=f"Name a class that makes a {kind}.", field=key)
    return made  # type: ignore[no-any-return]


PUBLIC = frozenset(
    {
        "engine",
        "engine.backends.base",
        "engine.backends.claude",
        "engine.base.errors",
        "engine.cache.eviction_policies",
        "engine.events.state",
        "engine.events.types",
        "engine.flow.limit_policies",
        "engine.pool.balancers",
        "engine.pool.scaling_policies",
        "engine.recovery.breakers.limits",
        "engine.recovery.breakers.trip_policies",
        "engine.recovery.failure",
        "engine.recovery.strategies.base",
        "engine.requests",
        "tui.actions.registry",
        "tui.model.columns",
        "tui.model.sort",
        "tui.model.store",
        "tui.model.tables",
        "tui.render.formats",
        "tui.render.spans",
        "tui.screens.base_screen",
        "tui.screens.list_screen",
    }
)
"""Modules that a plugin may import; everything else may change without notice."""
OWN_PACKAGES = ("engine", "tui", "themes")
_OURS = "quarterdeck"


@dataclass(frozen=True, slots=True)
class Plugin:
    """An installed extension: what it is, its name, the distribution that brings it, and why it cannot be used."""

    kind: str
    name: str
    package: str
    value: str
    problem: str = ""


def installed() -> list[Plugin]:
    """Every extension of the installed packages, loaded on trial."""
    return [_checked(kind, point) for group, kind in GROUPS.items() for point in sorted(entry_points(group=group))]


def foreign_owners() -> dict[str, str]:
    """Packages of ours that another installed distribution claims too: package → distributions."""
    owners = packages_distributions()
    others = {name: [each for each in owners.get(name, []) if each.lower() != _OURS] for name in OWN_PACKAGES}
    return {name: ", ".join(sorted(set(found))) for name, found in others.items() if found}


def private_imports(source: str) -> list[str]:
    """Modules of ours that a plugin's source imports although they are not public."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            below = {f"{node.module}.{each.name}" for each in node.names}
            found |= below & PUBLIC if below <= PUBLIC else {node.module}
        elif isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
    return sorted(name for name in found if name.partition(".")[0] in OWN_PACKAGES and name not in PUBLIC)


def _made(kind: ExtensionKind, maker: Callable[..., Any]) -> tuple[Any, str]:
    """What a class makes, and why it cannot be used; the second is empty when it can."""
    try:
        made = maker()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - an extension is somebody else's code
        return None, f"it cannot be made: {type(error).__name__}: {error}"
    missing = [part for part in kind.parts if not hasattr(made, part)]
    return made, f"it has no {', '.join(missing)}" if missing else ""


def _checked(kind: ExtensionKind, point: EntryPoint) -> Plugin:
    package = point.dist.name if point.dist is not None else ""
    plugin = Plugin(kind.name, point.name, package, point.value)
    try:
        made = point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin is somebody else's code
        return replace(plugin, problem=f"it cannot be loaded: {type(error).__name__}: {error}")
    if not callable(made):
        return replace(plugin, problem=f"{point.value} is not a class")
    if kind.parts and (why := _made(kind, made)[1]):
        return replace(plugin, problem=why)
    module = sys.modules.get(getattr(made, "__module__", ""))
    try:
        private = private_imports(inspect.getsource(module)) if module is not None else []
    except (OSError, TypeError, SyntaxError):
        private = []
    if private:
        return replace(plugin, problem=f"it imports {', '.join(private)}, which may change without notice")
    return plugin
