"""The offline model answers this machine alone: a site whose name leads to 127.0.0.1 reads nothing from it."""

from __future__ import annotations

import httpx
import pytest

from engine.base.loopback import is_loopback, names_loopback
from engine.offline_model.server import OfflineModel

PROMPT = {"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:8089", 200),
        ("localhost:8089", 200),
        ("LOCALHOST", 200),
        ("[::1]:8089", 200),
        ("evil.example", 403),
        ("evil.example:8089", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1@evil.example", 403),
        ("0.0.0.0", 403),
        ("192.168.0.1", 403),
        ("", 403),
    ],
)
async def test_only_under_a_name_of_this_machine(host: str, status: int) -> None:
    async with OfflineModel() as model, httpx.AsyncClient(trust_env=False) as client:
        for method, path, body in (("GET", "/", None), ("POST", "/v1/messages", PROMPT)):
            answer = await client.request(method, f"{model.url}{path}", json=body, headers={"Host": host})
            assert answer.status_code == status
            assert ("offline_model" in answer.text) is (status == 200 and method == "GET")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "localhost."])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "localhost.example", ""])
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)
    assert not names_loopback(f"{host}:80")
