"""Posting messages to a server and waiting until they are in memory."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import click

from memoryos_app.cli.api import Api, Failed
from memoryos_app.cli.transcript import batches

#: How long (seconds) an accepted batch may take to be applied.
APPLY_LIMIT = 300.0


@dataclass(slots=True)
class Loaded:
    """What became of the messages; ``jobs`` are accepted and not yet known to be applied."""

    added: int = 0
    duplicates: int = 0
    jobs: list[str] = field(default_factory=list)


@contextmanager
def progress(length: int, label: str) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing elsewhere; yields what to call with the size of each step."""
    if not sys.stdout.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=length, label=label) as bar:
        yield bar.update


def load(api: Api, user: str, messages: Sequence[dict[str, Any]], tick: Callable[[int], None]) -> Loaded:
    """Post ``messages`` in order, calling ``tick`` with the size of each batch. Raises :class:`Failed`."""
    loaded = Loaded()
    for batch in batches(messages):
        status, answer = api.post("/v1/memory/add", {"user_id": user, "messages": batch})
        loaded.duplicates += len(answer.get("duplicates", []))
        loaded.added += len(batch) - len(answer.get("duplicates", []))
        if status == 202 and answer.get("job_id"):
            loaded.jobs.append(str(answer["job_id"]))
        tick(len(batch))
    return loaded


def settle(api: Api, loaded: Loaded) -> None:
    """Wait until every accepted batch is applied. Raises :class:`Failed` when one fails or the time is over."""
    until = time.monotonic() + APPLY_LIMIT
    while loaded.jobs:
        _, job = api.get(f"/v1/jobs/{loaded.jobs[0]}")
        status = job.get("status")
        if status == "succeeded":
            loaded.jobs.pop(0)
        elif status not in ("queued", "running"):
            raise Failed(f"The job {loaded.jobs[0]} ended as {status}: {job.get('error')}")
        elif time.monotonic() > until:
            raise Failed(f"{len(loaded.jobs)} batches were accepted and not applied within {APPLY_LIMIT:.0f} s.")
        else:
            time.sleep(0.1)
