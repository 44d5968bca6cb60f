"""Chats through the whole system, memory off, against a LiteLLM proxy in front of the same fast upstream.

    python benchmarks/gateway_throughput.py [--litellm-venv DIR] [--rounds 5] [--stream]

Starts a fast upstream on this machine, a LiteLLM proxy (pinned, two workers, in a virtual environment of its own that
is made when it is missing), MemoryOS as ``memoryos up`` starts it, and MemoryOS with a prefork fleet for the chats
beside the worker that owns the embedded store. Each round asks all of them in turn with the same load, by 16 clients
and by one; what is compared are pairs of the same round. The client is one thread that sends requests made beforehand.
``--litellm-venv none`` leaves LiteLLM out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]

from acceptance.system import System, clean_environment, free_port  # noqa: E402
from fast_upstream import WORDS, FastUpstream  # noqa: E402
from load import Driven, drive, request  # noqa: E402

LITELLM = "litellm[proxy]==1.106.2"
LITELLM_WORKERS = 2
#: Processes of the chat fleet.
FLEET = 2
#: Seconds that a start may take; LiteLLM imports for a while.
START_SECONDS = 120.0
WARM_UP = 100


@dataclass
class Side:
    """One of the compared: where it listens, what it calls the model, what it did by number of clients."""

    name: str
    port: int
    model: str
    rounds: dict[int, list[Driven]] = field(default_factory=dict)

    def ask(self, clients: int, count: int, *, stream: bool) -> None:
        """One round."""
        done = drive("127.0.0.1", self.port, _requests(self.model, count, stream), clients=clients)
        if len(done.calls) != count:
            raise SystemExit(f"{self.name} answered {done.statuses}: {done.complaint}")
        self.rounds.setdefault(clients, []).append(done)


def _requests(model: str, count: int, stream: bool) -> Iterator[bytes]:
    headers = ["Authorization: Bearer sk-benchmark"]
    for number in range(count):
        text = f"Hello, this is message {number} about the weather in May."
        body = {"model": model, "messages": [{"role": "user", "content": text}], **({"stream": True} if stream else {})}
        yield request("/v1/chat/completions", json.dumps(body).encode(), headers)


@contextmanager
def litellm(venv: Path, upstream: str, directory: Path) -> Iterator[Side]:
    """The proxy, answering."""
    program = venv / "bin" / "litellm"
    if not program.exists():
        print(f"making {venv} with {LITELLM}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run([str(venv / "bin" / "pip"), "install", "--quiet", LITELLM], check=True)
    model = {"model": "openai/echo", "api_base": upstream, "api_key": "sk-benchmark"}
    config = {"model_list": [{"model_name": "echo", "litellm_params": model}]}
    path = directory / "litellm.json"
    path.write_text(json.dumps(config))
    port = free_port()
    command = [str(program), "--config", str(path), "--host", "127.0.0.1", "--port", str(port),
               "--num_workers", str(LITELLM_WORKERS), "--telemetry", "False"]  # fmt: skip
    environment = {
        **clean_environment(),
        "LITELLM_LOG": "ERROR",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        # Neither side checks keys: both listen on loopback.
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    log = (directory / "litellm.log").open("wb")
    with log, _running(command, environment, log):
        _until_it_answers(port, "echo", directory / "litellm.log")
        yield Side(f"LiteLLM {LITELLM.partition('==')[2]}", port, "echo")


@contextmanager
def memoryos(name: str, upstream: str, directory: Path, *, fleet: int = 0) -> Iterator[Side]:
    """The system as a user starts it; with ``fleet``, chats are run by so many processes beside its worker."""
    environment = {"MEMORYOS__LLM__OPENAI_BASE_URL": upstream}
    if fleet:
        environment["MEMORYOS__WORKER__CHAT_PROCESSES"] = str(fleet)
    system = System(directory / name.replace(" ", "-"), environment)
    system.start()
    try:
        _until_it_answers(system.port, "openai/echo", system.data_dir / "logs" / "worker.log")
        yield Side(name, system.port, "openai/echo")
    finally:
        system.stop()


@contextmanager
def _running(command: list[str], environment: dict[str, str], log: object) -> Iterator[None]:
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)  # type: ignore[call-overload]
    try:
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        process.kill()


def _until_it_answers(port: int, model: str, log: Path) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        with suppress(requests.RequestException):
            url = f"http://127.0.0.1:{port}/v1/chat/completions"
            answer = requests.post(url, json=body, timeout=10, headers={"Authorization": "Bearer sk-benchmark"})
            if answer.status_code == 200 and WORDS in answer.text:
                return
        time.sleep(0.2)
    raise SystemExit(f"nothing answers on port {port}:\n{log.read_text()[-3000:] if log.exists() else ''}")


def report(sides: list[Side], clients: int) -> None:
    """Print a row a side, each beside the first."""
    base = sides[0].rounds[clients]
    print(f"\n{clients} client{'s' if clients > 1 else ''}, median of {len(base)} rounds")
    print(f"  {'':32}{'requests/s':>12}{'median ms':>12}{'p99 ms':>10}{'× requests/s':>15}{'× median':>11}")
    for side in sides:
        rounds = side.rounds[clients]
        rate = statistics.median(_rate(done) for done in rounds)
        median = statistics.median(done.quantile(0.5) for done in rounds) * 1000
        p99 = statistics.median(done.quantile(0.99) for done in rounds) * 1000
        faster = statistics.median(_rate(a) / _rate(b) for a, b in zip(rounds, base, strict=True))
        slower = statistics.median(a.quantile(0.5) / b.quantile(0.5) for a, b in zip(rounds, base, strict=True))
        print(f"  {side.name:32}{rate:12.0f}{median:12.2f}{p99:10.2f}{faster:15.2f}{slower:11.2f}", flush=True)


def _rate(done: Driven) -> float:
    return len(done.calls) / done.seconds


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--litellm-venv", default=str(ROOT / ".venv-litellm"), help="where LiteLLM is or goes; none")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=1500, help="of one round by 16 clients; a tenth by one")
    parser.add_argument("--stream", action="store_true", help="ask for streams")
    parser.add_argument("--no-fleet", action="store_true", help="leave the prefork fleet out")
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        upstream = stack.enter_context(FastUpstream())
        alone = Side("the upstream alone", upstream.port, "echo")
        sides = []
        if options.litellm_venv != "none":
            sides.append(stack.enter_context(litellm(Path(options.litellm_venv), upstream.url, directory)))
        sides.append(stack.enter_context(memoryos("MemoryOS", upstream.url, directory)))
        if not options.no_fleet:
            name = f"MemoryOS, {FLEET} chat processes"
            sides.append(stack.enter_context(memoryos(name, upstream.url, directory, fleet=FLEET)))
        print(f"{os.cpu_count()} processors", flush=True)
        alone.ask(16, 5 * options.requests, stream=options.stream)
        print(f"the upstream alone: {_rate(alone.rounds[16][0]):.0f} requests/s", flush=True)
        loads = ((16, options.requests), (1, options.requests // 10))
        for side in sides:
            side.ask(16, WARM_UP, stream=options.stream)
            side.rounds.clear()
        for number in range(options.rounds):
            for clients, count in loads:
                for side in sides[:: 1 if number % 2 == 0 else -1]:
                    side.ask(clients, count, stream=options.stream)
        for clients, _ in loads:
            report(sides, clients)


if __name__ == "__main__":
    main()
