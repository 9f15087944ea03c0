"""A conversation's transcript on disk, read backwards in bounded pages, whatever stands in it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sessions import history
from engine.sessions.history import HistoryEntry, entries_of, lines_before, read_page
from engine.sessions.transcripts import MAX_ENTRY


def line(number: int, text: str = "", kind: str = "assistant", **fields: Any) -> bytes:
    content = [{"type": "text", "text": text or f"said {number}"}]
    stamp = f"2026-11-20T14:{number // 60 % 60:02d}:{number % 60:02d}.000Z"
    entry = {"type": kind, "uuid": f"m{number}", "timestamp": stamp, "message": {"role": kind, "content": content}}
    return json.dumps({**entry, **fields}).encode() + b"\n"


def written(folder: Path, *lines: bytes) -> Path:
    path = folder / "conversation.jsonl"
    path.write_bytes(b"".join(lines))
    return path


def backwards(path: Path, limit: int, ref: str = "") -> list[list[HistoryEntry]]:
    pages, before = [], None
    while before != 0:
        page = read_page(path, before, ref, limit=limit)
        assert before is None or page.before < before
        before = page.before
        pages.append(page.entries)
    return pages


def test_pages_join_without_a_gap_or_a_double(tmp_path: Path) -> None:
    path = written(tmp_path, *(line(n) for n in range(1000)))
    pages = backwards(path, 150)
    assert max(map(len, pages)) <= 150
    assert [entry.text for page in reversed(pages) for entry in page] == [f"said {n}" for n in range(1000)]


@given(sizes=st.lists(st.integers(0, 400), max_size=30), limit=st.integers(1, 9), block=st.integers(1, 300))
def test_any_lengths_and_any_block_give_the_same_lines(
    sizes: list[int], limit: int, block: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = written(tmp_path_factory.mktemp("h"), *(line(n, "x" * size) for n, size in enumerate(sizes)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "BLOCK", block)
        patch.setattr(history, "MAX_LINE", 1 << 20)
        pages = backwards(path, limit)
    assert [entry.ref for page in reversed(pages) for entry in page] == [f"m{n}" for n in range(len(sizes))]


def test_the_first_page_ends_before_a_message_that_is_known_already(tmp_path: Path) -> None:
    path = written(tmp_path, *(line(n) for n in range(300)))
    assert read_page(path, None, "m120", limit=2).entries[-1].ref == "m119"
    assert read_page(path, None, "", limit=2).entries[-1].ref == "m299"


def test_where_the_known_message_is_not_found_the_time_decides(tmp_path: Path) -> None:
    path = written(tmp_path, *(line(n) for n in range(60)))
    at = entries_of(line(30))[0].at
    assert read_page(path, None, "stranger", at, 2).entries[-1].ref == "m29"


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        ("user", "hi", ("user", "", "hi", "")),
        ("user", [{"type": "tool_result", "tool_use_id": "t", "content": "out"}], ("result", "", "out", "")),
        (
            "user",
            [
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "is_error": True,
                    "content": [{"type": "text", "text": "no"}],
                }
            ],
            ("error", "", "no", ""),
        ),
        ("user", [{"type": "image", "source": {}}], ("note", "image", "", "")),
        ("assistant", [{"type": "thinking", "thinking": "hm"}], ("think", "", "hm", "")),
        (
            "assistant",
            [{"type": "tool_use", "name": "Bash", "id": "t", "input": {"command": "ls"}}],
            ("tool", "Bash", "ls", '{"command": "ls"}'),
        ),
    ],
)
def test_each_kind_of_message_is_what_it_is_live(kind: str, content: Any, expected: tuple[str, ...]) -> None:
    (entry,) = entries_of(line(1, kind=kind, message={"role": kind, "content": content}))
    assert (entry.kind, entry.title, entry.text, entry.detail) == expected


@pytest.mark.parametrize(
    "unread",
    [
        line(1, isMeta=True),
        line(1, isSidechain=True),
        b'{"type":"api-request","body":{}}\n',
        b'{"type":"queue-operation"}\n',
        b'{"type":"system"}\n',
        b"{}\n",
    ],
)
def test_what_no_person_reads_is_left_out(unread: bytes) -> None:
    assert entries_of(unread) == []


@pytest.mark.parametrize("damaged", [b"\x00\xff\xfe", b"{", b"[]", b"nonsense", b"[" * 5000])
def test_damage_is_a_note_and_the_rest_is_read(damaged: bytes, tmp_path: Path) -> None:
    path = written(tmp_path, line(1), damaged + b"\n", line(2), b"\n\n", line(3)[:-1])
    kinds = [(entry.kind, entry.ref) for entry in read_page(path, None).entries]
    assert kinds == [("assistant", "m1"), ("note", ""), ("assistant", "m2"), ("assistant", "m3")]


def test_a_line_beyond_the_bound_is_named_and_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_LINE", 200_000)
    path = written(tmp_path, line(1), line(2, "x" * 900_000), line(3))
    first, huge, last = (entry for page in reversed(backwards(path, 1)) for entry in page)
    assert (first.ref, last.ref) == ("m1", "m3")
    assert huge.title == "unreadable"
    with path.open("rb") as file:
        assert max(len(each) for _, each in lines_before(file, path.stat().st_size)) <= history.BLOCK


def test_a_page_is_bounded_by_bytes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_PAGE", 50_000)
    path = written(tmp_path, *(line(n, "x" * 20_000) for n in range(12)))
    assert len(read_page(path, None, limit=100).entries) == 3


def test_an_empty_file_is_the_begin(tmp_path: Path) -> None:
    assert read_page(written(tmp_path), None).before == 0


def test_only_a_regular_file_is_read_whatever_an_agent_put_there(tmp_path: Path) -> None:
    real = written(tmp_path, line(1))
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "link", "folder", "gone"):
        with pytest.raises(OSError, match=name):
            read_page(tmp_path / name, None)


@pytest.mark.parametrize("number", [0, 30, 59])
def test_the_time_decides_on_each_page(tmp_path: Path, number: int) -> None:
    path = written(tmp_path, *(line(n) for n in range(60)))
    at = entries_of(line(number))[0].at
    whole, before = [], None
    while before != 0:
        page = read_page(path, path.stat().st_size if before is None else before, "", at, 7)
        whole, before = [*page.entries, *whole], page.before
    assert [entry.ref for entry in whole] == [f"m{n}" for n in range(number)]


@pytest.mark.parametrize("filler", [b"\n", b" \n", b" ", b"x"])
def test_a_page_reads_no_more_than_its_bound_whatever_fills_the_file(tmp_path: Path, filler: bytes) -> None:
    path = written(tmp_path, line(1), filler * (10 * 1024**2 // len(filler)), b"\n", line(2))
    read = []

    class Counted:
        """A file whose bytes are counted."""

        def __init__(self, file: Any) -> None:
            self._file = file

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *given: object) -> None:
            self._file.close()

        def read(self, size: int) -> bytes:
            """As a file reads."""
            read.append(size)
            found: bytes = self._file.read(size)
            return found

    opened = history.opened
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "opened", lambda where: Counted(opened(where)))
        before, refs = None, []
        while before != 0:
            read.clear()
            page = read_page(path, before, limit=100)
            assert sum(read) <= history.MAX_PAGE + history.MAX_LINE + 2 * history.BLOCK
            refs = [*(entry.ref for entry in page.entries), *refs]
            before = page.before
    assert [refs[0], refs[-1], len(refs) <= 3] == ["m1", "m2", True]


def test_no_entry_is_longer_than_one_may_be(tmp_path: Path) -> None:
    long = "x" * (history.MAX_LINE // 2)
    rows = [
        line(1, kind="system", subtype="note", content=long),
        line(2, kind="system", subtype=long, content="short"),
        line(3, kind="user", isCompactSummary=True, text=long),
        line(4, message={"content": [{"type": "tool_use", "name": long, "id": "t", "input": {}}]}),
        line(5, message={"content": [{"type": long}]}),
        line(6, message={"content": [{"type": "text", "text": "x"}] * 20_000}),
    ]
    for row in rows:
        found = read_page(written(tmp_path, row), None, limit=1).entries
        assert len(found) <= history.MAX_BLOCKS + 1
        assert all(len(each.title) + len(each.text) <= MAX_ENTRY + 200 for each in found)
    assert found[-1].text.startswith("19")
