"""What export and import share: following a job to its end."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import click

from memoryos_app.cli.api import Api, Failed

#: Seconds for which a job is followed, and between two looks.
LIMIT = 3600.0
PAUSE = 0.2


def followed(api: Api, job_id: str, label: str) -> Mapping[str, Any]:
    """The result of the job once it is done. Raises :class:`Failed` when it fails or takes too long."""
    until = time.monotonic() + LIMIT
    shown = sys.stderr.isatty()
    while True:
        _, job = api.get(f"/v1/jobs/{job_id}")
        if job["status"] not in ("queued", "running"):
            break
        if shown:
            click.echo(f"\r{label}: {job['progress']:.0%} ", nl=False, err=True)
        if time.monotonic() > until:
            raise Failed(f"The job {job_id} is not done after {LIMIT:.0f} s; it goes on. Ask /v1/jobs/{job_id}.")
        time.sleep(PAUSE)
    if shown:
        click.echo("\r", nl=False, err=True)
    if job["status"] != "succeeded":
        error = job.get("error") or {}
        raise Failed(f"The job {job_id} ended as {job['status']}: {error.get('message') or 'no reason is known'}")
    result: Mapping[str, Any] = job["result"]
    return result
