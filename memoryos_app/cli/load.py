"""``memoryos load``: a file into a user's memory."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from memoryos_app.cli.api import Api, server_options
from memoryos_app.cli.loading import load, progress, settle
from memoryos_app.cli.transcript import Unreadable, read_file


@click.command("load")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--user-id", required=True, help="Whose memory it becomes; in a LoCoMo file the start of each name.")
@click.option("--session-id", help="The session of messages that name none.")
@server_options
def command(file: Path, user_id: str, session_id: str | None, url: str, api_key: str) -> None:
    """Load FILE: a JSON list or lines of {role, content, ...}, lines of 'Speaker: text', or a LoCoMo file.

    Loading a file twice has no second effect. Exit codes: 2 for a file that cannot be read, 1 for other failures.
    """
    try:
        conversations = read_file(file)
    except Unreadable as error:
        click.echo(f"Error: {file}: {error}", err=True)
        sys.exit(2)
    api = Api(url, api_key)
    added = duplicates = 0
    total = sum(len(each.messages) for each in conversations)
    with progress(total, "Loading") as tick:
        results = []
        for each in conversations:
            messages = [{"session_id": session_id, **message} if session_id else message for message in each.messages]
            results.append(load(api, user_id + each.suffix, messages, tick))
    for result in results:
        settle(api, result)
        added, duplicates = added + result.added, duplicates + result.duplicates
    click.echo(f"{added} messages added, {duplicates} were there before, "
               f"for {', '.join(user_id + each.suffix for each in conversations)}.")
