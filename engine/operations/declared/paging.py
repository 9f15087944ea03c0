"""The arguments of every list that is read page by page."""

from __future__ import annotations

from typing import Annotated

import msgspec

DEFAULT_PAGE, LONGEST_PAGE = 100, 1000
Limit = Annotated[int, msgspec.Meta(ge=1, le=LONGEST_PAGE)]
Offset = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class PageArgs(msgspec.Struct, kw_only=True, frozen=True):
    """Which rows of a list."""

    limit: Limit = DEFAULT_PAGE
    offset: Offset = 0
