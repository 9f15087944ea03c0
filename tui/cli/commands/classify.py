"""`quarterdeck classify`: error texts or JSON records in, their class out. Without an engine it works too."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from tui.cli.options import Common, common_options
from tui.cli.output import echo, print_json, print_table

if TYPE_CHECKING:
    from engine.recovery.classify.learned_rules import LearnedRules
    from tui.feeds.client import EngineClient

_TYPES = ("network", "process", "auth", "resource", "timeout", "validation", "internal", "none")
_SEVERITIES = ("low", "medium", "high", "critical")
_STRATEGIES = ("process", "session", "resource", "reauthenticate", "reduce_load", "park", "fail_fast", "none")
_LONGEST_LINE = 8 * 1024 * 1024
"""Bytes that are read of one line."""


@click.group(
    "classify",
    invoke_without_command=True,
    epilog="Example: quarterdeck classify   (a text or a JSON record a line on stdin)",
)
@click.option("--rules", "list_rules", is_flag=True, help="List the rules and how often each decided.")
@common_options
def command(common: Common, list_rules: bool) -> None:
    """Classify errors: a text or a JSON record a line on stdin, a JSON object a line on stdout.

    Of a record the fields text, stderr, result_text, exit_code, signal, http_status, api_error_status,
    terminal_reason, exception and others like them are used, whichever there are.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return
    if list_rules:
        _list(common)
    else:
        _classify(common, sys.stdin.buffer, sys.stdout.buffer)


@command.command("learn")
@click.argument("kind", metavar="TYPE", type=click.Choice(_TYPES))
@click.argument("text")
@click.option("--severity", type=click.Choice(_SEVERITIES), help="How bad it is; as usual for the type.")
@click.option("--retryable/--not-retryable", default=None, help="Whether trying again helps; as usual for the type.")
@click.option("--strategy", type=click.Choice(_STRATEGIES), help="What recovery does; as usual for the type.")
@common_options
def learn(
    common: Common, kind: str, text: str, severity: str | None, retryable: bool | None, strategy: str | None
) -> None:
    """Teach that errors like TEXT are of TYPE; a running engine knows it at once.

    Numbers, ids, paths, hosts and quoted parts of the text may differ. It decides where no status, signal or other
    structured fact does.
    """
    from engine.base.operator import user_name
    from engine.recovery.classify.learned_rules import Lesson
    from engine.recovery.classify.rule_table import learned_row
    from engine.recovery.classify.rules import ErrorSeverity, ErrorType, StrategyWord

    lesson = Lesson(
        type=ErrorType(kind),
        text=text,
        severity=ErrorSeverity(severity) if severity else None,
        retryable=retryable,
        strategy=StrategyWord(strategy) if strategy else None,
    )
    with _store_to_teach(common) as store:
        row = learned_row(store.learn(lesson, user_name()), 0)
    if common.json:
        print_json(row)
    else:
        print_table([(row["id"], row["type"], row["template"])], ("rule", "type", "template"))


@command.command("forget")
@click.argument("rule")
@common_options
def forget(common: Common, rule: str) -> None:
    """Take the learned rule RULE back, as `classify --rules` names it."""
    with _store_to_teach(common) as store:
        store.forget(rule)
    if common.json:
        print_json({"deleted": rule})
    else:
        echo(f"{rule} is forgotten.")


def _list(common: Common) -> None:
    from engine.recovery.classify.rule_table import listed
    from engine.recovery.classify.rules import load_rules
    from tui.cli.settings_source import load

    rules = load_rules(load(common).settings.recovery.rules)
    with _store_if_any(common) as store:
        rows = listed(rules, store)
    if common.json:
        print_json(rows)
    else:
        shown = [(row["id"], row["type"], row["retryable"], row["strategy"], row["hits"], _what(row)) for row in rows]
        print_table(shown, ("rule", "type", "retryable", "strategy", "hits", "what"))


def _what(row: dict[str, object]) -> str:
    return f"like: {row['template']}" if row["learned"] else str(row["description"])


def _classify(common: Common, given: BinaryIO, out: BinaryIO) -> None:
    """By the rules of the running engine where there is one and no settings were given here, else by our own."""
    from tui.cli.running_engine import running_engine

    if common.overrides or common.config is not None:
        _classify_here(common, given, out)
        return
    with running_engine(common) as client:
        if client.alive():
            _classify_there(client, given, out)
            return
    _classify_here(common, given, out)


def _classify_there(client: EngineClient, given: BinaryIO, out: BinaryIO) -> None:
    import msgspec

    from engine.operations.declared.errors import CLASSIFY, LONGEST_LINE, Classify

    for line in _lines(given):
        (found,) = client.send(CLASSIFY, Classify(lines=[line[:LONGEST_LINE]])).classes
        out.write(msgspec.json.encode(found) + b"\n")
        out.flush()


def _classify_here(common: Common, given: BinaryIO, out: BinaryIO) -> None:
    import msgspec

    from engine.base.clock import SystemClock
    from engine.recovery.classify.classifier import Classifier
    from engine.recovery.classify.evidence import of_line
    from engine.recovery.classify.rules import load_rules
    from tui.cli.settings_source import load

    rules = load_rules(load(common).settings.recovery.rules)
    encode = msgspec.json.Encoder().encode
    with _store_if_any(common) as store:
        classifier = Classifier(rules, clock=SystemClock(), corrections=store)
        for line in _lines(given):
            out.write(encode(classifier.classify(of_line(line))) + b"\n")
            out.flush()


def _lines(given: BinaryIO) -> Iterator[str]:
    """The lines of a stream; of one that is too long only the beginning."""
    while line := given.readline(_LONGEST_LINE):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = given.readline(_LONGEST_LINE)
        yield line.decode(errors="replace")


@contextmanager
def _store(common: Common) -> Iterator[LearnedRules]:
    """The learned rules in the state folder."""
    from engine.base.clock import SystemClock
    from engine.recovery.classify.learned_rules import LearnedRules

    store = LearnedRules(_place(common), SystemClock())
    store.open()
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _store_to_teach(common: Common) -> Iterator[LearnedRules]:
    """The learned rules, unless these settings or the engine that runs with them are read-only. Raises Forbidden."""
    from engine.base.errors import NoEngine
    from engine.base.read_only import check_writable
    from tui.cli.running_engine import call
    from tui.cli.settings_source import load

    check_writable(read_only=load(common).settings.engine.read_only)
    with suppress(NoEngine):
        check_writable(read_only=call(common, "GET", "/api/config")["config"]["engine.read_only"])
    with _store(common) as store:
        yield store


@contextmanager
def _store_if_any(common: Common) -> Iterator[LearnedRules | None]:
    """The learned rules where any were taught; reading errors leaves no file behind."""
    if not _place(common).exists():
        yield None
        return
    with _store(common) as store:
        yield store


def _place(common: Common) -> Path:
    from engine.recovery.classify.service import STORE
    from tui.cli.settings_source import load

    return load(common).settings.engine.state_dir / STORE
