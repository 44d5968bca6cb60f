"""``memoryos import``: a file, or a folder of another system, into a user's memory."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import click

from memoryos_app.cli.api import Api, server_options
from memoryos_app.cli.moving import followed

FORMATS = ("memoryos", "bai-lab", "mem0", "transcript")
#: The files of a BAI-LAB data folder.
FILES = ("short_term.json", "mid_term.json", "long_term_user.json")
#: What the end of a file's name says about its lines.
LINES = {".jsonl": "application/x-ndjson", ".ndjson": "application/x-ndjson", ".txt": "text/plain; charset=utf-8"}
#: Reasons for skipped parts that are printed.
SHOWN = 5
_PIECE = 256 * 1024
_BOM = b"\xef\xbb\xbf"


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--user-id", required=True, help="Whose memory it becomes.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="memoryos", show_default=True,
              help="What wrote it: an export of MemoryOS, BAI-LAB's MemoryOS, mem0; or a transcript.")
@server_options
def command(source: Path, user_id: str, form: str, url: str, api_key: str) -> None:
    """Import SOURCE: a JSON file, JSON lines (.jsonl), a transcript (.txt), or a BAI-LAB folder of one user.

    Importing the same twice has no second effect. Exit codes: 2 for a source that cannot be read, 1 where all of it
    was skipped and for other failures.
    """
    api = Api(url, api_key)
    try:
        kind, pieces = _body(source, user_id, form)
        query = urlencode({"user_id": user_id, "format": form}) if kind != "application/json" else ""
        job = api.upload(f"/v1/memory/import?{query}" if query else "/v1/memory/import", pieces, kind)
    except OSError as error:
        click.echo(f"Error: {source}: cannot be read ({error.strerror})", err=True)
        sys.exit(2)
    receipt = followed(api, str(job["job_id"]), "Importing")
    events, facts, skipped = receipt["events"], receipt["facts"], receipt["skipped"]
    click.echo(f"{events['imported']} messages imported, {events['duplicates']} were there before; "
               f"{facts['imported']} facts, {facts['duplicates']} were there before; {skipped['count']} parts skipped.")
    for each in skipped["first"][:SHOWN]:
        click.echo(f"  skipped {each['where']}: {each['reason']}", err=True)
    taken = sum(part[how] for part in (events, facts) for how in ("imported", "duplicates"))
    if skipped["count"] and not taken:
        sys.exit(1)


def _body(source: Path, user_id: str, form: str) -> tuple[str, Iterator[bytes]]:
    """The content type of the body and its bytes. Raises OSError."""
    head = json.dumps({"user_id": user_id, "format": form})[:-1].encode() + b', "data": '
    if source.is_dir():
        files = [source / name for name in FILES if (source / name).is_file()]
        if not files:
            raise FileNotFoundError(2, f"holds none of {', '.join(FILES)}")
        return "application/json", _folder(head, files)
    with source.open("rb"):
        pass  # What cannot be read is told before anything is sent.
    kind = LINES.get(source.suffix.lower(), "application/json")
    if kind != "application/json":
        return kind, _file(source)
    return kind, _wrapped(head, source)


def _wrapped(head: bytes, source: Path) -> Iterator[bytes]:
    yield head
    yield from _file(source)
    yield b"}"


def _folder(head: bytes, files: list[Path]) -> Iterator[bytes]:
    yield head
    for place, file in enumerate(files):
        yield (b"{" if not place else b", ") + json.dumps(file.name).encode() + b": "
        yield from _file(file)
    yield b"}}"


def _file(source: Path) -> Iterator[bytes]:
    with source.open("rb") as file:
        first = file.read(_PIECE)
        yield first.removeprefix(_BOM)
        while piece := file.read(_PIECE):
            yield piece
