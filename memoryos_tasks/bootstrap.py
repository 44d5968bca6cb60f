"""Where adapters meet ports: everything that a worker's tasks call, made once a process."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import redis

from memoryos_tasks.adapters.codec.sealed import SealedCodec
from memoryos_tasks.adapters.config.live import LiveSettings
from memoryos_tasks.adapters.embedding.choose import configured_embedder, former_embedder, space_of
from memoryos_tasks.adapters.leases import LeaseKeeper
from memoryos_tasks.adapters.llm.fleet import LiveFleet, LiveGuard, LiveProviders
from memoryos_tasks.adapters.plane.figures import RedisFigures
from memoryos_tasks.adapters.plane.machine import Machine
from memoryos_tasks.adapters.plane.queue_loads import RedisQueueLoads
from memoryos_tasks.adapters.plane.recorded import RedisRecorded
from memoryos_tasks.adapters.plane.records import Records
from memoryos_tasks.adapters.plane.sessions import RedisSessions
from memoryos_tasks.adapters.plane.traces import RedisTraces
from memoryos_tasks.adapters.redis.connections import traffic, truth
from memoryos_tasks.adapters.redis.counters import RedisCounters
from memoryos_tasks.adapters.redis.dead_letters import RedisDeadLetters
from memoryos_tasks.adapters.redis.embedders import RedisEmbedders
from memoryos_tasks.adapters.redis.journal import RedisJournal
from memoryos_tasks.adapters.redis.keepsakes import RedisKeepsakes
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.adapters.redis.locks import RedisLocks
from memoryos_tasks.adapters.redis.presence import Presence
from memoryos_tasks.adapters.redis.remains import RedisRemains
from memoryos_tasks.adapters.redis.resealing import RedisResealing
from memoryos_tasks.adapters.redis.runs import RedisRuns
from memoryos_tasks.adapters.redis.slots import RedisSlots
from memoryos_tasks.adapters.redis.stm import RedisStm
from memoryos_tasks.adapters.redis.upkeep import RedisUpkeep
from memoryos_tasks.adapters.redis.visits import RedisVisits
from memoryos_tasks.adapters.tokenizers.bpe import BpeTokenizers
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.adapters.vectors.open import open_vectors, write_out
from memoryos_tasks.adapters.vectors.queue import QueueStore
from memoryos_tasks.adapters.vectors.shared import SharedStore
from memoryos_tasks.core.embedding import Space
from memoryos_tasks.core.errors import Unavailable
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.eviction import Policy
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.faq_parts import FaqParts, faq_parts
from memoryos_tasks.plane_parts import PlaneParts, plane_parts
from memoryos_tasks.ports.embedder import Embedder
from memoryos_tasks.ports.llm import Provider
from memoryos_tasks.ports.spaces import SpacedStore
from memoryos_tasks.ports.vectors import VectorStore
from memoryos_tasks.publisher import Publisher
from memoryos_tasks.queues import MEMORY
from memoryos_tasks.services import wanted
from memoryos_tasks.services.analysis import Analyst
from memoryos_tasks.services.answering import Answers, Limits
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.changes import Changes
from memoryos_tasks.services.chat import Chats
from memoryos_tasks.services.compaction import Compaction
from memoryos_tasks.services.consolidation import Consolidation
from memoryos_tasks.services.context import Contexts
from memoryos_tasks.services.discretion import Discretion
from memoryos_tasks.services.erasure import Erasure
from memoryos_tasks.services.exporting import Exporting
from memoryos_tasks.services.history import History
from memoryos_tasks.services.importing import Importing
from memoryos_tasks.services.ingest import Ingest
from memoryos_tasks.services.item_erasure import Doors, ItemErasure
from memoryos_tasks.services.items import Items
from memoryos_tasks.services.plane.watching import Watching
from memoryos_tasks.services.promotion import Promotion
from memoryos_tasks.services.prompts import Prompts, policy_of
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.reindexing import Reindexing
from memoryos_tasks.services.removal import Removal
from memoryos_tasks.services.retrieval import Retrieval
from memoryos_tasks.services.routing import Router, guard_towards
from memoryos_tasks.services.segments import Segments
from memoryos_tasks.services.topics import Topics
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
    records: Records
    recorded: RedisRecorded
    watching: Watching
    queue_loads: RedisQueueLoads
    figures: RedisFigures
    #: The embedder of the settings, and the one that memory is searched and written with now.
    configured: Embedder
    embedder: Embedder
    embedders: RedisEmbedders
    reindexing: Reindexing
    #: Holds something once the deployment has been told of the configured embedder.
    told: list[bool]
    #: The whole store, and the same with the vectors of ``embedder``.
    store: SpacedStore
    vectors: VectorStore
    shared: SharedStore | None
    providers: Callable[[], Mapping[str, Provider]]
    ingest: Ingest
    consolidation: Consolidation
    promotion: Promotion
    upkeep: RedisUpkeep
    compaction: Compaction
    chats: Chats
    retrieval: Retrieval
    history: History
    erasure: Erasure
    item_erasure: ItemErasure
    vault: FileVault
    items: Items
    changes: Changes
    exporting: Exporting
    importing: Importing
    faq: FaqParts
    plane: PlaneParts


#: Seconds between two looks at which embedder is active.
LOOK_SECONDS = 1.0

_lock = threading.Lock()
_house: House | None = None
_pid = 0
_look_at = 0.0


def house() -> House:
    """The house of this process, built on first use (and anew after a fork, or when another embedder takes over)."""
    global _house, _pid
    if _house is None or _pid != os.getpid():
        with _lock:
            if _house is None or _pid != os.getpid():
                _house, _pid = _followed(build(LiveSettings(os.environ))), os.getpid()
    elif time.monotonic() >= _look_at and _lock.acquire(blocking=False):
        try:
            _house = _followed(_house)
        finally:
            _lock.release()
    return _house


def _followed(parts: House) -> House:
    """The parts for the embedder that is active now. Without the store of record nothing changes."""
    global _look_at
    _look_at = time.monotonic() + LOOK_SECONDS
    try:
        if not parts.told:
            parts.embedders.want(space_of(parts.configured))
            parts.told.append(True)
        active = parts.embedders.course().active
    except Unavailable:
        return parts
    return parts if active == space_of(parts.embedder) else build(parts.live, active=active, kept=parts)


def consumer_name(settings: Settings) -> str:
    """This process' name among the journal's consumers."""
    return settings.worker.consumer or f"{socket.gethostname()}-{os.getpid()}"


def build(live: LiveSettings, *, active: Space | None = None, kept: House | None = None) -> House:
    """Wire a house; opens no connection and no store yet, but loads the embedder.

    ``active``: the space that is searched and written (default: that of the configured embedder); ``kept``: the house
    before, whose store, leases and visits go on.
    """
    # A change that waits for a restart waits for it.
    settings, clock = kept.settings if kept else live.current, time.time
    vault = FileVault(settings.vault_dir)
    codec = SealedCodec(vault)
    record, news = truth(settings), traffic(settings)
    waiting = traffic(settings, block=True)
    publisher = Publisher(settings)
    guard = LiveGuard(live)
    chosen = kept.configured if kept else configured_embedder(settings, guard.keeps)
    embedder = chosen if active in (None, space_of(chosen)) else former_embedder(settings, active, guard.keeps)
    remote = QueueStore(waiting, publisher, timeout=settings.vectors.timeout)
    store, shared = (kept.store, kept.shared) if kept else open_vectors(settings, remote)
    vectors = store.within(space_of(embedder))
    journal = RedisJournal(record, codec, group=settings.worker.group, consumer=consumer_name(settings))
    ledger = RedisLedger(record, codec, settings.jobs)
    runs, stm, locks = RedisRuns(news, codec, block=waiting), RedisStm(record, codec), RedisLocks(record)
    recall = Recall(vectors, embedder, codec, vault.secret)
    beliefs, segments = Beliefs(vectors, recall, codec, vault.secret), Segments(vectors, recall, codec)
    capacity, visits = settings.memory.stm_capacity, kept.visits if kept else RedisVisits(news)

    def overflow(owner: Owner, session: str) -> None:
        wanted.consolidate(ledger, owner, session, keep=capacity)

    def go_on() -> None:
        with suppress(Unavailable):  # The sweeper looks anyway.
            publisher.ring("memory.ingest", queue=MEMORY)

    ingest = Ingest(journal, stm, recall, beliefs, locks, runs, capacity, overflow, go_on)
    contexts = Contexts(stm, recall, beliefs, clock, capacity, settle=ingest.settle)
    keepsakes = RedisKeepsakes(news, codec)
    configured = LiveProviders(live, keepsakes)
    fleet = LiveFleet(live, configured, guard, keepsakes)
    jobs = settings.jobs
    keeper = kept.keeper if kept else LeaseKeeper(ledger, interval=jobs.renew_seconds, lease_seconds=jobs.lease_seconds)
    embedders = RedisEmbedders(record)
    upkeep, counters = RedisUpkeep(record), RedisCounters(record)
    analyst = Analyst(configured, lambda: live.current.memory.analyst_model, counters,
                      lambda model: guard_towards(fleet(), model))
    promotion = Promotion(segments, beliefs, recall, locks, clock, analyst, settings.memory.promote_heat)
    limits = Limits(settings.jobs.chat_deadline, settings.memory.retrieve_limit,
                    settings.memory.prompt_budget_tokens, settings.jobs.max_attempts)
    items = Items(vectors, recall, beliefs, segments, codec, settle=ingest.settle)
    removal = Removal(vectors, recall, beliefs, segments, stm, embedder, codec)
    remains = RedisRemains(record, news, codec, ledger, runs)
    faq = faq_parts(live, record, codec, vault, remains, embedder, guard.hit)

    def forget(owner: Owner) -> None:
        upkeep.forget(owner)
        faq.forgetting.user(owner)

    def forget_said(owner: Owner) -> None:
        faq.forgetting.user(owner)
        keepsakes.forget(owner)
        RedisSessions(record, codec).forget(owner)

    answers = Answers(
        runs, contexts, Router(fleet, RedisSlots(news)), Discretion(recall, segments),
        Topics(segments, clock, settings.memory.promote_heat), limits, visits.note, known=faq.faqs,
        prompts=Prompts(BpeTokenizers(), lambda: policy_of(live.current)),
    )
    records = kept.records if kept else Records(record, news, settings.observe)
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
        records=records,
        recorded=RedisRecorded(record, news, settings.observe),
        watching=Watching(RedisTraces(news, settings.observe), counters, lambda: live.current.observe.rules, clock),
        queue_loads=RedisQueueLoads(record, news),
        figures=kept.figures if kept else RedisFigures(news, Machine()),
        configured=chosen,
        embedder=embedder,
        embedders=embedders,
        reindexing=Reindexing(
            store, embedders, _embedder_of(settings, guard, chosen, embedder), codec, locks, counters),
        told=kept.told if kept else [],
        store=store,
        vectors=vectors,
        shared=shared,
        providers=configured,
        ingest=ingest,
        consolidation=Consolidation(stm, segments, embedder, locks, clock),
        promotion=promotion,
        upkeep=upkeep,
        compaction=Compaction(segments, promotion, locks, upkeep, counters, lambda: _policy(live), clock),
        chats=Chats(ledger, runs, answers, keeper, limits),
        retrieval=Retrieval(recall, beliefs, contexts, clock, settle=ingest.settle, visited=visits.note),
        history=History(stm, vectors, recall, settle=ingest.settle),
        items=items,
        changes=Changes(items, beliefs, segments, removal, vectors, codec, locks),
        exporting=Exporting(journal, vectors, recall, beliefs, segments, ingest.settle, clock),
        importing=Importing(ledger, beliefs, locks, ingest.drain),
        vault=vault,
        erasure=Erasure(remains, vectors, vault, locks, clock, forget=forget, settle=lambda: write_out(shared)),
        item_erasure=ItemErasure(removal, Doors(remains, RedisResealing(record, news, codec, ledger, runs), vault),
                                 vectors, codec, locks, clock, settle=lambda: write_out(shared), forget=forget_said),
        faq=faq,
        plane=kept.plane if kept else plane_parts(
            live, record, news, codec, ledger, runs, keeper, limits, records.note, guard.hit),
    )


def _embedder_of(settings: Settings, guard: LiveGuard, *made: Embedder) -> Callable[[Space], Embedder]:
    """The embedder of a space: one that is made already, or one that another worker wants."""

    def found(space: Space) -> Embedder:
        known = next((one for one in made if space_of(one) == space), None)
        return known or former_embedder(settings, space, guard.keeps)

    return found


def _policy(live: LiveSettings) -> Policy:
    """What mid-term memory may hold, by the settings in force."""
    memory = live.current.memory
    return Policy(memory.max_segments, memory.max_pages, memory.forget_after_days * 86_400, memory.compact_seconds)
