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
    """Print the state of the server, its stores, workers and queues. Exit code 1 unless it is ready."""
    api = Api(url, api_key)
    _, said = api.get("/health/status", accept=(503,))
    code, _ = api.get("/health/ready", accept=(503,))
    mode = said.get("mode", "unknown") if isinstance(said, dict) else "unknown"
    click.echo(f"{api.url}: {mode}")
    for line in _lines({key: value for key, value in said.items() if key != "mode"} if isinstance(said, dict) else {}):
        click.echo(line)
    sys.exit(0 if code == 200 else 1)


def _lines(said: Any, depth: int = 1) -> Iterator[str]:
    """Nested answers as indented lines; short ones on one line."""
    pairs = said.items() if isinstance(said, dict) else ((f"{n}", each) for n, each in enumerate(said, 1))
    for key, value in pairs:
        if isinstance(value, dict | list) and value and (depth == 1 or _nested(value)):
            yield f"{'  ' * depth}{key}:"
            yield from _lines(value, depth + 1)
        else:
            yield f"{'  ' * depth}{key}: {_short(value)}"


def _nested(value: dict[str, Any] | list[Any]) -> bool:
    return any(isinstance(each, dict | list) for each in (value.values() if isinstance(value, dict) else value))


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {each}" for key, each in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)
