"""A Redis dies under load; who publishes, works and beats goes on by itself soon after it answers again."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import redis
import requests
from acceptance.crash.killer import kinds
from acceptance.crash.load import Adds, Chats, Load
from acceptance.crash.plan import calls, singles
from acceptance.crash.rest import come_to_rest
from acceptance.system import System, answers, until

#: Seconds from Redis' first PONG until everything works again.
RESUME_SECONDS = 10.0
#: More calls than a test sends.
ENDLESS = 20_000


def _done(call: Callable[[], requests.Response]) -> bool:
    try:
        return call().status_code == 200
    except requests.RequestException:
        return False


def _events(system: System, user: str) -> int:
    found: Any = system.get("/v1/memory/events", params={"user_id": user})
    return len(found.json().get("events", ())) if found.status_code == 200 else 0


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", ["redis-truth", "redis-traffic"])
def test_all_resume_when_redis_answers_again(role: str, make_system: Callable[..., System]) -> None:
    # Given a system under load, whose clients are soon told that an add is not applied yet
    system = make_system({"MEMORYOS__GATEWAY__ADD_DEADLINE": "2"})
    url = system.truth_url if role == "redis-truth" else system.traffic_url
    load, chats = Load(), Chats(system, later=False)
    for plan in calls(ENDLESS, seed=11):
        load.start(Adds(system), plan)
    load.start(chats, singles("now", ENDLESS))
    load.allow(ENDLESS)
    assert load.reached(500, seconds=60), load.failures

    # When its Redis is killed and answers again
    system.kill(*kinds(system)[role][0])
    until(lambda: answers(url), seconds=10, what=f"{role} answers")
    back = time.monotonic()
    took: dict[str, float] = {}

    def resumes(what: str, look: Callable[[], bool]) -> None:
        until(look, seconds=RESUME_SECONDS - (time.monotonic() - back), what=f"{what} after {role} came back")
        took[what] = round(time.monotonic() - back, 1)

    # Then an add is applied, a chat answered, both under load
    said = {"user_id": "witness", "role": "user", "content": "The lamp is green."}
    asked = {"model": "offline", "user": "witness", "messages": [{"role": "user", "content": "Is the lamp green?"}]}
    resumes("an add is applied", lambda: _done(lambda: system.post("/v1/memory/add", said)))
    resumes("a chat is answered", lambda: _done(lambda: system.post("/v1/chat/completions", asked)))
    load.end()
    # And once nobody else rings a worker, beat has an entry consumed that was put into the journal by hand
    with redis.Redis.from_url(system.truth_url, socket_timeout=5) as truth:
        event_id, payload = uuid.uuid4().hex, json.dumps({"user_id": "by-hand", "content": "The lamp is red."})
        truth.xadd("chat_log", {"event_id": event_id, "payload": payload})
    resumes("a raw entry is consumed", lambda: _events(system, "by-hand") == 1)
    print(f"seconds after {role} answered:", took)
    # And nothing is lost
    verdict = come_to_rest(system, load)
    assert not verdict.faults(), verdict.faults()
