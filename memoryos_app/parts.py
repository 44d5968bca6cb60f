"""What the views need of the world, wired once per process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from flask import Flask, current_app

from memoryos_app.hangups import Hangups
from memoryos_app.inbox import Inbox, Listening, RedisSource, new_id
from memoryos_app.keyring import KeyRing
from memoryos_app.watch import Watch, Watching
from memoryos_tasks.adapters.config.live import LiveSettings
from memoryos_tasks.adapters.plane.buckets import LocalBuckets, RedisBuckets
from memoryos_tasks.adapters.redis.backlog import Backlog, look
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.dead_letters import DeadLetters
from memoryos_tasks.ports.faq import Shelf
from memoryos_tasks.ports.journal import Journal
from memoryos_tasks.ports.ledger import Ledger
from memoryos_tasks.ports.plane.limits import Limiter
from memoryos_tasks.ports.runs import Runs

_EXTENSION = "memoryos"
#: Seconds after its last word for which this process counts as listening; longer than a restart of Redis.
LISTENING_SECONDS = 30
#: Time limit of the watch's own questions, in seconds.
PING_SECONDS = 0.5


class Doorbell(Protocol):
    """Tells the workers that there is work. Raises :class:`TrafficDown`."""

    def ring(
        self,
        task: str,
        args: tuple[str, ...],
        *,
        queue: str,
        task_id: str,
        request_id: str,
        expires: float | None = None,
    ) -> None: ...


@dataclass(frozen=True)
class Parts:
    """Everything a request may touch. ``backlog`` asks the stores and may raise."""

    settings: Callable[[], Settings]
    journal: Journal
    ledger: Ledger
    runs: Runs
    doorbell: Doorbell
    keys: KeyRing
    watch: Watching
    inbox: Listening
    hangups: Hangups
    dead_letters: DeadLetters
    faqs: Shelf
    limiter: Limiter = field(default_factory=LocalBuckets)
    backlog: Callable[[], Backlog] = Backlog
    close: Callable[[], None] = lambda: None


@dataclass
class _Holder:
    settings: Callable[[], Settings]
    live: LiveSettings | None
    given: Parts | None
    lock: threading.Lock
    pid: int = 0
    made: Parts | None = None


def install(
    app: Flask, settings: Callable[[], Settings], live: LiveSettings | None, given: Parts | None
) -> None:
    """Remember how to make the parts; nothing is opened yet."""
    app.extensions[_EXTENSION] = _Holder(settings, live, given, threading.Lock())


def parts() -> Parts:
    """The parts of this process, made on first use, so that a fork after ``create_app`` is harmless."""
    holder: _Holder = current_app.extensions[_EXTENSION]
    if holder.given is not None:
        return holder.given
    if holder.made is None or holder.pid != os.getpid():
        with holder.lock:
            if holder.made is None or holder.pid != os.getpid():
                holder.made = wire(holder.settings, holder.live)
                holder.pid = os.getpid()
    return holder.made


def close(app: Flask) -> None:
    """Stop the threads of this process; for servers that end in an orderly way, and tests."""
    holder: _Holder = app.extensions[_EXTENSION]
    if holder.made is not None and holder.pid == os.getpid():
        holder.made.close()
        holder.made = None


def wire(settings: Callable[[], Settings], live: LiveSettings | None = None) -> Parts:
    """The real parts, with their threads running."""
    from memoryos_tasks.adapters.codec.sealed import SealedCodec
    from memoryos_tasks.adapters.redis import keyspace
    from memoryos_tasks.adapters.redis.connections import traffic, truth
    from memoryos_tasks.adapters.redis.dead_letters import RedisDeadLetters
    from memoryos_tasks.adapters.redis.faq import RedisFaqs
    from memoryos_tasks.adapters.redis.journal import RedisJournal
    from memoryos_tasks.adapters.redis.keys import KeyStore
    from memoryos_tasks.adapters.redis.ledger import RedisLedger
    from memoryos_tasks.adapters.redis.presence import Presence, claim_vault
    from memoryos_tasks.adapters.redis.runs import RedisRuns
    from memoryos_tasks.adapters.vault.files import FileVault
    from memoryos_tasks.publisher import Publisher

    now = settings()
    quick = replace(now, redis=replace(now.redis, timeout=min(PING_SECONDS, now.redis.timeout)))
    vault = FileVault(now.vault_dir)
    codec = SealedCodec(vault)
    record, news, slow = truth(now), traffic(now), traffic(now, block=True)
    ping_record, ping_news = truth(quick), traffic(quick)
    claim_vault(ping_record, vault.identity, vault.path)
    ledger = RedisLedger(record, codec, now.jobs)
    runs = RedisRuns(news, codec, block=slow)
    inbox_id = new_id()
    # A write says more than a ping: that the store takes writes, and that somebody listens to this inbox.
    here = keyspace.listening(inbox_id)
    watch = Watch(lambda: ping_record.set(here, 1, ex=LISTENING_SECONDS), ping_news.ping, Presence(ping_news).workers)
    inbox = Inbox(RedisSource(slow, keyspace.inbox_key(inbox_id), news), codec, runs, inbox_id)
    hangups = Hangups(ledger, runs, lambda: settings().gateway.disconnect_grace)
    keys = KeyRing(KeyStore(record).find, lambda: watch.state.truth)
    if live is not None:
        _follow(live)
    watch.start()
    inbox.start()

    def close() -> None:
        watch.stop()
        inbox.stop()
        hangups.stop()
        if live is not None:
            live.stop()

    journal = RedisJournal(record, codec, group=now.worker.group, consumer=now.worker.consumer,
                           most_pending=now.jobs.max_pending_events)
    return Parts(
        settings,
        journal,
        ledger,
        runs,
        Publisher(now),
        keys,
        watch,
        inbox,
        hangups,
        RedisDeadLetters(record, codec, now.jobs),
        RedisFaqs(record, codec, vault.secret),
        RedisBuckets(record),
        backlog=lambda: look(ping_record, ping_news),
        close=close,
    )


def _follow(live: LiveSettings) -> None:
    from memoryos_tasks import logs

    live.on_change(lambda _, new: logs.set_level(new.log.level))
    live.watch()

