"""Where paths lead is read within one deadline for an action, and what is not read is not inside."""

from __future__ import annotations

import json
import threading

from engine.approvals.actions import Action, normalise
from engine.approvals.links import LinkReader
from engine.approvals.risks import shipped_risks
from tests.support.processes import wait_until


def test_a_path_that_cannot_be_read_in_time_is_not_inside() -> None:
    """The loop waits once, and a grant for the same names does not answer meanwhile."""
    hang = threading.Event()
    begun = threading.Event()

    def follow(path: str) -> str:
        begun.set()
        assert hang.wait(60)
        return path

    reader = LinkReader(follow, bound_s=0.01)
    try:
        made = normalise("Bash", b'{"command": "cat src/x"}', "/srv/code", shipped_risks(), reader.for_action())
        assert (made.risk.word, made.grantable) == ("outside", False)
        assert begun.is_set()
        assert reader.for_action()("/srv/code/y") is None
    finally:
        hang.set()
    wait_until(lambda: reader.for_action()("/srv/code/y") == "/srv/code/y")
    made = normalise("Bash", b'{"command": "cat src/x"}', "/srv/code", shipped_risks(), reader.for_action())
    assert (made.risk.word, made.grantable) == ("read", True)


class SlowDisk:
    """A file system that takes a fixed time for each path, on a clock of its own."""

    def __init__(self, path_s: float) -> None:
        self.now = 0.0
        self.followed = 0
        self._path_s = path_s

    def follow(self, path: str) -> str:
        """Where a path leads."""
        self.followed += 1
        self.now += self._path_s
        return path

    def action(self, reader: LinkReader, paths: int) -> Action:
        """The action of a command that reads so many files."""
        command = "cat " + " ".join(f"src/x{number}" for number in range(paths))
        given_input = json.dumps({"command": command}).encode()
        return normalise("Bash", given_input, "/srv/code", shipped_risks(), reader.for_action())


def test_all_paths_of_an_action_share_one_deadline() -> None:
    disk = SlowDisk(1.0)
    reader = LinkReader(disk.follow, bound_s=20.0, monotonic=lambda: disk.now)
    late = disk.action(reader, 100)
    assert (late.risk.word, late.grantable, disk.followed) == ("outside", False, 20)
    in_time = disk.action(reader, 10)
    assert (in_time.risk.word, in_time.grantable) == ("read", True)


def test_the_time_between_the_paths_of_an_action_does_not_count() -> None:
    disk = SlowDisk(1.0)
    follow = LinkReader(disk.follow, bound_s=3.0, monotonic=lambda: disk.now).for_action()
    disk.now += 100.0  # the grammar is loaded
    assert [follow(f"/x{number}") for number in range(4)] == ["/x0", "/x1", "/x2", None]


def test_where_more_paths_than_are_followed_lead_is_not_known() -> None:
    disk = SlowDisk(0.0)
    made = disk.action(LinkReader(disk.follow, bound_s=60.0), 300)
    assert (made.risk.word, made.grantable, disk.followed) == ("outside", False, 257)
