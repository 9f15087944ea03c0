"""A client of a running engine's API, for commands: over the local socket, or over TCP with a token."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from engine.base import process
from engine.base.errors import BadInput, ErrorKind, NoEngine, QuarterdeckError
from engine.base.local_trust import check_engine
from engine.base.read_only import check_writable
from engine.operations.operation import A, Operation, R
from engine.settings.paths import socket_path
from tui.feeds.server_sent_events import events_in
from tui.feeds.wire import check_finite, http_call, result_in

CONNECT_S = 2.0
ANSWER_S = 60.0
TOKEN_VARIABLE = "QUARTERDECK_TOKEN"  # noqa: S105 - the name of a variable
START_ONE = "Start one with `quarterdeck up`."


@dataclass(frozen=True, slots=True)
class Address:
    """Where an engine listens: a socket's path, or a base URL with the token it asks for."""

    uds: Path | None = None
    url: str = "http://engine"
    token: str = ""

    def __str__(self) -> str:
        return f"unix:{self.uds}" if self.uds is not None else self.url

    @property
    def headers(self) -> dict[str, str]:
        """The token as a header."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    @property
    def websocket_url(self) -> str:
        """The event stream's address."""
        return self.url.replace("http", "ws", 1).rstrip("/") + "/ws"


class RemoteError(QuarterdeckError):
    """An error that the engine answered with, as it said it."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(
            str(body.get("error") or f"The engine answered {status}."),
            remedy=str(body.get("remedy") or ""),
            retry_after=body.get("retry_after"),
            field=body.get("field"),
        )
        self.code = str(body.get("code") or f"http_{status}")
        self.http_status = status
        if body.get("kind") in ErrorKind.__members__.values():
            self.kind = ErrorKind(body["kind"])


class RemoteBadInput(RemoteError, BadInput):
    """The engine refused what was asked as it was written."""


def address_of(where: str | None, socket: Path | None = None) -> Address:
    """`unix:PATH`, `http(s)://HOST:PORT`, or the local socket. Raises BadInput."""
    if not where:
        return Address(uds=socket or socket_path(os.environ))
    if where.startswith("unix:"):
        return Address(uds=Path(where.removeprefix("unix:")))
    if where.startswith(("http://", "https://")):
        token = process.environment().get(TOKEN_VARIABLE, "")
        process.hide([TOKEN_VARIABLE])
        return Address(url=where, token=token)
    raise BadInput(f"{where!r} is no address of an engine.", remedy="Use unix:PATH or http(s)://HOST:PORT.")


def error_in(response: httpx.Response) -> QuarterdeckError:
    """The error of a failed answer; the body must have been read."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    wrong_usage = response.is_client_error and body.get("kind") == ErrorKind.VALIDATION
    kind = RemoteBadInput if wrong_usage else RemoteError
    return kind(response.status_code, body)


class EngineClient:
    """Calls one engine. Every call raises NoEngine when none answers, else the error that it answered with.

    With `read_only` whatever is not a GET is refused before it leaves (Forbidden).
    """

    def __init__(self, address: Address, *, read_only: bool = False) -> None:
        self.address = address
        self._read_only = read_only
        if address.uds is not None:
            check_engine(address.uds)
        transport = httpx.HTTPTransport(uds=str(address.uds)) if address.uds is not None else None
        timeout = httpx.Timeout(ANSWER_S, connect=CONNECT_S)
        self._http = httpx.Client(
            base_url=address.url, headers=address.headers, transport=transport, timeout=timeout, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def alive(self) -> bool:
        """Whether an engine answers."""
        return self.health() is not None

    def health(self) -> dict[str, Any] | None:
        """What the engine states of itself; None where none answers."""
        try:
            answer = self._http.get("/healthz", timeout=CONNECT_S)
            found: dict[str, Any] = answer.json()
            known = answer.status_code == httpx.codes.OK and "engine" in found
        except (httpx.HTTPError, ValueError, TypeError):
            return None
        return found if known else None

    def send(self, operation: Operation[A, R], args: A) -> R:
        """The result of an operation. Raises Forbidden, as well, for one that acts in read-only mode."""
        if operation.acts:
            check_writable(read_only=self._read_only)
        wire = http_call(operation, args)
        data = self._data(wire.method, wire.path, wire.body, ANSWER_S + wire.extra_s)
        return result_in(operation, data, self.address)

    def call(self, method: str, path: str, body: Any = None, timeout: float | None = ANSWER_S) -> dict[str, Any]:
        """The `data` of the answer."""
        if method != "GET":
            check_writable(read_only=self._read_only)
        return self._data(method, path, body, timeout)

    def _data(self, method: str, path: str, body: Any, timeout: float | None) -> dict[str, Any]:
        check_finite(body)
        try:
            response = self._http.request(method, path, json=body, timeout=timeout)
        except httpx.TransportError as error:
            raise no_engine(self.address, error) from error
        if response.is_error:
            raise error_in(response)
        try:
            data: dict[str, Any] = response.json()["data"]
        except (ValueError, TypeError, LookupError) as error:
            remedy = "Check the address: something else may listen there."
            raise NoEngine(f"What answers at {self.address} is no engine.", remedy=remedy) from error
        return data

    @contextmanager
    def stream(self, path: str, body: Any) -> Iterator[Iterator[tuple[str, str]]]:
        """The server-sent events of an answer, each with its name and data."""
        check_writable(read_only=self._read_only)
        check_finite(body)
        try:
            with self._http.stream("POST", path, json=body, timeout=httpx.Timeout(None, connect=CONNECT_S)) as response:
                if response.is_error:
                    response.read()
                    raise error_in(response)
                yield events_in(response.iter_bytes())
        except httpx.TransportError as error:
            raise no_engine(self.address, error) from error


def no_engine(address: Address, error: Exception) -> NoEngine:
    """The error for an engine that does not answer."""
    return NoEngine(f"No engine answers at {address}: {error}.", remedy=START_ONE)
