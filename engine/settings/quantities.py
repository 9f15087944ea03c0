"""Durations and sizes as people write them, read into plain numbers and written back."""

from __future__ import annotations

import math
import re
from decimal import Decimal

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
BYTES = {
    "b": 1,
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)},
}
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", re.IGNORECASE)
_DURATION = re.compile(rf"(?:{_DURATION_PART.pattern}\s*)+", re.IGNORECASE)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?b)", re.IGNORECASE)
_SHARE = "a share such as 0.9 or a size such as 8GiB"
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE)


def parse_duration(value: object) -> float:
    """Seconds from `30s`, `1h30m`, `250ms` or a bare number of seconds; ValueError on anything else."""
    if isinstance(value, str):
        return _duration_text(value.strip())
    return _plain_number(value, "a duration such as 30s, 5m or 1h, or a number of seconds")


def parse_size(value: object) -> int:
    """Bytes from `512MiB`, `1GB` or a bare whole number of bytes; ValueError on anything else."""
    number = _size_text(value.strip()) if isinstance(value, str) else _plain_number(value, "a size such as 512MiB")
    if number != int(number):
        raise ValueError(f"{value!r} is not a whole number of bytes.")
    return int(number)


LEAST_SIZE = 1024**2
"""Bytes from which on a number is a size where a share may stand too."""


def parse_share_or_size(value: object) -> float:
    """A share up to 1 as it is, or bytes from `8GiB` or a number of at least a mebibyte; ValueError otherwise."""
    text = value.strip() if isinstance(value, str) else ""
    number = _size_text(text) if text and not _NUMBER.fullmatch(text) else _plain_number(_unquoted(value), _SHARE)
    if 1 < number < LEAST_SIZE:
        raise ValueError(f"{value!r} is neither a share up to 1 nor a size of 1MiB and more.")
    return float(number)


def format_share_or_size(number: float) -> str:
    """0.9 → `0.9`, 8589934592 → `8GiB`."""
    return f"{number:.15g}" if number <= 1 else format_size(int(number))


def format_duration(seconds: float) -> str:
    """The shortest exact text for `seconds`: 0.25 → `250ms`, 90 → `90s`, 3600 → `1h`."""
    if seconds == 0:
        return "0s"
    for unit in ("d", "h", "m"):
        if seconds % SECONDS[unit] == 0:
            return f"{int(seconds / SECONDS[unit])}{unit}"
    milliseconds = seconds * 1000
    if seconds < 1 and milliseconds == int(milliseconds) and int(milliseconds) * SECONDS["ms"] == seconds:
        return f"{int(milliseconds)}ms"
    return f"{_decimal(seconds)}s"


def format_size(size: int) -> str:
    """The shortest exact text for `size` bytes: 67108864 → `64MiB`, 1000000000 → `1GB`, 1500 → `1500B`."""
    for unit in ("TiB", "GiB", "MiB", "KiB", "TB", "GB", "MB"):
        step = BYTES[unit.lower()]
        if size and size % step == 0:
            return f"{size // step}{unit}"
    return f"{size}B"


def _duration_text(text: str) -> float:
    if _NUMBER.fullmatch(text):
        return _finite(float(text), text)
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration such as 30s, 5m or 1h.")
    return _finite(sum(float(amount) * SECONDS[unit.lower()] for amount, unit in _DURATION_PART.findall(text)), text)


def _size_text(text: str) -> float:
    if text.isdecimal():
        return int(text)
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a size such as 512MiB or 1GB.")
    amount, unit = match[1], BYTES[match[2].lower()]
    return int(amount) * unit if amount.isdecimal() else _finite(float(amount) * unit, text)


def _unquoted(value: object) -> object:
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) else value


def _plain_number(value: object, wanted: str) -> float:
    # bool is an int to Python; `timeout: yes` is a mistake to everybody else.
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{value!r} is not {wanted}.")  # noqa: TRY004 - pydantic collects ValueError only
    if value < 0:
        raise ValueError(f"{value!r} is below zero.")
    return value if isinstance(value, int) else _finite(value, value)


def _finite(number: float, given: object) -> float:
    if not math.isfinite(number):
        raise ValueError(f"{given!r} is not a finite number.")
    return number


def _decimal(number: float) -> str:
    return f"{Decimal(repr(number)).normalize():f}"
