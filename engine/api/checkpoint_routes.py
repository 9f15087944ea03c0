"""The HTTP resource of checkpoints: requests that a shutdown broke off, to be resumed or given up."""

from __future__ import annotations

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from engine.api.envelope import done
from engine.api.route_group import RouteGroup


class CheckpointRoutes(RouteGroup):
    """The handlers over one engine."""

    def all(self) -> list[Route]:
        """Every route."""
        return [
            Route("/api/checkpoints", self.checkpoints, methods=["GET"]),
            Route("/api/checkpoints/{id}/resume", self.resume, methods=["POST"]),
            Route("/api/checkpoints/{id}", self.delete, methods=["DELETE"]),
        ]

    async def checkpoints(self, _request: HttpRequest) -> Response:
        """GET /api/checkpoints: all of them, oldest first, with when they expire."""
        rows = [
            {**msgspec.to_builtins(row.checkpoint), "expires_at": row.expires_at, "resuming": row.resuming}
            for row in self._engine.resumption.rows()
        ]
        return done({"checkpoints": rows})

    async def resume(self, request: HttpRequest) -> Response:
        """POST /api/checkpoints/{id}/resume: run the request again; its end is an event."""
        self._engine.check_writable()
        return done({"request": self._engine.resumption.resume(request.path_params["id"])}, 202)

    async def delete(self, request: HttpRequest) -> Response:
        """DELETE /api/checkpoints/{id}: give the request up."""
        self._engine.check_writable()
        self._engine.resumption.delete(request.path_params["id"])
        return done({"deleted": request.path_params["id"]})
