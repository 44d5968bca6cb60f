"""Asking a model a second time, when its vendor wanted a short wait and nothing has come yet."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any

from memoryos_tasks.core.errors import UpstreamError

#: Waits as the vendor wants, or raises the error.
Bear = Callable[[UpstreamError], None]
Chunks = Generator[dict[str, Any], None, None]


def once_more(bear: Bear, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The answer, asked for again once if need be."""
    try:
        return ask()
    except UpstreamError as error:
        bear(error)
        return ask()


def chunks_once_more(bear: Bear, ask: Callable[[], Chunks]) -> Chunks:
    """The chunks of a stream, asked for again once if need be and none has come yet."""
    begun = False
    try:
        with closing(ask()) as chunks:
            for chunk in chunks:
                begun = True
                yield chunk
        return
    except UpstreamError as error:
        if begun:
            raise
        bear(error)
    with closing(ask()) as chunks:
        yield from chunks
