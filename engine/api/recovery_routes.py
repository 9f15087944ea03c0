"""The HTTP resources of the classifier: its rules, with their statistics, and what operators teach it."""

from __future__ import annotations

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from engine.api.envelope import body_of, converted, done
from engine.api.route_group import RouteGroup
from engine.recovery.classify.learned_rules import Lesson
from engine.recovery.classify.rule_table import learned_row, listed


class RecoveryRoutes(RouteGroup):
    """The handlers over one engine."""

    def all(self) -> list[Route]:
        """Every route."""
        return [
            Route("/api/errors/rules", self.rules, methods=["GET"]),
            Route("/api/errors/rules", self.learn, methods=["POST"]),
            Route("/api/errors/rules/{id}", self.forget, methods=["DELETE"]),
        ]

    async def rules(self, _request: HttpRequest) -> Response:
        """GET /api/errors/rules: the learned rules and the others, with how many errors each decided."""
        return done({"rules": listed(self._engine.diagnosis.rules, self._engine.diagnosis.learned)})

    async def learn(self, request: HttpRequest) -> Response:
        """POST /api/errors/rules {"type": "network", "text": "…"}: errors like this text are of that type."""
        lesson: Lesson = converted(await body_of(request), Lesson)
        self._engine.check_writable()
        learned = self._engine.diagnosis.learned.learn(lesson, self._caller)
        return done({"rule": learned_row(learned, 0)}, 201)

    async def forget(self, request: HttpRequest) -> Response:
        """DELETE /api/errors/rules/{id}: take a learned rule back."""
        self._engine.check_writable()
        name = request.path_params["id"]
        self._engine.diagnosis.learned.forget(name)
        return done({"deleted": name})
