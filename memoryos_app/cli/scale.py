"""``memoryos bench scale``: how the embedded store grows, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click

SIZES = (10_000, 100_000)
MILLION = 1_000_000
HEADER = (f"{'memories':>10} {'inserted/s':>11} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8} "
          f"{'memory MB':>10} {'disk MB':>8}")


@click.command("scale")
@click.option("--size", "sizes", type=click.IntRange(100), multiple=True,
              help="Memories to build; may be given several times.  [default: 10000 and 100000]")
@click.option("--million", is_flag=True, help="Go on to 1,000,000 memories: 3 GB of disk, some ten minutes or more.")
@click.option("--users", type=click.IntRange(1), default=1000, show_default=True, help="Whose memories they are.")
@click.option("--questions", type=click.IntRange(10), default=500, show_default=True, help="Retrievals at each size.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path),
              help="An empty directory to build in; kept afterwards.  [default: a temporary one]")
def scale(sizes: tuple[int, ...], million: bool, users: int, questions: int, folder: Path | None) -> None:
    """Build memories in a store of its own and time retrievals of one user at a time; no server is asked.

    The memories are made up, sealed with a key per user, and indexed in a process like the worker that owns the
    vectors; inserted/s counts all of that, and a retrieval is what the worker does for one without HTTP and Redis.
    """
    wanted = sorted({*(sizes or SIZES), *([MILLION] if million else [])})
    call = [sys.executable, "-m", "memoryos_tasks.scale", "--sizes", ",".join(map(str, wanted)),
            "--users", str(users), "--questions", str(questions)]
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise click.BadParameter(f"{folder} is not empty.", param_hint="--folder")
        call += ["--folder", str(folder)]
    click.echo(HEADER)
    # The gateway's package imports no vector store: the measuring is done by the worker's.
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            row = json.loads(line)
            click.echo(f"{row['memories']:>10,} {row['inserted_per_s']:>11,.0f} {row['p50']:>8.2f} {row['p95']:>8.2f} "
                       f"{row['p99']:>8.2f} {row['rss'] / 1e6:>10,.0f} {row['disk'] / 1e6:>8,.0f}")
    if process.returncode:
        raise click.ClickException(f"the measuring process ended with code {process.returncode}")
