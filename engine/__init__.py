"""The engine under the console, and its face as a library: `from engine import Engine, Request, load_settings`."""

from __future__ import annotations

from engine.base.version import __version__

TYPE_CHECKING = False  # `typing` is a part of the simulated agent's start time, and it imports this package too

if TYPE_CHECKING:
    from engine.base.errors import BadInput, BreakerOpen, ErrorKind, NotFound, Overloaded, QuarterdeckError, TurnFailed
    from engine.library.engine import Engine
    from engine.library.settings import load_settings
    from engine.library.types import CircuitThresholds, PriorityQueue, RetryPolicy
    from engine.requests import Answer, Request

_HOMES = {
    "Answer": "engine.requests",
    "BadInput": "engine.base.errors",
    "BreakerOpen": "engine.base.errors",
    "CircuitThresholds": "engine.library.types",
    "Engine": "engine.library.engine",
    "ErrorKind": "engine.base.errors",
    "NotFound": "engine.base.errors",
    "Overloaded": "engine.base.errors",
    "PriorityQueue": "engine.library.types",
    "QuarterdeckError": "engine.base.errors",
    "Request": "engine.requests",
    "RetryPolicy": "engine.library.types",
    "TurnFailed": "engine.base.errors",
    "load_settings": "engine.library.settings",
}
"""Where each public name is defined; it is loaded when it is first used."""

__all__ = [
    "Answer",
    "BadInput",
    "BreakerOpen",
    "CircuitThresholds",
    "Engine",
    "ErrorKind",
    "NotFound",
    "Overloaded",
    "PriorityQueue",
    "QuarterdeckError",
    "Request",
    "RetryPolicy",
    "TurnFailed",
    "__version__",
    "load_settings",
]


def __getattr__(name: str) -> object:
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module 'engine' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
