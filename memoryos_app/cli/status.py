"""``memoryos status``: is it well?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import click

from memoryos_app.cli.api import Api, server_options


@click.command("status")
@server_options
def command(url: str, api_key: str) -> None:
    """Print the mode of the server, its stores and its workers. Exit code 1 unless it is ready."""
    api = Api(url, api_key)
    _, said = api.get("/health/status", accept=(503,))
    code, _ = api.get("/health/ready", accept=(503,))
    click.echo(f"server   {api.url}")
    for line in _lines(said if isinstance(said, dict) else {}):
        click.echo(line)
    held, letters = api.get("/v1/admin/dlq?limit=1", accept=(401, 403, 404, 503))
    if held == 200:
        click.echo(_dead(letters.get("counts") or {}))
    sys.exit(0 if code == 200 else 1)


def _dead(counts: dict[str, int]) -> str:
    """The line on dead letters; only an operator's key is told."""
    held = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    return f"dead     {held}: 'memoryos dlq list' shows them" if held else "dead     none"


def _lines(said: dict[str, Any]) -> Iterator[str]:
    """The mode, then each store, each worker, and what is missing."""
    mode, status = said.get("mode", "unknown"), said.get("status")
    yield f"mode     {mode}{f' ({status})' if status not in (mode, None) else ''}"
    detail = said.get("detail") or {}
    for store in ("truth", "traffic"):
        yield f"{store:8} {detail.get(store, 'unknown')}"
    yield f"vectors  {said.get('qdrant', 'unknown')}"
    for worker in detail.get("workers") or []:
        queues = ", ".join(worker.get("queues") or []) or "none"
        warm = "" if worker.get("warm") else ", still warming up"
        yield (f"worker   {worker.get('name')}, pid {worker.get('pid')}, queues {queues}, "
               f"vectors {worker.get('vectors') or 'none'}{warm}")
    for missing in detail.get("missing") or []:
        if missing not in ("truth", "traffic"):
            yield f"missing  {missing}"
