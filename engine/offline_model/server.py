"""The offline model: a Messages API on loopback that makes the real CLI run with no network and no key.

    async with OfflineModel() as model:
        environment = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "offline"}

Replies are scripted in the prompts (engine/offline_model/script.py) and the same on every run. `fault_all` lays a fault
over every turn for a while. The CLI's side calls (titles, token counts) are answered and never hit by a fault.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from engine.base.errors import BadInput
from engine.base.loopback import names_loopback
from engine.base.text import nearest_name
from engine.offline_model.fault_injection import fail, falls_back
from engine.offline_model.faults import FAULTS, Fallback, Fault, FaultShape, error_body
from engine.offline_model.limits import BYTES_PER_TOKEN
from engine.offline_model.models import identifier, is_known
from engine.offline_model.replies import Author, Reply, encoded, is_paced, sse
from engine.offline_model.request import BadBody, ModelRequest, read_request
from engine.offline_model.script import strikes
from engine.offline_model.scripted_replies import ScriptedReplies
from engine.offline_model.wire import MOST_HEAD_BYTES, BadRequest, Exchange, HttpRequest

MOST_CONNECTIONS = 1024
REMEMBERED_REQUESTS = 1000
REMEMBERED_PROMPTS = 4096

_SESSION_HEADER = "x-claude-code-session-id"
_CLI_AGENT = "claude-cli/"


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request as the model saw it; `status` is None where no HTTP status was sent."""

    path: str
    session: str
    prompt: str
    status: int | None
    fault: str | None = None
    side_call: bool = False


class OfflineModel:
    """A Messages API server; owns its connections and its memory of faults already done.

    `seed` changes the scripted words; `delay` and `pace` (seconds) hold for prompts without directives of their own.
    `on_call` is called for each message request, those that a fault will hit too; `replies` are the scripts for prompts
    that hold none.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int = 0,
        *,
        delay: float = 0.0,
        pace: float = 0.0,
        on_call: Callable[[], None] = lambda: None,
        replies: ScriptedReplies | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.requests: deque[RequestRecord] = deque(maxlen=REMEMBERED_REQUESTS)
        self.counters: Counter[str] = Counter()
        self._author = Author(seed, delay, pace)
        self._on_call = on_call
        self._replies = replies or ScriptedReplies()
        self._seed = seed
        self._ids = 0
        self._window: tuple[Fault, int | None] | None = None
        self._share = 1.0
        self._slowness = 0.0
        self._done: OrderedDict[str, int] = OrderedDict()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """What ANTHROPIC_BASE_URL must be."""
        return f"http://{self.host}:{self.port}"

    async def start(self) -> None:
        """Listen; a port of 0 is replaced by the one that was free. Raises OSError when the port is taken."""
        self._server = await asyncio.start_server(self._connected, self.host, self.port, limit=MOST_HEAD_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]

    async def aclose(self) -> None:
        """Stop listening and end every connection, stalled ones too; `start` may follow, on the same port."""
        if self._server is None:
            return
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def fault_all(self, name: str, count: int | None = None, share: float = 1.0) -> None:
        """Lay a fault over a share of the turns' requests from now on, or over the next `count`. Raises BadInput."""
        self._window, self._share = (known_fault(name), count), share

    def slow_all(self, seconds: float, share: float = 1.0) -> None:
        """Keep a share of the turns' requests waiting so long before their first byte."""
        self._slowness, self._share = seconds, share

    def clear_faults(self) -> None:
        """End the window that `fault_all` or `slow_all` opened."""
        self._window, self._share, self._slowness = None, 1.0, 0.0

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        exchange = Exchange(reader, writer, self._new_request_id)
        task = asyncio.current_task()
        if task is None or self._server is None:
            writer.transport.abort()
            return
        self._connections.add(task)
        self.counters["connections"] += 1
        # A connection that is cancelled by aclose ends like one that the client closed.
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            try:
                await self._serve(exchange)
            finally:
                self._connections.discard(task)
                await exchange.close()

    async def _serve(self, exchange: Exchange) -> None:
        """All requests of one connection."""
        if len(self._connections) > MOST_CONNECTIONS:
            await self._refuse(exchange, 529, "overloaded_error", "Overloaded")
            return
        while True:
            try:
                request = await exchange.receive()
            except BadRequest as problem:
                await self._refuse(exchange, problem.status, "invalid_request_error", str(problem))
                return
            if request is None or not await self._route(exchange, request) or not request.keep_alive:
                return

    async def _route(self, exchange: Exchange, request: HttpRequest) -> bool:
        """Answer one request; False when the connection cannot go on."""
        self.counters["requests"] += 1
        if not names_loopback(request.headers.get("host", "localhost")):
            # A page of another site can make its own name lead here (DNS rebinding); it cannot change this header.
            message = "The offline model answers on 127.0.0.1 and localhost only"
            await self._refuse(exchange, 403, "permission_error", message)
            return False
        if request.path == "/" and request.method in {"GET", "HEAD"}:
            await exchange.answer(200, b"" if request.method == "HEAD" else b'{"type":"offline_model"}')
            return True
        if request.method == "POST" and request.path.endswith("/v1/messages/count_tokens"):
            await exchange.answer(200, encoded({"input_tokens": len(request.body) // BYTES_PER_TOKEN}))
            self._record(request, "", 200, side_call=True)
            return True
        if request.method == "POST" and request.path.endswith("/v1/messages"):
            return await self._messages(exchange, request)
        await self._refuse(exchange, 404, "not_found_error", f"Not found: {request.method} {request.path}")
        self._record(request, "", 404)
        return True

    async def _messages(self, exchange: Exchange, request: HttpRequest) -> bool:
        self._on_call()
        headers = request.headers
        session = headers.get(_SESSION_HEADER, "")
        from_cli = bool(session) or headers.get("user-agent", "").startswith(_CLI_AGENT)
        try:
            model_request = read_request(request.body, session, from_cli=from_cli, replies=self._replies)
        except BadBody as problem:
            await self._refuse(exchange, 400, "invalid_request_error", str(problem))
            self._record(request, "", 400)
            return True
        if not is_known(model_request.model):
            await self._refuse(exchange, 404, "not_found_error", f"model: {model_request.model}")
            self._record(request, model_request.prompt, 404)
            return True
        if model_request.is_side_call:
            self._record(request, model_request.prompt, 200, side_call=True)
            return await self._say(exchange, model_request, self._author.reply(model_request))
        self.counters["turn_requests"] += 1
        return await self._turn(exchange, request, model_request)

    async def _turn(self, exchange: Exchange, request: HttpRequest, model_request: ModelRequest) -> bool:
        """A request of a turn: the fault that is due, or the scripted reply."""
        try:
            fault = self._due(model_request)
        except BadInput as problem:
            await self._refuse(exchange, 400, "invalid_request_error", str(problem))
            self._record(request, model_request.prompt, 400)
            return True
        instead = falls_back(fault, stream=model_request.body.stream) if fault else None
        if fault is None or fault.how is FaultShape.HEADERS or instead is Fallback.ANSWERED:
            self._record(request, model_request.prompt, 200)
            if self._slowness and self._strikes(model_request):
                await asyncio.sleep(self._slowness)
            return await self._say(exchange, model_request, self._author.reply(model_request), fault)
        if instead is Fallback.OVERLOADED:
            fault = FAULTS["http529"]
        self.counters["faults"] += 1
        self._record(request, model_request.prompt, fault.status if fault.how is FaultShape.ERROR else None, fault.name)
        reply = (
            self._author.refusal(model_request)
            if fault.how is FaultShape.REFUSAL
            else self._author.reply(model_request)
        )
        await asyncio.sleep(reply.delay)
        return await fail(exchange, fault, reply, stream=model_request.body.stream)

    async def _say(
        self, exchange: Exchange, model_request: ModelRequest, reply: Reply, fault: Fault | None = None
    ) -> bool:
        """The reply as it should be, at the script's delay and pace."""
        headers = fault.headers if fault else ()
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if not model_request.body.stream:
            await exchange.answer(200, encoded(reply.message()), headers=headers)
            return True
        exchange.open_stream(headers)
        waiting = bytearray()
        for event in reply.events():
            if reply.pace and is_paced(event):
                await exchange.send(bytes(waiting))
                waiting.clear()
                await asyncio.sleep(reply.pace)
            waiting += sse(event)
        await exchange.send(bytes(waiting))
        await exchange.close_stream()
        return True

    async def _refuse(self, exchange: Exchange, status: int, error_type: str, message: str) -> None:
        """An error of the API's own, under the request's id."""
        await exchange.answer(status, error_body(error_type, message, exchange.request_id))

    def _new_request_id(self) -> str:
        """The same ids in the same order on every run."""
        self._ids += 1
        return identifier("req", f"{self._seed}/{self._ids}")

    def _due(self, model_request: ModelRequest) -> Fault | None:
        """The fault that this request meets, and one less to come. Raises BadInput for an unknown name."""
        script = model_request.script
        if script.fault is not None:
            fault = known_fault(script.fault)
            times = script.fault_times if script.fault_times is not None else fault.times
            return fault if self._counted(model_request, times) else None
        if self._window is None or not self._strikes(model_request):
            return None
        fault, left = self._window
        if left is not None:
            self._window = (fault, left - 1) if left > 1 else None
        return fault

    def _strikes(self, model_request: ModelRequest) -> bool:
        return strikes(f"{self.counters['turn_requests']}/{model_request.session}", self._share)

    def _counted(self, model_request: ModelRequest, times: int | None) -> bool:
        """Whether this request is among the first `times` for its prompt, in whatever session it comes."""
        if times is None:
            return True
        done = self._done.pop(model_request.prompt, 0)
        self._done[model_request.prompt] = done + 1
        if len(self._done) > REMEMBERED_PROMPTS:
            self._done.popitem(last=False)
        return done < times

    def _record(
        self,
        request: HttpRequest,
        prompt: str,
        status: int | None,
        fault: str | None = None,
        *,
        side_call: bool = False,
    ) -> None:
        session = request.headers.get(_SESSION_HEADER, "")
        self.requests.append(RequestRecord(request.path, session, prompt, status, fault, side_call))


def known_fault(name: str) -> Fault:
    """The fault of that name. Raises BadInput that names the nearest one."""
    if name in FAULTS:
        return FAULTS[name]
    near = nearest_name(name, FAULTS, 0.3)
    remedy = f"The nearest is {near!r}; engine/offline_model/faults.py lists them all." if near else ""
    raise BadInput(f"There is no fault {name!r}.", remedy=remedy, field="fault")
