"""The HTTP resources of alerts: those that fire, their rules, silences, and a test of a channel."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from engine.api.envelope import body_of, converted, done, number_of
from engine.api.route_group import RouteGroup
from engine.base.errors import BadInput
from engine.settings.quantities import parse_duration

_PAGE, _MAX_PAGE = 100, 1000


class SilenceBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /api/alerts/{name}/silence: a duration such as 1h, or seconds."""

    duration: str | float = msgspec.field(name="for")


class TestBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /api/alerts/test."""

    channel: str


class AlertRoutes(RouteGroup):
    """The handlers over one engine."""

    def all(self) -> list[Route]:
        """Every route."""
        return [
            Route("/api/alerts", self.alerts),
            Route("/api/alerts/rules", self.rules),
            Route("/api/alerts/test", self.test, methods=["POST"]),
            Route("/api/alerts/{name}/silence", self.silence, methods=["POST"]),
            Route("/api/alerts/{name}/silence", self.unsilence, methods=["DELETE"]),
        ]

    async def alerts(self, request: HttpRequest) -> Response:
        """GET /api/alerts?limit=&offset=: pending and firing ones, worst first, then ended ones, newest first."""
        alerts = self._engine.alerts
        rows = [*alerts.alerts(), *alerts.history()]
        limit = number_of(request, "limit", _PAGE, 1, _MAX_PAGE)
        offset = number_of(request, "offset", 0, 0, 2**53)
        page = rows[offset : offset + limit]
        return done({"alerts": page, "total": len(rows), "silences": alerts.silences()})

    async def rules(self, _request: HttpRequest) -> Response:
        """GET /api/alerts/rules: the rules in force."""
        return done({"rules": list(self._engine.settings.alerts.rules)})

    async def test(self, request: HttpRequest) -> Response:
        """POST /api/alerts/test {"channel": "webhook"}: tell it once, and say whether that worked."""
        body: TestBody = converted(await body_of(request), TestBody)
        self._engine.check_writable()
        await self._engine.alerts.test(body.channel)
        return done({"notified": body.channel})

    async def silence(self, request: HttpRequest) -> Response:
        """POST /api/alerts/{name}/silence {"for": "1h"}: tell nobody of the alerts of a rule, or of a pattern."""
        body: SilenceBody = converted(await body_of(request), SilenceBody)
        self._engine.check_writable()
        made: Any = self._engine.alerts.silence(request.path_params["name"], _seconds(body.duration), self._caller)
        return done({"silence": made}, 201)

    async def unsilence(self, request: HttpRequest) -> Response:
        """DELETE /api/alerts/{name}/silence."""
        self._engine.check_writable()
        self._engine.alerts.unsilence(request.path_params["name"], self._caller)
        return done({"silence_removed": request.path_params["name"]})


def _seconds(given: str | float) -> float:
    try:
        return parse_duration(given)
    except ValueError as error:
        raise BadInput(str(error), field="for", remedy="Give a time from 1s to 30d, such as 1h.") from error
