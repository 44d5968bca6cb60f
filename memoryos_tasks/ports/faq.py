"""The shelf of a tenant's FAQs, and what is asked often enough to come there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.faq_heat import Stats

#: The user whose key seals what belongs to a tenant's FAQs and came from none of its users. No client's user is named
#: so, since their names hold no control characters.
FAQ_USER = "\x01faq"
#: The same for exports, which hold users' words: this key is destroyed with the first of them who is erased.
EXPORT_USER = "\x01faq export"


class State(StrEnum):
    """Where a question stands."""

    #: It is answered without a model.
    LIVE = "live"
    #: It qualifies, and waits to be promoted.
    CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True)
class Faq:
    """One question and its answer. ``source`` is the user who asked it so, None when it was written by hand.

    ``any_scope``: it answers under every system prompt, not only under the one that it was asked under. Times are in
    seconds since the epoch, UTC.
    """

    id: str
    question: str
    answer: str
    source: str | None = None
    any_scope: bool = False
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Ask:
    """One ask, to be counted. Without an ``answer`` (a hit; memory was used) it is counted and not compared."""

    owner: Owner
    id: str
    question: str
    answer: str = ""
    at: float = 0.0
    hit: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """One wording and the answer that it got. ``place`` says where it is kept, ``sealed`` how."""

    place: int
    user: str
    question: str
    answer: str
    sealed: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Unit:
    """All that is kept of one question: asks by day since the epoch, who asked, samples, and the FAQ if it is one."""

    id: str
    asks: Mapping[int, int]
    users: int
    samples: Sequence[Sample]
    live: bool = False
    #: Written by hand, or demoted by hand: beat neither demotes the first nor promotes the second.
    by_hand: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A question as an operator sees it. ``faq`` is None when its text can no longer be read."""

    id: str
    state: State
    stats: Stats
    hits: int
    faq: Faq | None


@dataclass(frozen=True, slots=True)
class Totals:
    """Of one tenant: FAQs, candidates, questions that are counted, and hits of the questions that are kept."""

    live: int
    candidates: int
    questions: int
    hits: int


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the history, without any text."""

    at: float
    id: str
    action: str
    by: str
    asks: int = 0
    heat: float = 0.0
    similarity: float = 0.0


class Shelf(Protocol):
    """Raises :class:`TruthDown` and :class:`VaultDown`."""

    def identity(self, tenant: str, gist: Sequence[str], scope: str | None) -> str:
        """The id of a question: a keyed hash of its gist and of its system prompt; ``scope`` None: of any."""

    def find(self, tenant: str, gist: Sequence[str], scope: str) -> tuple[Faq | None, int]:
        """The FAQ of this gist, under this system prompt or any; and how many FAQs the tenant has. One round trip."""

    def note(self, asks: Sequence[Ask], *, watch_from: int, most: int) -> None:
        """Count asks, and keep the newest samples. A question asked ``watch_from`` times is to be looked at soon; of
        more than ``most`` questions of a tenant those asked longest ago are forgotten."""

    def due(self, *, count: int) -> list[tuple[str, str]]:
        """(tenant, id) of questions that are to be looked at now."""

    def unit(self, tenant: str, id: str) -> Unit:
        """What is kept of a question; an empty one when nothing is."""

    def looked(self, tenant: str, id: str, stats: Stats, *, candidate: bool, again: float) -> None:
        """Note what was found; it is due again in ``again`` seconds."""

    def promote(self, tenant: str, unit: Unit, sample: Sample, *, by: str) -> bool:
        """Put a sample on the shelf; False when it has gone meanwhile, as when its user was erased."""

    def write(self, tenant: str, faq: Faq, *, by: str) -> None:
        """Put a hand-written FAQ on the shelf, in place of one with the same id."""

    def demote(self, tenant: str, id: str, *, by: str, hold: bool) -> bool:
        """Take an FAQ off the shelf; False when there was none. ``hold``: beat shall not promote it again."""

    def drop(self, tenant: str, id: str) -> None:
        """Forget what was kept of a question that is no FAQ."""

    def rows(self, tenant: str, state: State, *, start: int, count: int) -> tuple[list[Row], int]:
        """FAQs, the newest first, or candidates, the hottest first; and how many there are."""

    def row(self, tenant: str, id: str) -> Row:
        """One of them. Raises :class:`NotFound`."""

    def totals(self, tenant: str) -> Totals:
        """How much there is of what."""

    def history(self, tenant: str, id: str | None, *, count: int) -> list[Step]:
        """What became of the tenant's FAQs, or of one, newest first."""

    def forget(self, owner: Owner) -> int:
        """Remove everything that came from this user, FAQs in the user's words among it; how many questions."""
