"""The options that every command takes, before or after its name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class FiniteRange(click.FloatRange):
    """A number within bounds: `nan` compares with none, and neither it nor `inf` can be sent as JSON."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number. Fails as click's own types do."""
        found: float = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return found


SECONDS = FiniteRange()


@dataclass(frozen=True)
class Common:
    """What the common options said so far; later ones add to earlier ones."""

    config: Path | None = None
    overrides: tuple[str, ...] = ()
    backend: str = ""
    offline: bool = False
    read_only: bool = False
    json: bool = False
    env_file: Path | None = None

    def merged(self, given: dict[str, Any]) -> Common:
        """With the options given after the command's name."""
        return replace(
            self,
            config=given["config"] or self.config,
            overrides=(*self.overrides, *given["overrides"]),
            backend=given["backend"] or self.backend,
            offline=given["offline"] or self.offline,
            read_only=given["read_only"] or self.read_only,
            json=given["as_json"] or self.json,
            env_file=given["env_file"] or self.env_file,
        )

    @property
    def settings_overrides(self) -> list[str]:
        """All of them as `key=value`."""
        flags = [f"engine.backend={self.backend}"] if self.backend else []
        flags += ["engine.offline=true"] if self.offline else []
        flags += ["engine.read_only=true"] if self.read_only else []
        return [*self.overrides, *flags]


_OPTIONS = (
    click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings file to read."),
    click.option(
        "--env-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Read this .env file, all of it, instead of the current folder's.",
    ),
    click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Set one setting; may be repeated."),
    click.option("--backend", type=click.Choice(["claude", "simulator"]), help="What runs the sessions."),
    click.option("--offline", is_flag=True, help="Run the real CLI on the offline model: no network, no key."),
    click.option("--read-only", is_flag=True, help="Refuse everything that acts."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
)
_NAMES = ("config", "overrides", "backend", "offline", "read_only", "as_json", "env_file")


def common_options(command: F) -> F:
    """Add the common options to a command, which gets them as one `Common`, its first argument."""

    @click.pass_context
    def with_common(context: click.Context, /, *args: Any, **given: Any) -> Any:
        mine = {name: given.pop(name) for name in _NAMES}
        before = context.obj if isinstance(context.obj, Common) else Common()
        context.obj = before.merged(mine)
        return context.invoke(command, context.obj, *args, **given)

    with_common.__doc__ = command.__doc__
    with_common.__name__ = command.__name__
    with_common.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    decorated: Any = with_common
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


def called_alone() -> bool:
    """Whether the group that runs was called by itself, as `quarterdeck queue`, and not for one of its commands."""
    context = click.get_current_context()
    return context.invoked_subcommand is None and context.parent is not None
