"""FAQs in the store of record. See :class:`memoryos_tasks.ports.faq.Shelf`.

What a user said is sealed with that user's key, on the shelf too, so that it goes with the user; what was written by
hand with a key of the tenant's FAQs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import script, truth_errors
from memoryos_tasks.adapters.redis.faq_rows import (
    Opened,
    identity,
    noted,
    stats_of,
    step_of,
    stored_stats,
    stored_step,
    unit_of,
)
from memoryos_tasks.adapters.redis.scripts import source
from memoryos_tasks.core.errors import NotFound
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.faq_heat import Stats
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.faq import Ask, Faq, Row, Sample, State, Step, Totals, Unit

#: Asks written in one piece.
NOTE_STEP = 100
#: Questions that one call of the script forgets.
FORGET_STEP = 100
#: Calls of it that an erasure makes at most: more than a user can have.
FORGET_CALLS = 1_000

key = keyspace.faq


class RedisFaqs:
    """See :class:`memoryos_tasks.ports.faq.Shelf`. ``secret`` gives a tenant's secret, which keys the ids."""

    def __init__(
        self,
        truth: redis.Redis,
        codec: Codec,
        secret: Callable[[str], bytes],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._redis = truth
        self._codec = codec
        self._opened = Opened(codec)
        self._secret = secret
        self._clock = clock
        self._scripts = {name: script(truth, f"faq_{name}") for name in ("promote", "demote", "drop", "forget")}
        self._note = truth.register_script(source("faq_note"))

    def identity(self, tenant: str, gist: Sequence[str], scope: str | None) -> str:
        return identity(self._secret(tenant), gist, scope)

    def find(self, tenant: str, gist: Sequence[str], scope: str) -> tuple[Faq | None, int]:
        ids = [self.identity(tenant, gist, scope), self.identity(tenant, gist, None)]
        with truth_errors():
            pipe = self._redis.pipeline(transaction=False)
            pipe.hmget(key(tenant, "live"), ids)
            pipe.hlen(key(tenant, "live"))
            values, count = pipe.execute()
        found = (self._opened.faq(tenant, id, value) for id, value in zip(ids, values, strict=True) if value)
        return next((faq for faq in found if faq is not None), None), int(count)

    def note(self, asks: Sequence[Ask], *, watch_from: int, most: int) -> None:
        for first in range(0, len(asks), NOTE_STEP):
            # In one piece, since the store writes its file through once for all that came together.
            pipe = self._redis.pipeline(transaction=False)
            for ask in asks[first : first + NOTE_STEP]:
                sealed = noted(self._codec, ask) if ask.answer else ""
                tenant, user = ask.owner.tenant, keyspace.part(ask.owner.user)
                when = (int(ask.at // 86_400), int(ask.at * 1000))
                args = (tenant, ask.id, user, *when, sealed, int(ask.hit), watch_from, most)
                self._note(keys=[key(tenant, "unit", ask.id)], args=args, client=pipe)
            with truth_errors():
                pipe.execute()

    def due(self, *, count: int) -> list[tuple[str, str]]:
        with truth_errors():
            members: Any = self._redis.zrangebyscore(keyspace.FAQ_DUE, "-inf", self._now(), start=0, num=count)
        return [(tenant, id) for tenant, _, id in (member.partition(" ") for member in members)]

    def unit(self, tenant: str, id: str) -> Unit:
        with truth_errors():
            pipe = self._redis.pipeline(transaction=False)
            pipe.hgetall(key(tenant, "unit", id))
            pipe.hget(key(tenant, "live"), id)
            pipe.sismember(key(tenant, "held"), id)
            fields, live, held = pipe.execute()
        return unit_of(id, fields, live, bool(held), lambda place, raw: self._opened.sample(tenant, place, raw))

    def looked(self, tenant: str, id: str, stats: Stats, *, candidate: bool, again: float) -> None:
        with truth_errors():
            pipe = self._redis.pipeline(transaction=True)
            pipe.hset(key(tenant, "stats"), id, stored_stats(stats))
            if candidate:
                pipe.zadd(key(tenant, "candidates"), {id: stats.heat})
            else:
                pipe.zrem(key(tenant, "candidates"), id)
            pipe.zadd(keyspace.FAQ_DUE, {f"{tenant} {id}": self._now(again)})
            pipe.execute()

    def promote(self, tenant: str, unit: Unit, sample: Sample, *, by: str) -> bool:
        owner = Owner(tenant, sample.user)
        faq = Faq(unit.id, sample.question, sample.answer, sample.user, at=self._clock())
        value = self._opened.shelved(owner, faq, by_hand=by != "beat")
        kept = f"{keyspace.part(sample.user)} {sample.sealed}"
        return self._shelve(tenant, unit.id, (f"s {sample.place}", kept), value, "promoted", by, sample.user)

    def write(self, tenant: str, faq: Faq, *, by: str) -> None:
        made = replace(faq, source=None, at=self._clock())
        value = self._opened.shelved(None, made, by_hand=True, tenant=tenant)
        self._shelve(tenant, faq.id, ("", ""), value, "written", by, "")

    def demote(self, tenant: str, id: str, *, by: str, hold: bool) -> bool:
        step = self._step(tenant, id, "demoted", by)
        with truth_errors():
            args = (tenant, id, step, int(hold), self._now())
            return bool(self._scripts["demote"]([key(tenant, "live")], args))

    def drop(self, tenant: str, id: str) -> None:
        with truth_errors():
            self._scripts["drop"]([key(tenant, "live")], (tenant, id))

    def rows(self, tenant: str, state: State, *, start: int, count: int) -> tuple[list[Row], int]:
        place = key(tenant, "shelf" if state is State.LIVE else "candidates")
        with truth_errors():
            pipe = self._redis.pipeline(transaction=False)
            pipe.zrevrange(place, start, start + count - 1)
            pipe.zcard(place)
            ids, total = pipe.execute()
        return self._rows(tenant, ids, state), int(total)

    def row(self, tenant: str, id: str) -> Row:
        with truth_errors():
            pipe = self._redis.pipeline(transaction=False)
            pipe.hexists(key(tenant, "live"), id)
            pipe.zscore(key(tenant, "candidates"), id)
            live, candidate = pipe.execute()
        if not live and candidate is None:
            raise NotFound(f"There is no FAQ and no candidate {id!r}.", param="id")
        return self._rows(tenant, [id], State.LIVE if live else State.CANDIDATE)[0]

    def totals(self, tenant: str) -> Totals:
        with truth_errors():
            pipe = self._redis.pipeline(transaction=False)
            pipe.hlen(key(tenant, "live"))
            pipe.zcard(key(tenant, "candidates"))
            pipe.zcard(key(tenant, "seen"))
            pipe.hvals(key(tenant, "hits"))
            live, candidates, questions, hits = pipe.execute()
        return Totals(live, candidates, questions, sum(int(hit) for hit in hits))

    def history(self, tenant: str, id: str | None, *, count: int) -> list[Step]:
        with truth_errors():
            entries: Any = self._redis.xrevrange(key(tenant, "history"))
        steps = (step_of(fields) for _, fields in entries)
        return [step for step in steps if id is None or step.id == id][:count]

    def forget(self, owner: Owner) -> int:
        tenant, user = owner.tenant, keyspace.part(owner.user)
        keys = [key(tenant, "asked", user), key(tenant, "from", user)]
        gone = 0
        for _ in range(FORGET_CALLS):
            with truth_errors():
                pipe = self._redis.pipeline(transaction=False)
                pipe.srandmember(keys[1], FORGET_STEP)
                pipe.zcard(keys[0])
                shelved, asked = pipe.execute()
            if not shelved and not asked:
                break
            gone += min(int(asked), FORGET_STEP) + len(shelved)
            steps = [item for id in shelved for item in (id, self._step(tenant, id, "removed", "erasure"))]
            args = (tenant, user, self._now() // 86_400_000, self._now(), FORGET_STEP, *steps)
            with truth_errors():
                self._scripts["forget"](keys, args)
        return gone

    def _shelve(
        self, tenant: str, id: str, sample: tuple[str, str], value: str, action: str, by: str, user: str
    ) -> bool:
        step = self._step(tenant, id, action, by)
        args = (tenant, id, *sample, value, self._now(), step, keyspace.part(user))
        with truth_errors():
            return bool(self._scripts["promote"]([key(tenant, "unit", id)], args))

    def _rows(self, tenant: str, ids: Sequence[str], state: State) -> list[Row]:
        if not ids:
            return []
        with truth_errors():
            pipe = self._redis.pipeline(transaction=False)
            for what in ("stats", "hits", "live"):
                pipe.hmget(key(tenant, what), ids)
            stats, hits, live = pipe.execute()
        rows = []
        for id, known, hit, value in zip(ids, stats, hits, live, strict=True):
            found = stats_of(known)
            faq = self._opened.faq(tenant, id, value) if value else self._best(tenant, id, found.best)
            rows.append(Row(id, state, found, int(hit or 0), faq))
        return rows

    def _best(self, tenant: str, id: str, place: int) -> Faq | None:
        """A candidate as it would be promoted."""
        with truth_errors():
            raw: Any = self._redis.hget(key(tenant, "unit", id), f"s {place}")
        sample = self._opened.sample(tenant, place, raw) if raw else None
        return Faq(id, sample.question, sample.answer, sample.user) if sample is not None else None

    def _step(self, tenant: str, id: str, action: str, by: str) -> str:
        with truth_errors():
            known: Any = self._redis.hget(key(tenant, "stats"), id)
        found = stats_of(known)
        return stored_step(Step(self._clock(), id, action, by, found.asks, found.heat, found.similarity))

    def _now(self, after: float = 0.0) -> int:
        return int((self._clock() + after) * 1000)
