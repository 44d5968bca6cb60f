"""Erase means erase: after the receipt nothing gives back what a user said, and no older copy can be read."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import string
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from acceptance.system import System, until

ALICE, BOB = "alice 爱丽丝", "bob"
#: Events of the erased user: enough for pages, segments and facts beside the turns.
EVENTS = 60


#: The first half of a token is the user's, so that one search of a file finds every token.
HALF = 12


def _letters(count: int = HALF) -> str:
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(count))


def _texts(token: str, at: int) -> str:
    sentences = (
        f"My password for the bank is {token}.", f"我的密码是{token}，不要告诉别人。", f"I live in {token}.",
        f"My favourite colour is {token}.", f"我喜欢{token}。", f"My name is {token}.",
    )
    return sentences[at % len(sentences)]


def _forms(token: str) -> Iterator[bytes]:
    """The token in the encodings that anything could store it in; base64 in its three alignments."""
    raw = token.encode()
    yield from (raw, token.upper().encode(), token.encode("utf-16-le"), token.encode("utf-16-be"))
    yield from (raw.hex().encode(), raw.hex().upper().encode(), token[::-1].encode())
    for code in (raw, token.encode("utf-16-le")):
        for shift in range(3):
            whole = base64.b64encode(b"\0" * shift + code)
            # Without the characters that the neighbours have a part in.
            yield whole[4 if shift else 0 : -4]


def _found(folder: Path, tokens: list[str]) -> list[str]:
    """The files under the folder that hold a token."""
    forms = list(_forms(tokens[0][:HALF]))
    hits = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            body = path.read_bytes()
            hits += [f"{path.relative_to(folder)}: {form!r}" for form in forms if form in body]
    return hits


def _fill(system: System, user: str) -> list[str]:
    """Events, a chat and reads of the user; the tokens in them."""
    mine = _letters()
    tokens = [mine + _letters() for _ in range(EVENTS + 1)]
    messages = [
        {"role": "assistant" if at % 5 == 4 else "user", "content": _texts(token, at), "event_id": f"e{at}",
         "metadata": {"note": token}}
        for at, token in enumerate(tokens[:EVENTS])
    ]
    for start in range(0, EVENTS, 20):
        answer = system.post("/v1/memory/add", {"user_id": user, "messages": messages[start : start + 20]})
        assert answer.status_code in (200, 202), answer.text
    system.chat(f"My dog is called {tokens[-1]}.", user=user)
    system.post("/v1/memory/retrieve", {"user_id": user, "query": tokens[-1]})
    # What fails for good is kept too.
    failing = {"model": "nonsense/none", "user": user, "messages": [{"role": "user", "content": tokens[-1]}]}
    system.post("/v1/chat/completions", failing)
    return tokens


def _doors(system: System, user: str, tokens: list[str]) -> str:
    """All that the calls say of the user."""
    said = [
        system.post("/v1/memory/retrieve", {"user_id": user, "query": query, "limit": 100}).text
        for query in (tokens[0], "What is my password?", "我的密码是什么？", "Where do I live?")
    ]
    said.append(system.get("/v1/memory/events", params={"user_id": user, "limit": 1000}).text)
    said.append(system.get("/v1/memory/profile", params={"user_id": user}).text)
    letters = system.get("/v1/admin/dlq", params={"limit": 100}).json()["letters"]
    said += [system.get(f"/v1/admin/dlq/{letter['id']}", params={"payload": "true"}).text for letter in letters]
    return "\n".join(said)


def _consolidated(system: System, user: str) -> bool:
    events = system.get("/v1/memory/events", params={"user_id": user, "limit": 1000}).json()["events"]
    return len({event["place"] for event in events}) > 2


def test_the_search_of_the_files_finds_every_form(tmp_path: Path) -> None:
    # Given a token stored unsealed, in each encoding, inside of other bytes
    token = _letters(2 * HALF)
    said = f"我说 {token} here"
    for body in (said.encode(), said.encode("utf-16-le"), said.encode("utf-16-be"), said.encode().hex().encode(),
                 *(base64.b64encode(b"x" * shift + said.encode()) for shift in range(3)),
                 *(base64.b64encode(b"x" * shift + said.encode("utf-16-le")) for shift in range(3))):
        (tmp_path / "file").write_bytes(b"\0\1" + body + b"\2")
        # Then the search finds it
        assert _found(tmp_path, [token]), body


@pytest.mark.timeout(240)
def test_an_erased_user_is_gone_from_every_file_and_every_answer(make_system: Callable[..., System]) -> None:
    # Given two users with memories in every tier
    system = make_system({"MEMORYOS__MEMORY__IDLE_SECONDS": "1"})
    tokens, others = _fill(system, ALICE), _fill(system, BOB)
    for user in (ALICE, BOB):
        until(lambda user=user: _consolidated(system, user), seconds=30, what="pages")
    assert tokens[0] in _doors(system, ALICE, tokens)
    # And a backup of the data directory, without the vault
    copy = system.data_dir.parent / "backup"
    shutil.copytree(system.data_dir, copy, ignore=shutil.ignore_patterns("vault", "*.sock"))
    assert _found(copy, tokens) == []
    # When one of them is erased
    accepted = system.post("/v1/memory/erase", {"user_id": ALICE})
    assert accepted.status_code == 202
    job_id = accepted.json()["job_id"]

    def ended() -> dict[str, object]:
        job = system.get(f"/v1/jobs/{job_id}").json()
        return dict(job) if job["status"] not in ("queued", "running") else {}

    job = until(ended, seconds=90, what="the receipt")
    receipt = job["result"]
    assert job["status"] == "succeeded", job
    assert receipt["verified"] is True, receipt
    assert receipt["key_destroyed"] is True, receipt
    assert receipt["file_rewritten"] is True, receipt
    assert min(receipt["removed"][place] for place in ("events", "memories", "jobs")) > 0, receipt
    # Then no file holds anything of it, nor does any answer
    assert _found(system.data_dir, tokens) == []
    said = _doors(system, ALICE, tokens) + json.dumps(job)
    assert [token for token in tokens if token in said] == []
    assert system.get("/v1/memory/events", params={"user_id": ALICE}).json()["events"] == []
    # And the backup opens neither for the key that is gone nor for anybody else's
    assert receipt["stayed"] == 0, receipt
    assert list((system.data_dir / "vault").rglob("*.old")) == []
    assert _found(copy, tokens) == []
    # And the other user has everything
    events = system.get("/v1/memory/events", params={"user_id": BOB, "limit": 1000}).json()["events"]
    assert [token for token in others if not any(token in event["content"] for event in events)] == []
    found = system.post("/v1/memory/retrieve", {"user_id": BOB, "query": "What is my dog called?"}).json()
    assert others[-1] in json.dumps(found)
    # And the user may come back, as nobody who was here before
    back = {"user_id": ALICE, "role": "user", "content": "I like pears. 我喜欢梨。", "event_id": "e0"}
    assert system.post("/v1/memory/add", back).json()["duplicates"] == []
    assert "pears" in system.post("/v1/memory/retrieve", {"user_id": ALICE, "query": "pears"}).text


@pytest.mark.timeout(240)
def test_a_killed_erasure_is_completed(make_system: Callable[..., System]) -> None:
    # Given an erasure whose worker is killed while it runs
    system = make_system()
    tokens = _fill(system, ALICE)
    job_id = system.post("/v1/memory/erase", {"user_id": ALICE}).json()["job_id"]
    until(lambda: system.get(f"/v1/jobs/{job_id}").json()["status"] == "running", seconds=20, what="a run")
    time.sleep(2.2)
    system.kill("celery", "worker")
    # Then the next run completes it
    job = until(
        lambda: (job := system.get(f"/v1/jobs/{job_id}").json())["status"] == "succeeded" and job,
        seconds=100, what="the receipt",
    )
    assert job["result"]["verified"] is True
    assert _found(system.data_dir, tokens) == []
    with redis.Redis.from_url(system.truth_url, decode_responses=True) as truth:
        named = {key for key in truth.scan_iter() if "alice" in key}
    assert all(":fence:" in key for key in named), named
