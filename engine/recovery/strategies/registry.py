"""The strategies by name: those that come with Quarterdeck, and extensions that the settings name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.base.errors import SettingsError
from engine.base.plugins import STRATEGY_GROUP, make, nearest
from engine.recovery.classify.rules import ErrorType
from engine.recovery.escalation import PLAIN_RETRY
from engine.recovery.strategies.base import RecoveryStrategy
from engine.recovery.strategies.builtin import (
    CleanResources,
    FailFast,
    Park,
    Reauthenticate,
    ReduceLoad,
    RestartProcess,
    ResumeConversation,
)
from engine.settings.schema import Settings

KEY = "recovery.strategies"
NONE = "none"
"""In the settings: trying again is enough."""
_TYPES = [kind.value for kind in ErrorType if kind is not ErrorType.NONE]


class Strategies:
    """Owner of the strategies; `own` maps a class of errors to the name of one. Raises SettingsError."""

    def __init__(self, own: Mapping[str, str], credential_hold: Callable[[], float], beside: str = "") -> None:
        built_in: list[RecoveryStrategy] = [
            ResumeConversation(),
            RestartProcess(),
            CleanResources(),
            Reauthenticate(credential_hold),
            ReduceLoad(),
            Park(),
            FailFast(),
        ]
        self.by_name: dict[str, RecoveryStrategy] = {strategy.name: strategy for strategy in built_in}
        self.by_class: dict[str, str] = {}
        makers = {name: _returning(strategy) for name, strategy in self.by_name.items()}
        for error_class, name in own.items():
            _check_class(error_class)
            self.by_class[error_class] = self._named(name, f"{KEY}.{error_class}", makers)
        if beside:
            self._named(beside, "circuit_breaker.recovery", makers)

    def _named(self, name: str, key: str, built_in: Mapping[str, Callable[[], RecoveryStrategy]]) -> str:
        if name == NONE:
            return PLAIN_RETRY
        if name not in self.by_name:
            made = make(STRATEGY_GROUP, name, built_in, key)
            made.name = name
            self.by_name[name] = made
        return name


def _returning(strategy: RecoveryStrategy) -> Callable[[], RecoveryStrategy]:
    return lambda: strategy


def _check_class(error_class: str) -> None:
    kind = error_class.partition("/")[0]
    if kind not in _TYPES:
        problem = f"{KEY}: {error_class!r} is no class of errors{nearest(kind, _TYPES)}."
        remedy = f"Name a type ({', '.join(_TYPES)}) or `type/category`; `quarterdeck classify` names both."
        raise SettingsError([problem], remedy=remedy, field=f"{KEY}.{error_class}")


def strategies(settings: Settings, credential_hold: Callable[[], float]) -> Strategies:
    """The recovery strategies that the settings name. Raises SettingsError."""
    return Strategies(settings.recovery.strategies, credential_hold, settings.circuit_breaker.recovery or "")
