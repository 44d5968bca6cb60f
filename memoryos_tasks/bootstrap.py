"""Where adapters meet ports: everything that a worker's tasks call, made once a process."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import redis

from memoryos_tasks.adapters.codec.plain import PlainCodec
from memoryos_tasks.adapters.config.live import LiveSettings
from memoryos_tasks.adapters.embedding.static import StaticEmbedder
from memoryos_tasks.adapters.leases import LeaseKeeper
from memoryos_tasks.adapters.llm.registry import providers
from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.adapters.redis.connections import traffic, truth
from memoryos_tasks.adapters.redis.dead_letters import RedisDeadLetters
from memoryos_tasks.adapters.redis.journal import RedisJournal
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.adapters.redis.locks import RedisLocks
from memoryos_tasks.adapters.redis.presence import Presence, claim_store
from memoryos_tasks.adapters.redis.runs import RedisRuns
from memoryos_tasks.adapters.redis.stm import RedisStm
from memoryos_tasks.adapters.redis.visits import RedisVisits
from memoryos_tasks.adapters.vectors.edge import EdgeStore
from memoryos_tasks.adapters.vectors.queue import QueueStore
from memoryos_tasks.adapters.vectors.shared import SharedStore
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.llm import Provider
from memoryos_tasks.ports.vectors import VectorStore
from memoryos_tasks.publisher import Publisher
from memoryos_tasks.services import wanted
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.chat import Chats, Limits
from memoryos_tasks.services.consolidation import Consolidation
from memoryos_tasks.services.context import Contexts
from memoryos_tasks.services.history import History
from memoryos_tasks.services.ingest import Ingest
from memoryos_tasks.services.promotion import Promotion
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.retrieval import Retrieval
from memoryos_tasks.services.segments import Segments
from memoryos_tasks.services.work import Work


@dataclass(frozen=True)
class House:
    """The parts of one worker process."""

    settings: Settings
    live: LiveSettings
    traffic: redis.Redis
    publisher: Publisher
    journal: RedisJournal
    ledger: RedisLedger
    dead_letters: RedisDeadLetters
    keeper: LeaseKeeper
    work: Work
    runs: RedisRuns
    stm: RedisStm
    presence: Presence
    visits: RedisVisits
    vectors: VectorStore
    shared: SharedStore | None
    providers: Callable[[], Mapping[str, Provider]]
    ingest: Ingest
    consolidation: Consolidation
    promotion: Promotion
    chats: Chats
    retrieval: Retrieval
    history: History


_lock = threading.Lock()
_house: House | None = None
_pid = 0


def house() -> House:
    """The house of this process, built on first use (and anew after a fork)."""
    global _house, _pid
    if _house is None or _pid != os.getpid():
        with _lock:
            if _house is None or _pid != os.getpid():
                _house, _pid = build(LiveSettings(os.environ)), os.getpid()
    return _house


def consumer_name(settings: Settings) -> str:
    """This process' name among the journal's consumers."""
    return settings.worker.consumer or f"{socket.gethostname()}-{os.getpid()}"


def build(live: LiveSettings) -> House:
    """Wire a house; opens no connection and no store yet, but loads the embedder."""
    settings, codec, clock = live.current, PlainCodec(), time.time
    record, news = truth(settings), traffic(settings)
    waiting = traffic(settings, block=True)
    publisher = Publisher(settings)
    embedder = StaticEmbedder()
    vectors, shared = _vectors(settings, embedder.dimensions, QueueStore(
        waiting, publisher, timeout=settings.vectors.timeout
    ))
    journal = RedisJournal(record, codec, group=settings.worker.group, consumer=consumer_name(settings))
    ledger = RedisLedger(record, codec, settings.jobs)
    runs, stm, locks = RedisRuns(news, codec, block=waiting), RedisStm(record, codec), RedisLocks(record)
    recall = Recall(vectors, embedder, codec)
    beliefs, segments = Beliefs(vectors, recall, codec), Segments(vectors, recall, codec)
    capacity, visits = settings.memory.stm_capacity, RedisVisits(news)

    def overflow(owner: Owner, session: str) -> None:
        wanted.consolidate(ledger, owner, session, keep=capacity)

    ingest = Ingest(journal, stm, recall, beliefs, locks, runs, capacity, overflow)
    contexts = Contexts(stm, recall, beliefs, clock, capacity, settle=ingest.settle)
    configured = _providers(live)
    keeper = LeaseKeeper(ledger, interval=settings.jobs.renew_seconds, lease_seconds=settings.jobs.lease_seconds)
    limits = Limits(settings.jobs.chat_deadline, settings.memory.retrieve_limit,
                    settings.memory.prompt_budget_tokens, settings.jobs.max_attempts)
    return House(
        settings=settings,
        live=live,
        traffic=news,
        publisher=publisher,
        journal=journal,
        ledger=ledger,
        dead_letters=RedisDeadLetters(record, codec, settings.jobs),
        keeper=keeper,
        work=Work(ledger, keeper, settings.jobs.max_attempts),
        runs=runs,
        stm=stm,
        presence=Presence(news),
        visits=visits,
        vectors=vectors,
        shared=shared,
        providers=configured,
        ingest=ingest,
        consolidation=Consolidation(stm, segments, embedder, locks, clock),
        promotion=Promotion(segments, beliefs, recall, locks, clock, settings.memory.promote_heat),
        chats=Chats(ledger, runs, contexts, configured, keeper, limits, visits.note),
        retrieval=Retrieval(recall, beliefs, contexts, clock, settle=ingest.settle, visited=visits.note),
        history=History(stm, vectors, recall, settle=ingest.settle),
    )


def _vectors(settings: Settings, dimensions: int, remote: QueueStore) -> tuple[VectorStore, SharedStore | None]:
    limit = settings.vectors.timeout
    if settings.vectors.url:
        # Importing the client costs a second and 60 MB, so only those pay who use it.
        from memoryos_tasks.adapters.vectors.qdrant import QdrantStore, connect

        client = connect(settings.vectors.url, limit, api_key=settings.vectors.api_key)
        return QdrantStore(client, dimensions, timeout=limit), None
    shared = SharedStore(
        lambda: EdgeStore(settings.data_dir / "vectors", dimensions),
        remote,
        claim=lambda identity: claim_store(truth(settings), identity),
    )
    return shared, shared


def _providers(live: LiveSettings) -> Callable[[], Mapping[str, Provider]]:
    """The providers of the settings in force: made again when the settings change."""
    made: dict[str, tuple[object, Mapping[str, Provider]]] = {}

    def configured() -> Mapping[str, Provider]:
        llm = live.current.llm
        known = made.get("now")
        if known is None or known[0] is not llm:
            timeouts = Timeouts(llm.connect_timeout, llm.first_token_timeout, llm.idle_timeout)
            known = (llm, providers(openai_api_key=llm.openai_api_key, openai_base_url=llm.openai_base_url,
                                    timeouts=timeouts))
            made["now"] = known
        return known[1]

    return configured
