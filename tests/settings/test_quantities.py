"""Durations and sizes read back as what they were written from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.settings.quantities import (
    format_duration,
    format_share_or_size,
    format_size,
    parse_duration,
    parse_share_or_size,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("1h", 3600),
        ("250ms", 0.25),
        ("1h30m", 5400),
        ("1.5s", 1.5),
        ("2d", 172_800),
        ("45", 45),
        (" 10 s ", 10),
        ("1H", 3600),
        (7, 7),
        (0.5, 0.5),
        ("0", 0),
        ("1e3", 1000),
    ],
)
def test_durations_as_people_write_them(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512MiB", 512 * 1024**2),
        ("1GB", 10**9),
        ("1.5KiB", 1536),
        ("64 kib", 65_536),
        ("100", 100),
        (100, 100),
        ("3B", 3),
    ],
)
def test_sizes_as_people_write_them(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "bad", ["", "s", "5 parsecs", "-1s", "1s2", "m5", True, None, -1, [], "nan", float("inf"), "9" * 400, "٣x"]
)
def test_what_is_no_duration_is_refused(bad: object) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_duration(bad)


@pytest.mark.parametrize("bad", ["", "MiB", "5 bytes", "-1MB", "1.5B", "0.3", False, None, -5, 1.5, {}, float("nan")])
def test_what_is_no_size_is_refused(bad: object) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_size(bad)


@given(st.floats(min_value=0, max_value=1e12, allow_nan=False))
def test_every_duration_survives_being_written(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.integers(min_value=0, max_value=10**18))
def test_every_size_survives_being_written(size: int) -> None:
    assert parse_size(format_size(size)) == size


@given(st.integers(min_value=0, max_value=10**6))
def test_every_millisecond_survives_being_written(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000, abs=1e-9)


def test_quantities_are_written_short() -> None:
    written = [format_duration(value) for value in (0, 0.25, 1.5, 90, 300, 3600, 86_400)]
    assert written == ["0s", "250ms", "1.5s", "90s", "5m", "1h", "1d"]
    assert [format_size(value) for value in (0, 1500, 64 * 1024**2, 10**9)] == ["0B", "1500B", "64MiB", "1GB"]


@pytest.mark.parametrize(
    ("text", "number"), [("0.9", 0.9), (1, 1.0), ("8GiB", 8 * 1024**3), (" 512 MiB ", 512 * 1024**2), (2**30, 2.0**30)]
)
def test_a_share_or_a_size(text: object, number: float) -> None:
    assert parse_share_or_size(text) == number
    assert parse_share_or_size(format_share_or_size(number)) == number


@pytest.mark.parametrize("text", ["8", 90, "90%", "1KiB", True, -1, "", "GiB"])
def test_what_is_neither_a_share_nor_a_size(text: object) -> None:
    with pytest.raises(ValueError, match=r"share|size|below zero"):
        parse_share_or_size(text)
