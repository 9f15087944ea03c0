"""An input as it is read: what was in sight stays read at any width."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.operations.declared.permissions import PermissionDetail
from tests.console import scene
from tests.support.console import permission_detail
from tui.model.input_view import InputView


def view_of(command: str) -> InputView:
    """A view that has read all of a command."""
    made = InputView("p1")
    asked = scene.asked("p1", "s0008", "Bash", command, command, "unknown", 0)
    detail = permission_detail(asked, {"command": command}, None)
    made.take(msgspec.convert(detail, PermissionDetail))
    return made


@pytest.mark.parametrize("wider", [30, 160])
def test_what_was_read_stays_read_at_another_width(wider: int) -> None:
    view = view_of("\n".join(f"line {number} " + "x" * 90 for number in range(12)))
    while not view.is_read:
        view.window(80, 5)
        view.page(1)
    view.window(wider, 5)
    assert view.is_read


@given(st.text("ab 漢\n", min_size=1, max_size=400), st.integers(10, 60), st.integers(10, 60), st.integers(1, 6))
def test_nothing_counts_as_read_that_was_not_in_sight(command: str, first: int, other: int, most: int) -> None:
    view, whole = view_of(command), view_of(command)
    seen = "".join(row.text.strip() for row in view.window(first, most)).replace(" ", "")
    view.rows(other)
    counted = "".join(row.text.strip() for row in whole.window(other, 1 << 20)[: view.seen]).replace(" ", "")
    assert seen.startswith(counted)


def test_the_first_row_in_sight_stays_in_sight_at_another_width() -> None:
    view = view_of("\n".join(f"line {number:03} " + "x" * 90 for number in range(60)))
    view.window(80, 5)
    view.move(40)
    before = view.window(80, 5)[0].text
    view.window(40, 5)
    assert before.strip()[:8] in "".join(row.text for row in view.window(40, 5))
