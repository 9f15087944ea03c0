"""The rules of `promtool check metrics`, applied to metrics in Prometheus's text format."""

from __future__ import annotations

import re
from collections.abc import Iterable

from prometheus_client.parser import text_string_to_metric_families

_UNITS = {"amperes", "bytes", "celsius", "grams", "joules", "kelvin", "meters", "metres", "seconds", "volts"}
_PREFIXES = {"pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto"}
_PREFIXES |= {"kilo", "kibi", "mega", "mibi", "giga", "gibi", "tera", "tebi", "peta", "pebi"}
_OTHER_UNITS = {"minutes", "hours", "days", "weeks", "kelvins", "fahrenheit", "rankine", "inches", "yards", "miles"}
_OTHER_UNITS |= {"bits", "calories", "pounds", "ounces", "percent"}
_ABBREVIATED = {"s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"}
_TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}
_CAMEL = re.compile(r"[a-z][A-Z]")


def lint(text: str) -> list[str]:
    """What is wrong, a sentence a fault; empty for a clean exposition."""
    faults: list[str] = []
    for family in text_string_to_metric_families(text):
        name = family.name
        shown = f"{name}_total" if family.type == "counter" else name
        faults += [f"{shown}: {fault}" for fault in _faults(name, family.type, family.documentation)]
        if family.type == "counter" and any(not sample.name.endswith("_total") for sample in family.samples):
            faults.append(f"{name}: a counter ends in _total")
        labels = {label for sample in family.samples for label in sample.labels}
        faults += [f"{name}: label {label}" for label in _bad_labels(labels, family.type)]
    return faults + _without_help(text)


def _faults(name: str, kind: str, about: str) -> Iterable[str]:
    words = name.lower().split("_")
    if not about:
        yield "no help"
    if kind != "counter" and name.endswith("_total"):
        yield "only a counter ends in _total"
    if kind not in {"histogram", "summary"} and name.endswith(("_count", "_sum")):
        yield "_count and _sum belong to histograms and summaries"
    if kind != "histogram" and name.endswith("_bucket"):
        yield "_bucket belongs to histograms"
    if _CAMEL.search(name) or ":" in name:
        yield "camel case or a colon"
    yield from (f"the type {word} in the name" for word in words if word in _TYPES)
    yield from (f"the abbreviation {word}" for word in words if word in _ABBREVIATED)
    yield from (f"{word} is no base unit" for word in words if word in _OTHER_UNITS)
    for unit in _UNITS & set(words):
        at = words.index(unit)
        if at and words[at - 1] in _PREFIXES:
            yield f"{words[at - 1]}{unit} is no base unit"
    prefixed = [word for word in words if any(word.removeprefix(prefix) in _UNITS for prefix in _PREFIXES)]
    yield from (f"{word} is no base unit" for word in prefixed if word not in _UNITS)


def _bad_labels(labels: set[str], kind: str) -> Iterable[str]:
    if kind != "summary" and "quantile" in labels:
        yield "quantile belongs to summaries"
    if kind != "histogram" and "le" in labels:
        yield "le belongs to histograms"
    yield from (label for label in labels if _CAMEL.search(label))


def _without_help(text: str) -> list[str]:
    described = {line.split(" ", 3)[2] for line in text.split("\n") if line.startswith("# HELP ")}
    typed = {line.split(" ", 3)[2] for line in text.split("\n") if line.startswith("# TYPE ")}
    return [f"{name}: no help" for name in typed - described]
