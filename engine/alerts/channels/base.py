"""What a channel receives, and how it reports that it could not pass it on."""

from __future__ import annotations

from typing import Protocol

import msgspec

from engine.base.errors import ErrorKind, QuarterdeckError
from engine.events.types import Severity

TEST = "test"
"""The rule that a test's telling is of."""


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """One telling of an alert, as it is sent: times in seconds since 1970, `state` firing or resolved."""

    id: str
    engine: str
    alert: str
    subject: str
    state: str
    severity: Severity
    text: str
    remedy: str
    value: float
    since: float
    at: float


class NotificationFailed(QuarterdeckError):
    """A channel could not pass a telling on."""

    kind, code, http_status = ErrorKind.NETWORK, "alert_not_told", 502


class Channel(Protocol):
    """A way to tell somebody."""

    async def send(self, telling: Notification, attempts: int) -> None:
        """Pass it on, with so many attempts where trying again can help. Raises NotificationFailed."""


encode_telling = msgspec.json.Encoder().encode
