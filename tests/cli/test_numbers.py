"""Numbers on the command line: every option that takes one refuses what is not finite, and so does what sends them."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from engine.base.errors import BadInput
from tests.cli.test_help import ALL
from tui.cli.options import FiniteRange
from tui.feeds.wire import check_finite


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


def test_what_json_holds_is_sent() -> None:
    check_finite({"a": [1.5, None, "nan", True], "b": {"c": 10**400}})
