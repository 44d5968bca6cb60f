"""What MemoryOS adds to a chat: the same request to a fast local upstream, directly and through a whole system.

    python benchmarks/chat_overhead.py [--rounds 300] [--data-dir DIR]

Starts the upstream of the tests and ``memoryos up`` with the embedded default in an empty directory, asks in pairs
(direct, through MemoryOS, direct, …) with one client, and prints both medians and their difference in milliseconds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from acceptance.system import System  # noqa: E402
from upstream import Upstream  # noqa: E402

#: Requests of each kind that are not counted.
WARM_UP = 20


def asking(session: requests.Session, base: str, **more: Any) -> Callable[[int], float]:
    """A function that asks once and gives the milliseconds until the whole answer was read."""

    def ask(number: int) -> float:
        message = f"Hello, this is message {number} about the weather in May."
        body = {"model": "openai/echo-model", "messages": [{"role": "user", "content": message}], **more}
        started = time.perf_counter()
        with session.post(f"{base}/chat/completions", json=body, timeout=30, stream=True) as answer:
            text = answer.content
        took = (time.perf_counter() - started) * 1000
        if answer.status_code != 200 or b"weather" not in text:
            raise SystemExit(f"the answer is wrong: {answer.status_code} {text[:300]!r}")
        return took

    return ask


def quantile(values: list[float], share: float) -> float:
    """The value below which this share of the values lies."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def compare(name: str, direct: Callable[[int], float], through: Callable[[int], float], rounds: int) -> None:
    """Ask in pairs and print a row."""
    pairs = [(direct(number), through(number)) for number in range(WARM_UP + rounds)][WARM_UP:]
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    added = [b - a for a, b in pairs]
    print(
        f"{name:28} direct {quantile(one, 0.5):6.2f}  through {quantile(other, 0.5):6.2f}  "
        f"added {quantile(added, 0.5):6.2f}  added p95 {quantile(added, 0.95):6.2f}   ms, {rounds} pairs",
        flush=True,
    )


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    with Upstream(record=False) as upstream, tempfile.TemporaryDirectory() as directory:
        system = System(options.data_dir or Path(directory) / "data", {"MEMORYOS__LLM__OPENAI_BASE_URL": upstream.url})
        system.start()
        try:
            with requests.Session() as session:
                ours = f"{system.url}/v1"
                for stream in (False, True):
                    words = "stream" if stream else "whole"
                    direct = asking(session, upstream.url, stream=stream)
                    # Without a user there is no memory: the queue alone.
                    compare(f"{words}, memory off", direct, asking(session, ours, stream=stream), options.rounds)
                    remembered = asking(session, ours, stream=stream, user=f"bench-{words}")
                    compare(f"{words}, memory on", direct, remembered, options.rounds)
        finally:
            system.stop()


if __name__ == "__main__":
    main()
