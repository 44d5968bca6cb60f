"""What the rules of one language found in a text, before it is a fact of somebody."""

from __future__ import annotations

from dataclasses import dataclass

from memoryos_tasks.core.doings import replaces, verb_of
from memoryos_tasks.core.validity import is_former
from memoryos_tasks.core.words import word_set

#: The subject of a claim about the user, and of one about the assistant.
USER, ASSISTANT = "user", "assistant"

#: Attributes that say who the user is or prefers (with ``favorite …``); all others are single facts.
TRAITS = word_set(
    "name|surname|preferred name|occupation|employer|industry|residence|hometown|age|birthday|birth year|nationality"
    "|language|native language|relationship status|likes|dislikes|interests|prefers|allergy|diet|avoids|pet|hobby"
    "|learning|studies|school|health|answer length|answer language|pronouns|height|weight|blood type|time zone",
    "|",
)
#: Attributes that hold several values at once.
MANY = word_set(
    "language likes dislikes interests prefers allergy avoids pet hobby learning school health bought owns family"
    " visited note promise habit"
)
#: Attributes of what may be over soon: they end when the message says so.
PASSING = word_set("location")


@dataclass(frozen=True, slots=True)
class Claim:
    """``subject`` ``attribute`` ``value``; ``label`` is the subject in the words of the user's language.

    The attribute "former employer" says that the value is the employer no longer.
    """

    subject: str
    attribute: str
    value: str
    chinese: bool = False
    label: str = ""

    @property
    def trait(self) -> bool:
        about_user = self.subject == USER
        return about_user and (self.attribute in TRAITS or self.attribute.startswith("favorite "))

    @property
    def many(self) -> bool:
        doing = bool(verb_of(self.attribute)) and not replaces(self.attribute)
        return doing or self.attribute in MANY or is_former(self.attribute)

    @property
    def passing(self) -> bool:
        return self.attribute in PASSING
