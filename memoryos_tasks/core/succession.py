"""Which of several messages that answer one question holds now.

Facts that rules extract decide what contradicts what. Where people put a change in words that no rule reads ("lights
out is 9:45 for me now"), the question itself names the slot: what it is about and what kind of value answers it. The
newest message that tells another value, or says in so many words that somebody has changed it, is what holds; the
earlier ones are over for this question. Nothing stored is changed by this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from memoryos_tasks.core.change_words import NAMES
from memoryos_tasks.core.sought import Sought
from memoryos_tasks.core.told import Said, Told, told
from memoryos_tasks.core.value_kinds import LISTED, LOOSE, TELLING, UNLISTED

#: How far back "that one" may point, in seconds.
NEAR_SECONDS = 2 * 86400.0


@dataclass(frozen=True, slots=True)
class Ruling:
    """The message that holds, and the earlier ones that do not, for one question."""

    current: str = ""
    over: frozenset[str] = field(default=frozenset())


def ruled(wanted: Sought, messages: Sequence[Said]) -> Ruling:
    """Which of the user's messages holds now; an empty ruling where none is known to follow another."""
    tales = [one for said in sorted(messages, key=lambda said: said.order) if (one := told(wanted, said)) is not None]
    for newest in reversed(tales):
        over = [old for old in tales if old.said.order < newest.said.order and _follows(wanted, newest, old)]
        if over:
            return Ruling(newest.said.id, frozenset(old.said.id for old in over))
    return Ruling()


def _follows(wanted: Sought, new: Told, old: Told) -> bool:
    """Whether ``new`` tells what holds instead of what ``old`` tells."""
    many = wanted.matter is not None and wanted.matter.many
    if not old.about or not new.stays or (new.more and (many or not new.corrects)):
        return False
    named = new.changes and new.in_words and bool(new.lasting)
    if old.said.known and not (named or new.acts or new.corrects or new.said.known or _same_frame(wanted, new, old)):
        return False  # what the rules have read is not put aside for a word like "just"
    if wanted.named and not NAMES.found(new.said.text):
        return False
    if wanted.kind == "number" and not (new.corrects or (new.changes and new.shared)):
        return False
    if _wants_value(wanted, new, old) and not (new.lasting and (old.values or old.said.known)):
        return False
    if new.lasting and new.lasting <= old.values and not new.corrects and wanted.kind not in LISTED | UNLISTED:
        return False
    return _tells_another(wanted, new, old) if new.lasting and old.values else _turns_from(wanted, new, old)


def _wants_value(wanted: Sought, new: Told, old: Told) -> bool:
    """Whether only another value counts: where the kind shows in a text, however it is put."""
    if wanted.kind == "proper":  # a name is not known as such in Chinese, nor where it begins a sentence
        return new.said.text.isascii() and bool(old.values)
    return wanted.kind not in LISTED | {"", "place"}


def _tells_another(wanted: Sought, new: Told, old: Told) -> bool:
    """Whether ``new``, which shows other values of the kind, shows them of what is asked for."""
    changes = new.changes or new.corrects
    if _same_frame(wanted, new, old):
        return changes or new.lately
    if wanted.kind in TELLING:
        return new.acts or new.corrects or ((changes or new.lately) and (new.in_words or bool(wanted.people)))
    near = new.said.at - old.said.at <= NEAR_SECONDS
    if wanted.matter is None:
        pointing = near and new.corrects
        alike = bool(new.shared) and new.shared == old.shared
        return changes and (bool(new.shared - wanted.common) or alike or pointing)
    pointing = near and (new.corrects or (new.changes and (new.points or bool(wanted.people))))
    if not (new.acts or new.corrects) and (wanted.kind in LOOSE or not (changes or new.lately)):
        return False
    return new.about or pointing


def _turns_from(wanted: Sought, new: Told, old: Told) -> bool:
    """Whether ``new`` says that somebody has changed what ``old`` tells."""
    if _same_frame(wanted, new, old):
        return True
    if not (new.acts or new.corrects):
        return False
    near = new.said.at - old.said.at <= NEAR_SECONDS
    common = new.turned & old.words
    named = bool(common & wanted.anchors - wanted.common)
    refers = named or len(common) > 1 or (near and new.corrects and bool(common))
    if new.stops and not (common - wanted.anchors or (near and new.points)):
        return False
    if wanted.matter is None or refers:
        return refers
    if near and new.points:
        return True
    return new.about and (new.corrects or (new.changes and not wanted.matter.many))


def _same_frame(wanted: Sought, new: Told, old: Told) -> bool:
    """Whether both answer in the question's words, and the newer says that it is so now: 我现在负责西南区的销售."""
    return new.own and bool(new.now - wanted.common) and new.now >= old.shared
