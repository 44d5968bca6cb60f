"""``memoryos retrieve``: search a user's memory."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from datetime import datetime
from typing import Any

import click

from memoryos_app.cli.api import Api, server_options


@click.command("retrieve")
@click.argument("query")
@click.option("--user-id", required=True, help="Whose memory.")
@click.option("--limit", type=click.IntRange(1, 100), default=10, show_default=True, help="At most this many results.")
@server_options
def command(query: str, user_id: str, limit: int, url: str, api_key: str) -> None:
    """Print what memory holds about QUERY, best first: score, tier, date, text; a turn after its speaker."""
    _, answer = Api(url, api_key).post("/v1/memory/retrieve", {"user_id": user_id, "query": query, "limit": limit})
    results = answer.get("results", [])
    for result in results:
        click.echo(_clip(_line(result)))
    if not results:
        click.echo("Nothing found.")


def _line(result: dict[str, Any]) -> str:
    when = result.get("created_at")
    day = datetime.fromtimestamp(when).date().isoformat() if isinstance(when, int | float) else str(when or "-")[:10]
    content = " ".join(str(result.get("content", "")).split())
    speaker = result.get("name") or result.get("role")
    tier = str(result.get("tier", "")).removesuffix("_term")
    return f"{float(result.get('score', 0)):7.3f}  {tier:5}  {day:10}  {f'{speaker}: ' if speaker else ''}{content}"


def _clip(line: str) -> str:
    """What fits the terminal, where Chinese characters take two cells; 200 characters when it goes elsewhere."""
    terminal = sys.stdout.isatty()
    room = shutil.get_terminal_size().columns if terminal else 200
    ends, used = [], 0
    for character in line:
        used += 2 if terminal and unicodedata.east_asian_width(character) in "WF" else 1
        ends.append(used)
    return line if used <= room else line[: sum(end < room for end in ends)] + "…"
