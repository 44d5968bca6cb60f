"""What memory is made of: pages, segments, facts, and what a retrieval gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from memoryos_tasks.core.events import Role


class Kind(StrEnum):
    """The kinds of stored items."""

    TURN = "turn"
    PAGE = "page"
    SEGMENT = "segment"
    KNOWLEDGE = "knowledge"
    TRAIT = "trait"


class Tier(StrEnum):
    """The tiers as clients name them."""

    SHORT = "short_term"
    MID = "mid_term"
    LONG = "long_term"


#: The place of a turn that is still in short-term memory.
IN_STM = "stm"
#: The place of a turn whose page was evicted; also the kind of a turn that the age policy hides from searches.
FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True)
class Fact:
    """One belief about a user: ``subject`` ``attribute`` ``value``, from these source events.

    ``kind`` is TRAIT for who the user is and prefers (the profile), KNOWLEDGE otherwise. ``many`` says
    that the slot (subject, attribute) holds several values at once (likes), so a new one does not supersede.
    Times are seconds since the epoch, UTC; ``valid_to`` is None while it is believed.
    """

    kind: Kind
    subject: str
    attribute: str
    value: str
    #: The sentence that a prompt shows, in the language that the user used.
    text: str
    sources: tuple[str, ...]
    valid_from: float
    valid_to: float | None = None
    superseded_by: str | None = None
    many: bool = False
    confidence: float = 1.0
    id: str = ""
    #: The name of who told it of themselves and their world; known only until it is believed.
    speaker: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Page:
    """One exchange (or a lone message) with the ids of its events, oldest first."""

    id: str
    event_ids: tuple[str, ...]
    text: str
    timestamp: float
    session: str
    segment_id: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """Pages of one user about one topic."""

    id: str
    summary: str
    keywords: tuple[str, ...]
    vector: tuple[float, ...]
    page_ids: tuple[str, ...]
    #: How many of ``page_ids``, counted from the first, have been analysed for facts.
    analysed: int
    visits: int
    heat: float
    created_at: float
    visited_at: float
    #: The faded visits and pages of the heat, as they were at ``warmed_at``; None for one written before it was kept.
    warmth: float | None = None
    warmed_at: float = 0.0
    #: Where it is going: the id of the segment that takes its pages, or FORGOTTEN. No page joins it meanwhile.
    into: str = ""
    #: How many pages it had when it was last compared with others and summarised.
    tidied: int = 0
    #: Whether a model wrote the summary; else it is made of chosen sentences.
    written: bool = False


class Recalled(NamedTuple):
    """One item that a retrieval found, best first in its list. A raw turn has one source: its event id."""

    id: str
    kind: Kind
    tier: Tier
    content: str
    score: float
    sources: tuple[str, ...]
    created_at: float
    session: str = ""
    role: Role | None = None
    name: str | None = None
    #: Where it stands: "stm" or the page of a turn, the segment of a page.
    place: str = ""
    #: What the score is the sum of, by name.
    parts: Mapping[str, float] = MappingProxyType({})
    #: When a fact ended, in seconds since the epoch.
    ended: float | None = None
