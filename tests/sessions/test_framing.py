"""Bytes in any split give the same lines."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from engine.sessions.framing import LineSplitter, OversizedLine

LINE = st.binary(max_size=30).map(lambda data: data.replace(b"\n", b""))


def _split(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(st.lists(LINE, max_size=12), LINE, st.lists(st.integers(0, 400), max_size=12))
def test_any_split_gives_the_same_lines(lines: list[bytes], tail: bytes, cuts: list[int]) -> None:
    data = b"".join(line + b"\n" for line in lines) + tail
    splitter = LineSplitter()
    got = [line for part in _split(data, cuts) for line in splitter.feed(part)] + splitter.end()
    assert got == [line for line in [*lines, tail] if line.strip()]


@given(st.lists(LINE, max_size=8), st.lists(st.integers(0, 300), max_size=8))
def test_a_line_over_the_limit_is_dropped_and_told_and_the_next_is_whole(lines: list[bytes], cuts: list[int]) -> None:
    splitter = LineSplitter(limit=10)
    data = b"".join(line + b"\n" for line in lines)
    got = [line for part in _split(data, cuts) for line in splitter.feed(part)]
    expected = [
        OversizedLine(len(line)) if len(line) > 10 else line for line in lines if line.strip() or len(line) > 10
    ]
    assert got == expected


def test_a_line_of_64_mib_passes() -> None:
    splitter = LineSplitter()
    chunk = b"x" * (1 << 20)
    for _ in range(64):
        assert splitter.feed(chunk) == []
    (line,) = splitter.feed(b"\n")
    assert isinstance(line, bytes)
    assert len(line) == 64 << 20
