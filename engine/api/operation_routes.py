"""The HTTP resources under /api, made from the registry of operations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from engine.api.access import has_token
from engine.api.answers import answered, streamed
from engine.api.arguments import arguments_of
from engine.api.envelope import done, json_response
from engine.api.openapi import document
from engine.api.peers import calling_pid
from engine.base.caller import Caller, Door
from engine.operations.declared.prompts import SEND_PROMPT
from engine.operations.execute import Operations
from engine.operations.operation import Operation
from engine.operations.registry import REGISTRY

Handler = Callable[[HttpRequest], Awaitable[Response]]


class OperationRoutes:
    """The routes of one listener; `user` names who may open it."""

    def __init__(self, operations: Operations, user: str) -> None:
        self._operations = operations
        self._user = user

    def all(self) -> list[BaseRoute]:
        """Every route: one an operation, and their description."""
        own = {SEND_PROMPT.id: self.prompt}
        routes: list[BaseRoute] = [
            Route(each.path, own.get(each.id) or self._serving(each), methods=[each.method])
            for each in REGISTRY.values()
        ]
        return [*routes, Route("/openapi.json", self.openapi)]

    def _serving(self, operation: Operation[Any, Any]) -> Handler:
        async def serve(request: HttpRequest) -> Response:
            args = await arguments_of(request, operation)
            result = await self._operations.execute(operation, args, self.caller(request))
            return done(result, operation.status)

        return serve

    async def prompt(self, request: HttpRequest) -> Response:
        """The answer to a prompt, a stream of it, or only the id; a caller who leaves ends the turn."""
        args = await arguments_of(request, SEND_PROMPT)
        caller = self.caller(request)
        if args.stream and args.wait:
            return await streamed(self._operations, args, caller, request.app.state.ending)
        if args.wait:
            return await answered(self._operations, args, caller, request)
        sent = await self._operations.execute(SEND_PROMPT, args, caller)
        return done(sent, 202)

    async def openapi(self, _request: HttpRequest) -> Response:
        """What the API is, as OpenAPI 3.1."""
        return json_response(document())

    def caller(self, request: HttpRequest) -> Caller:
        """Who calls: the user of this listener, with the process where it is known."""
        door = Door.TOKEN if has_token(request.scope) else Door.LOCAL_SOCKET
        return Caller(self._user, door=door, pid=calling_pid())
