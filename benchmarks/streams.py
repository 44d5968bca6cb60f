"""Many streams at once: how late each token is, and whether any stream is lost, cut or out of order.

    python benchmarks/streams.py [--streams 300] [--rate 20] [--seconds 30] [--ramp 0] [--data-dir DIR]

Starts an upstream in asyncio whose tokens carry the time when they were written, ``memoryos up`` with the embedded
default in an empty directory (one gateway process, one worker), and clients in asyncio, each in a process of its own.
A token's lateness is the time from the upstream's write to the client's read. A chunk may carry several tokens.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from acceptance.system import System, free_port, until  # noqa: E402

#: Seconds that a stream may be silent before the client counts it as lost.
SILENCE = 60.0
#: Upper ends of the lateness classes, in milliseconds.
CLASSES = (30, 100, 250, 500, 1000, 2500, 5000)


@dataclass
class Heard:
    """What the clients heard. Lateness is in milliseconds."""

    late: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    events: int = 0
    whole: int = 0
    lost: int = 0
    cut: int = 0
    reordered: int = 0
    errors: dict[str, int] = field(default_factory=dict)

    def add(self, other: Heard) -> None:
        """Put two clients' results together."""
        self.late += other.late
        self.first += other.first
        for name in ("events", "whole", "lost", "cut", "reordered"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name, count in other.errors.items():
            self.errors[name] = self.errors.get(name, 0) + count


# --- the upstream: tokens of the form "<number>:<monotonic nanoseconds> "


async def _emit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer requests on one connection, each with a stream."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            if head.startswith(b"GET"):
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                continue
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            asked = json.loads(await reader.readexactly(length))
            tokens, rate = (float(part) for part in asked["messages"][-1]["content"].split())
            await _stream(writer, int(tokens), rate)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _stream(writer: asyncio.StreamWriter, tokens: int, rate: float) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    begin = (b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"timed",'
             b'"system_fingerprint":"fp_1","choices":[{"index":0,"delta":')
    started = time.monotonic()
    for number in range(tokens):
        delta = b'{"content":"%d:%d "},"finish_reason":null}]}\n\n' % (number, time.monotonic_ns())
        _chunk(writer, begin + delta)
        await asyncio.sleep(max(0.0, started + (number + 1) / rate - time.monotonic()))
    _chunk(writer, begin + b'{},"finish_reason":"stop"}]}\n\n')
    _chunk(writer, b"data: [DONE]\n\n")
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))


def upstream(port: int) -> None:
    """Serve until terminated."""

    async def serve() -> None:
        server = await asyncio.start_server(_emit, "127.0.0.1", port, backlog=1024)
        await server.serve_forever()

    asyncio.run(serve())


# --- the clients


async def _listen(port: int, model: str, tokens: int, rate: float, after: float, heard: Heard) -> None:
    """Ask for one stream and check it to its end."""
    await asyncio.sleep(after)
    try:
        state = await asyncio.wait_for(_ask(port, model, tokens, rate, heard), tokens / rate + SILENCE)
    except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
        state = type(error).__name__
    if state == "whole":
        heard.whole += 1
    elif state == "cut":
        heard.cut += 1
    else:
        heard.lost += 1
        heard.errors[state[:200]] = heard.errors.get(state[:200], 0) + 1


async def _ask(port: int, model: str, tokens: int, rate: float, heard: Heard) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    body = json.dumps({"model": model, "stream": True,
                       "messages": [{"role": "user", "content": f"{tokens} {rate}"}]}).encode()
    asked = time.monotonic()
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                 b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            return (head.split(b"\r\n", 1)[0] + b" " + await reader.read(300)).decode(errors="replace")
        expected, ended, finished = 0, False, False
        while line := await reader.readline():
            if not line.startswith(b"data: "):
                continue
            now = time.monotonic_ns()
            heard.events += 1
            if line.startswith(b"data: [DONE]"):
                ended = True
                break
            if b'"error"' in line:
                return line.decode(errors="replace")
            choice = json.loads(line[6:])["choices"][0]
            finished = finished or choice["finish_reason"] == "stop"
            for token in (choice["delta"].get("content") or "").split():
                number, _, written = token.partition(":")
                if expected == 0:
                    heard.first.append((now / 1e9 - asked) * 1000)
                heard.late.append((now - int(written)) / 1e6)
                if int(number) != expected:
                    heard.reordered += 1
                expected = int(number) + 1
        return "whole" if ended and finished and expected == tokens else "cut"
    finally:
        writer.close()


def listen(port: int, model: str, streams: int, tokens: int, rate: float, ramp: float, share: float, told: Any) -> None:
    """One process of clients; its :class:`Heard` goes into ``told``."""

    async def run() -> Heard:
        heard = Heard()
        await asyncio.gather(*(
            _listen(port, model, tokens, rate, (place + share) * ramp / streams, heard) for place in range(streams)
        ))
        return heard

    told.send(asyncio.run(run()))


# --- the whole


def rss(pid: int) -> float:
    """Resident memory of a process, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def cpu(pids: Iterable[int]) -> float:
    """Processor seconds that these processes have used."""
    total = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / 100
    return total


def quantile(values: list[float], share: float) -> float:
    """The value below which this share of the sorted values lies."""
    return values[min(int(len(values) * share), len(values) - 1)] if values else float("nan")


def drive(port: int, model: str, options: argparse.Namespace) -> tuple[Heard, float]:
    """All clients' results, and the processor seconds that they took."""
    tokens, heard, running = int(options.rate * options.seconds), Heard(), []
    for place in range(options.clients):
        streams = options.streams // options.clients + (place < options.streams % options.clients)
        ear, mouth = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.Process(target=listen, args=(
            port, model, streams, tokens, options.rate, options.ramp, place / options.clients, mouth), daemon=True)
        process.start()
        running.append((process, ear))
    used = 0.0
    for process, ear in running:
        heard.add(ear.recv())
        used += cpu([process.pid or 0])
        process.join()
    return heard, used


def show(heard: Heard, options: argparse.Namespace, more: dict[str, str]) -> None:
    """The table."""
    late, first = sorted(heard.late), sorted(heard.first)
    expected = options.streams * int(options.rate * options.seconds)
    rows = {
        "streams": f"{options.streams} of {options.rate:g} tokens/s for {options.seconds:g} s"
                   + (f", begun over {options.ramp:g} s" if options.ramp else ", begun at once"),
        "whole / cut / lost": f"{heard.whole} / {heard.cut} / {heard.lost}",
        "tokens": f"{len(late)} of {expected}, {heard.reordered} out of order, in {heard.events} events",
        "lateness, ms": f"p50 {quantile(late, 0.5):.1f}   p90 {quantile(late, 0.9):.1f}   "
                        f"p99 {quantile(late, 0.99):.1f}   max {quantile(late, 1):.1f}",
        "share within": "   ".join(
            f"{limit} ms {sum(1 for one in late if one <= limit) / max(1, len(late)):.2%}" for limit in CLASSES),
        "first token, ms": f"p50 {quantile(first, 0.5):.0f}   p99 {quantile(first, 0.99):.0f}",
        **more,
    }
    for name, value in rows.items():
        print(f"{name:22} {value}")
    for text, count in heard.errors.items():
        print(f"{'error':22} {count} x {text}")
    sys.stdout.flush()


def measure(system: System, options: argparse.Namespace) -> Heard:
    """One run against a system that is there."""
    gateway: Callable[[], list[int]] = lambda: system.pids("gunicorn")  # noqa: E731
    worker = system.pids("celery", "worker") or system.pids("memoryos_tasks", "worker")
    stores = system.pids("redis-server")
    named = {"gateway": gateway()[-1:], "worker": worker[-1:], "redis": stores}
    before = {name: cpu(pids) for name, pids in named.items()}
    memory, began = rss(named["gateway"][0]), time.monotonic()
    heard, used = drive(system.port, "openai/timed", options)
    took = time.monotonic() - began
    shares = {name: (cpu(pids) - before[name]) / took for name, pids in named.items()}
    shares["clients"] = used / took
    show(heard, options, {
        "gateway memory, MiB": f"{memory:.0f} before, {rss(named['gateway'][0]):.0f} after",
        "processor, cores": "   ".join(f"{name} {share:.2f}" for name, share in shares.items()),
    })
    return heard


def main() -> None:
    """Run the benchmark; the exit status is 1 when a stream was not whole."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=300)
    parser.add_argument("--rate", type=float, default=20.0, help="tokens a second of one stream")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--ramp", type=float, default=0.0, help="seconds over which the streams begin")
    parser.add_argument("--clients", type=int, default=1, help="client processes")
    parser.add_argument("--rounds", type=int, default=1, help="runs against the same system; its memory should be flat")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                        help="an environment variable of the system, such as MEMORYOS__WORKER__CONCURRENCY=64")
    parser.add_argument("--direct", action="store_true", help="the upstream alone, to see what the tools add")
    options = parser.parse_args()
    port = free_port()
    emitter = multiprocessing.Process(target=upstream, args=(port,), daemon=True)
    emitter.start()
    failed = False
    if options.direct:
        time.sleep(0.5)
        heard, used = drive(port, "timed", options)
        show(heard, options, {"processor, seconds": f"clients {used:.1f}"})
        failed = heard.whole < options.streams
    else:
        with tempfile.TemporaryDirectory() as directory:
            settings = dict(one.split("=", 1) for one in options.set)
            system = System(options.data_dir or Path(directory) / "data",
                            {"MEMORYOS__LLM__OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1", **settings})
            system.start()
            try:
                until(lambda: system.get("/health/ready").status_code == 200, seconds=30, what="ready")
                for _ in range(options.rounds):
                    heard = measure(system, options)
                    failed = failed or heard.whole < options.streams
            finally:
                system.stop()
    emitter.terminate()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
