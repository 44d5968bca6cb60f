"""``memoryos dlq``: work that failed for good, on the command line."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import click

from memoryos_app.cli.api import Api, Failed, server_options
from memoryos_app.cli.letters import full, table
from memoryos_app.dead_letters import LISTS, MOST

Command = TypeVar("Command", bound=Callable[..., Any])
#: Outcomes after which a letter is where nobody wanted it.
BAD = ("impossible", "not_found")

queue_option = click.option("--queue", type=click.Choice(LISTS), help="Only the letters of this list.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")


@click.group("dlq")
def command() -> None:
    """Look at dead letters, the work that failed for good; replay or purge them.

    With API keys on it needs one made by 'memoryos keys create --admin'. Exit codes: 0 done, 1 failed, 2 wrong usage.
    """


@command.command("list")
@queue_option
@click.option("--limit", type=click.IntRange(1, MOST), default=50, show_default=True, help="At most this many letters.")
@json_option
@server_options
def show_all(queue: str | None, limit: int, as_json: bool, url: str, api_key: str) -> None:
    """Count the dead letters of each list and show them, oldest first."""
    asked = {"limit": str(limit), **({"queue": queue} if queue else {})}
    _, said = Api(url, api_key).get(f"/v1/admin/dlq?{urlencode(asked)}")
    if as_json:
        click.echo(_dumped(said))
        return
    letters, counts = said["letters"], said["counts"]
    if not letters:
        click.echo(f"There are no dead letters{f' of the list {queue}' if queue else ''}.")
        return
    click.echo("  ".join(f"{name} {count}" for name, count in counts.items()) + "\n")
    for line in table(letters, now=datetime.now().timestamp()):
        click.echo(line)
    if said["next_cursor"]:
        total = counts[queue] if queue else sum(counts.values())
        click.echo(f"\n{total - len(letters)} more; --limit shows up to {MOST:,}.")
    click.echo("\n'memoryos dlq show ID' tells the whole story of one.")


@command.command("show")
@click.argument("id")
@click.option("--payload", is_flag=True, help="Show the original too, with what the user wrote.")
@json_option
@server_options
def show(id: str, payload: bool, as_json: bool, url: str, api_key: str) -> None:
    """Tell all about the letter ID: why it is here, what it was, and where it failed."""
    path = f"/v1/admin/dlq/{quote(id, safe=':')}{'?payload=true' if payload else ''}"
    status, letter = Api(url, api_key).get(path, accept=(404,))
    if status == 404:
        raise Failed(f"There is no dead letter {id}; it was replayed with success or purged, or never was.")
    if as_json:
        click.echo(_dumped(letter))
        return
    for line in full(letter):
        click.echo(line)


def chosen(command: Command) -> Command:
    """The arguments that say which letters are meant."""
    options = (
        click.argument("ids", nargs=-1, metavar="[ID]..."),
        queue_option,
        click.option("--count", type=click.IntRange(min=1), help="With --queue or --all: at most this many."),
        click.option("--all", "everything", is_flag=True, help="Every letter of every list."),
        click.option("--dry-run", is_flag=True, help="Only tell which letters are meant."),
        json_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@command.command("replay")
@chosen
@server_options
def replay(ids: tuple[str, ...], queue: str | None, count: int | None, everything: bool, dry_run: bool,
           as_json: bool, url: str, api_key: str) -> None:
    """Run letters again, each with its attempts at zero: by ID, of a --queue, or --all."""
    api, meant = Api(url, api_key), _meant(ids, queue, count, everything)
    done = list(_walk(api, "replay", meant, count, dry_run=dry_run))
    _tell(done, "replay", as_json=as_json, dry_run=dry_run)


@command.command("purge")
@chosen
@click.option("--yes", is_flag=True, help="Do not ask.")
@server_options
def purge(ids: tuple[str, ...], queue: str | None, count: int | None, everything: bool, dry_run: bool,
          as_json: bool, yes: bool, url: str, api_key: str) -> None:
    """Forget letters for good, with the work that they hold: by ID, of a --queue, or --all."""
    api, meant = Api(url, api_key), _meant(ids, queue, count, everything)
    if not dry_run and not yes:
        # What was counted is what goes, though more letters may come while somebody thinks.
        found = list(ids) or [one["id"] for one in _walk(api, "purge", meant, count, dry_run=True)
                              if one["outcome"] == "chosen"]
        if found:
            click.confirm(f"Forget {_letters(len(found))} for good?", abort=True, err=True)
        done = [one for start in range(0, len(found), MOST)
                for one in _walk(api, "purge", {"ids": found[start : start + MOST]}, None, dry_run=False)]
    else:
        done = list(_walk(api, "purge", meant, count, dry_run=dry_run))
    _tell(done, "purge", as_json=as_json, dry_run=dry_run)


def _meant(ids: tuple[str, ...], queue: str | None, count: int | None, everything: bool) -> dict[str, Any]:
    """The selection as the server takes it."""
    if sum((bool(ids), queue is not None, everything)) != 1:
        raise click.UsageError("Say which dead letters are meant: IDs, --queue or --all.")
    if ids and count is not None:
        raise click.UsageError("--count goes with --queue or --all.")
    if len(ids) > MOST:
        raise click.UsageError(f"At most {MOST:,} IDs at once.")
    return {"ids": list(ids)} if ids else {"queue": queue} if queue else {"all": True}


def _walk(
    api: Api, action: str, meant: Mapping[str, Any], count: int | None, *, dry_run: bool
) -> Iterator[dict[str, Any]]:
    """Handle the letters, call by call; letters that are busy do not count. It ends where the lists ended when it
    began, so that letters that fail again are not handled again."""
    asked: dict[str, Any] = {**meant, "dry_run": dry_run}
    left, held = count, None
    if "ids" not in meant:
        held = sum(api.get("/v1/admin/dlq?limit=1")[1]["counts"].values())
    while left is None or left > 0:
        if "ids" not in meant:
            asked["count"] = MOST if left is None else min(left, MOST)
        _, said = api.post(f"/v1/admin/dlq/{action}", asked)
        yield from said["letters"]
        if left is not None:
            left -= sum(one["outcome"] != "busy" for one in said["letters"])
        held = None if held is None else held - len(said["letters"])
        if not said["next_cursor"] or (held is not None and held <= 0):
            return
        asked["cursor"] = said["next_cursor"]


def _tell(done: list[dict[str, Any]], action: str, *, as_json: bool, dry_run: bool) -> None:
    """Say what became of the letters; exit code 1 when some are not where they should be."""
    counts = Counter(str(one["outcome"]) for one in done)
    if as_json:
        click.echo(_dumped({"dry_run": dry_run, "letters": done, "counts": dict(counts)}))
    elif not done:
        click.echo("There are no such dead letters.")
    else:
        for one in done:
            what = "  ".join(str(one[name]) for name in ("kind", "reason", "tenant", "subject") if one.get(name))
            click.echo(f"{_WORDS.get(one['outcome'], one['outcome']):14}  {one['id']}  {what}".rstrip())
        if dry_run:
            click.echo(f"\nNothing was done. Without --dry-run this would {action} {_letters(counts['chosen'])}.")
        elif counts["impossible"]:
            click.echo("\n'memoryos dlq show ID' says what cannot run; 'memoryos dlq purge ID' forgets it.", err=True)
    sys.exit(1 if any(counts[name] for name in BAD) else 0)


_WORDS = {"not_found": "not there", "skipped": "done already", "busy": "is running", "impossible": "cannot run"}


def _letters(count: int) -> str:
    return "1 dead letter" if count == 1 else f"{count} dead letters"


def _dumped(said: object) -> str:
    return json.dumps(said, ensure_ascii=False, indent=2)
