"""How long a text asks to wait, in every form that servers and CLIs write it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from engine.recovery.classify.retry_after import delay_in

NOW = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC).timestamp()
"""A Wednesday at noon."""
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("retry-after: 20", 20),
        ("retry_after_s = 1.5", 1.5),
        ("Retry-After: 250 ms", 0.25),
        ("Retry-After: Wed, 04 Mar 2026 12:00:30 GMT", 30),
        ("Retry-After: Wednesday, 04-Mar-26 12:01:00 GMT", MINUTE),
        ("Retry-After: Wed Mar  4 12:02:00 2026", 2 * MINUTE),
        ("Please try again in 1m30s.", 90),
        ("Rate limited; waiting for about 2 minutes and 5 seconds", 125),
        ("available again in 3 hours", 3 * HOUR),
        ("retry_delay: 7s", 7),
        ("please wait 500 milliseconds", 0.5),
        (f"reset {int(NOW) + 45}", 45),
        (f"reset_at={int(NOW) + 45}", 45),
        (f"resets_at: {int(NOW) + 45}", 45),
        (f"resets at {int(NOW) + 45}", 45),
        (f"limit reached|{int(NOW) + 60}", MINUTE),
        (f"resetsAt: {int(NOW + 10) * 1000}", 10),
        ("Your limit resets 2026-03-05", 12 * HOUR),
        ("You will regain access on 2026-03-05 at 00:30 UTC.", 12.5 * HOUR),
        ("resets 3pm", 3 * HOUR),
        ("resets 12am", 12 * HOUR),
        ("resets 11:30", 23.5 * HOUR),
        ("resets 3pm (Europe/Paris)", 2 * HOUR),
        ("resets 3pm (Moon/Crater)", 3 * HOUR),
        ("resets Fri 9am", 45 * HOUR),
        ("resets Wed 9am", 7 * DAY - 3 * HOUR),
        ("resets Mar 6, 12pm", 2 * DAY),
        ("resets Jan 4, 12pm", 306 * DAY),
    ],
)
def test_a_delay_is_read(text: str, seconds: float) -> None:
    assert delay_in(text, NOW, UTC) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "it took 20 s",
        "try again later",
        "Retry-After: Wed, 04 Mar 2026 11:59:00 GMT",
        "Retry-After: Wed, 99 Mar 2026 12:00:30 GMT",
        f"resets_at: {int(NOW) - 1}",
        "Your limit resets 2026-02-31",
        "Your limit resets 2026-03-03",
        "resets 13pm",
        "resets 25:10",
        "resets Feb 31, 3pm",
    ],
)
def test_what_is_past_or_no_moment_is_no_delay(text: str) -> None:
    assert delay_in(text, NOW, UTC) is None


def test_a_time_without_a_place_is_that_of_the_machine() -> None:
    east = timezone(timedelta(hours=2))
    assert delay_in("resets 3pm", NOW, east) == pytest.approx(HOUR)
    assert delay_in("Your limit resets 2026-03-05", NOW, east) == pytest.approx(10 * HOUR)
