"""Pages out of events, and segments out of pages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from operator import mul

from memoryos_tasks.core import heat
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import Page, Segment
from memoryos_tasks.core.text import sentences

#: Least ``cos + jaccard`` with which a page joins a segment, by embedder: scores of one are not scores of another.
#: 0.6 is the published value for MiniLM (arXiv 2506.06326). With static vectors it gives 4 to 5 pages a segment on long
#: two-person conversations, and neighbouring pages share a segment 3 to 4 times as often as pages of other sessions.
THRESHOLDS = {"static": 0.6, "none": 0.2}
#: The same for families of models, by what their names contain. Some give any two texts a high cosine (by their model
#: cards, e5 0.7 and bge 0.6): with 0.6 all pages of a user would be one segment.
FAMILIES = {"minilm": 0.6, "text-embedding-3": 0.6, "bge": 0.8, "e5": 0.95}
#: For a model that nobody has calibrated: rather two segments of one topic, which are merged when they prove identical,
#: than one of two.
DEFAULT_THRESHOLD = 0.8
#: Least cosine and least share of common keywords of two segments that are merged: far above what joins a page.
IDENTICAL = (0.85, 0.2)
#: Most keywords that a segment keeps, the longest-standing and shared ones first.
MAX_KEYWORDS = 40
#: Longest summary, in characters.
MAX_SUMMARY = 400


def threshold(embedder: str) -> float:
    """The joining threshold calibrated for the embedder of this name, ``provider`` or ``provider:model``."""
    provider, _, model = embedder.lower().partition(":")
    if provider in THRESHOLDS:
        return THRESHOLDS[provider]
    return next((limit for family, limit in FAMILIES.items() if family in model), DEFAULT_THRESHOLD)


def pages(events: Iterable[Event], known: Sequence[Page] = ()) -> list[Page]:
    """The pages that these events of one owner form, oldest first.

    ``known`` are pages of some of them that exist: they stay as they are, and the other events form theirs.

    In each session a user message, the tool messages after it and the assistant message that follows are one page;
    any other message is a page alone. Order is the journal's ``seq``; events that have none yet come last, as given.
    """
    ordered = sorted(events, key=lambda event: event.seq or math.inf)
    position = {event.event_id: at for at, event in enumerate(ordered)}
    taken = {event_id for page in known for event_id in page.event_ids}
    groups: list[list[Event]] = []
    open_groups: dict[str, list[Event]] = {}
    for event in ordered:
        if event.event_id in taken:
            continue
        group = open_groups.get(event.session)
        if group is not None and event.role in ("assistant", "tool"):
            group.append(event)
        else:
            group = [event]
            groups.append(group)
        if event.role == "user" or (event.role == "tool" and group[0].role == "user"):
            open_groups[event.session] = group
        else:
            open_groups.pop(event.session, None)
    return sorted([*known, *map(page, groups)], key=lambda page: position[page.event_ids[0]])


def page_id(event: Event) -> str:
    """The id of the page that begins with this event."""
    return event.owner.derive("page", event.event_id)


def page(events: Sequence[Event]) -> Page:
    """One page of these events, oldest first; at least one. Its id comes from the first event."""
    first = events[0]
    return Page(
        id=page_id(first),
        event_ids=tuple(event.event_id for event in events),
        text=page_text(events),
        timestamp=first.timestamp,
        session=first.session,
    )


def page_text(events: Iterable[Event]) -> str:
    """One line ``speaker: words`` for each event."""
    return "\n".join(f"{event.name or event.role}: {event.content.strip()}" for event in events)


def jaccard(one: Iterable[str], other: Iterable[str]) -> float:
    """|A ∩ B| / |A ∪ B|, and 0 for two empty sets."""
    a, b = set(one), set(other)
    return len(a & b) / len(a | b) if a or b else 0.0


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of two vectors; 0 where one is empty or zero."""
    if len(one) != len(other):
        raise ValueError("Vectors of two lengths cannot be compared.")
    norm = math.hypot(*one) * math.hypot(*other)
    return sum(map(mul, one, other)) / norm if norm else 0.0


def affinity(vector: Sequence[float], keywords: Iterable[str], segment: Segment) -> float:
    """``cos(page, segment) + jaccard(keywords)``: between −1 and 2."""
    near = cosine(vector, segment.vector) if vector and segment.vector else 0.0
    return near + jaccard(keywords, segment.keywords)


def best_segment(
    vector: Sequence[float], keywords: Sequence[str], segments: Iterable[Segment], threshold: float
) -> Segment | None:
    """The segment that a page with this vector and these keywords joins, or None if it founds a new one."""
    ranked = [(affinity(vector, keywords, segment), segment) for segment in segments]
    score, best = max(ranked, key=lambda pair: (pair[0], pair[1].visited_at), default=(0.0, None))
    return best if score > threshold else None


def found(owner: Owner, page: Page, vector: Sequence[float], keywords: Sequence[str], now: float) -> Segment:
    """A new segment of this one page. It counts as visited at ``now``, so that one just born is not cold."""
    return Segment(
        id=owner.derive("segment", page.id),
        summary=summarise(sentences(page.text), keywords),
        keywords=tuple(keywords[:MAX_KEYWORDS]),
        vector=_unit(vector),
        page_ids=(page.id,),
        analysed=0,
        visits=0,
        heat=heat.heat(0, 1, 0.0),
        created_at=now,
        visited_at=now,
        warmth=heat.BETA,
        warmed_at=now,
    )


def join(segment: Segment, page: Page, vector: Sequence[float], keywords: Sequence[str], now: float) -> Segment:
    """The segment with the page in it; the same segment if the page is in it already.

    The vector is the running mean of the pages' vectors, made a unit again at each step.
    """
    if page.id in segment.page_ids:
        return segment
    count = len(segment.page_ids)
    words = merge_keywords(segment.keywords, keywords)
    return replace(
        heat.warmed(segment, now, heat.BETA),
        summary=summarise(sentences(segment.summary) + sentences(page.text), words),
        keywords=words,
        vector=_mean(segment.vector, count, _unit(vector), 1),
        page_ids=(*segment.page_ids, page.id),
    )


def identical(one: Segment, other: Segment) -> bool:
    """Whether two segments are about the same, by the cosine of their vectors and the Jaccard index of their words."""
    least_cosine, least_shared = IDENTICAL
    if not one.vector or not other.vector:
        return False
    return jaccard(one.keywords, other.keywords) >= least_shared and cosine(one.vector, other.vector) >= least_cosine


def merged(target: Segment, source: Segment, now: float) -> Segment:
    """The target with all of the source in it; the target itself if the source's pages are in it already.

    The pages that were analysed in either stand first, so that none is analysed twice.
    """
    fresh = [id for id in source.page_ids if id not in set(target.page_ids)]
    if not fresh:
        return target
    done = set(source.page_ids[: source.analysed])
    analysed = (*target.page_ids[: target.analysed], *(id for id in fresh if id in done))
    waiting = (*target.page_ids[target.analysed :], *(id for id in fresh if id not in done))
    words = merge_keywords(target.keywords, source.keywords)
    warm = heat.warmed(target, now, heat.warmth(source, now))
    return replace(
        warm,
        summary=summarise(sentences(target.summary) + sentences(source.summary), words),
        keywords=words,
        vector=_mean(target.vector, len(target.page_ids), source.vector, len(fresh)),
        page_ids=(*analysed, *waiting),
        analysed=len(analysed),
        visits=target.visits + source.visits,
        created_at=min(target.created_at, source.created_at),
        visited_at=max(target.visited_at, source.visited_at),
    )


def retold(segment: Segment, pages: Sequence[Page]) -> Segment:
    """The segment with a summary chosen anew from these pages of it; one that a model wrote stays."""
    lines = [line for page in pages for line in sentences(page.text)]
    if not lines or segment.written:
        return segment
    return replace(segment, summary=summarise(lines, segment.keywords))


def merge_keywords(old: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    """Shared keywords first, then new and old in turn, each once, at most ``MAX_KEYWORDS``."""
    both = set(old) & set(new)
    merged = [word for word in old if word in both]
    fresh = [word for word in new if word not in both]
    stale = [word for word in old if word not in both]
    for index in range(max(len(fresh), len(stale))):
        merged += fresh[index : index + 1] + stale[index : index + 1]
    return tuple(dict.fromkeys(merged))[:MAX_KEYWORDS]


def summarise(lines: Sequence[str], keywords: Iterable[str]) -> str:
    """The lines that hold most of the keywords, in their own order, within ``MAX_SUMMARY`` characters."""
    wanted = [word.casefold() for word in keywords]
    unique = list(dict.fromkeys(line[:MAX_SUMMARY] for line in lines))

    def weight(index: int) -> tuple[int, int]:
        text = unique[index].casefold()
        return sum(word in text for word in wanted), index

    left = MAX_SUMMARY
    kept: list[int] = []
    for index in sorted(range(len(unique)), key=weight, reverse=True):
        if len(unique[index]) <= left:
            kept.append(index)
            left -= len(unique[index]) + 1
    return "\n".join(unique[index] for index in sorted(kept))


def _unit(vector: Sequence[float]) -> tuple[float, ...]:
    norm = math.hypot(*vector)
    return tuple(value / norm for value in vector) if norm else tuple(vector)


def _mean(one: Sequence[float], many: int, other: Sequence[float], more: int) -> tuple[float, ...]:
    """The mean of two means of so many vectors."""
    if not one or not other:
        return tuple(one or other)
    return _unit([a * many + b * more for a, b in zip(one, other, strict=True)])
