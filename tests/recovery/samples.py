"""The labelled samples: what the rules were made on (development), and what they were then tried on (held out).

A held-out set is unseen only once. Then it is development data, and its first-sight figures say how well the rules do.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from engine.recovery.classify.classifier import Classification, Classifier
from engine.recovery.classify.evidence import Evidence, of_line, of_record

DEVELOPMENT, HELD_OUT = "development", "held_out"
ONCE_HELD_OUT = tuple(f"held_out_{number}" for number in range(2, 6))
FAMILIES = "families"
"""What real programs print, by family: the measure of how well the rules carry over to programs not seen."""


@dataclass(frozen=True)
class Sample:
    """What was seen, and what it is."""

    evidence: Evidence
    type: str
    retryable: bool | None
    observable: bool
    family: str

    @property
    def healthy(self) -> bool:
        """Whether nothing failed."""
        return self.type == "none"


@cache
def samples(name: str) -> list[Sample]:
    """All samples of one file."""
    lines = (Path(__file__).parent / f"{name}.jsonl").read_text().splitlines()
    return [_sample(json.loads(line)) for line in lines]


@dataclass(frozen=True)
class Score:
    """Shares of all samples that were judged right, and of the healthy ones that were taken for errors."""

    type: float
    retryable: float
    false_positives: float


def score(classifier: Classifier, chosen: list[Sample]) -> Score:
    """How well a classifier judges the samples."""
    found: list[tuple[Sample, Classification]] = [(each, classifier.classify(each.evidence)) for each in chosen]
    healthy = [got for sample, got in found if sample.healthy]
    return Score(
        type=sum(got.type == sample.type for sample, got in found) / len(found),
        retryable=sum(got.retryable == sample.retryable for sample, got in found) / len(found),
        false_positives=sum(got.type != "none" for got in healthy) / max(1, len(healthy)),
    )


def _sample(row: dict[str, Any]) -> Sample:
    evidence = of_record(row["record"]) if "record" in row else of_line(row["line"])
    return Sample(evidence, row["type"], row["retryable"], row.get("observable", True), row["family"])
