"""`quarterdeck alerts …`: what fires, by which rules, and who is notified."""

from __future__ import annotations

import time

import click

from tui.cli.options import Common, called_alone, common_options
from tui.cli.output import echo, print_json, print_table
from tui.cli.running_engine import call
from tui.feeds.wire import segment

_CHANNELS = ("log", "console", "webhook", "command")
_COLUMNS = ("rule", "subject", "phase", "severity", "since", "text")
_RULE_COLUMNS = ("name", "when", "for", "severity", "remedy")
_TEST_S = 660.0


@click.group("alerts", invoke_without_command=True, epilog="Example: quarterdeck alerts --json")
@common_options
def command(common: Common) -> None:
    """Show alerts and their rules, silence one, test a channel."""
    if called_alone():
        _list(common)


@command.command("list", epilog="Example: quarterdeck alerts list")
@common_options
def list_alerts(common: Common) -> None:
    """The alerts that are pending or fire, worst first, and those that ended."""
    _list(common)


@command.command("rules", epilog="Example: quarterdeck alerts rules")
@common_options
def rules(common: Common) -> None:
    """The rules in force; the setting `alerts.rules` holds them."""
    rows = call(common, "GET", "/api/alerts/rules")["rules"]
    if common.json:
        print_json(rows)
    else:
        print_table([[row[column] for column in _RULE_COLUMNS] for row in rows], _RULE_COLUMNS)


@command.command("silence", epilog="Example: quarterdeck alerts silence queue-long --for 1h")
@click.argument("name")
@click.option("--for", "duration", default="1h", show_default=True, help="How long, such as 30m.")
@common_options
def silence(common: Common, name: str, duration: str) -> None:
    """Tell nobody of the alerts of rule NAME for a while; `*` and `?` in it stand for others."""
    made = call(common, "POST", f"/api/alerts/{segment(name)}/silence", {"for": duration})["silence"]
    if common.json:
        print_json(made)
    else:
        from tui.render.formats import moment

        echo(f"{name} is silenced until {moment(made['until'], time.time())}.")


@command.command("unsilence", epilog="Example: quarterdeck alerts unsilence queue-long")
@click.argument("name")
@common_options
def unsilence(common: Common, name: str) -> None:
    """Report the alerts of rule NAME again."""
    lifted = call(common, "DELETE", f"/api/alerts/{segment(name)}/silence")
    print_json(lifted) if common.json else echo(f"{name} is no longer silenced.")


@command.command("test", epilog="Example: quarterdeck alerts test console")
@click.argument("channel", type=click.Choice(_CHANNELS))
@common_options
def test(common: Common, channel: str) -> None:
    """Send CHANNEL a test, and report whether that worked."""
    done = call(common, "POST", "/api/alerts/test", {"channel": channel}, _TEST_S)
    print_json(done) if common.json else echo(f"{channel} was notified.")


def _list(common: Common) -> None:
    rows = call(common, "GET", "/api/alerts?limit=1000")["alerts"]
    if common.json:
        print_json(rows)
        return
    from tui.render.formats import moment

    shown = [{**row, "since": moment(row["since"], time.time())} for row in rows]
    print_table([[row[column] for column in _COLUMNS] for row in shown], _COLUMNS)
