"""The webhook against a real server on loopback: signed, tried again, never led astray, waited for a bounded time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest

from engine.alerts.channels import webhook
from engine.alerts.channels.addresses import is_public, resolved
from engine.alerts.channels.base import Notification, NotificationFailed
from engine.alerts.channels.webhook import WebhookChannel, signature
from engine.base.clock import ManualClock
from engine.base.errors import BadInput
from engine.events.types import Severity
from engine.settings.schema import AlertWebhook
from tests.alerts.receiver import DRIP, HANG, Receiver, receiving

TELLING = Notification(
    id="t1",
    engine="e1",
    alert="errors-many",
    subject="",
    state="firing",
    severity=Severity.WARNING,
    text="31 errors a minute",
    remedy="look",
    value=31.0,
    since=1.0,
    at=2.0,
)


def channel(url: str, **given: Any) -> WebhookChannel:
    """A channel to an address, on a clock at 1000 s, that hardly pauses."""
    settings = AlertWebhook.model_validate({"url": url, "allow_private": True, **given})
    return WebhookChannel(lambda: settings, ManualClock(1000.0), pause=0.001)


def at(receiver: Receiver, host: str = "127.0.0.1", **given: Any) -> WebhookChannel:
    """A channel to a receiver."""
    return channel(f"http://{host}:{receiver.port}/hook?a=1", **given)


async def test_a_telling_is_posted_whole_and_its_signature_can_be_verified() -> None:
    async with receiving() as receiver:
        await at(receiver, key="shared").send(TELLING, 1)
    (post,) = receiver.posts
    assert post.line == "POST /hook?a=1 HTTP/1.1"
    assert post.json == {
        "id": "t1", "engine": "e1", "alert": "errors-many", "subject": "", "state": "firing", "severity": "warning",
        "text": "31 errors a minute", "remedy": "look", "value": 31.0, "since": 1.0, "at": 2.0,
    }  # fmt: skip
    assert post.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert post.headers[webhook.TIMESTAMP.lower()] == "1000"
    # printf "1000.{}" | openssl dgst -sha256 -hmac shared
    assert post.headers[webhook.SIGNATURE.lower()] == f"v1={signature('shared', '1000', post.body)}"
    assert signature("shared", "1000", b"{}") == "2c01330d909a4b21567ca4aeed2c592e7f39e33bd591f49c031811c7e9bb2086"


async def test_without_a_key_nothing_is_signed() -> None:
    async with receiving() as receiver:
        await at(receiver).send(TELLING, 1)
    assert webhook.SIGNATURE.lower() not in receiver.posts[0].headers


async def test_a_failing_server_is_tried_again_with_the_same_delivery() -> None:
    async with receiving(500, 429, 200) as receiver:
        await at(receiver).send(TELLING, 3)
    assert [post.headers[webhook.DELIVERY.lower()] for post in receiver.posts] == ["t1"] * 3


async def test_the_attempts_are_bounded() -> None:
    async with receiving(503) as receiver:
        with pytest.raises(NotificationFailed, match="answered 503"):
            await at(receiver).send(TELLING, 3)
    assert len(receiver.posts) == 3


async def test_a_refusal_is_not_tried_again() -> None:
    async with receiving(403) as receiver:
        with pytest.raises(NotificationFailed, match="answered 403"):
            await at(receiver).send(TELLING, 3)
    assert len(receiver.posts) == 1


@pytest.mark.parametrize("way", [HANG, DRIP])
async def test_a_server_that_never_ends_its_answer_is_left_after_the_timeout(way: int) -> None:
    async with receiving(way) as receiver:
        began = asyncio.get_running_loop().time()
        with pytest.raises(NotificationFailed, match=r"did not answer in 2 s"):
            await at(receiver, timeout="2s").send(TELLING, 2)
        assert asyncio.get_running_loop().time() - began < 10
    assert len(receiver.posts) == 2


async def test_a_redirect_is_refused_and_not_followed() -> None:
    async with receiving() as inner, receiving(302, location=f"http://127.0.0.1:{inner.port}/") as outer:
        with pytest.raises(NotificationFailed, match="302, a redirect"):
            await at(outer).send(TELLING, 3)
        assert (len(outer.posts), inner.posts) == (1, [])


async def test_nobody_there_is_told_as_such() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NotificationFailed, match="cannot be reached"):
        await channel(f"http://127.0.0.1:{port}/").send(TELLING, 1)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "127.1"])
async def test_loopback_is_refused_unless_it_is_allowed(host: str) -> None:
    async with receiving() as receiver:
        with pytest.raises(NotificationFailed, match="not a public address"):
            await at(receiver, host, allow_private=False).send(TELLING, 1)
    assert receiver.posts == []


def answering(*addresses: str) -> Callable[..., Any]:
    """A resolver that answers each question with the next address, and the last one for ever."""
    left = list(addresses)

    async def getaddrinfo(_host: str, port: int, **_: Any) -> list[Any]:
        address = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in address.split()]

    return getaddrinfo


async def test_the_address_that_was_checked_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that changes its address between the check and the connection (DNS rebinding) gains nothing by it."""
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answering("127.0.0.1", "203.0.113.9"))
    async with receiving() as receiver:
        await at(receiver, "hook.example").send(TELLING, 1)
    assert receiver.posts[0].headers["host"] == f"hook.example:{receiver.port}"


async def test_a_name_with_one_private_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answering("8.8.8.8 10.0.0.7"))
    with pytest.raises(NotificationFailed, match=r"hook\.example is at 10\.0\.0\.7"):
        await resolved("hook.example", 443, allow_private=False)
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answering("8.8.8.8 1.1.1.1"))
    assert await resolved("hook.example", 443, allow_private=False) == "8.8.8.8"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1", True),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00:ec2::254", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("2002:0a00:0001::1", False),
    ],
)
def test_only_addresses_of_the_public_internet_are_public(address: str, public: bool) -> None:
    assert is_public(ip_address(address)) is public


async def test_an_address_that_is_not_set_or_not_one_is_told() -> None:
    settings = AlertWebhook()
    with pytest.raises(BadInput, match="no address"):
        await WebhookChannel(lambda: settings, ManualClock()).send(TELLING, 1)
    with pytest.raises(NotificationFailed, match="cannot be read"):
        await channel("http://").send(TELLING, 1)
