"""Visits of segments: noted in memory by the read path, written in batches by one thread, collected by beat.

They may be lost with the process or the traffic role: heat is an estimate."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import script, traffic_errors
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import FORGOTTEN, IN_STM, Kind, Recalled

#: Owners with visits to collect.
_VISITED = f"mos:{keyspace.SYSTEM}:visited"
#: Seconds that uncollected visits stay.
KEEP_SECONDS = 86_400
#: Most visits that wait in this process; the oldest are forgotten beyond it.
MOST_NOTED = 10_000


class RedisVisits:
    """See :class:`memoryos_tasks.ports.visits.Visits`; :meth:`note` never raises."""

    def __init__(self, traffic: redis.Redis) -> None:
        self._redis = traffic
        self._counted = script(traffic, "visits_counted")
        self._noted: deque[tuple[Owner, str]] = deque(maxlen=MOST_NOTED)

    def note(self, owner: Owner, found: Sequence[Recalled]) -> None:
        """Note that one search read these items: the page of a turn, the segment of a page, the segment itself."""
        places = (item.id if item.kind is Kind.SEGMENT else item.place for item in found)
        for place in dict.fromkeys(places):
            if place and place not in (IN_STM, FORGOTTEN):
                self._noted.append((owner, place))

    def flush(self) -> None:
        """Write what was noted since the last time."""
        counts: Counter[tuple[Owner, str]] = Counter()
        while self._noted:
            counts[self._noted.popleft()] += 1
        if not counts:
            return
        with traffic_errors():
            pipe = self._redis.pipeline(transaction=False)
            for (owner, place), count in counts.items():
                pipe.hincrby(keyspace.visits(owner), place, count)
            for owner in {owner for owner, _ in counts}:
                pipe.expire(keyspace.visits(owner), KEEP_SECONDS)
                pipe.sadd(_VISITED, _member(owner))
            pipe.execute()

    def owners(self, *, count: int) -> list[Owner]:
        """Some owners with visits to count, at most ``count``; they are given out again until they are counted."""
        with traffic_errors():
            members: Any = self._redis.srandmember(_VISITED, count)
        pairs = (member.split(" ") for member in members or ())
        return [Owner(tenant, keyspace.unpart(user)) for tenant, user in pairs]

    def noted(self, owner: Owner) -> dict[str, int]:
        with traffic_errors():
            counts: Any = self._redis.hgetall(keyspace.visits(owner))
        return {place: int(count) for place, count in counts.items()}

    def counted(self, owner: Owner, visits: Mapping[str, int]) -> None:
        pairs = [item for pair in visits.items() for item in pair]
        with traffic_errors():
            self._counted([keyspace.visits(owner), _VISITED], [_member(owner), *pairs])

    def forget(self, owner: Owner) -> int:
        """Forget the owner's visits; how many places they name."""
        with traffic_errors():
            pipe = self._redis.pipeline(transaction=True)
            pipe.hlen(keyspace.visits(owner))
            pipe.delete(keyspace.visits(owner))
            pipe.srem(_VISITED, _member(owner))
            return int(pipe.execute()[0])


def _member(owner: Owner) -> str:
    return f"{owner.tenant} {keyspace.part(owner.user)}"
