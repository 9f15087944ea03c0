"""The HTTP resources of the pool: statistics, size, sessions that leave, profiles."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from engine.api.envelope import body_of, converted, done
from engine.api.route_group import RouteGroup
from engine.backends.profiles import profile_note
from engine.base.errors import BadInput

_DEADLINE_S = 60.0


class ScaleBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /api/pool/scale."""

    target: int


class AutoscaleBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /api/pool/autoscale."""

    enabled: bool


class DrainBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST …/recycle and …/drain: seconds that running turns get."""

    deadline: float = _DEADLINE_S


class PoolRoutes(RouteGroup):
    """The handlers over one engine."""

    def all(self) -> list[Route]:
        """Every route."""
        return [
            Route("/api/pool", self.pool),
            Route("/api/pool/scale", self.scale, methods=["POST"]),
            Route("/api/pool/autoscale", self.autoscale, methods=["POST"]),
            Route("/api/sessions/{id}/recycle", self.recycle, methods=["POST"]),
            Route("/api/sessions/{id}/hibernate", self.hibernate, methods=["POST"]),
            Route("/api/profiles", self.profiles),
            Route("/api/profiles/{name}/drain", self.drain, methods=["POST"]),
            Route("/api/profiles/{name}/resume", self.resume, methods=["POST"]),
        ]

    async def pool(self, _request: HttpRequest) -> Response:
        """GET /api/pool."""
        return done({"pool": self._statistics()})

    async def scale(self, request: HttpRequest) -> Response:
        """POST /api/pool/scale {"target": 12}: keep so many sessions, whatever the load."""
        body: ScaleBody = converted(await body_of(request), ScaleBody)
        self._engine.scale(body.target)
        return done({"pool": self._statistics()})

    async def autoscale(self, request: HttpRequest) -> Response:
        """POST /api/pool/autoscale {"enabled": true}: follow the load again, or stay at the present size."""
        body: AutoscaleBody = converted(await body_of(request), AutoscaleBody)
        self._engine.autoscale(body.enabled, self._caller)
        return done({"pool": self._statistics()})

    async def recycle(self, request: HttpRequest) -> Response:
        """POST /api/sessions/{id}/recycle: no new work, stopped at its turn's end or at the deadline."""
        name, deadline = request.path_params["id"], await _deadline(request)
        await self._engine.recycle_session(name, self._caller, deadline)
        return done({"recycled": name})

    async def hibernate(self, request: HttpRequest) -> Response:
        """POST /api/sessions/{id}/hibernate: an idle session's process ends, its conversation sleeps."""
        name = request.path_params["id"]
        conversation = await self._engine.hibernate_session(name, self._caller)
        return done({"hibernated": {"session": name, "conversation": conversation}})

    async def profiles(self, _request: HttpRequest) -> Response:
        """GET /api/profiles: what profiles there are, with how many sessions each has."""
        return done({"profiles": self._profiles()})

    async def drain(self, request: HttpRequest) -> Response:
        """POST /api/profiles/{name}/drain: start none of its sessions and let those end that are there."""
        name, deadline = request.path_params["name"], await _deadline(request)
        return done({"drained": {"profile": name, "sessions": await self._engine.drain_profile(name, deadline)}})

    async def resume(self, request: HttpRequest) -> Response:
        """POST /api/profiles/{name}/resume: its sessions may start again."""
        self._engine.resume_profile(request.path_params["name"])
        return done({"resumed": request.path_params["name"]})

    def _statistics(self) -> Any:
        return self._engine.statistics()

    def _profiles(self) -> list[dict[str, Any]]:
        members = list(self._engine.pool.members.values())
        return [
            {
                "name": name,
                "tenant": given.tenant,
                "model": given.model,
                "warm": given.warm,
                "note": profile_note(given.tenant),
                "sessions": sum(member.request.profile.name == name for member in members),
            }
            for name, given in self._engine.settings.profiles.items()
        ]


async def _deadline(request: HttpRequest) -> float:
    body: DrainBody = converted(await body_of(request), DrainBody)
    if not 0 <= body.deadline <= 86_400:
        remedy = "Send seconds, 0 to stop running turns at once."
        raise BadInput(f"A deadline of {body.deadline:g} s is out of range.", field="deadline", remedy=remedy)
    return body.deadline
