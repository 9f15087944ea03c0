"""Evidence: everything that is known of something that may have failed, in one structure."""

from __future__ import annotations

import errno
import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from engine.recovery.classify.text_facts import signal_name
from engine.sessions.outcome import Ended, Outcome

HEAD, TAIL = 1000, 2000
"""Characters that are read of the beginning and of the end of a long text."""
_ENDED = {Ended.LOST: "lost", Ended.CAPPED: "capped"}
"""What stands for the terminal reason where a turn's end gave none."""
_LEVEL_NAMES = ("level", "lvl", "severity", "levelname", "log_level")
_LEVELS_WELL = frozenset({"trace", "debug", "info", "notice", "warn", "warning", "10", "20", "30"})
_LEVELS_ILL = frozenset({"error", "err", "fatal", "critical", "panic", "50", "60"})


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What is known; every field may be missing. `text` is all that was said, without repetition."""

    text: str = ""
    stderr: str = ""
    failed: bool | None = None
    """True: it is known to have failed; False: known to have succeeded; None: only the text can tell."""
    status: int | None = None
    api_type: str | None = None
    assistant: str | None = None
    """The CLI's own word for an API error: a hint, often `unknown` or wrong."""
    errno: str | None = None
    exit_code: int | None = None
    signal: str | None = None
    exception: str | None = None
    terminal: str | None = None
    startup: str | None = None
    retry_after_s: float | None = None
    resets_at: float | None = None
    """Seconds since 1970 at which a limit ends."""


def of_line(line: str) -> Evidence:
    """Evidence of a plain line; a JSON object, or one in a frame of an event stream, is read as a record."""
    stripped = line.strip()
    record = _object(stripped) if stripped.startswith("{") else _of_frame(stripped)
    return of_record(record) if record is not None else Evidence(text=clip(line))


def _of_frame(text: str) -> dict[str, Any] | None:
    """What a frame of an event stream carries: the object of its `data:` lines."""
    if not text.startswith(("event:", "data:", "id:", "retry:", ":")):
        return None
    lines = text.splitlines()
    record = _object("".join(line[len("data:") :] for line in lines if line.startswith("data:")).strip())
    if record is not None and any(line.startswith("event:") and line[6:].strip() == "error" for line in lines):
        record.setdefault("type", "error")
    return record


def _object(text: str) -> dict[str, Any] | None:
    if not (text.startswith("{") and text.endswith("}")):
        return None
    try:
        record = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def of_outcome(outcome: Outcome) -> Evidence:
    """Evidence of a turn's outcome."""
    return _with_exit(
        outcome.exit_code,
        text=_joined(outcome.reason if outcome.ended is not Ended.LOST else "", outcome.stderr),
        stderr=clip(outcome.stderr),
        failed=not outcome.ok,
        status=outcome.api_error_status,
        api_type=outcome.api_error_type,
        terminal=outcome.terminal_reason or _ENDED.get(outcome.ended),
        resets_at=outcome.resets_at,
    )


def of_exception(error: BaseException) -> Evidence:
    """Evidence of a caught exception and of what it was raised from."""
    chain: list[str] = []
    number: int | None = None
    current: BaseException | None = error
    while current is not None and len(chain) < 5:
        chain.append(f"{type(current).__name__}: {current}")
        if number is None and isinstance(current, OSError):
            number = current.errno
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return Evidence(
        text=_joined(*chain),
        failed=True,
        exception=type(error).__name__,
        errno=errno.errorcode.get(number) if number is not None else None,
    )


def of_record(record: Mapping[str, Any]) -> Evidence:
    """Evidence of a JSON record: the fields that are known, the others left alone."""
    nested = _text(record, "text")
    if nested.startswith("{") and not record.keys() - {"text"}:
        return of_line(nested)
    stated = record.get("error")
    body = stated if isinstance(stated, Mapping) else {}
    seen = record.get("api_retry")
    retries = [each for each in seen if isinstance(each, Mapping)] if isinstance(seen, list) else []
    stderr, exception = _text(record, "stderr"), _text(record, "exception")
    said = [
        _text(record, name) for name in ("result_text", "result", "text", "message", "msg", "name", "reason", "detail")
    ]
    said += [_text(body, "message"), stated if isinstance(stated, str) else "", _errors(record)]
    api_type = _text(record, "api_error_type", "error_type") or _text(body, "type")
    code = _text(record, "error_code", "code", "errno") or _text(body, "code")
    refused = record.get("type") == "assistant"
    limit = record.get("rate_limit_info")
    limits = limit if isinstance(limit, Mapping) else {}
    reported = "" if api_type.endswith("_error") else api_type
    return _with_exit(
        _whole(record.get("exit_code")),
        by=_text(record, "signal"),
        text=_joined(*said, stderr, exception, code, reported),
        stderr=clip(stderr),
        failed=_rejected(limits) or _failed(record, exception, api_type),
        status=_status(record, body, retries),
        api_type=api_type or None,
        assistant=_text(record, "assistant_error") or (_text(record, "error") if refused else "") or None,
        errno=code if code.startswith("E") else None,
        exception=exception or None,
        terminal=_text(record, "terminal_reason") or ("limit_rejected" if _rejected(limits) else None),
        startup=_text(record, "startup_failure_reason") or None,
        retry_after_s=_retry_after(record, retries),
        resets_at=_number(record.get("resets_at") or record.get("resetsAt") or limits.get("resetsAt")),
    )


def clip(text: str) -> str:
    """The beginning and the end of a long text: what failed stands in one of the two."""
    return text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n{text[-TAIL:]}"


def _with_exit(exit_code: int | None, *, by: str = "", **facts: Any) -> Evidence:
    """Evidence whose exit code and signal say the same, however the record wrote them."""
    name = by.upper() if by else signal_name(exit_code or 0)
    failed = facts.pop("failed")
    if failed is None and (name or (exit_code or 0) != 0):
        failed = True
    return Evidence(exit_code=exit_code, signal=name or None, failed=failed, **facts)


def _failed(record: Mapping[str, Any], exception: str, api_type: str) -> bool | None:
    stated = record.get("is_error") if record.get("type") != "tool_result" else False
    if exception or record.get("startup_failure_reason"):
        return True
    if record.get("killed_by_harness") and stated is not False:
        return True
    if isinstance(stated, bool):
        return stated
    if record.get("type") == "assistant" and _text(record, "error"):
        return True
    if record.get("success") is True or record.get("type") in {"assistant", "user", "system", "stream_event"}:
        return False
    level = next((str(record[name]).lower() for name in _LEVEL_NAMES if name in record), "")
    if level in _LEVELS_WELL:
        return False
    failing = (
        record.get("success") is False
        or bool(record.get("error") or record.get("errors"))
        or level in _LEVELS_ILL
        or record.get("type") == "error"
    )
    if failing or _whole(record.get("api_error_status")) or api_type:
        return True
    return None


def _status(record: Mapping[str, Any], body: Mapping[str, Any], retries: list[Mapping[str, Any]]) -> int | None:
    """The HTTP status: the result's own first, then what was seen on the wire."""
    places = [record.get(name) for name in ("api_error_status", "http_status", "status_code", "status", "error_status")]
    places += [body.get("code"), body.get("status"), *(each.get("error_status") for each in reversed(retries))]
    return next((value for place in places if (value := _whole(place)) is not None and 400 <= value < 600), None)


def _retry_after(record: Mapping[str, Any], retries: list[Mapping[str, Any]]) -> float | None:
    """A server's delay: stated, or seen in the CLI's first wait, which is its own half second otherwise."""
    for name in ("retry_after_s", "retry_after", "retry-after"):
        if (stated := _number(record.get(name))) is not None and stated >= 0:
            return stated
    waits = [
        wait / 1000
        for number, each in enumerate(retries)
        if each.get("error_status") in {429, 503, 529} and (wait := _number(each.get("retry_delay_ms")) or 0.0)
        if wait / 1000 > 1.5 * 2**number
    ]
    return min(waits) if waits else None


def _rejected(limits: Mapping[str, Any]) -> bool:
    """Whether the CLI reports a plan's limit that refuses requests, and not of one that comes near."""
    return limits.get("status") == "rejected"


def _errors(record: Mapping[str, Any]) -> str:
    errors = record.get("errors")
    if not isinstance(errors, list):
        return ""
    said = [each if isinstance(each, str) else _text(each, "message", "code") for each in errors if _telling(each)]
    return "\n".join(said)


def _telling(error: object) -> bool:
    return isinstance(error, str | Mapping)


def _text(record: Mapping[str, Any], *names: str) -> str:
    return next((value for name in names if isinstance(value := record.get(name), str) and value), "")


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _whole(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number.is_integer() else None


def _joined(*parts: str) -> str:
    """The parts as one text, a part that another one holds already left out."""
    kept: list[str] = []
    for part in _longest_first(parts):
        if not any(part in other for other in kept):
            kept.append(part)
    return clip("\n".join(part for part in dict.fromkeys(each.strip() for each in parts) if part in kept))


def _longest_first(parts: Iterable[str]) -> list[str]:
    return sorted({stripped for part in parts if (stripped := part.strip())}, key=len, reverse=True)
