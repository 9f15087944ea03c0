"""Numbers on the command line: every option that takes one refuses what is not finite, and so does what sends them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from engine.base.errors import BadInput
from engine.operations.declared.prompts import SEND_PROMPT, SendPrompt
from tests.cli.test_help import ALL
from tui.cli.options import FiniteRange
from tui.feeds.wire import check_finite, http_call


def numbers() -> Iterator[tuple[str, click.Parameter]]:
    """Each parameter that takes a number with a fraction, by its command."""
    for path, command in ALL.items():
        for parameter in command.params:
            if isinstance(parameter.type, click.types.FloatParamType):
                yield " ".join(path), parameter


def test_every_number_is_checked() -> None:
    found = list(numbers())
    assert len(found) >= 8
    assert [(name, each.name) for name, each in found if not isinstance(each.type, FiniteRange)] == []


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e400"])
def test_what_is_not_finite_is_refused_by_name(text: str) -> None:
    @click.command()
    @click.option("--seconds", type=FiniteRange())
    def command(seconds: float) -> None:
        raise AssertionError(seconds)

    done = CliRunner().invoke(command, ["--seconds", text])
    assert done.exit_code == 2
    assert f"Invalid value for '--seconds': {text} is not a finite number." in done.output


@pytest.mark.parametrize("body", [{"a": {"b": float("nan")}}, {"a": [{"b": float("inf")}]}])
def test_what_json_cannot_hold_is_refused_with_its_field(body: object) -> None:
    with pytest.raises(BadInput, match="not a finite number") as refused:
        check_finite(body)
    assert refused.value.field == "a.b"


@pytest.mark.parametrize("value", [1.5, None, "nan", True, 10**400, [0.0, {"c": -1e308}]])
def test_what_json_holds_is_sent(value: object) -> None:
    call = http_call(SEND_PROMPT, SendPrompt(prompt="x"))
    body = {**call.body, "more": value}
    check_finite(body)
    assert json.loads(json.dumps(body, allow_nan=False))["more"] == value
