"""The root of all events."""

from __future__ import annotations

import re

import msgspec

_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


def _tag(name: str) -> str:
    return _WORD_START.sub("_", name).lower()


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=_tag):
    """Root of all events. Times inside are seconds since 1970, durations seconds, sizes bytes."""
