"""Alerts by HTTP: a signed POST of JSON to an address that was checked, tried again a few times."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.alerts.channels.addresses import resolved
from engine.alerts.channels.base import Notification, NotificationFailed, encode_telling
from engine.base.clock import Clock
from engine.base.errors import BadInput

if TYPE_CHECKING:
    import httpx

    from engine.settings.schema import AlertWebhook

TIMESTAMP, SIGNATURE, DELIVERY = "X-Quarterdeck-Timestamp", "X-Quarterdeck-Signature", "X-Quarterdeck-Delivery"
"""Headers: seconds since 1970; `v1=` and the signature in hex; the telling's id, equal for every attempt at it."""
PAUSE_S = 0.5
"""Seconds before the second attempt; they double."""
_PORTS = {"http": 80, "https": 443}
_AGAIN = frozenset({408, 425, 429})


class WebhookFailed(NotificationFailed):
    """This attempt failed, another may work."""

    retryable = True


class WebhookChannel:
    """Posts to the address in the settings in force; redirects are refused, proxies of the environment not used."""

    def __init__(self, settings: Callable[[], AlertWebhook], clock: Clock, pause: float = PAUSE_S) -> None:
        self._settings = settings
        self._clock = clock
        self._pause = pause

    async def send(self, telling: Notification, attempts: int) -> None:
        """Post it. Raises NotificationFailed, BadInput without an address."""
        body = encode_telling(telling)
        for attempt in range(attempts):
            try:
                await self._attempt(body, telling.id)
            except WebhookFailed:
                if attempt + 1 == attempts:
                    raise
                await asyncio.sleep(self._pause * 2**attempt)
            else:
                return

    async def _attempt(self, body: bytes, delivery: str) -> None:
        seconds = self._settings().timeout
        try:
            async with asyncio.timeout(seconds):
                status = await self._post(body, delivery)
        except TimeoutError:
            raise WebhookFailed(
                f"The webhook did not answer in {seconds:g} s.", remedy="Check what serves it."
            ) from None
        if status in _AGAIN or status >= 500:
            raise WebhookFailed(f"The webhook answered {status}.", remedy="Check what serves it.")
        if 300 <= status < 400:
            remedy = "Set `alerts.webhook.url` to where it leads."
            raise NotificationFailed(
                f"The webhook answered {status}, a redirect, which is not followed.", remedy=remedy
            )
        if status >= 400:
            raise NotificationFailed(f"The webhook answered {status}.", remedy="Check `alerts.webhook.url` and `key`.")

    async def _post(self, body: bytes, delivery: str) -> int:
        import httpx

        url = self._url()
        port = url.port or _PORTS[url.scheme]
        address = await resolved(url.host, port, allow_private=self._settings().allow_private)
        headers = {**self._headers(body, delivery), "Host": url.netloc.decode()}
        try:
            async with httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=None) as http:  # noqa: S113 - asyncio.timeout is around it
                request = http.build_request(
                    "POST",
                    url.copy_with(host=address),
                    content=body,
                    headers=headers,
                    extensions={"sni_hostname": url.host},
                )
                response = await http.send(request, stream=True)
                await response.aclose()
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise WebhookFailed(f"The webhook cannot be reached: {reason}.", remedy="Check what serves it.") from error
        return response.status_code

    def _url(self) -> httpx.URL:
        import httpx

        secret = self._settings().url
        if secret is None:
            remedy = "Set `alerts.webhook.url`."
            raise BadInput("The webhook has no address.", field="alerts.webhook.url", remedy=remedy)
        try:
            url = httpx.URL(secret.get_secret_value())
        except httpx.InvalidURL:
            url = httpx.URL("")
        if not url.host:
            raise NotificationFailed("The webhook's address cannot be read.", remedy="Correct `alerts.webhook.url`.")
        return url

    def _headers(self, body: bytes, delivery: str) -> dict[str, str]:
        at = str(int(self._clock.wall()))
        headers = {"Content-Type": "application/json", "User-Agent": "quarterdeck", TIMESTAMP: at, DELIVERY: delivery}
        if (key := self._settings().key) is not None:
            headers[SIGNATURE] = f"v1={signature(key.get_secret_value(), at, body)}"
        return headers


def signature(key: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 in hex over the timestamp, a full stop and the body; the receiver refuses old timestamps."""
    return hmac.new(key.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
