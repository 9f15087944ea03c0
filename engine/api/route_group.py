"""What every group of routes has: the engine, and the name of whoever asks."""

from __future__ import annotations

from abc import ABC, abstractmethod

from starlette.routing import Route

from engine.api.peers import named
from engine.engine import Engine


class RouteGroup(ABC):
    """Handlers over one engine; `user` names who may open this listener."""

    def __init__(self, engine: Engine, user: str) -> None:
        self._engine = engine
        self._user = user

    @property
    def _caller(self) -> str:
        """Who asks, with the pid of the process where it is known."""
        return named(self._user)

    @abstractmethod
    def all(self) -> list[Route]:
        """Every route."""
