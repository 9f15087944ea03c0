"""The pool's figures: throughput over the time that was really observed."""

from __future__ import annotations

import pytest

from engine.pool.statistics import PoolRecord


def test_throughput_has_no_ceiling() -> None:
    record = PoolRecord(100.0)
    for n in range(6000):
        record.leased(100.0 + n / 100, 0.0)
    assert record.throughput(160.0) == pytest.approx(100.0, rel=0.02)


def test_a_young_pool_counts_over_its_age_and_never_over_less_than_a_second() -> None:
    record = PoolRecord(100.0)
    for n in range(50):
        record.leased(100.0 + n / 100, 0.0)
    assert record.throughput(100.5) == 50.0
    assert record.throughput(110.0) == pytest.approx(5.0)


def test_what_is_older_than_a_minute_counts_no_more() -> None:
    record = PoolRecord(0.0)
    assert record.throughput(0.0) == 0.0
    record.leased(10.0, 0.0)
    assert record.throughput(69.9) > 0
    assert record.throughput(70.0) == 0.0
