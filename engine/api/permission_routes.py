"""The HTTP resources of permissions: what waits, one by one and by action, the answers, and the grants they gave."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from engine.api.envelope import body_of, converted, done, number_of
from engine.api.route_group import RouteGroup
from engine.approvals.grants import Grant
from engine.approvals.groups import groups_of

_PAGE, _MAX_PAGE = 100, 1000


class AnswerBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /api/permissions/{id} and …/groups/{key}. `expires` is a time to live such as 1h, or a moment."""

    allowed: bool
    scope: str = "once"
    expires: str | float | None = None
    message: str = ""


class PermissionRoutes(RouteGroup):
    """The handlers over one engine."""

    def all(self) -> list[Route]:
        """Every route."""
        return [
            Route("/api/permissions", self.permissions),
            Route("/api/permissions/groups", self.groups),
            Route("/api/permissions/groups/{key}", self.answer_group, methods=["POST"]),
            Route("/api/permissions/grants", self.grants),
            Route("/api/permissions/grants/{id}", self.revoke, methods=["DELETE"]),
            Route("/api/permissions/history", self.history),
            Route("/api/permissions/{id}", self.answer, methods=["POST"]),
        ]

    async def permissions(self, request: HttpRequest) -> Response:
        """GET /api/permissions?limit=&offset=: those that wait, with `age` in seconds; the oldest first."""
        rows = list(self._engine.bus.state.permissions.values())
        now = self._engine.clock.wall()
        page = [_aged(msgspec.structs.asdict(row), row.asked_at, now) for row in _page(request, rows)]
        return done({"permissions": page, "total": len(rows)})

    async def groups(self, request: HttpRequest) -> Response:
        """GET /api/permissions/groups?limit=&offset=: one row an action, the gravest first, then the oldest."""
        rows = groups_of(self._engine.bus.state.permissions.values())
        now = self._engine.clock.wall()
        page = [_aged(msgspec.structs.asdict(row), row.asked_at, now) for row in _page(request, rows)]
        return done({"groups": page, "total": len(rows)})

    async def answer(self, request: HttpRequest) -> Response:
        """POST /api/permissions/{id} {"allowed": true}: answer one."""
        body: AnswerBody = converted(await body_of(request), AnswerBody)
        name = request.path_params["id"]
        grants = self._engine.answer(name, by=self._caller, **msgspec.structs.asdict(body))
        return done({"permission": {"id": name, "allowed": body.allowed, "grants": [_told(each) for each in grants]}})

    async def answer_group(self, request: HttpRequest) -> Response:
        """POST /api/permissions/groups/{key} {"allowed": true}: answer all that wait for this action."""
        body: AnswerBody = converted(await body_of(request), AnswerBody)
        key = request.path_params["key"]
        count, grants = self._engine.answer_group(key, by=self._caller, **msgspec.structs.asdict(body))
        told = [_told(each) for each in grants]
        return done({"group": {"key": key, "allowed": body.allowed, "answered": count, "grants": told}})

    async def grants(self, request: HttpRequest) -> Response:
        """GET /api/permissions/grants?limit=&offset=: those that live, oldest first."""
        rows = self._engine.broker.store.grants()
        return done({"grants": [_told(each) for each in _page(request, rows)], "total": len(rows)})

    async def revoke(self, request: HttpRequest) -> Response:
        """DELETE /api/permissions/grants/{id}."""
        return done({"revoked": self._engine.revoke_grant(request.path_params["id"], self._caller).id})

    async def history(self, request: HttpRequest) -> Response:
        """GET /api/permissions/history?limit=&offset=&group=: who answered what, newest first."""
        limit, offset = _bounds(request)
        group = request.query_params.get("group", "")
        rows, total = self._engine.broker.store.history(limit, offset, group)
        return done({"answers": rows, "total": total})


def _told(grant: Grant) -> dict[str, Any]:
    return {**msgspec.structs.asdict(grant), "scope": grant.scope.value}


def _aged(row: dict[str, Any], asked_at: float, now: float) -> dict[str, Any]:
    return {**row, "age": round(max(0.0, now - asked_at), 3)}


def _bounds(request: HttpRequest) -> tuple[int, int]:
    return number_of(request, "limit", _PAGE, 1, _MAX_PAGE), number_of(request, "offset", 0, 0, 2**53)


def _page(request: HttpRequest, rows: list[Any]) -> list[Any]:
    limit, offset = _bounds(request)
    return rows[offset : offset + limit]
