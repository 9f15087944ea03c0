"""How a command reaches the running engine of this machine; in read-only mode it can only read."""

from __future__ import annotations

from typing import Any

from engine.operations.operation import A, Operation, R
from tui.cli.options import Common
from tui.feeds.client import ANSWER_S, EngineClient, address_of


def running_engine(common: Common) -> EngineClient:
    """A client of the engine on the local socket. Raises SettingsError."""
    from tui.cli.settings_source import load

    settings = load(common).settings
    return EngineClient(address_of(None, settings.api.socket), read_only=settings.engine.read_only)


def call(common: Common, method: str, path: str, body: Any = None, timeout: float | None = ANSWER_S) -> dict[str, Any]:
    """The `data` of one answer of the running engine. Raises NoEngine, Forbidden, and what the engine answers with."""
    with running_engine(common) as client:
        return client.call(method, path, body, timeout)


def send(common: Common, operation: Operation[A, R], args: A) -> R:
    """The result of an operation on the running engine. Raises as `call`."""
    with running_engine(common) as client:
        return client.send(operation, args)
