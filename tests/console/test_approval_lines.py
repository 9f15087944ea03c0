"""The lines of an approval: at 80x24 neither what it touches nor what was read is cut, and keys are the operator's."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.approvals.groups import PermissionGroup, groups_of
from engine.events.reducers.projection import Projection
from engine.operations.declared.permissions import PermissionDetail, TouchRow
from tests.console import scene
from tests.support.console import permission_detail, plain
from tui.actions.keymap import CAME_ALONG, Keymap, resolve
from tui.model.input_view import InputView, _chopped
from tui.render.spans import width_of
from tui.screens import approval_lines, inbox_lines

WIDTH, HEIGHT = 74, 10
"""The card of the inbox at 80x24."""


def group() -> PermissionGroup:
    projection = Projection()
    for stamped in scene.tape():
        projection.apply(stamped)
    first = groups_of(projection.state.permissions.values())[0]
    sessions = tuple(f"s000{number}" for number in range(1, 9))
    return msgspec.structs.replace(first, sessions=sessions, count=9, pages=("p1", "p2", "p3"))


def view(*paths: str) -> InputView:
    asked = scene.asked("p1", "s0008", "Bash", "make", "Bash: make", "delete", 0)
    detail = msgspec.convert(permission_detail(asked, {"command": "make\n" * 60}, None), PermissionDetail)
    detail.touches = [TouchRow(path=path, kind="file", size=1, files=0, more=False, ignored=False) for path in paths]
    made = InputView("p1")
    made.take(detail)
    return made


def card(shown: InputView, keys: Keymap = CAME_ALONG) -> str:
    lines = inbox_lines.card(group(), shown, scene.NOW, "▮▮▮", WIDTH, HEIGHT, inbox_lines.Leaf(0, 3, 1), None, "", keys)
    assert all(width_of(line) <= WIDTH for line in lines)
    return "\n".join(plain(line) for line in lines)


def test_what_it_touches_and_what_was_read_are_not_cut() -> None:
    shown = card(view(*(f"/w/default/billing/src/module{n}/file{n}.py" for n in range(5))))
    assert "module0/file0.py" in shown
    assert "… 4 more" in shown
    assert "1 of 3 read" in shown
    assert "3, 1 read" in shown


def test_a_path_that_is_too_long_keeps_its_end() -> None:
    shown = card(view("/w/" + "deep/" * 40 + "the-end.py", "/w/other.py"))
    assert "the-end.py (1B)" in shown
    assert "… 1 more" in shown


def test_the_hints_follow_the_operators_keys() -> None:
    keys = resolve({"inbox.leaf": "f6", "inbox.page_down": "f7"})
    shown = card(view(), keys)
    assert ("f6 next of" in shown, "· f7 " in shown, "pgdn" in shown) == (True, True, False)


def test_one_byte_is_one_byte() -> None:
    detail = view().detail
    assert detail is not None
    assert "1 byte" in approval_lines.changes_of(msgspec.structs.replace(detail, size=1))


@given(st.text("ab 漢\té", max_size=300), st.integers(8, 40))
def test_an_input_is_wrapped_behind_blanks_and_nothing_is_lost(text: str, width: int) -> None:
    rows = _chopped(text, width)
    assert "".join(rows) == text
    assert all(width_of([(row, "")]) <= width for row in rows)
