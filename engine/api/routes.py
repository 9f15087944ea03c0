"""The HTTP resources under /api: sessions, prompts, config, breakers."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from engine.api.access import has_token
from engine.api.answers import answered, streamed
from engine.api.envelope import MAX_BODY, SMALL_BODY, BodyTooLarge, body_of, converted, done, number_of
from engine.api.kept_answers import KeptAnswers
from engine.api.route_group import RouteGroup
from engine.api.strict_text import QUOTED_SLASH
from engine.base.errors import BadInput, NotFound
from engine.engine import Engine
from engine.recovery.breakers.breaker import Breaker
from engine.requests import Request

Handler = Callable[[HttpRequest], Awaitable[Response]]
_PAGE = 100
_MAX_PAGE = 1000
MAX_CHANGES = 100
"""Settings of one change."""
MAX_ENTRIES = 1000
"""Values in the mappings and lists of one change."""


class StopBody(msgspec.Struct, forbid_unknown_fields=True):
    """Whether the request in a session ends with it; otherwise it goes on in another session."""

    request: bool = True


class PromptBody(msgspec.Struct, kw_only=True):
    """POST /api/prompts. `stream` answers with server-sent events, `wait: false` with the id at once."""

    prompt: str
    id: str = ""
    conversation: str = ""
    user: str = ""
    profile: str = "default"
    priority: str = "medium"
    deadline: float | None = None
    cacheable: bool = False
    idempotent: bool = False
    commands: bool = False
    permission_timeout: float | None = None
    cwd: str = ""
    stream: bool = False
    wait: bool = True


class SaveBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /api/config/save."""

    keys: list[str] = []


class BreakerBody(msgspec.Struct, kw_only=True):
    """POST /api/breakers/{name}."""

    act: str


class Routes(RouteGroup):
    """The handlers over one engine."""

    def __init__(self, engine: Engine, user: str) -> None:
        super().__init__(engine, user)
        self._kept = KeptAnswers(engine)

    def all(self) -> list[Route]:
        """Every route."""
        return [
            Route("/api/sessions", self.sessions),
            Route("/api/sessions/{id}", self.session),
            Route("/api/sessions/{id}/transcript", self.transcript),
            Route("/api/sessions/{id}/interrupt", self.interrupt, methods=["POST"]),
            Route("/api/sessions/{id}/stop", self.stop, methods=["POST"]),
            Route("/api/sessions/{id}/kill", self.kill, methods=["POST"]),
            Route("/api/prompts", self.prompt, methods=["POST"]),
            Route("/api/prompts", self.waiting),
            Route("/api/prompts/{id}", self.prompted),
            Route("/api/prompts/{id}", self.cancel, methods=["DELETE"]),
            Route("/api/config", self.config),
            Route("/api/config", self.configure, methods=["PATCH"]),
            Route("/api/config/check", self.check, methods=["POST"]),
            Route("/api/config/history", self.history),
            Route("/api/config/undo", self.undo, methods=["POST"]),
            Route("/api/config/save", self.save, methods=["POST"]),
            Route("/api/breakers", self.breakers),
            Route("/api/breakers/{name:path}", self.breaker),
            Route("/api/breakers/{name:path}", self.control_breaker, methods=["POST"]),
        ]

    async def sessions(self, request: HttpRequest) -> Response:
        """GET /api/sessions?limit=&offset=&ended=1: those that run, or how the last ones ended, newest first."""
        state = self._engine.bus.state
        ended = number_of(request, "ended", 0, 0, 1)
        rows = state.ended[::-1] if ended else list(state.sessions.values())
        return done({"sessions": _page(request, rows), "total": len(rows)})

    async def session(self, request: HttpRequest) -> Response:
        """GET /api/sessions/{id}."""
        return done({"session": self._view(request)})

    async def transcript(self, request: HttpRequest) -> Response:
        """GET /api/sessions/{id}/transcript?after=&limit=."""
        name = request.path_params["id"]
        after, limit = number_of(request, "after", 0, 0, 2**53), number_of(request, "limit", 500, 1, _MAX_PAGE)
        page = self._engine.transcripts.page(name, after, limit)
        if not page.next:
            self._view(request)
        return done({"transcript": page})

    async def interrupt(self, request: HttpRequest) -> Response:
        """POST /api/sessions/{id}/interrupt."""
        return done({"interrupted": self._engine.interrupt(request.path_params["id"], self._caller)})

    async def stop(self, request: HttpRequest) -> Response:
        """POST /api/sessions/{id}/stop: interrupt, end of input, SIGTERM, at last SIGKILL."""
        return done({"stopped": request.path_params["id"], "requests": await self._end(request, kill=False)})

    async def kill(self, request: HttpRequest) -> Response:
        """POST /api/sessions/{id}/kill: SIGKILL of the tree."""
        return done({"killed": request.path_params["id"], "requests": await self._end(request, kill=True)})

    async def _end(self, request: HttpRequest, *, kill: bool) -> list[str]:
        """End a session and, unless the body says `"request": false`, the request that runs in it."""
        body: StopBody = converted(await body_of(request), StopBody)
        name = request.path_params["id"]
        return await self._engine.stop_session(name, self._caller, kill=kill, request=body.request)

    async def prompt(self, request: HttpRequest) -> Response:
        """POST /api/prompts: the answer, a stream of it, or only the id."""
        body: PromptBody = converted(await body_of(request, MAX_BODY), PromptBody)
        asked = Request(
            id=body.id or uuid.uuid4().hex[:12],
            prompt=body.prompt,
            conversation=body.conversation,
            user=body.user or self._user,
            profile=body.profile,
            priority=body.priority,
            deadline=body.deadline,
            cacheable=body.cacheable,
            idempotent=body.idempotent,
            commands=body.commands,
            permission_timeout=body.permission_timeout,
            cwd=body.cwd,
        )
        self._engine.check_writable()
        if body.stream and not body.wait:
            remedy = "Leave one of `stream` and `wait: false` out."
            raise BadInput("A stream that nobody waits for has no reader.", field="stream", remedy=remedy)
        if body.stream:
            return await streamed(self._engine, asked, request)
        if not body.wait:
            return done({"prompt": {"request": self._kept.send(asked)}}, 202)
        return await answered(self._engine, asked, request)

    async def waiting(self, request: HttpRequest) -> Response:
        """GET /api/prompts: those on their way, the longest first."""
        rows = sorted(self._engine.bus.state.requests.values(), key=lambda view: view.queued_at)
        return done({"prompts": _page(request, rows), "total": len(rows)})

    async def prompted(self, request: HttpRequest) -> Response:
        """GET /api/prompts/{id}: one that is on its way, or how one that was sent with `wait: false` ended."""
        name = request.path_params["id"]
        if (running := self._engine.bus.state.requests.get(name)) is not None:
            return done({"prompt": running})
        return done({"prompt": self._kept.get(name)})

    async def cancel(self, request: HttpRequest) -> Response:
        """DELETE /api/prompts/{id}: end it, waiting or running."""
        self._engine.cancel(request.path_params["id"], self._caller)
        return done({"cancelled": request.path_params["id"]})

    async def config(self, _request: HttpRequest) -> Response:
        """GET /api/config: every setting, secrets redacted, and where it came from."""
        return done({"config": self._engine.live.shown, "origins": self._engine.live.origins})

    async def configure(self, request: HttpRequest) -> Response:
        """PATCH /api/config {"key": value}: all or none, live."""
        changes = await self._changes(request)
        return done({"change": self._engine.change_settings(changes, self._caller, remote=has_token(request.scope))})

    async def _changes(self, request: HttpRequest) -> dict[str, Any]:
        bounds = f"{MAX_CHANGES} settings, {MAX_ENTRIES} values in all and {SMALL_BODY} bytes"
        too_much = BadInput(f"A change has at most {bounds}.", field="body", remedy="Send it in parts.")
        try:
            changes = await body_of(request)
        except BodyTooLarge as error:
            raise too_much from error
        if not changes:
            raise BadInput("No setting was named.", field="body", remedy='Send {"session_pool.max_size": 20}.')
        if len(changes) > MAX_CHANGES or _entries(changes, MAX_ENTRIES) > MAX_ENTRIES:
            raise too_much
        return changes

    async def check(self, request: HttpRequest) -> Response:
        """POST /api/config/check {"key": value}: whether these changes would be taken; nothing is changed."""
        self._engine.live.check(await self._changes(request), self._caller, remote=has_token(request.scope))
        return done({"ok": True})

    async def history(self, request: HttpRequest) -> Response:
        """GET /api/config/history."""
        changes = list(self._engine.live.history)
        return done({"changes": _page(request, changes), "total": len(changes)})

    async def undo(self, request: HttpRequest) -> Response:
        """POST /api/config/undo."""
        self._engine.check_writable()
        return done({"change": self._engine.live.undo(self._caller, remote=has_token(request.scope))})

    async def save(self, request: HttpRequest) -> Response:
        """POST /api/config/save {"keys": []}: write live changes, all or these, into the settings file."""
        body: SaveBody = converted(await body_of(request), SaveBody)
        return done({"saved": self._engine.save_settings(body.keys, remote=has_token(request.scope))})

    async def breakers(self, request: HttpRequest) -> Response:
        """GET /api/breakers."""
        rows: list[Any] = [_breaker_view(name, found) for name, found in self._engine.breakers.all.items()]
        return done({"breakers": _page(request, rows), "total": len(rows)})

    async def breaker(self, request: HttpRequest) -> Response:
        """GET /api/breakers/{name}: with its history, `at` in seconds since 1970."""
        name = _slashed(request.path_params["name"])
        return done({"breaker": _breaker_view(name, self._engine.breakers.get(name))})

    async def control_breaker(self, request: HttpRequest) -> Response:
        """POST /api/breakers/{name} {"act": "open"}: open, close, disable or trip it by hand."""
        body: BreakerBody = converted(await body_of(request), BreakerBody)
        name = _slashed(request.path_params["name"])
        self._engine.check_writable()
        return done({"breaker": _breaker_view(name, self._engine.breakers.control(name, body.act, self._caller))})

    def _view(self, request: HttpRequest) -> Any:
        name = request.path_params["id"]
        state = self._engine.bus.state
        found = state.sessions.get(name) or next((row for row in state.ended if row.id == name), None)
        if found is None:
            remedy = "GET /api/sessions lists them."
            raise NotFound(f"There is no session {name}.", field="id", remedy=remedy)
        return found


def _entries(value: Any, limit: int) -> int:
    """Values in nested mappings and lists, counted no further than to above the limit."""
    waiting, count = [value], 0
    while waiting and count <= limit:
        found = waiting.pop()
        below = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
        count += len(below)
        waiting += [each for each in below if isinstance(each, dict | list)]
    return count


def _slashed(name: str) -> str:
    """A breaker's name, which may hold slashes, quoted or not."""
    return name.replace(QUOTED_SLASH, "/")


def _breaker_view(name: str, breaker: Breaker) -> dict[str, Any]:
    return {
        "name": name,
        "state": breaker.state,
        "reason": breaker.reason,
        "running": breaker.running,
        "history": [
            {"at": change.wall, "before": change.before, "after": change.after, "reason": change.reason}
            for change in breaker.history
        ],
    }


def _page(request: HttpRequest, rows: list[Any]) -> list[Any]:
    limit = number_of(request, "limit", _PAGE, 1, _MAX_PAGE)
    offset = number_of(request, "offset", 0, 0, 2**53)
    return rows[offset : offset + limit]
