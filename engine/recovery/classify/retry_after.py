"""How long an error asks to wait: `retry-after: 20`, `try again in 1m30s`, `resets 3pm (Europe/Paris)`, a date."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_AMOUNT = r"(\d+(?:\.\d+)?)\s*(ms|milliseconds?|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)(?![a-z])"
_ONE = re.compile(_AMOUNT, re.IGNORECASE)
_HEADER = re.compile(r"retry[-_ ]after(?:_s|-s)?[\"']?\s*[:=]?\s*[\"']?(\d+(?:\.\d+)?)\s*(ms|s|m|h)?\b", re.IGNORECASE)
_HTTP_DATE = re.compile(
    r"retry[-_ ]after[\"']?\s*[:=]?\s*[\"']?"
    r"((?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s(?:\d{1,2}[ -][a-z]{3}[ -]\d{2,4}|[a-z]{3}\s+\d{1,2})"
    r"\s\d\d:\d\d:\d\d(?:\sGMT|\s\d{4})?)",
    re.IGNORECASE,
)
_IN = re.compile(
    rf"\b(?:again|retry(?:ing)?|wait(?:ing)?|resets?|available|renews?|back)\s(?:again\s)?(?:in|after|for)\s"
    rf"(?:about\s|at least\s|another\s)?({_AMOUNT}(?:[\s,]*(?:and\s)?{_AMOUNT})*)",
    re.IGNORECASE,
)
_WAIT = re.compile(rf"\b(?:wait|retry_delay[\"']?:?\s*[\"']?)\s*({_AMOUNT})", re.IGNORECASE)
_EPOCH = re.compile(
    r"\bresets?(?:[ _-]?at)?[\"']?\s*[:=]?\s*[\"']?(\d{10}|\d{13})\b|limit reached\|(\d{10})\b", re.IGNORECASE
)
_DATE = re.compile(r"\b(20\d\d)-(\d\d)-(\d\d)(?:(?:T|,?\s+(?:at\s)?)(\d\d):(\d\d)(?::\d\d)?)?\s*(Z|UTC)?")
_RESETS = re.compile(
    r"\b(?:resets?|renews?|available(?: again)?|regain(?:ed)? access|try again)\s*(?:on|at)?\s*"
    r"(?:(mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s*)?"
    r"(?:(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s(\d{1,2}),?\s*)?"
    r"(?:at\s)?(?:(\d{1,2})(?::(\d\d))?\s*(am|pm)|(\d{1,2}):(\d\d))(?:\s*\(?([A-Za-z]+(?:/[A-Za-z_]+)+|UTC|GMT)\)?)?",
    re.IGNORECASE,
)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_HINTS = ("retry", "again", "reset", "regain", "wait", "limit reached|", "renew")


def delay_in(text: str, now: float, zone: tzinfo | None = None) -> float | None:
    """Seconds that a text asks to wait, or None.

    `now` is since 1970, `zone` that of a time of day without one (None: the machine's).
    """
    lowered = text.lower()
    if not any(hint in lowered for hint in _HINTS):
        return None
    if match := _HTTP_DATE.search(text):
        return _until_http_date(match[1], now)
    if match := _HEADER.search(text):
        return float(match[1]) * _UNITS[(match[2] or "s").lower()]
    if match := _IN.search(text) or _WAIT.search(text):
        return sum(float(number) * _unit(unit) for number, unit in _ONE.findall(match[1]))
    if match := _EPOCH.search(text):
        moment = float(match[1] or match[2])
        return _until(moment / 1000 if moment > 1e11 else moment, now)
    if ("reset" in lowered or "regain" in lowered) and (match := _DATE.search(text)):
        return _until_date(match, now, zone)
    if match := _RESETS.search(text):
        return _until_time(match, now, zone)
    return None


def _unit(word: str) -> float:
    lowered = word.lower()
    return _UNITS["ms"] if lowered.startswith(("ms", "mill")) else _UNITS[lowered[0]]


def _until(moment: float, now: float) -> float | None:
    return moment - now if moment > now else None


def _until_http_date(date: str, now: float) -> float | None:
    """RFC 9110, section 5.6.7: all three forms of a date."""
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    return _until((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), now)


def _until_date(match: re.Match[str], now: float, zone: tzinfo | None) -> float | None:
    year, month, day, hour, minute = (int(part or 0) for part in match.groups()[:5])
    try:
        moment = datetime(year, month, day, hour, minute, tzinfo=UTC if match[6] else zone or UTC)
    except ValueError:
        return None
    return _until(moment.timestamp(), now)


def _until_time(match: re.Match[str], now: float, zone: tzinfo | None) -> float | None:
    weekday, month, day, hour12, minute12, half, hour24, minute24, place = match.groups()
    hour = int(hour12) % 12 + (12 if half.lower() == "pm" else 0) if half else int(hour24)
    minute = int(minute12 or 0) if half else int(minute24)
    if hour > 23 or minute > 59 or (half and int(hour12) > 12):
        return None
    today = datetime.fromtimestamp(now, UTC).astimezone(_zone(place) or zone)
    moment = today.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if month:
        try:
            moment = moment.replace(month=_MONTHS.index(month.lower()) + 1, day=int(day))
        except ValueError:
            return None
        moment = moment if moment > today else moment.replace(year=moment.year + 1)
    elif weekday:
        ahead = (_DAYS.index(weekday.lower()) - today.weekday()) % 7
        moment += timedelta(days=ahead if ahead or moment > today else 7)
    elif moment <= today:
        moment += timedelta(days=1)
    return _until(moment.timestamp(), now)


def _zone(place: str | None) -> tzinfo | None:
    if not place:
        return None
    try:
        return ZoneInfo(place)
    except (ZoneInfoNotFoundError, ValueError):
        return None
