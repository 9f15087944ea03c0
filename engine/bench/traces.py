"""Request traces with the published shape of two public ones, drawn from a seed; the traces themselves are not shipped.

Shapes: the statistics of libCacheSim's trace analyser, github.com/1a1a11a/libCacheSim, doc/quickstart_traceAnalyzer.md.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import accumulate

_TWITTER_ALPHA, _TWITTER_POPULAR, _TWITTER_ONCE = 0.9472, 0.071, 0.0235
"""The published exponent; ranks, and requests for keys that come once, by request: fitted to the published counts."""
_BLOCK_OBJECTS, _BLOCK_DAYS = 0.1415, 7
_BLOCK_SCANNED, _BLOCK_MISSED, _BLOCK_ONCE = 0.8726, 0.0576, 0.0094
"""Of the objects: read by each daily scan, by all but one of them, and once in all."""
_BLOCK_HOT, _BLOCK_ALPHA = 0.05, 0.9
"""Of the objects: read all day long; and the exponent of their popularity, fitted to the published first one."""
_IN_SCAN = 0.024
"""Of a day's other requests, those that fall into its scan: it reads 250 times a second for half an hour."""


def twitter(count: int, seed: int) -> list[str]:
    """Like the first 10 million requests of Twitter's cluster 52 (Yang et al., OSDI '20).

    Zipf with exponent 0.947, a new key in 9.0 of 100 requests, 36 % of the keys asked for once. Requests are drawn one
    by one from all keys, without the locality in time that the real ones have.
    """
    rng = random.Random(seed)  # noqa: S311 - a model
    ranks = int(_TWITTER_POPULAR * count)
    weights = list(accumulate((rank + 1) ** -_TWITTER_ALPHA for rank in range(ranks)))
    popular = iter(rng.choices(range(ranks), cum_weights=weights, k=count))
    return [f"once{n}" if rng.random() < _TWITTER_ONCE else f"k{next(popular)}" for n in range(count)]


def block_storage(count: int, seed: int) -> list[str]:
    """Like CloudPhysics' virtual disk w92 over a week (Waldspurger et al., FAST '15): driven by a daily scan.

    A new block in 14 of 100 requests, 87 % of the blocks read six times, the most popular one in 1.7 % of the requests.
    """
    rng = random.Random(seed)  # noqa: S311 - a model
    objects = int(_BLOCK_OBJECTS * count)
    scanned, missed = int(_BLOCK_SCANNED * objects), int(_BLOCK_MISSED * objects)
    once = [f"once{n}" for n in range(int(_BLOCK_ONCE * objects))]
    scans = _BLOCK_DAYS - 1
    left = count - scans * scanned - (scans - 1) * missed - len(once)
    others = [*once, *_popular(rng, int(_BLOCK_HOT * objects), left)]
    rng.shuffle(others)
    each = len(others) // _BLOCK_DAYS
    found: list[str] = []
    for day in range(_BLOCK_DAYS):
        mine = others[day * each : (day + 1) * each] if day < scans else others[day * each :]
        inside = int(_IN_SCAN * len(mine)) if day < scans else 0
        found += mine[inside:]
        if day < scans:
            found += _mixed(rng, [f"s{n}" for n in _scan(scanned, missed, day)], mine[:inside])
    return found


def _popular(rng: random.Random, objects: int, count: int) -> Iterator[str]:
    weights = list(accumulate((rank + 1) ** -_BLOCK_ALPHA for rank in range(objects)))
    return (f"h{rank}" for rank in rng.choices(range(objects), cum_weights=weights, k=count))


def _scan(scanned: int, missed: int, day: int) -> Iterator[int]:
    """The blocks of a day's scan in order; those at the end are left out on one of the days, in turn."""
    return (n for n in range(scanned + missed) if n < scanned or n % (_BLOCK_DAYS - 1) != day)


def _mixed(rng: random.Random, scan: list[str], others: list[str]) -> list[str]:
    """A scan with other requests at places of chance within."""
    at = sorted((rng.randrange(len(scan) + 1) for _ in others), reverse=True)
    for place, other in zip(at, others, strict=True):
        scan.insert(place, other)
    return scan


SHAPES: dict[str, Callable[[int, int], list[str]]] = {
    "Twitter cluster 52": twitter,
    "CloudPhysics w92": block_storage,
}
"""The generators by the trace whose shape they have; each takes how many requests, and a seed."""
