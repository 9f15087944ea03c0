"""The console in a real headless browser: it draws, keys and clicks reach it, and it asks no other host."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.browser import Browser, browser, find_browser
from tests.support.headless import headless
from tests.support.processes import wait_until
from tests.web.test_served import served

DRAWN = "document.body.classList.contains('-first-byte')"
ENDED = "document.body.classList.contains('-closed')"


@pytest.fixture
def program() -> str:
    """A browser's program; the test is skipped on a machine without one."""
    found = find_browser()
    if found is None:
        pytest.skip("no browser on this machine")
    return found


def test_the_console_is_drawn_in_a_browser_and_driven_by_keys(home: Path, program: str) -> None:
    with headless(home), served(home) as web, browser(program, home) as page:
        page.open(web.url)
        wait_until(lambda: page.evaluate(DRAWN))
        address = page.evaluate("location.href")
        assert re.fullmatch(rf"http://{re.escape(web.host)}/[\w-]{{32}}/", address)  # without the token
        assert page.evaluate("document.cookie") == ""
        wait_until(lambda: many_colours(page))
        overview = page.picture()
        page.type("2")  # the keyboard is its without a click
        wait_until(lambda: page.picture() != overview)
        page.type("q")
        wait_until(lambda: page.evaluate(ENDED))
        assert page.evaluate("document.getElementById('reason').textContent") == "You left this console."
        wait_until(lambda: not web.consoles)
        assert {url.split("/")[2] for url in page.requested if not url.startswith("data:")} == {web.host}
        assert page.complaints == []


def many_colours(page: Browser) -> bool:
    """Whether the terminal shows more than its ground: a picture of one colour packs to almost nothing."""
    return len(page.picture()) > 20_000
