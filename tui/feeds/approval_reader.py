"""The inputs of permissions, read page by page over the feed while they are looked at, and kept bounded."""

from __future__ import annotations

from collections import OrderedDict

from engine.base.errors import QuarterdeckError
from tui.feeds.base import Feed
from tui.model.input_view import InputView

KEPT = 8
"""Inputs that are kept while an operator goes back and forth between them."""
PAGE = 500
"""Lines of a page."""


class ApprovalReader:
    """Owner of the inputs read lately."""

    def __init__(self) -> None:
        self._views: OrderedDict[str, InputView] = OrderedDict()
        self._reading = False

    def view(self, permission: str) -> InputView:
        """What is known of a permission's input; nothing at first."""
        view = self._views.get(permission)
        if view is None:
            view = self._views[permission] = InputView(permission)
        self._views.move_to_end(permission)
        while len(self._views) > KEPT:
            self._views.popitem(last=False)
        return view

    def has(self, permission: str) -> bool:
        """Whether anything is kept of a permission."""
        return permission in self._views

    async def pull(self, feed: Feed, view: InputView) -> bool:
        """Read what the view wants; True when something came or could not be read."""
        from engine.operations.declared.permissions import SHOW_PERMISSION, ShowPermission

        if self._reading or not view.wants_more:
            return False
        self._reading = True
        try:
            while view.wants_more:
                before = view.read
                wanted = ShowPermission(id=view.permission, offset=before, limit=PAGE)
                view.take((await feed.send(SHOW_PERMISSION, wanted)).permission)
                if view.read == before:
                    break
                view.rows(view.width)
        except QuarterdeckError as error:
            view.problem = str(error)
        finally:
            self._reading = False
        return True
