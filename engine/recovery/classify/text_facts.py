"""Facts that a text states: statuses, errno names, exit codes, signals and the API's error types."""

from __future__ import annotations

import errno
import re
import signal
from collections.abc import Iterator

Fact = tuple[str, str | int]

_HUNDREDS = re.compile(r"[45]\d\d\b")
_BEFORE_STATUS = re.compile(
    r"""(?:\bHTTP(?:/\d(?:\.\d)?)?\s*(?:status|error|code)?|\bstatus(?:[ _-]?code)?|\bAPI\ Error|\berror(?:[ _-]?code)?
          |\bcode|\bresponse|\breturned|\banswered|\bresponded\ with
          |\b(?:attempts?|tries|retries|rejected|got|received|with|after))
        ["']?\s*[:=(]?\s*["(]?\s*E?\Z|\A\W*E?\Z""",
    re.IGNORECASE | re.VERBOSE,
)
_NO_STATUS = re.compile(r"\s*(?:ms|s|bytes|files|tests)\b|[.,:]\d", re.IGNORECASE)
_ANSWER = re.compile(r"\s[A-Za-z<{]")
_IN_BRACKETS = re.compile(r"\((?:HTTP\s)?\Z|\bE\Z", re.IGNORECASE)
_PREFIX = 32
"""Characters before a number that are read."""
_ERRNO_NUMBER = re.compile(r"\[Errno (\d+)\]|\berrno[:= ]+-?(\d+)\b|\bos error (\d+)\b")
_ERRNO_NAME = re.compile(r"\bE[A-Z][A-Z0-9]{2,}\b")
_EXIT = re.compile(
    r"\b(?:exit(?:ed|s)?|status|code)(?:\s+\w+){0,2}?(?:\s+with)?(?:\s+(?:status|code|value))*\s*[:=]?\s*(-?\d{1,3})\b",
    re.IGNORECASE,
)
_SIGNAL = re.compile(
    r"\bSIG(HUP|INT|QUIT|ILL|ABRT|BUS|KILL|SEGV|TERM|PIPE|XCPU)\b|\bsignal:? (\d+|killed|terminated|aborted)\b"
    r"|status=\d+/(KILL|SEGV|ABRT|TERM|BUS|ILL)",
    re.IGNORECASE,
)
_WAIT_STATUS = re.compile(r"\bwait[ _-]?status\W{0,3}(0x[0-9a-f]{1,4}|\d{1,5})\b", re.IGNORECASE)
"""The word of wait(2): the signal in its low seven bits, the exit code in the byte above."""
_NUMBERED = {
    "1": "HUP", "2": "INT", "3": "QUIT", "4": "ILL", "6": "ABRT", "7": "BUS", "9": "KILL", "11": "SEGV", "15": "TERM",
    "KILLED": "KILL", "TERMINATED": "TERM", "ABORTED": "ABRT",
}  # fmt: skip
_SIGNAL_BASE = 128
_SIGNALS = {int(each): each.name for each in signal.Signals}
_API_TYPE = re.compile(r"\b[a-z]+(?:_[a-z]+)*_error\b|\brequest_too_large\b")
_DARWIN = {35: "EAGAIN", 54: "ECONNRESET", 60: "ETIMEDOUT", 61: "ECONNREFUSED", 64: "EHOSTDOWN", 65: "EHOSTUNREACH"}
_LAST_SHARED = 34
"""Up to this number Linux and macOS agree."""


def stated_in(text: str, lowered: str) -> Iterator[Fact]:
    """Every fact that the text states; `lowered` is the same text in lower case."""
    for match in _HUNDREDS.finditer(text):
        if _is_status(text, match):
            yield "status", int(match[0])
    for match in _ERRNO_NAME.finditer(text):
        yield "errno", match[0]
    if "errno" in lowered or "os error" in lowered:
        for match in _ERRNO_NUMBER.finditer(text):
            yield "errno", _errno_name(int(_group(match)))
    if "_error" in lowered or "_too_" in lowered:
        for match in _API_TYPE.finditer(text):
            yield "api_type", match[0]
    yield from _ends_in(text, lowered)


def _ends_in(text: str, lowered: str) -> Iterator[Fact]:
    """How a process ended: its exit code, and the signal behind it."""
    if "exit" in lowered:
        for match in _EXIT.finditer(text):
            code = int(match[1])
            yield "exit_code", code
            if name := signal_name(code):
                yield "signal", name
    if "wait" in lowered:
        for match in _WAIT_STATUS.finditer(text):
            status = int(match[1], 0)
            if (killed_by := status & 0x7F) in _SIGNALS:
                yield "signal", _SIGNALS[killed_by]
            else:
                yield "exit_code", status >> 8 & 0xFF
    if "sig" in lowered or "status=" in lowered:
        for match in _SIGNAL.finditer(text):
            name = _group(match).upper()
            yield "signal", f"SIG{_NUMBERED.get(name, name)}"


def _is_status(text: str, number: re.Match[str]) -> bool:
    """Whether a number is called a status by what stands around it."""
    before, end = text[max(0, number.start() - _PREFIX) : number.start()], number.end()
    if _IN_BRACKETS.search(before) and (before[-1:] in "eE" or text.startswith(")", end)):
        return True
    if _NO_STATUS.match(text, end):
        return False
    answers = before.endswith((": ", ":\t", ":\n")) and _ANSWER.match(text, end) is not None
    return answers or _BEFORE_STATUS.search(before) is not None


def _group(match: re.Match[str]) -> str:
    """The one group that matched."""
    return match[match.lastindex or 0]


def signal_name(exit_code: int) -> str:
    """The signal that an exit code reports, as -9 or as 137; empty when it reports none."""
    number = -exit_code if exit_code < 0 else exit_code - _SIGNAL_BASE
    return _SIGNALS.get(number, "")


def _errno_name(number: int) -> str:
    return (_DARWIN.get(number) if number > _LAST_SHARED else None) or errno.errorcode.get(number, f"E{number}")
