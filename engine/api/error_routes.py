"""The HTTP resources of errors: which there were, how recovery went, and the correction of a class."""

from __future__ import annotations

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from engine.api.envelope import body_of, converted, done, number_of
from engine.api.route_group import RouteGroup
from engine.base.errors import BadInput, ErrorKind
from engine.recovery.classify.rule_table import learned_row
from engine.recovery.classify.rules import ErrorType

_PAGE, _MAX_PAGE = 100, 1000


class ClassBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /api/errors/{id}/class."""

    type: ErrorType


class ErrorRoutes(RouteGroup):
    """The handlers over one engine."""

    def all(self) -> list[Route]:
        """Every route."""
        return [
            Route("/api/errors", self.errors),
            Route("/api/errors/statistics", self.statistics),
            Route("/api/errors/{id}/class", self.correct, methods=["POST"]),
        ]

    async def errors(self, request: HttpRequest) -> Response:
        """GET /api/errors?limit=&offset=&type=: the last ones, newest first."""
        rows = self._engine.bus.state.errors[::-1]
        kind = request.query_params.get("type")
        if kind is not None:
            wanted = _kind(kind)
            rows = [row for row in rows if row.type == wanted]
        limit = number_of(request, "limit", _PAGE, 1, _MAX_PAGE)
        offset = number_of(request, "offset", 0, 0, 2**53)
        return done({"errors": rows[offset : offset + limit], "total": len(rows)})

    async def statistics(self, request: HttpRequest) -> Response:
        """GET /api/errors/statistics?window=1h: the figures of 5m, 1h or 24h."""
        window = request.query_params.get("window", "1h")
        figures = self._engine.recovery_statistics.figures(window, self._engine.clock.wall())
        return done({"statistics": figures})

    async def correct(self, request: HttpRequest) -> Response:
        """POST /api/errors/{id}/class {"type": "network"}: learn that errors like this one are of that type."""
        body: ClassBody = converted(await body_of(request), ClassBody)
        learned = self._engine.correct(request.path_params["id"], body.type, self._caller)
        return done({"rule": learned_row(learned, 0)}, 201)


def _kind(text: str) -> ErrorKind:
    try:
        return ErrorKind(text)
    except ValueError:
        remedy = f"Use one of {', '.join(ErrorKind)}."
        raise BadInput(f"There is no type {text!r}.", field="type", remedy=remedy) from None
