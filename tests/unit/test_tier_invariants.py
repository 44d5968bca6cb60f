"""Whatever happens in whatever order, and wherever a process dies: every event has one place, and sources exist."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from fake_vectors import FakeVectors
from fakes import FakeCounters, FakeHeld, FakeLocks, FakeStm, FakeUpkeep, WordEmbedder, make_event
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from plain_codec import PlainCodec

from memoryos_tasks.core import segmentation
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.eviction import NEWBORN, Policy
from memoryos_tasks.core.items import FORGOTTEN, IN_STM, Kind
from memoryos_tasks.ports.vectors import Hit, Where
from memoryos_tasks.services.analysis import Analyst
from memoryos_tasks.services.beliefs import FACTS, Beliefs
from memoryos_tasks.services.compaction import Compaction
from memoryos_tasks.services.consolidation import Consolidation
from memoryos_tasks.services.promotion import Promotion
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.segments import Segments

ALICE = Owner("acme", "alice")
SAID = (
    "I live in Hamburg", "I moved to Rome last summer", "I am allergic to peanuts and to grass pollen",
    "The roses in my garden need pruning", "My garden roses bloom in June", "我叫小明", "我住在北京海淀区",
    "我的税表还没有交", "税务局收到税表了吗", "I like old jazz records from the fifties",
)  # fmt: skip
SESSIONS = ("a", "乙")
#: Where a run dies: after so many writes, of the last of which a share is done. None: it does not.
DEATHS = st.tuples(st.integers(0, 3) | st.integers(4, 20), st.sampled_from([0.0, 0.5, 1.0])) | st.none()
WRITES = ("upsert", "patch", "patch_many", "delete")


class Killed(BaseException):
    """The process ends here; nobody catches it and nothing is tidied up."""


class Fuse:
    """A vector store and a short-term memory that die at a write."""

    def __init__(self, inner: Any, names: tuple[str, ...], left: list[Any]) -> None:
        self._inner, self._names, self._left = inner, names, left

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._inner, name)
        return self._watched(call) if name in self._names else call

    def _watched(self, call: Callable[..., None]) -> Callable[..., None]:
        def write(owner: Owner, many: Any, *args: Any, **options: Any) -> None:
            if self._left and self._left[0] == 0:
                share = self._left[1]
                if isinstance(many, str):  # a session: its events leave in one step
                    if share == 1:
                        call(owner, many, *args, **options)
                else:
                    call(owner, [*many][: int(len(many) * share)], *args, **options)
                raise Killed
            if self._left:
                self._left[0] -= 1
            call(owner, many, *args, **options)

        return write


class Tiers(RuleBasedStateMachine):
    """One user's memory; rules are what happens to it."""

    @initialize(most=st.integers(1, 4), forget=st.sampled_from([0.0, 50 * 3600.0]))
    def start(self, most: int, forget: float) -> None:
        self.left: list[Any] = []
        self.stored, self.held = FakeVectors(), FakeStm()
        vectors, stm = Fuse(self.stored, WRITES, self.left), Fuse(self.held, ("drop",), self.left)
        codec, embedder, self.locks = PlainCodec(), WordEmbedder(), FakeLocks()
        self.recall = Recall(self.stored, embedder, codec)
        self.segments = Segments(vectors, self.recall, codec)
        self.now, self.seq = 1_700_000_000.0, 0
        clock = lambda: self.now  # noqa: E731
        self.policy = Policy(segments=most, pages=3 * most, forget_after=forget)
        beliefs = Beliefs(vectors, self.recall, codec)
        self.consolidation = Consolidation(stm, self.segments, embedder, self.locks, clock)
        self.promotion = Promotion(
            self.segments, beliefs, self.recall, self.locks, clock, Analyst(dict, lambda: "", FakeCounters())
        )
        self.compaction = Compaction(
            self.segments, self.promotion, self.locks, FakeUpkeep(), FakeCounters(), lambda: self.policy, clock
        )
        self.live(0, len(SAID))

    def attempt(self, run: Callable[[], object], death: tuple[int, float] | None) -> None:
        """One run under a lock of its own, which may die on the way."""
        token = (self.locks.held.token if self.locks.held else 0) + 1
        self.locks.held, self.held.token = FakeHeld(token), token
        self.left[:] = death or ()
        try:
            run()
        except Killed:
            pass
        finally:
            self.left.clear()

    @rule(first=st.integers(0, len(SAID) - 1), many=st.integers(1, 5))
    def live(self, first: int, many: int) -> None:
        """Several topics become mid-term memory, and are not newborn any more."""
        for at in range(first, first + many):
            session = SESSIONS[at % 2]
            self.hear(session, [SAID[at % len(SAID)]], bool(at % 3))
            self.consolidate(session, 0, None)
        self.now += 2 * 3600

    @rule(
        session=st.sampled_from(SESSIONS),
        texts=st.lists(st.sampled_from(SAID), min_size=1, max_size=4),
        reply=st.booleans(),
    )
    def hear(self, session: str, texts: list[str], reply: bool) -> None:
        events = []
        for text in texts:
            for role, words in [("user", text), ("assistant", "Noted.")][: 1 + reply]:
                self.seq += 1
                fields = {"role": role, "seq": self.seq, "session": session, "timestamp": self.now}
                events.append(make_event(ALICE, f"e{self.seq}", words, **fields))
        self.held.held.setdefault((ALICE, session), []).extend(events)
        self.recall.index(events, {})

    @rule(session=st.sampled_from(SESSIONS), keep=st.integers(0, 4), death=DEATHS)
    def consolidate(self, session: str, keep: int, death: tuple[int, float] | None) -> None:
        self.attempt(lambda: self.consolidation.run(ALICE, session, keep=keep), death)

    @rule(visits=st.integers(0, 9), at=st.integers(0, 99), death=DEATHS)
    def promote(self, visits: int, at: int, death: tuple[int, float] | None) -> None:
        pages = self.kind(Kind.PAGE)
        seen = {pages[at % len(pages)].id: visits} if pages and visits else {}
        self.attempt(lambda: self.promotion.run(ALICE, Visited(seen)), death)

    @rule(death=DEATHS)
    def compact(self, death: tuple[int, float] | None) -> None:
        # Given what may leave: what was read for facts, in a segment that was not just born
        may = {
            page
            for segment in self.segments.all(ALICE)
            if self.now - segment.created_at >= NEWBORN and segment.analysed == len(segment.page_ids)
            for page in segment.page_ids
        }
        before = {page.id for page in self.kind(Kind.PAGE)}
        self.attempt(lambda: self.compaction.run(ALICE), death)
        # Then nothing else has left
        assert before - {page.id for page in self.kind(Kind.PAGE)} <= may

    @rule(hours=st.sampled_from([0.1, 2.0, 60.0]))
    def wait(self, hours: float) -> None:
        self.now += hours * 3600

    def teardown(self) -> None:
        """When every run that died is made again, then everything is in order."""
        if not hasattr(self, "compaction"):
            return
        for session in SESSIONS:
            self.attempt(lambda session=session: self.consolidation.run(ALICE, session, keep=0), None)  # type: ignore[misc]
        for _ in range(5):
            self.attempt(lambda: self.compaction.run(ALICE), None)
        segments, pages = self.segments.all(ALICE), self.kind(Kind.PAGE)
        listed = Counter((page, segment.id) for segment in segments for page in segment.page_ids)
        assert listed == Counter((page.id, page.payload["segment"]) for page in pages), "a page is not in one segment"
        holder = {id: page.id for page in pages for id in page.payload["sources"]}
        places = {id: hit.payload["place"] for id, hit in self.turns().items()}
        assert places == {id: holder.get(id, FORGOTTEN) for id in places}, "a turn does not know its place"
        assert not any(segment.into for segment in segments)
        old = [one for one in segments if self.now - one.created_at >= NEWBORN]
        assert len(old) <= self.policy.segments, "there is more than there may be"

    @invariant()
    def every_event_has_one_place(self) -> None:
        paged = Counter(id for page in self.kind(Kind.PAGE) for id in page.payload["sources"])
        assert set(paged.values()) <= {1}, "an event stands in two pages"
        waiting = {event.event_id for events in self.held.held.values() for event in events}
        turns = self.turns()
        assert len(turns) == self.seq, "an event has no turn"
        for id, hit in turns.items():
            assert id in paged or id in waiting or hit.payload["place"] == FORGOTTEN, "an event has no place"
            assert hit.payload["place"] != IN_STM or id in waiting or id in paged

    @invariant()
    def sources_exist(self) -> None:
        known = set(self.turns())
        for kind in (Kind.PAGE.value, *FACTS):
            for hit in self.stored.scroll(Where(ALICE, kinds=(kind,)))[0]:
                assert hit.payload["sources"]
                assert known.issuperset(hit.payload["sources"])

    def kind(self, kind: Kind) -> list[Hit]:
        return self.stored.scroll(Where(ALICE, kinds=(kind.value,)))[0]

    def turns(self) -> dict[str, Hit]:
        found = self.stored.scroll(Where(ALICE, kinds=(Kind.TURN.value, FORGOTTEN)))[0]
        return {hit.payload["event_id"]: hit for hit in found}


class Visited:
    """Visits that are counted once."""

    def __init__(self, counts: dict[str, int]) -> None:
        self.counts = counts

    def noted(self, owner: Owner) -> dict[str, int]:
        return dict(self.counts)

    def counted(self, owner: Owner, visits: Any) -> None:
        self.counts = {}


@pytest.mark.parametrize("identical", [(0.15, 0.02), segmentation.IDENTICAL])
def test_events_keep_one_place_each_whatever_happens(
    identical: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Segments merge at once, or as they do
    monkeypatch.setattr(segmentation, "IDENTICAL", identical)
    quick = settings(
        max_examples=30, stateful_step_count=15, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(Tiers, settings=quick)  # type: ignore[no-untyped-call]
