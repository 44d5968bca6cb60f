"""The end of a crash test: the system comes to rest, and what it holds is compared with what it acknowledged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import redis
from acceptance.crash.load import Load
from acceptance.crash.plan import Said
from acceptance.crash.stores import read
from acceptance.crash.verdict import Verdict, difference, judge
from acceptance.system import System, until

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.queues import TASKS

#: The consumer group of the journal.
GROUP = "memoryos"
#: Seconds in which all is done after the last call.
REST_SECONDS = 120.0


def come_to_rest(system: System, load: Load, jobs: Iterable[str] = ()) -> Verdict:
    """Wait until all is done, see that nothing failed or was buried, stop the system and judge what it holds."""
    assert not load.failures, "\n".join(load.failures[:20])
    until(lambda: succeeded(system, jobs), seconds=REST_SECONDS, what="every accepted job succeeds")
    with redis.Redis.from_url(system.truth_url, socket_timeout=5, decode_responses=True) as truth:
        until(lambda: settled(truth), seconds=REST_SECONDS, what="the journal is applied")
        assert buried(truth) == {}
    listed = [fault for user, events in _by_user(load.acked).items() for fault in _listed(system, user, events)]
    assert system.stop() == 0
    verdict = judge(load.acked, read(system.data_dir, system.redis_server, _by_user(load.acked)))
    verdict.wrong += listed
    return verdict


def succeeded(system: System, jobs: Iterable[str]) -> bool:
    """Whether all these jobs are done; fails when one never will be."""
    for job in jobs:
        said = system.get(f"/v1/jobs/{job}").json()
        assert said["status"] in ("queued", "running", "succeeded"), said
        if said["status"] != "succeeded":
            return False
    return True


def settled(truth: redis.Redis) -> bool:
    """Whether every journal entry is applied and acknowledged, every counter of open ones at zero, and no job open:
    a consolidation that is under way has its events in both places for a moment."""
    if any(truth.zcard(keyspace.due(kind)) for kind in TASKS):
        return False
    stream: Any = truth.xinfo_stream(keyspace.JOURNAL)
    groups: Any = truth.xinfo_groups(keyspace.JOURNAL)
    group = next((each for each in groups if each["name"] == GROUP), None)
    if group is None or group["pending"] or group["last-delivered-id"] != stream["last-generated-id"]:
        return False
    states: list[Any] = [truth.hgetall(key) for key in truth.scan_iter("mos:*:state:*", count=1000)]
    counts = [count for state in states for name, count in state.items() if name.startswith(("pending", "shown:"))]
    return not any(int(str(count or 0)) for count in [truth.get(keyspace.PENDING), *counts])


def buried(truth: redis.Redis) -> dict[str, object]:
    """The dead letters by their list; empty when there are none."""
    keys = [keyspace.DEAD_LETTERS, *truth.scan_iter("mos:_system:dlq:*", count=1000)]
    return {key: found for key in keys if truth.type(key) == "stream" and (found := truth.xrange(key))}


def _listed(system: System, user: str, acked: Sequence[Said]) -> Iterable[str]:
    """What is wrong with what ``GET /v1/memory/events`` lists of a user."""
    listed = list(_walk(system, user))
    for session in {said.session for said in acked}:
        sent = [said.event_id for said in acked if said.session == session]
        told = [event["event_id"] for event in listed if event["session_id"] == session]
        if fault := difference(sent, told):
            yield f"{user}/{session}: /v1/memory/events does not list what was sent: {fault}"
    yield from (f"{event['event_id']}: listed without a place" for event in listed if event["place"] == "forgotten")


def _walk(system: System, user: str) -> Iterable[dict[str, Any]]:
    cursor: str | None = None
    while True:
        answer = system.get("/v1/memory/events", params={"user_id": user, "cursor": cursor})
        assert answer.status_code == 200, answer.text
        yield from answer.json()["events"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return


def _by_user(acked: Iterable[Said]) -> dict[str, list[Said]]:
    found: dict[str, list[Said]] = defaultdict(list)
    for said in acked:
        found[said.user].append(said)
    return found
