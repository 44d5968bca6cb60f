"""``memoryos bench``: measure a running server over HTTP, or the embedded store by itself."""

from __future__ import annotations

import json
import statistics
import time
import uuid
from itertools import accumulate
from pathlib import Path
from typing import Any

import click

from memoryos_app.cli.api import Api, server_options
from memoryos_app.cli.loading import load, progress, settle
from memoryos_app.cli.locomo import Question, Sample, is_locomo, read_samples
from memoryos_app.cli.scale import scale

CUTS = (5, 10, 20)
#: Tokens of context, at four characters each.
BUDGETS = (500, 1_500)
#: Results that are asked for to fill the budgets.
MOST = 100


@click.group("bench")
def command() -> None:
    """Measure MemoryOS."""


command.add_command(scale)


@command.command("recall")
@click.option("--data", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A LoCoMo file.")
@server_options
def recall(data: Path, url: str, api_key: str) -> None:
    """Load the conversations of a LoCoMo file for fresh users, ask its questions, print recall and latencies.

    recall@k is the mean share of a question's evidence among the source events of the first k results; within a
    budget of tokens it is among those of the first results that fit together, four characters to a token. Questions
    of category 5 and those without usable evidence are not asked.
    """
    samples = _samples(data)
    api = Api(url, api_key)
    prefix = f"bench-{uuid.uuid4().hex[:8]}"
    turns = sum(len(sample.messages) for sample in samples)
    started = time.monotonic()
    with progress(turns, "Loading") as tick:
        loads = [load(api, f"{prefix}-{sample.id}", sample.messages, tick) for sample in samples]
    for each in loads:
        settle(api, each)
    loading = time.monotonic() - started
    shares: dict[int, list[tuple[float, ...]]] = {}
    latencies: list[float] = []
    asked = [(f"{prefix}-{sample.id}", question) for sample in samples for question in sample.questions]
    with progress(len(asked), "Asking ") as tick:
        for user, question in asked:
            share, seconds = _ask(api, user, question)
            shares.setdefault(question.category, []).append(share)
            latencies.append(seconds)
            tick(1)
    click.echo(f"{turns} turns of {len(samples)} conversations loaded in {loading:.1f} s "
               f"({turns / max(loading, 1e-9):.0f}/s), users {prefix}-*")
    skipped = sum(sample.unusable for sample in samples)
    click.echo(f"{len(asked)} questions asked; {skipped} pieces of evidence name no turn and were left out")
    _print(shares, latencies)


def _samples(data: Path) -> list[Sample]:
    try:
        said = json.loads(data.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{data}: {error}", param_hint="--data") from error
    samples = read_samples(said) if is_locomo(said) else []
    if not any(sample.questions for sample in samples):
        raise click.BadParameter(f"{data}: is not a LoCoMo file with questions.", param_hint="--data")
    return samples


def _ask(api: Api, user: str, question: Question) -> tuple[tuple[float, ...], float]:
    """The share of the evidence found at each cut and within each budget; the seconds that the first call took."""
    asked = {"user_id": user, "query": question.text}
    started = time.monotonic()
    _, answer = api.post("/v1/memory/retrieve", {**asked, "limit": max(CUTS)})
    seconds = time.monotonic() - started
    first = answer.get("results", [])
    _, answer = api.post("/v1/memory/retrieve", {**asked, "limit": MOST})
    parts = [first[:cut] for cut in CUTS] + [within(answer.get("results", []), budget) for budget in BUDGETS]
    return tuple(share(question, results) for results in parts), seconds


def within(results: list[dict[str, Any]], budget: int) -> list[dict[str, Any]]:
    """The first results whose contents together have at most four characters a token."""
    ends = accumulate(len(str(result.get("content", ""))) for result in results)
    return [result for result, end in zip(results, ends, strict=True) if end <= budget * 4]


def share(question: Question, results: list[dict[str, Any]]) -> float:
    """How much of the question's evidence these results come from."""
    # A summary names all messages of its topic and holds few of them.
    shown = [result for result in results if result.get("kind") != "segment"]
    sources: set[str] = set().union(*(result.get("sources", []) for result in shown))
    return len(question.evidence & sources) / len(question.evidence)


def _print(shares: dict[int, list[tuple[float, ...]]], latencies: list[float]) -> None:
    everything = [share for category in shares.values() for share in category]
    names = [f"recall@{cut}" for cut in CUTS] + [f"recall within {budget:,} tokens" for budget in BUDGETS]
    for place, name in enumerate(names):
        mean = statistics.fmean(share[place] for share in everything)
        parts = ", ".join(f"{category}: {statistics.fmean(share[place] for share in shares[category]):.3f}"
                          for category in sorted(shares))
        click.echo(f"{name:<9} {mean:.3f}   (by category {parts})")
    ordered = sorted(latencies)
    p50, p95 = (ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000 for part in (0.5, 0.95))
    click.echo(f"latency   p50 {p50:.1f} ms, p95 {p95:.1f} ms")
