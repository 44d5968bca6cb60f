"""Put on the path of a system's processes: its workers fail on marked texts while the file $POISON exists."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

#: In an event, it makes learning from it fail; in one of a page, making pages.
EVENT, PAGE = "poison-event", "poison-page"


def _fail_on(mark: str, events: Iterable[Any]) -> None:
    for event in events:
        if mark in event.content and Path(os.environ["POISON"]).exists():
            raise KeyError(f"no idea what to do about: {event.content}")


if "worker" in sys.orig_argv:
    from memoryos_tasks.core import extraction, segmentation

    real_extract, real_pages = extraction.extract, segmentation.pages

    def extract(event: Any, *args: Any, **kwargs: Any) -> Any:
        _fail_on(EVENT, [event])
        return real_extract(event, *args, **kwargs)

    def pages(events: Any, *args: Any, **kwargs: Any) -> Any:
        kept = list(events)
        _fail_on(PAGE, kept)
        return real_pages(kept, *args, **kwargs)

    extraction.extract, segmentation.pages = extract, pages
