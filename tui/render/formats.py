"""Numbers and times as a person reads them, in few cells."""

from __future__ import annotations

import time

_STEP = 1000.0
_ROUNDS_UP = 999.5
"""From here on a value of three digits would be said with four."""


def count(value: float) -> str:
    """A count in at most five cells: 999, 1.2k, 31.4k, 9.1M."""
    if value < _ROUNDS_UP:
        return str(round(value))
    for suffix in "kMGT":
        value /= _STEP
        if value < _ROUNDS_UP:
            return f"{value:.1f}{suffix}" if value < 99.95 else f"{value:.0f}{suffix}"
    return "∞"


def size(value: float) -> str:
    """Bytes in at most five cells, in powers of 1024: 812M, 1.2G."""
    for suffix in "BKMGT":
        if value < _ROUNDS_UP:
            return f"{value:.1f}{suffix}" if suffix in "GT" and value < 10 else f"{value:.0f}{suffix}"
        value /= 1024
    return "∞"


def reading(cpu: float, rss: int) -> tuple[str, str]:
    """Percent of a core and memory as the grid shows them; next to nothing is a dot."""
    return f"{cpu:.0f}" if cpu >= 0.5 else "·", size(rss) if rss else "·"


def money(value: float) -> str:
    """Dollars: cents up to a hundred, then whole ones."""
    return f"${value:.2f}" if value < 99.995 else f"${count(value)}"


def span(seconds: float) -> str:
    """A length of time in at most six cells: 0s, 48s, 2m10s, 4h05m, 3d04h, 120d."""
    total = max(0, int(seconds))
    if total < 60:
        return f"{total}s"
    if total < 3600:
        return f"{total // 60}m{total % 60:02d}s"
    if total < 86400:
        return f"{total // 3600}h{total % 3600 // 60:02d}m"
    days = total // 86400
    return f"{days}d{total % 86400 // 3600:02d}h" if days < 100 else f"{days}d"


def coarse(seconds: float) -> str:
    """A length of time that changes its text seldom, for cells of a live grid: <5s, 20s, 4m, 3h, 2d."""
    total = max(0, int(seconds))
    if total < 5:
        return "<5s"
    if total < 60:
        return f"{total - total % 5}s"
    if total < 3600:
        return f"{total // 60}m"
    return f"{total // 3600}h" if total < 172_800 else f"{total // 86400}d"


def seconds(value: float) -> str:
    """A duration with one decimal while that matters: 0.4s, 3.8s, 41s, 2m10s."""
    return f"{value:.1f}s" if value < 10 else span(value)


def took(value: float) -> str:
    """How long turns took; a dash while there were none."""
    return seconds(value) if value else "–"


def clock(at: float) -> str:
    """The local time of day of a moment in seconds since 1970."""
    return time.strftime("%H:%M:%S", time.localtime(at)) if at > 0 else "--:--:--"


def moment(at: float, now: float) -> str:
    """The local time of day; of another day than `now`, with its date. Both in seconds since 1970."""
    today = time.localtime(at)[:3] == time.localtime(now)[:3]
    return clock(at) if today or at <= 0 else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def day(at: float) -> str:
    """The local day and time of a moment in seconds since 1970; nothing for one that is not known."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at)) if at > 0 else ""


def plural(number: int, noun: str) -> str:
    """`3 sessions`, `1 session`, `2 entries`."""
    many = f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else f"{noun}s"
    return f"{number} {noun if number == 1 else many}"


def share(part: float, whole: float) -> str:
    """A whole percentage, or a dash when there is nothing to share."""
    return f"{100 * part / whole:.0f}%" if whole else "–"
