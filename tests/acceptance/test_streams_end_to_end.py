"""Streams through the whole system: on time, replayed byte for byte, and let go when their client goes."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from acceptance.system import System, until, wait_for
from vendors.base import Exchange
from vendors.openai import OpenAIVendor

#: Chunks of the paced stream, and the seconds between two.
CHUNKS, EVERY = 60, 0.05
#: Seconds within which a vendor sees that a client has gone.
PROMISED = 3.0


def paced(exchange: Any) -> None:
    """A stream whose chunks carry the time when they were sent."""
    exchange.begin()
    for number in range(CHUNKS):
        exchange.event(exchange.chunk({"content": f"{number}:{time.monotonic_ns()} "}))
        time.sleep(EVERY)
    exchange.end_with("stop")


def silent(exchange: Exchange) -> None:
    """No byte, also no headers."""
    exchange.wait_gone()


class PacedVendor(OpenAIVendor):
    """OpenAI's stand-in with two more scenarios."""

    scenarios = {**OpenAIVendor.scenarios, "paced": paced, "silent": silent}  # noqa: RUF012


@pytest.fixture(scope="module")
def vendor() -> Iterator[PacedVendor]:
    with PacedVendor() as running:
        yield running


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, vendor: PacedVendor) -> Iterator[System]:
    running = System(tmp_path_factory.mktemp("streams"), {"MEMORYOS__LLM__OPENAI_BASE_URL": vendor.url})
    running.start()
    yield running
    running.stop()


def ask(here: System, model: str, *, stream: bool, user: str = "", **headers: str) -> requests.Response:
    """Ask for a chat; its body is read when it is looked at."""
    body = {"model": f"openai/{model}", "stream": stream, "messages": [{"role": "user", "content": "Say quinces."}]}
    return requests.post(f"{here.url}/v1/chat/completions", json={**body, **({"user": user} if user else {})},
                         headers=headers, stream=True, timeout=30)


def follow(here: System, job_id: str, after: str = "") -> requests.Response:
    """The events of a job, from a place."""
    headers = {"Last-Event-ID": after} if after else {}
    return requests.get(f"{here.url}/v1/jobs/{job_id}/events", headers=headers, stream=True, timeout=30)


def events(answer: requests.Response) -> Iterator[bytes]:
    """The events as they came, without heartbeats."""
    event = b""
    for line in answer.iter_lines(chunk_size=1):
        if line:
            event += line + b"\n"
        elif event:
            if not event.startswith(b":"):
                yield event
            event = b""


def place(event: bytes) -> str:
    """An event's id."""
    return event.split(b"\n")[0].removeprefix(b"id: ").decode()


def tokens(all_events: list[bytes]) -> list[tuple[int, int]]:
    """Number and time of each token that the events carry."""
    text = ""
    for event in all_events:
        data = event.partition(b"data: ")[2]
        if not data.startswith(b"[DONE]"):
            text += "".join(choice["delta"].get("content") or "" for choice in json.loads(data)["choices"])
    return [(int(number), int(at)) for number, _, at in (token.partition(":") for token in text.split())]


def test_a_token_is_passed_on_when_it_comes(here: System) -> None:
    def typical() -> float:
        late = []
        with ask(here, "paced", stream=True) as answer:
            for event in events(answer):
                now = time.monotonic_ns()
                if b"[DONE]" not in event:
                    late += [(now - at) / 1e6 for _, at in tokens([event])]
        assert len(late) == CHUNKS
        return sorted(late)[CHUNKS // 2]

    # A machine that does much else at the moment gets another chance.
    assert wait_for(lambda: typical() < 30, seconds=15)


@pytest.mark.parametrize("model", ["hang", "silent"])
def test_a_stream_whose_client_goes_is_cancelled_at_the_vendor(here: System, vendor: PacedVendor, model: str) -> None:
    # Given a stream whose vendor has fallen silent
    vendor.disconnected.clear()
    asked = len(vendor.asked(model))
    client = _raw(here, model, stream=True, user="leaver")
    until(lambda: len(vendor.asked(model)) > asked, seconds=5, what="the vendor was asked")
    if model == "hang":
        assert b"data: " in _receive(client, b"data: ")
    # When its client goes
    client.close()
    # Then the vendor is let go, and nothing is remembered
    assert vendor.disconnected.wait(PROMISED)
    found = here.post("/v1/memory/retrieve", {"user_id": "leaver", "query": "quinces"}).json()
    assert found["results"] == []


def test_a_whole_answer_whose_client_goes_is_cancelled_at_the_vendor(here: System, vendor: PacedVendor) -> None:
    vendor.disconnected.clear()
    asked = len(vendor.asked("silent"))
    client = _raw(here, "silent", stream=False)
    until(lambda: len(vendor.asked("silent")) > asked, seconds=5, what="the vendor was asked")
    client.close()
    assert vendor.disconnected.wait(PROMISED)


def test_a_job_that_is_deleted_hangs_up_at_once(here: System, vendor: PacedVendor) -> None:
    # Given an async job whose vendor is silent
    vendor.disconnected.clear()
    asked = len(vendor.asked("silent"))
    job_id = ask(here, "silent", stream=False, Prefer="respond-async").json()["id"]
    until(lambda: len(vendor.asked("silent")) > asked, seconds=5, what="the vendor was asked")
    # When it is deleted
    requests.delete(f"{here.url}/v1/jobs/{job_id}", timeout=5)
    # Then the vendor is let go, and the job says so
    assert vendor.disconnected.wait(1.5)
    until(lambda: here.get(f"/v1/jobs/{job_id}").json()["status"] == "cancelled", seconds=3, what="cancelled")


def test_an_async_job_goes_on_when_its_follower_goes(here: System, vendor: PacedVendor) -> None:
    # Given a follower of an async stream who goes after some events
    vendor.disconnected.clear()
    job_id = ask(here, "paced", stream=True, Prefer="respond-async").json()["id"]
    with follow(here, job_id) as answer:
        for _, _ in zip(range(5), events(answer), strict=False):
            pass
    # Then the job ends as if nothing had happened
    shown = until(lambda: _ended(here, job_id), seconds=15, what="the job has ended")
    assert (shown["status"], len(shown["result"]["choices"][0]["message"]["content"].split())) == ("succeeded", CHUNKS)
    assert not vendor.disconnected.is_set()


@pytest.mark.parametrize("pause", [0.0, 1.0])
def test_who_comes_back_gets_every_byte_once(here: System, vendor: PacedVendor, pause: float) -> None:
    # Given the client of a direct stream who goes in the middle
    vendor.disconnected.clear()
    first: list[bytes] = []
    with ask(here, "paced", stream=True) as answer:
        job_id = answer.headers["X-MemoryOS-Job"]
        for event in events(answer):
            first.append(event)
            if len(first) == 15:
                break
    # When it comes back after a moment, with the id of the last event it saw
    time.sleep(pause)
    with follow(here, job_id, place(first[-1])) as answer:
        rest = list(events(answer))
    # Then it has every token once and in order, and the stream was never interrupted
    assert [number for number, _ in tokens(first + rest)] == list(range(CHUNKS))
    assert rest[-1].endswith(b"data: [DONE]\n")
    assert not vendor.disconnected.is_set()
    # And who reads it all again reads the same bytes
    with follow(here, job_id) as answer:
        assert b"".join(events(answer)) == b"".join(first + rest)


def _ended(here: System, job_id: str) -> Any:
    shown = here.get(f"/v1/jobs/{job_id}").json()
    return shown if shown["status"] not in ("queued", "running") else None


def _raw(here: System, model: str, *, stream: bool, user: str = "") -> socket.socket:
    """A request on a socket of its own, which can be closed without a word."""
    asked = {"model": f"openai/{model}", "stream": stream, "messages": [{"role": "user", "content": "Say quinces."}]}
    body = json.dumps({**asked, **({"user": user} if user else {})}).encode()
    client = socket.create_connection(("127.0.0.1", here.port), timeout=15)
    client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                   b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    return client


def _receive(client: socket.socket, needle: bytes) -> bytes:
    """What the client reads until this has come."""
    read = b""
    while needle not in read and (piece := client.recv(65_536)):
        read += piece
    return read
