"""The models that the Messages API knows, so that an unknown name fails as it does there."""

from __future__ import annotations

import re
from hashlib import blake2b

MODELS = frozenset(
    {
        "claude-3-haiku-20240307",
        "claude-3-opus-20240229",
        "claude-3-sonnet-20240229",
        "claude-3-5-haiku",
        "claude-3-5-haiku-latest",
        "claude-3-5-sonnet",
        "claude-3-5-sonnet-latest",
        "claude-3-7-sonnet",
        "claude-3-7-sonnet-latest",
        "claude-fable-5",
        "claude-fable-5-1",
        "claude-fable-5-2",
        "claude-haiku-4-5",
        "claude-haiku-5-5",
        "claude-mythos-5",
        "claude-mythos-5-1",
        "claude-mythos-5-2",
        "claude-mythos-preview",
        "claude-opus-4",
        "claude-opus-4-0",
        "claude-opus-4-1",
        "claude-opus-4-5",
        "claude-opus-4-6",
        "claude-opus-4-7",
        "claude-opus-4-8",
        "claude-opus-5",
        "claude-opus-5-5",
        "claude-sonnet-4",
        "claude-sonnet-4-0",
        "claude-sonnet-4-5",
        "claude-sonnet-4-6",
        "claude-sonnet-5",
        "claude-sonnet-5-5",
    }
)
"""Names without their dates; the vendor's SDK and CLI list them."""
ALIASES = frozenset({"best", "default", "fable", "haiku", "opus", "opusplan", "sonnet"})
"""Short names that the CLI resolves before it calls the API; the simulator takes them as they are."""

_VARIANT = re.compile(r"\[\w+\]$")
_DATE = re.compile(r"-20\d{6}$")


def is_known(model: str) -> bool:
    """Whether the API serves a model of that name, with or without the date of its release."""
    return model in MODELS or _DATE.sub("", model) in MODELS


def is_accepted(model: str) -> bool:
    """Whether the CLI can run on that name: a model, an alias, either with a variant such as `[1m]`."""
    plain = _VARIANT.sub("", model)
    return plain in ALIASES or is_known(plain)


_DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_LENGTH = 22
_VERSION = "01"


def identifier(prefix: str, mark: str) -> str:
    """`prefix`, the API's version digits and 22 base-58 digits that follow from `mark`."""
    value = int.from_bytes(blake2b(mark.encode("utf-8", "replace"), digest_size=20).digest(), "big")
    digits = []
    for _ in range(_LENGTH):
        value, digit = divmod(value, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return f"{prefix}_{_VERSION}{''.join(digits)}"
