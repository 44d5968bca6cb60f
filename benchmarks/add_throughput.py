"""How many messages a second MemoryOS takes, shows in short-term memory and indexes.

    python benchmarks/add_throughput.py [--events 20000] [--singles 5000] [--users 50] [--data-dir DIR]
    python benchmarks/add_throughput.py --url http://127.0.0.1:8080 --redis redis://127.0.0.1:6379/0

Starts ``memoryos up`` with the embedded default in an empty directory and the asynchronous pipeline, adds made-up
English and Chinese messages in batches and one by one, and prints per kind: events a second acknowledged (202: they
are on disk), in short-term memory, and indexed, each measured from the first request until the last event is there;
the calls' median and 99th percentile; and the processor time of the clients, which share the machine. ``--redis`` is
the store of record of a system that runs already (``redis.url`` in its data directory). Exit code 1: a bar was missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import redis

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from acceptance.system import System  # noqa: E402
from load import Driven, drive, request  # noqa: E402
from messages import messages  # noqa: E402

from memoryos_tasks.adapters.redis import keyspace  # noqa: E402
from memoryos_tasks.core.events import Owner  # noqa: E402

ADD = "/v1/memory/add"
BATCH, BATCH_CLIENTS, SINGLE_CLIENTS = 100, 8, 16
#: Events a second that must be reached with two cores, by kind: acknowledged, in short-term memory.
BARS = {"batches": (2000, 1000), "singles": (500, 500)}
#: Seconds that the index may take to catch up after the last call.
CATCH_UP = 300.0


@dataclass(frozen=True, slots=True)
class Rates:
    """Events a second of one kind of add."""

    kind: str
    acknowledged: float
    shown: float
    indexed: float
    driven: Driven

    def row(self) -> str:
        p50, p99 = (self.driven.quantile(share) * 1000 for share in (0.5, 0.99))
        share = self.driven.cpu / self.driven.seconds
        return (
            f"{self.kind:10} {self.acknowledged:12,.0f} {self.shown:12,.0f} {self.indexed:12,.0f} "
            f"{p50:9.1f} {p99:9.1f} {share:11.0%}"
        )

    def misses(self) -> list[str]:
        """The bars that were not reached, in words."""
        acknowledged, shown = BARS[self.kind]
        found = (("acknowledged", self.acknowledged, acknowledged), ("in short-term memory", self.shown, shown))
        return [f"{self.kind}: {is_:,.0f} {what}, not {bar:,}" for what, is_, bar in found if is_ < bar]


class Adds:
    """Adds of one run, for users of its own. ``record`` is the store of record."""

    def __init__(self, url: str, record: redis.Redis, users: int, headers: list[str]) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._record, self._headers = record, headers
        run = uuid.uuid4().hex[:8]
        self._owners = [Owner("default", f"bench-{run}-{number}") for number in range(users)]
        self._spoken = messages(seed=1)

    def run(self, kind: str, events: int, *, size: int, clients: int) -> Rates:
        requests = list(self._requests(events, size))
        started = time.perf_counter()
        driven = drive(self._host, self._port, requests, clients=clients)
        if any(not 200 <= status < 300 and status not in (429, 503) for status in driven.statuses):
            raise SystemExit(f"an add was refused: {driven.statuses}\n{driven.complaint}")
        count = len(driven.calls) * size
        shown = self._until(journaled=False) - started
        indexed = self._until(journaled=True) - started
        return Rates(kind, count / driven.seconds, count / shown, count / indexed, driven)

    def _requests(self, events: int, size: int) -> Iterator[bytes]:
        for number in range(events // size):
            user = self._owners[number % len(self._owners)].user
            said = [
                {"role": "user" if at % 2 == 0 else "assistant", "content": next(self._spoken), "event_id": _id()}
                for at in range(number, number + size)
            ]
            where = {"user_id": user, "session_id": f"s{number // len(self._owners) % 3}"}
            body = {**where, **said[0]} if size == 1 else {**where, "messages": said}
            yield request(ADD, json.dumps(body, ensure_ascii=False).encode(), self._headers)

    def _until(self, *, journaled: bool) -> float:
        """When all events are in short-term memory (and, with ``journaled``, indexed) on ``perf_counter``."""
        end = time.perf_counter() + CATCH_UP
        while True:
            pipe = self._record.pipeline(transaction=False)
            for owner in self._owners:
                pipe.hgetall(keyspace.state(owner))
            states: list[dict[str, str]] = pipe.execute()
            now = time.perf_counter()
            left = sum(int(state.get("pending") or 0) for state in states)
            if not journaled:
                left -= sum(int(n) for state in states for name, n in state.items() if name.startswith("shown:"))
            if left <= 0:
                return now
            if now > end:
                raise SystemExit(f"{left} events were not applied within {CATCH_UP:g} s")
            time.sleep(0.05)


def _id() -> str:
    return uuid.uuid4().hex


def measure(adds: Adds, events: int, singles: int) -> int:
    """Print the table; the exit code."""
    adds.run("batches", 10 * BATCH, size=BATCH, clients=1)  # Opens connections, loads what is loaded late.
    print(f"{'events/s':10} {'acknowledged':>12} {'short-term':>12} {'indexed':>12} "
          f"{'p50 ms':>9} {'p99 ms':>9} {'client CPU':>11}", flush=True)  # fmt: skip
    missed = []
    kinds = (("batches", events, BATCH, BATCH_CLIENTS), ("singles", singles, 1, SINGLE_CLIENTS))
    for kind, count, size, clients in kinds:
        rates = adds.run(kind, count, size=size, clients=clients)
        print(rates.row(), flush=True)
        refused = {code: n for code, n in rates.driven.statuses.items() if code >= 300}
        if refused:
            print(f"           told to come later: {refused}")
        missed += rates.misses()
    print("bars: " + ("; ".join(missed) if missed else "held"))
    return 1 if missed else 0


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000, help="events added in batches of 100")
    parser.add_argument("--singles", type=int, default=5_000, help="events added one by one")
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--url", help="a system that runs already")
    parser.add_argument("--redis", help="the store of record of that system")
    parser.add_argument("--api-key")
    options = parser.parse_args()
    headers = [f"Authorization: Bearer {options.api_key}"] if options.api_key else []
    if options.url:
        if not options.redis:
            parser.error("--url needs --redis, to see what has been applied")
        record = redis.Redis.from_url(options.redis, decode_responses=True, socket_timeout=10)
        sys.exit(measure(Adds(options.url, record, options.users, headers), options.events, options.singles))
    with tempfile.TemporaryDirectory() as directory:
        system = System(options.data_dir or Path(directory) / "data", {"MEMORYOS_ASYNC_MEMORY_PIPELINE": "true"})
        system.start()
        try:
            address = (system.data_dir / "redis.url").read_text().strip()
            record = redis.Redis.from_url(address, decode_responses=True, socket_timeout=10)
            code = measure(Adds(system.url, record, options.users, headers), options.events, options.singles)
        finally:
            system.stop()
    sys.exit(code)


if __name__ == "__main__":
    main()
