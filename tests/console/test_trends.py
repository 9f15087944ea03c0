"""Trends lose nothing of what the buckets hold, and stand still between two buckets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events.state import BUCKET_S, Bucket
from tui.model.trends import SPAN_S, measure, percentile, span_for

NOW = 1_800_000_000.0
COLUMNS = st.integers(1, 120)
BUCKETS = st.lists(
    st.builds(
        Bucket,
        start=st.integers(0, 119).map(lambda ago: NOW - BUCKET_S * ago),
        turns=st.integers(1, 9),
        errors=st.integers(0, 9),
        tokens=st.integers(0, 9999),
        cost=st.floats(0, 5),
        durations=st.lists(st.floats(0.1, 60), max_size=5),
    ),
    max_size=40,
    unique_by=lambda bucket: bucket.start,
).map(lambda found: sorted(found, key=lambda bucket: bucket.start))


@given(BUCKETS, st.sampled_from([1, 10, 24, 40, 60, 120]))
def test_a_chart_holds_every_token_of_its_span(buckets: list[Bucket], columns: int) -> None:
    trend = measure(buckets, NOW, columns).tokens
    assert len(trend.values) == columns
    assert sum(trend.values) * SPAN_S / columns == pytest.approx(sum(bucket.tokens for bucket in buckets))


@given(BUCKETS, COLUMNS, st.floats(0, BUCKET_S - 0.01))
def test_within_one_bucket_no_column_moves(buckets: list[Bucket], columns: int, later: float) -> None:
    assert measure(buckets, NOW + later, columns).tokens == measure(buckets, NOW, columns).tokens
    assert measure(buckets, NOW + later, columns).errors == measure(buckets, NOW, columns).errors


def test_the_change_compares_the_last_five_minutes_with_the_five_before() -> None:
    before = [Bucket(NOW - 590 + 10 * n, tokens=100) for n in range(30)]
    after = [Bucket(NOW - 290 + 10 * n, tokens=150) for n in range(30)]
    assert measure([*before, *after], NOW, 40).tokens.change == pytest.approx(0.5)
    assert measure(after, NOW, 40).tokens.change is None


def test_no_change_is_claimed_while_the_time_before_was_not_seen_whole() -> None:
    buckets = [Bucket(NOW - 590 + 10 * n, tokens=100) for n in range(60)]
    assert measure(buckets, NOW, 40, since=NOW - 540).tokens.change is None
    assert measure(buckets, NOW, 40, since=NOW - 700).tokens.change == pytest.approx(0.0)


@pytest.mark.parametrize(("age", "span"), [(0, 300), (299, 300), (301, 600), (900, SPAN_S), (90_000, SPAN_S)])
def test_the_window_fits_what_there_is_to_see(age: float, span: float) -> None:
    assert span_for(age) == span
    shown = measure([], NOW, 30, span)
    assert shown.span == pytest.approx(max(span, 30 * BUCKET_S))


def test_cost_an_hour_is_that_of_the_last_ten_minutes() -> None:
    buckets = [Bucket(NOW - 10 * n, cost=0.1) for n in range(60)][::-1]
    assert measure(buckets, NOW, 10).cost_an_hour == pytest.approx(36.0, rel=0.02)


@given(st.lists(st.floats(0.1, 60), min_size=1, max_size=50), st.floats(0, 1))
def test_a_percentile_is_one_of_the_durations(durations: list[float], part: float) -> None:
    found = percentile([Bucket(NOW, durations=durations[::2]), Bucket(NOW, durations=durations[1::2])], part)
    assert found in durations
    assert sum(duration <= found for duration in durations) >= part * len(durations)
