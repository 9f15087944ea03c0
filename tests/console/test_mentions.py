"""Files after `@` in a prompt: when a name is being typed, how it is written, and what is offered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.console import plain
from tui.model.mentions import SHOWN, FileOffers, begun, mention
from tui.render.spans import width_of


@pytest.mark.parametrize(
    ("before", "found"),
    [
        ("@", (0, "")),
        ("read @src/a", (5, "src/a")),
        ("(@x", (1, "x")),
        ('see @"my fi', (4, "my fi")),
        ("mail ana@example.org", None),
        ("@done ", None),
        ('@"a b" ', None),
        ("no name", None),
    ],
)
def test_a_name_is_being_typed_from_its_sign_to_the_next_blank(before: str, found: tuple[int, str] | None) -> None:
    assert begun(before) == found


@given(st.text("ab /@.-", min_size=1, max_size=20))
def test_a_file_that_was_taken_is_no_name_being_typed(path: str) -> None:
    assert begun(f"see {mention(path)}") is None


def test_what_is_offered_follows_what_is_typed_and_can_be_closed() -> None:
    offers = FileOffers()
    assert offers.follow("see @a")
    offers.take([f"a{n}.py" for n in range(9)], more=True)
    assert not offers.follow("see @a")
    offers.move(-1)
    assert offers.chosen == "a8.py"
    lines = offers.lines(60)
    assert len(lines) == SHOWN + 1
    assert "9 of 9 and more" in plain(lines[-1])
    assert "a8.py" in plain(lines[-2])
    offers.close("see @a")
    assert not offers.follow("see @ab")
    assert offers.lines(60) == []
    assert not offers.follow("see")
    assert offers.follow("see @b")
    offers.refuse("The engine is away.")
    assert "The engine is away." in plain(offers.lines(60)[-1])


@given(st.lists(st.text("ab/漢", min_size=1, max_size=80), max_size=9), st.integers(10, 80), st.integers(-9, 9))
def test_offers_fit_their_width(files: list[str], width: int, step: int) -> None:
    offers = FileOffers()
    offers.follow("@")
    offers.take(files, more=False)
    offers.move(step)
    assert all(width_of(line) <= width for line in offers.lines(width))
