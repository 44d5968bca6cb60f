"""One item goes, the rest stays under another key. See :class:`memoryos_tasks.ports.resealing.Resealing`."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import redis

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import script, traffic_errors, truth_errors
from memoryos_tasks.adapters.redis.erase_events import body_of, streamed
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.adapters.redis.remains import NOT_STOPPED
from memoryos_tasks.adapters.redis.rows import Row, Rows, scanned
from memoryos_tasks.adapters.redis.runs import RedisRuns
from memoryos_tasks.adapters.redis.said_events import SaidEvents
from memoryos_tasks.core.errors import Unreadable
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.quoting import quotes
from memoryos_tasks.ports.codec import KeyedCodec
from memoryos_tasks.ports.dead_letters import SYSTEM_LETTERS
from memoryos_tasks.queues import ERASING, QUEUES

OPEN = ("queued", "running")
#: Fields of a job's row that hold texts.
TEXTS = ("request", "result", "error")
#: Texts replaced in one call.
STEP = 500


class RedisResealing:
    """See :class:`memoryos_tasks.ports.resealing.Resealing`."""

    def __init__(
        self, truth: redis.Redis, traffic: redis.Redis, codec: KeyedCodec, ledger: RedisLedger, runs: RedisRuns
    ) -> None:
        self._truth = truth
        self._traffic = traffic
        self._codec = codec
        self._ledger = ledger
        self._runs = runs
        self._rows = Rows(truth, traffic)
        self._said = SaidEvents(truth)
        self._hash = script(truth, "reseal_hash")
        self._members = script(truth, "reseal_members")
        self._letters = script(truth, "reseal_stream")
        self._spoken = script(traffic, "reseal_stream")
        self._string = script(traffic, "reseal_string")

    def older(self, owner: Owner, job_id: str) -> bool:
        asked = {row["id"]: (int(row["created_at"] or 0), row["id"]) for _, row in self._rows.of(owner)
                 if row["kind"] in ERASING and row["status"] in OPEN}
        return job_id in asked and min(asked.values()) < asked[job_id]

    def working(self, owner: Owner) -> Collection[str]:
        return {row["kind"] for row in self._open(owner)}

    def stop(self, owner: Owner) -> None:
        for row in self._open(owner):
            self._ledger.cancel(owner.tenant, row["id"])
            self._runs.cancel(owner, row["id"])

    def remove_said(self, owner: Owner, event_ids: Sequence[str]) -> Mapping[str, int]:
        return self._said.remove(owner, event_ids)

    def remove_letters(self, owner: Owner, event_ids: Sequence[str], words: Sequence[str]) -> int:
        gone = 0
        for key, number, texts, event_id in self._buried(owner):
            if event_id in event_ids or any(quotes(text, words) for text in texts):
                with truth_errors():
                    removed: Any = self._truth.xdel(key, number)
                gone += int(removed)
        return gone

    def remove_jobs(self, owner: Owner, before: float) -> int:
        gone = 0
        for key, row in self._rows.of(owner):
            told = row["kind"] not in NOT_STOPPED or (row["kind"] == "ingest" and row["status"] not in OPEN)
            if told and float(row["created_at"] or 0) / 1000 <= before:
                gone += self._rows.forget(owner, key, row)
        return gone

    def reseal(self, owner: Owner, keys: Collection[bytes]) -> Mapping[str, int]:
        done = {"short_term": 0, "jobs": 0, "dead_letters": 0, "runs": 0, "journal": 0}
        rows = list(self._rows.of(owner))
        shown: dict[str, list[str]] = {}
        for key, member, _ in self._said.shown(owner):
            if (fresh := self._fresh(owner, member, keys)) is not None:
                shown.setdefault(key, []).extend([member, fresh])
        for key, args in shown.items():
            done["short_term"] += self._replace(self._members, key, args, 2)
        # Requests go from rows into letters, and back.
        done["jobs"] += self._reseal_rows(owner, rows, keys)
        for stream in (keyspace.DEAD_LETTERS, *map(keyspace.dead_letters, QUEUES)):
            args = self._changes(owner, streamed(self._truth, stream), keys)
            done["dead_letters"] += self._replace(self._letters, stream, args, len(args))
        done["jobs"] += self._reseal_rows(owner, rows, keys)
        done["runs"] = self._reseal_traffic(owner, rows, keys)
        stale = {number: event_id for number, fields, event_id in self._said.entries(owner)
                 if any(self._fresh(owner, text, keys) is not None for text in fields.values())}
        done["journal"] = len(stale)
        self._said.drop_applied(owner, stale)
        return done

    def left(self, owner: Owner, event_ids: Sequence[str]) -> Mapping[str, int]:
        letters = sum(1 for *_, event_id in self._buried(owner) if event_id in event_ids)
        return {**self._said.left(owner, event_ids), "dead_letters": letters}

    def _open(self, owner: Owner) -> Iterator[Row]:
        return (row for _, row in self._rows.of(owner) if row["kind"] not in NOT_STOPPED and row["status"] in OPEN)

    def _reseal_rows(self, owner: Owner, rows: Sequence[tuple[str, Row]], keys: Collection[bytes]) -> int:
        done = 0
        for key, _ in rows:
            with truth_errors():
                texts: Any = self._truth.hmget(key, *TEXTS)
            args = [item for name, text in zip(TEXTS, texts, strict=True)
                    if text and (fresh := self._fresh(owner, text, keys)) is not None for item in (name, text, fresh)]
            done += self._replace(self._hash, key, args, 3)
        return done

    def _reseal_traffic(self, owner: Owner, rows: Sequence[tuple[str, Row]], keys: Collection[bytes]) -> int:
        done = 0
        for _, row in rows:
            key = keyspace.run(owner.tenant, row["id"])
            with traffic_errors():
                entries: Any = self._traffic.xrange(key)
            args = self._changes(owner, entries, keys)
            done += self._replace(self._spoken, key, args, len(args), traffic_errors)
        for names in scanned(self._traffic, keyspace.asked(owner.tenant, "") + "*", traffic_errors):
            with traffic_errors():
                bodies: Any = self._traffic.mget(names)
            for name, body in zip(names, bodies, strict=True):
                if body and (fresh := self._fresh(owner, body, keys)) is not None:
                    done += self._replace(self._string, name, [body, fresh], 2, traffic_errors)
        return done

    def _changes(
        self, owner: Owner, entries: Iterator[tuple[str, Mapping[str, str]]], keys: Collection[bytes]
    ) -> list[str]:
        return [item for number, fields in entries for name, text in fields.items()
                if (fresh := self._fresh(owner, text, keys)) is not None for item in (number, name, text, fresh)]

    def _replace(self, run: Any, key: str, args: list[str], width: int, errors: Any = truth_errors) -> int:
        """Replace texts, ``width`` arguments each; a stream is written anew once, so all of its texts are one."""
        done, step = 0, width * max(1, STEP // max(1, width))
        for start in range(0, len(args), step or 1):
            with errors():
                done += int(run([key], args[start : start + step]))
        return done

    def _fresh(self, owner: Owner, text: str, keys: Collection[bytes]) -> str | None:
        """The text sealed anew, also inside of a JSON object; None for one that none of these keys has sealed, or that
        is nobody's to read any more."""
        key = self._codec.key_of(text)
        try:
            if key is not None:
                return self._codec.seal(owner, self._codec.open(owner, text)) if key in keys else None
            if not text.startswith("{"):
                return None
            body = json.loads(text)
            fresh = {name: new for name, value in body.items()
                     if isinstance(value, str) and self._codec.key_of(value) is not None
                     and (new := self._fresh(owner, value, keys)) is not None}
        except (ValueError, RecursionError, Unreadable):
            return None
        return json.dumps({**body, **fresh}, ensure_ascii=False, separators=(",", ":")) if fresh else None

    def _buried(self, owner: Owner) -> Iterator[tuple[str, str, list[str], str]]:
        """Streams and numbers of the owner's dead letters, what they say, and of which event they are."""
        for number, fields in streamed(self._truth, keyspace.DEAD_LETTERS):
            # What could not be read as an event is sealed whole.
            said = self._codec.open(SYSTEM_LETTERS, fields.get("payload", ""))
            body = body_of(owner, fields, said)
            if body is not None:
                texts = [body.get("content"), body.get("name"), body.get("metadata"), fields.get("message")]
                yield keyspace.DEAD_LETTERS, number, self._told(owner, texts), str(
                    body.get("event_id") or fields.get("event_id") or "")
        for queue in QUEUES:
            for number, fields in streamed(self._truth, keyspace.dead_letters(queue)):
                mine = fields.get("tenant") == owner.tenant and fields.get("user") == keyspace.part(owner.user)
                if mine and fields.get("kind") not in ERASING:
                    texts = [fields.get("body"), fields.get("message")]
                    yield keyspace.dead_letters(queue), number, self._told(owner, texts), ""

    def _told(self, owner: Owner, texts: Sequence[Any]) -> list[str]:
        told = []
        for text in texts:
            try:
                told.append(self._codec.open(owner, text) if isinstance(text, str) else json.dumps(text))
            except Unreadable:
                continue
        return told
