"""The door of the console in a browser, request by request."""

from __future__ import annotations

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from tui.web.gate import WebGate

PORT = 8321
HERE = f"127.0.0.1:{PORT}"
TOKEN = "t0ken"


class Inner:
    """What lies behind the door; `reached` counts what came through."""

    def __init__(self) -> None:
        self.reached = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.reached += 1
        await PlainTextResponse("the console")(scope, receive, send)


@pytest.fixture
def inner() -> Inner:
    return Inner()


@pytest.fixture
def gate(inner: Inner) -> WebGate:
    return WebGate(inner, TOKEN, PORT)


async def ask(gate: WebGate, path: str, **headers: str) -> httpx.Response:
    """One GET under our own name, unless the headers say another."""
    transport = httpx.ASGITransport(app=gate)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HERE}") as client:
        return await client.get(path, headers={name: value.encode("latin-1") for name, value in headers.items()})


async def let_in(gate: WebGate) -> str:
    """The cookie that the token brings."""
    welcome = await ask(gate, f"/?token={TOKEN}")
    assert welcome.status_code == 303
    return welcome.headers["set-cookie"].partition(";")[0]


async def test_the_token_is_exchanged_for_a_cookie_that_no_script_and_no_other_site_can_use(gate: WebGate) -> None:
    welcome = await ask(gate, f"/?token={TOKEN}")
    assert (welcome.status_code, welcome.headers["location"]) == (303, f"{gate.root}/")
    assert len(gate.root) > 30
    name, _, rest = welcome.headers["set-cookie"].partition("=")
    assert name == f"quarterdeck_web_{PORT}"
    assert {word.strip().lower() for word in rest.split(";")[1:]} == {
        "httponly",
        f"path={gate.root}/".lower(),
        "samesite=strict",
    }
    assert TOKEN not in rest


async def test_with_the_cookie_the_page_is_served_and_cannot_be_framed_or_kept(gate: WebGate, inner: Inner) -> None:
    page = await ask(gate, f"{gate.root}/", cookie=await let_in(gate))
    assert (page.status_code, page.text, inner.reached) == (200, "the console", 1)
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert f"ws://{HERE}" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {}),
        ("/?token=", {}),
        ("/?token=T0KEN", {}),
        (f"/?token={TOKEN}&token={TOKEN}", {}),
        (f"/static/js/textual.js?token={TOKEN}", {}),
        (f"/?token={TOKEN}", {"host": f"evil.example:{PORT}"}),
        (f"/?token={TOKEN}", {"host": "127.0.0.1"}),
        (f"/?token={TOKEN}", {"host": "127.0.0.1:80"}),
        (f"/?token={TOKEN}", {"origin": "http://evil.example"}),
        (f"/?token={TOKEN}", {"origin": "null"}),
        ("/", {"cookie": f"quarterdeck_web_{PORT}=guess"}),
        ("/", {"cookie": f"quarterdeck_web_{PORT}={TOKEN}"}),
        ("/", {"cookie": f"quarterdeck_web_{PORT}="}),
        ("/", {"cookie": "\xe4=\xf6; ;;="}),
    ],
)
async def test_anything_else_is_refused(gate: WebGate, inner: Inner, path: str, headers: dict[str, str]) -> None:
    refused = await ask(gate, path, **headers)
    assert (refused.status_code, inner.reached) == (401, 0)
    assert "set-cookie" not in refused.headers
    assert "quarterdeck web" in refused.text


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        (f"evil.example:{PORT}", f"http://evil.example:{PORT}"),
        (HERE, "http://evil.example"),
        (HERE, "http://127.0.0.1:9999"),
        (HERE, f"http://localhost:{PORT}"),
        (HERE, f"https://{HERE}"),
    ],
)
async def test_the_cookie_is_of_no_use_under_another_name_or_from_another_page(
    gate: WebGate, inner: Inner, host: str, origin: str
) -> None:
    refused = await ask(gate, f"{gate.root}/", host=host, origin=origin, cookie=await let_in(gate))
    assert (refused.status_code, inner.reached) == (401, 0)


async def test_two_servers_on_one_machine_do_not_open_each_others_doors(gate: WebGate) -> None:
    other = WebGate(Inner(), TOKEN, PORT)
    cookie = await let_in(gate)
    assert (await ask(other, f"{other.root}/", cookie=cookie)).status_code == 401
    assert (await ask(gate, f"{gate.root}/", host=f"localhost:{PORT}", cookie=cookie)).status_code == 200


async def test_the_token_works_once(gate: WebGate, inner: Inner) -> None:
    await let_in(gate)
    again = await ask(gate, f"/?token={TOKEN}")
    assert (again.status_code, "set-cookie" in again.headers, inner.reached) == (401, False, 0)
    assert "works once" in again.text


async def test_a_browser_never_sends_the_cookie_to_another_port_of_this_host(gate: WebGate) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=gate), base_url=f"http://{HERE}") as browser:
        welcome = await browser.get(f"/?token={TOKEN}&fontsize=20")
        page = welcome.headers["location"]
        assert (page, (await browser.get(page)).status_code) == (f"{gate.root}/?fontsize=20", 200)
        for path in ("/", "/anything", "/static/js/x.js", gate.root):
            stranger = browser.build_request("GET", f"http://127.0.0.1:{PORT + 1}{path}")
            assert "cookie" not in stranger.headers


@pytest.mark.parametrize("path", ["/", "/static/js/textual.js", "/guess/"])
async def test_the_cookie_opens_nothing_outside_its_path(gate: WebGate, inner: Inner, path: str) -> None:
    refused = await ask(gate, path, cookie=await let_in(gate))
    assert (refused.status_code, inner.reached) == (401, 0)
