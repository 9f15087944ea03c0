"""Identifiers that look like the API's own and are the same on every run."""

from __future__ import annotations

from hashlib import blake2b

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
