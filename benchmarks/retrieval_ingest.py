"""How soon a message is found after it was sent, while 200 a second are added.

    python benchmarks/retrieval_ingest.py [--rate 200] [--seconds 30] [--users 50] [--url http://127.0.0.1:8080]

Starts ``memoryos up`` with the embedded default and the asynchronous pipeline in an empty directory (or takes a system
that runs), sends single messages at a steady rate, and follows one of every twenty: from the moment at which it was
due to be sent until a retrieval of its user, asked again and again, has it first. Then it prints the retrievals of a
quiet system. Exit code 1: the bar was missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from acceptance.system import System  # noqa: E402
from messages import messages  # noqa: E402

#: Seconds within which 95 of 100 messages must be found, and after which a message counts as lost.
BAR, LOST = 1.0, 30.0
#: One message in so many is followed.
FOLLOWED = 20
CLIENTS = 16

#: Seconds between two looks, and before a call that was refused is made again.
AGAIN = 0.02

_own = threading.local()
#: The answers that said to come later.
refused: list[str] = []


def post(url: str, path: str, body: dict[str, object]) -> dict[str, object]:
    """The answer of a call over this thread's own connection, made again where it is told to come later."""
    if not hasattr(_own, "session"):
        _own.session = requests.Session()
    end = time.perf_counter() + LOST
    while True:
        answer = _own.session.post(url + path, json=body, timeout=LOST)
        if answer.status_code not in (429, 503) or time.perf_counter() > end:
            break
        refused.append(answer.text)
        time.sleep(AGAIN)
    answer.raise_for_status()
    told: dict[str, object] = answer.json()
    return told


def send(url: str, user: str, text: str, due: float, *, followed: bool) -> float | None:
    """Add one message; with ``followed`` the seconds since ``due`` after which it was found."""
    event, marker = uuid.uuid4().hex, f"marker{uuid.uuid4().hex[:10]}"
    content = f"{text} {marker}" if followed else text
    post(url, "/v1/memory/add", {"user_id": user, "role": "user", "content": content, "event_id": event})
    while followed:
        found = post(url, "/v1/memory/retrieve", {"user_id": user, "query": marker, "limit": 1})
        results = found["results"]
        assert isinstance(results, list)
        if results and results[0]["sources"] == [event]:
            return time.perf_counter() - due
        if time.perf_counter() - due > LOST:
            return LOST
        time.sleep(AGAIN)
    return None


def measure(url: str, rate: int, seconds: int, users: int) -> int:
    """Print what was measured; the exit code."""
    prefix, spoken = f"ingest-{uuid.uuid4().hex[:8]}", messages(1)
    post(url, "/v1/memory/add", {"user_id": prefix, "role": "user", "content": "Good morning."})
    with ThreadPoolExecutor(CLIENTS) as pool, ThreadPoolExecutor(CLIENTS) as followers:
        started, tasks = time.perf_counter() + 0.5, []
        for number in range(rate * seconds):
            due = started + number / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            followed = number % FOLLOWED == 0
            tasks.append((followers if followed else pool).submit(
                send, url, f"{prefix}-{number % users}", next(spoken), due, followed=followed
            ))
        waited = sorted(found for task in tasks if (found := task.result()) is not None)
        took = time.perf_counter() - started
    p50, p95 = (waited[int(len(waited) * share)] for share in (0.5, 0.95))
    print(f"{rate * seconds} messages in {took:.1f} s ({rate * seconds / took:.0f}/s), {len(waited)} followed")
    if refused:
        print(f"{len(refused)} calls were told to come later and made again, the first: {refused[0][:200]}")
    print(f"sent to found   p50 {p50 * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms, most {waited[-1] * 1000:.0f} ms")
    asked = []
    for number in range(300):
        begun = time.perf_counter()
        post(url, "/v1/memory/retrieve", {"user_id": f"{prefix}-{number % users}", "query": next(spoken)})
        asked.append((time.perf_counter() - begun) * 1000)
    print(f"retrieve        p50 {sorted(asked)[150]:.1f} ms, p95 {sorted(asked)[285]:.1f} ms, one after the other")
    print(f"bar: {'held' if p95 <= BAR else f'p95 above {BAR:g} s'}")
    return 0 if p95 <= BAR else 1


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--url", help="a system that runs already")
    options = parser.parse_args()
    if options.url:
        sys.exit(measure(options.url, options.rate, options.seconds, options.users))
    with tempfile.TemporaryDirectory() as directory:
        system = System(Path(directory) / "data", {"MEMORYOS_ASYNC_MEMORY_PIPELINE": "true"})
        system.start()
        try:
            code = measure(system.url, options.rate, options.seconds, options.users)
        finally:
            system.stop()
    sys.exit(code)


if __name__ == "__main__":
    main()
