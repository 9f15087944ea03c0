"""The HTTP resource of recoveries: what was done about failures, with what success, and a run by hand."""

from __future__ import annotations

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from engine.api.envelope import body_of, converted, done, number_of
from engine.api.route_group import RouteGroup

_PAGE, _MAX_PAGE = 100, 1000


class RecoveryBody(msgspec.Struct, kw_only=True):
    """POST /api/recoveries."""

    strategy: str
    target: str


class RecoveriesRoutes(RouteGroup):
    """The handlers over one engine."""

    def all(self) -> list[Route]:
        """Every route."""
        return [
            Route("/api/recoveries", self.recoveries, methods=["GET"]),
            Route("/api/recoveries", self.execute, methods=["POST"]),
        ]

    async def recoveries(self, request: HttpRequest) -> Response:
        """GET /api/recoveries?limit=&offset=: the last ones, newest first, and what each strategy achieved.

        `cap` is the number of requests that may run at once while the load is lowered, else null.
        """
        rows = self._engine.bus.state.recoveries[::-1]
        limit, offset = number_of(request, "limit", _PAGE, 1, _MAX_PAGE), number_of(request, "offset", 0, 0, 2**53)
        return done(
            {
                "recoveries": rows[offset : offset + limit],
                "total": len(rows),
                "strategies": self._engine.recoveries.statistics(),
                "cap": self._engine.limiter.limit,
            }
        )

    async def execute(self, request: HttpRequest) -> Response:
        """POST /api/recoveries {"strategy": "restart_process", "target": "session:s0001"}: run one, to its end."""
        body: RecoveryBody = converted(await body_of(request), RecoveryBody)
        self._engine.check_writable()
        ended = await self._engine.recoveries.execute(body.strategy, body.target, self._caller)
        return done({"recovery": ended}, 201)
