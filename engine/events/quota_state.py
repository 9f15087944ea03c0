"""The part of the state about the limits of plans."""

from __future__ import annotations

import msgspec

QUOTAS_KEPT = 64
"""Limits that stay readable, by credential and kind."""


class QuotaView(msgspec.Struct):
    """A plan's limit at a credential as a CLI reported it at `at`; the fields are those of RateLimited."""

    credential: str
    limit: str
    status: str
    at: float
    used: float | None = None
    resets_at: float | None = None
    overage: bool = False

    def is_over(self, now: float) -> bool:
        """Whether its window has ended: how much of the next one is used is not known yet."""
        return self.resets_at is not None and self.resets_at <= now
