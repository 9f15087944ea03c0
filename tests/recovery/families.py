"""How well the classifier judges each family of programs: as it is, and with each family left out of its rules.

`python -m tests.recovery.families` prints what docs/classifier.md publishes; `--mistakes` adds each mistake.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from engine.base.clock import ManualClock
from engine.recovery.classify.classifier import Classification, Classifier
from engine.recovery.classify.noise import reporting_lines
from engine.recovery.classify.phrases import Phrases, words_of
from engine.recovery.classify.rules import ErrorType, Rule, shipped_rules
from tests.recovery.samples import FAMILIES, Sample, samples

NOW = 1_795_262_400.0
TYPES = [each.value for each in ErrorType]


@dataclass(frozen=True)
class Judged:
    """A sample and the class that it was given."""

    sample: Sample
    found: Classification


@dataclass(frozen=True)
class Figures:
    """Shares of the errors with the right type and `retryable`, and of the healthy lines taken for errors."""

    errors: int
    type: float
    retryable: float
    healthy: int
    false_positives: float


def judged_as_shipped() -> list[Judged]:
    """Every sample, judged by the shipped rules."""
    classifier = _classifier(shipped_rules())
    return [Judged(each, classifier.classify(each.evidence)) for each in samples(FAMILIES)]


def judged_without_own_family() -> list[Judged]:
    """Every sample, judged by the rules without the phrases and patterns that no other family supports."""
    judged = []
    for family, inside in by_family(samples(FAMILIES)).items():
        others = [spoken(each) for each in samples(FAMILIES) if each.family != family]
        classifier = _classifier(supported_by(others))
        judged += [Judged(each, classifier.classify(each.evidence)) for each in inside]
    return judged


def by_family(chosen: Iterable[Sample]) -> dict[str, list[Sample]]:
    """The samples of each family."""
    families: dict[str, list[Sample]] = {}
    for each in chosen:
        families.setdefault(each.family, []).append(each)
    return families


def spoken(sample: Sample) -> str:
    """What the rules read of a sample."""
    return reporting_lines(sample.evidence.text, failed=sample.evidence.failed is True)


def supported_by(texts: Sequence[str]) -> list[Rule]:
    """The shipped rules with only the phrases and patterns that some of the texts have."""
    phrases = [phrase for rule in shipped_rules() for phrase in (*rule.says, *rule.names)]
    index = Phrases(phrases)
    used = {phrases[number] for text in texts for number in index.find(words_of(text))}
    return [
        replace(
            rule,
            says=tuple(phrase for phrase in rule.says if phrase in used),
            names=tuple(phrase for phrase in rule.names if phrase in used),
            patterns=tuple(each for each in rule.patterns if any(re.search(each, text) for text in texts)),
        )
        for rule in shipped_rules()
    ]


def figures(judged: Sequence[Judged]) -> Figures:
    """How well the samples were judged."""
    errors = [each for each in judged if not each.sample.healthy]
    healthy = [each for each in judged if each.sample.healthy]
    return Figures(
        errors=len(errors),
        type=_share(each.found.type == each.sample.type for each in errors),
        retryable=_share(each.found.retryable == each.sample.retryable for each in errors),
        healthy=len(healthy),
        false_positives=_share(each.found.type is not ErrorType.NONE for each in healthy),
    )


def confusion(judged: Iterable[Judged]) -> list[str]:
    """A Markdown table: a row for each true type, a column for each given one."""
    counts = Counter((each.sample.type, each.found.type.value) for each in judged)
    rows = ["| is \\ judged | " + " | ".join(TYPES) + " |", "| --- |" + " ---: |" * len(TYPES)]
    body = (f"| {true} | " + " | ".join(str(counts[true, given] or "") for given in TYPES) + " |" for true in TYPES)
    return [*rows, *body]


def by_family_table(shipped: Sequence[Judged], left_out: Sequence[Judged]) -> list[str]:
    """A Markdown table: a row for each family, as shipped and with the family left out."""
    rows = [
        "| family | errors | type | left out | retryable | left out | healthy lines | taken for errors |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for family in by_family(samples(FAMILIES)):
        own = figures([each for each in shipped if each.sample.family == family])
        without = figures([each for each in left_out if each.sample.family == family])
        rows.append(_row(family, own, without))
    return [*rows, _row("all", figures(shipped), figures(left_out))]


def _row(name: str, own: Figures, without: Figures) -> str:
    cells = [
        name,
        str(own.errors),
        *(_percent(share, own.errors) for share in (own.type, without.type, own.retryable, without.retryable)),
        str(own.healthy),
        _percent(own.false_positives, own.healthy),
    ]
    return f"| {' | '.join(cells)} |"


def _percent(share: float, count: int) -> str:
    return f"{100 * share:.1f}" if count else ""


def _share(right: Iterable[bool]) -> float:
    each = list(right)
    return sum(each) / max(1, len(each))


def _classifier(rules: Sequence[Rule]) -> Classifier:
    return Classifier(rules, clock=ManualClock(NOW))


def _mistakes(judged: Iterable[Judged]) -> Iterable[str]:
    for each in judged:
        sample, found = each.sample, each.found
        if found.type != sample.type or found.retryable != sample.retryable:
            text = sample.evidence.text.replace("\n", " ")[:110]
            given = f"{found.type.value}/{found.retryable} {found.rule}"
            yield f"{sample.family}: {sample.type}/{sample.retryable} was {given}: {text}"


def _main(arguments: Sequence[str]) -> None:
    shipped, left_out = judged_as_shipped(), judged_without_own_family()
    sections = [by_family_table(shipped, left_out), confusion(shipped), confusion(left_out)]
    print("\n\n".join("\n".join(section) for section in sections))
    if "--mistakes" in arguments:
        print("\n".join(["", "As shipped:", *_mistakes(shipped), "", "Left out:", *_mistakes(left_out)]))


if __name__ == "__main__":
    _main(sys.argv[1:])
