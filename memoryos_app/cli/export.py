"""``memoryos export``: a user's memory into a file."""

from __future__ import annotations

import json
from pathlib import Path

import click

from memoryos_app.cli.api import Api, Failed, server_options
from memoryos_app.cli.moving import followed


@click.command("export")
@click.option("--user-id", required=True, help="Whose memory.")
@click.option("--format", "form", type=click.Choice(["json", "markdown"]), default="json", show_default=True,
              help="JSON can be imported again; Markdown is to be read.")
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="The file; default: print it.")
@server_options
def command(user_id: str, form: str, output: Path | None, url: str, api_key: str) -> None:
    """Export all that is remembered of a user: messages, facts, segments, pages, profile."""
    api = Api(url, api_key)
    _, job = api.post("/v1/memory/export", {"user_id": user_id, "format": form})
    result = followed(api, str(job["job_id"]), "Exporting")
    document = result["document"]
    text = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failed(f"{output} cannot be written ({error.strerror}).") from error
    counts = result["counts"]
    click.echo(f"{output}: {counts['events']} messages, {counts['facts']} facts, {counts['segments']} segments.")
