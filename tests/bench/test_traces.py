"""Traces with the published shape of public ones: what was published of those holds for these."""

from __future__ import annotations

from collections import Counter

import pytest

from engine.bench.traces import SHAPES, block_storage, twitter

REQUESTS = 200_000


def shape(trace: list[str]) -> tuple[float, dict[int, float], float]:
    """New keys by request; the share of the keys that are asked for so often; the first one's share of the requests."""
    counts = Counter(trace)
    often = Counter(counts.values())
    shares = {times: often[times] / len(counts) for times in (1, 5, 6)}
    return len(counts) / len(trace), shares, max(counts.values()) / len(trace)


def test_the_twitter_shape_is_the_published_one() -> None:
    new, often, first = shape(twitter(REQUESTS, 1))
    assert new == pytest.approx(0.0898, rel=0.05)
    assert often[1] == pytest.approx(0.3606, rel=0.1)
    assert first == pytest.approx(0.0547, rel=0.4)  # the law of exponent 0.947 alone gives its first key more


def test_the_block_shape_is_the_published_one() -> None:
    new, often, first = shape(block_storage(REQUESTS, 1))
    assert new == pytest.approx(0.1415, rel=0.05)
    assert often[6] == pytest.approx(0.8726, rel=0.05)
    assert often[5] == pytest.approx(0.0576, rel=0.2)
    assert often[1] == pytest.approx(0.0094, rel=0.2)
    assert first == pytest.approx(0.0173, rel=0.2)


@pytest.mark.parametrize("name", SHAPES)
def test_a_trace_has_its_length_and_follows_its_seed(name: str) -> None:
    make = SHAPES[name]
    assert len(make(10_000, 3)) == 10_000
    assert make(10_000, 3) == make(10_000, 3) != make(10_000, 4)
