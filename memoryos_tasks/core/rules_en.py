"""The English rules: what follows a subject, as patterns whose group names are attributes.

Verbs stand in their base form and "am" stands for "is": the caller brings a clause into that form. The first pattern
that matches a clause wins, and the value of each group passes :mod:`memoryos_tasks.core.values_en`.
"""

from __future__ import annotations

import re
from typing import Final

from memoryos_tasks.core.words_en import DIETS, FAMILY, ILLNESSES, PERSONAL, PETS, RELATIONS, THINGS

_A = r"(?:an? |the )?"
_AT = r" (?:at|for|with) "
#: What may follow a trade.
_TAIL = (
    _AT.join(("(?:", r"(?P<employer>.+)|(?: (?:who is|who comes))? from (?P<hometown>.+)"))
    + r"| (?:living|based|who lives) in (?P<residence>.+)| in (?P<somewhere>.+))?"
)


def _rules(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern + "$", re.IGNORECASE) for pattern in patterns)


#: After "I" or "my sister".
PREDICATES: Final = _rules(
    r"am (?:called|named|known as) (?P<name>.+)",
    r"(?:go by|prefer to be called|would like to be called|want you to call me"
    r"|like to be called) (?P<preferred_name>.+)",
    r"am an? (?P<age>\d{1,3})[- ]years?[- ]old (?P<trade>.+?)" + _TAIL,
    r"am (?:an? )?(?P<age>\d{1,3})(?:[- ]years?[- ]old| ?y/?o| years of age)?(?: man| woman| guy| girl| male"
    r"| female)?",
    r"turned (?P<age>\d{1,3})",
    r"(?:work|am employed|started (?:working|work)|start working|started a new job) as "
    + _A
    + r"(?P<occupation>.+?)(?:"
    + _AT
    + r"(?P<employer>.+))?",
    r"(?:(?:work|am employed|started (?:working|work)|(?:started|got) (?:a|my) (?:new )?job|got hired) (?:at|for"
    r"|by|with)|joined)"
    r" (?P<employer>.+?)(?: as " + _A + r"(?P<occupation>.+))?",
    r"(?:became|got promoted to|was promoted to|switched (?:jobs|careers) to|retrained as) (?:being |be )?"
    + _A
    + r"(?P<occupation>.+?)(?:"
    + _AT
    + r"(?P<employer>.+))?",
    r"work in (?P<industry>.+?)(?: as " + _A + r"(?P<occupation>(?!\w+ as\b).+?)(?:" + _AT + r"(?P<employer>.+))?)?",
    r"(?:live|reside|am based|been living|settled(?: down)?) in (?P<residence>.+)",
    r"(?:moved|relocated)(?: back| over| here)?(?: from .+?)? to (?P<residence>.+)",
    r"(?:am|come|hail)(?: originally)? from (?P<hometown>.+)",
    r"(?:grew up|was raised|was born and raised) in (?P<hometown>.+)",
    r"was born (?:in|on) (?P<birthday>(?:(?:\w+ )?\d{1,2}(?:st|nd|rd|th)?(?: of)?(?: \w+)?[,\u201a]? ?)?(?:\d{4})?)",
    r"was born (?:and raised )?in (?P<hometown>.+)",
    r"am (?:happily |recently |newly |still )?(?P<relationship_status>married|single|engaged|divorced|widowed"
    r"|separated"
    r"|in a (?:long-distance )?relationship)(?: to \w+.*)?",
    r"got (?P<relationship_status>married|engaged|divorced)",
    r"am (?:an? )?(?P<nationality>\w+)(?: citizen| national)?",
    r"am (?:an? |on an? )?(?:strict )?(?P<diet>" + DIETS + r")(?: diet)?",
    r"(?:became|went|eat|follow|only eat) (?:an? )?(?:strict )?(?P<diet>" + DIETS + r")(?: food| diet)?",
    r"(?:do not|can not|never|no longer|not) (?:eat|drink) (?P<avoids>.+)",
    r"am (?:severely |very |highly |deathly )?allergic to (?P<allergy>.+)",
    r"have (?:an? )?(?:severe |bad )?(?P<allergy>\w+(?: \w+)?) allerg(?:y|ies)",
    r"am (?P<allergy>lactose|gluten)[- ]intolerant",
    r"have (?P<health>" + ILLNESSES + ")",
    r"am (?:fluent in|bilingual in) (?P<language>.+)",
    r"(?:can )?speak (?:fluent |native |a little |some )?(?P<language>.+?)(?: fluently| natively| at home)?",
    r"am an? native (?P<language>.+) speaker",
    r"am (?:learning|taking lessons in|teaching myself) (?:how )?(?P<learning>.+)",
    r"(?:do not|never|can not|no longer|did not|does not) (?:really |actually |particularly )?(?:like|love|enjoy"
    r"|stand|bear"
    r"|care for) (?P<dislikes>.+)",
    r"(?:hate|dislike|detest|despise|loathe) (?P<dislikes>.+)",
    r"am (?:not|no longer) (?:really )?(?:(?:a |much of a )?(?:big |huge )?fan of|into|fond of"
    r"|keen on) (?P<dislikes>.+)",
    r"(?:like|love|enjoy|adore) (?P<likes>.+)",
    r"am (?:(?:a )?(?:big |huge |massive )?fan of|fond of|into|keen on|obsessed with|crazy about) (?P<likes>.+)",
    r"am an? (?:big |huge |avid )?(?P<likes>[\w' ]+) (?:lover|enthusiast|fan|buff)",
    r"am (?:interested in|passionate about) (?P<interests>.+)",
    r"prefer (?P<prefers>.+)",
    r"(?:have|own|adopted|got) (?P<pet>(?:(?:an?|one|two|three|four|five|\d+) (?:\w+ ){0,2})?(?:" + PETS + r"))"
    r"(?:,? (?:called|named|whose name is) (?P<pet_name>.+))?",
    r"have (?P<family>(?:an? |one |two |three |four |five |six |\d+ )?(?:older |younger |little "
    r"|big )?(?:" + FAMILY + r"))"
    r"(?:,? (?:called|named) .+)?",
    r"(?:bought|purchased) (?:myself )?(?P<bought>.+)",
    r"(?:own|drive) (?P<owns>.+)",
    r"graduated from (?P<school>.+)",
    r"(?:study|studied|major in|majored in|am majoring in) (?P<studies>.+?)(?: at (?P<school>.+))?",
    r"(?:go to|attend|am a student at|study at|studied at) (?P<school>.+)",
    r"(?:play|practice) (?:the )?(?P<playing>.+)",
    r"visited (?P<visited>.+)",
    r"am (?:an? |the )?(?P<trade>(?:co-?founder|founder|ceo|cto|cfo|coo|president|owner"
    r"|head)(?: and ceo)?) of (?P<employer>.+)",
    r"am (?:an? |the |your )(?P<trade>.+?)" + _TAIL,
    r"am (?P<bare_trade>.+?)" + _TAIL,
    r"am (?:now )?(?P<self_name>.+)",
)

#: After "my" or "my sister's".
POSSESSIONS: Final = _rules(
    r"(?:(?:full|first|real|given|new) )?name am (?P<name>.+)",
    r"(?:last|family|sur) ?name am (?P<surname>.+)",
    r"(?:nick ?name|preferred name) am (?P<preferred_name>.+)",
    r"(?:new |current |day |main )?(?:job|occupation|profession|role|position|job title) am (?:being |to be "
    r"|that of )?" + _A + r"(?P<occupation>.+?)(?:" + _AT + r"(?P<employer>.+))?",
    r"(?:new |current )?(?:employer|workplace) am (?P<employer>.+)",
    r"(?:home ?town|birthplace|place of birth) am (?P<hometown>.+)",
    r"(?:home|home city|house|apartment|flat|place) am (?:in )?(?P<residence>.+)",
    r"nationality am (?P<nationality>\w+)",
    r"age am (?P<age>\d{1,3})",
    r"(?:birthday|birth ?date|date of birth) am (?:on )?(?P<birthday>.+)",
    r"(?:native|first) language am (?P<native_language>\w+)",
    r"mother tongue am (?P<native_language>\w+)",
    r"(?:main |biggest )?(?:hobby|hobbies|pastime) (?:am|are|include) (?P<hobby>.+)",
    r"favou?rite (?P<what>(?!thing|one|part|of)[a-z]+(?: [a-z]+){0,2}?)(?: of all time| ever)? (?:am"
    r"|are) (?P<favorite>.+)",
    r"(?P<what>" + PERSONAL + r") (?:am|are) (?P<personal>.+)",
    r"(?:\w+ )?(?P<what>" + THINGS + r")(?: (?:to|with) .+)? am (?:scheduled )?(?:for |on |at )?(?P<thing>.+)",
)

#: A relation at the start of what follows "my", maybe with its name: "older sister Anna".
RELATION: Final = re.compile(
    r"^(?:(?:older|younger|little|big|elder|best|new|old|twin|oldest|youngest) )*(?P<relation>" + RELATIONS + r")"
    r"(?P<owns>'s)?,? (?!(?:am|is|has|was)\b)?(?:(?P<name>[A-Z][\w'-]+)(?P<owns2>'s)? )?(?P<rest>.+)$"
)

#: Sentences that tell us how to speak to the user.
WISHES: Final = _rules(
    r"(?:please |just |you can |you may |so )*(?:call me|(?:everyone|people|everybody|my friends) calls? me"
    r"|friends call me)"
    r" (?P<preferred_name>.+)",
    r"(?:please |always |from now on,? |i prefer |i want |i like )*(?:answer|reply|respond|keep (?:it"
    r"|your (?:answers|replies|responses)"
    r")|be|give me|write)? ?(?:me )?(?P<answer_length>briefly|concisely|short answers|brief answers|concise answers"
    r"|detailed answers|long answers|in detail|brief|concise|short|in one sentence)(?: please)?(?: from now on)?",
    r"(?:please |always |from now on,? )*(?:answer|reply|respond|speak|write|talk)(?: to me)?(?: only| always)? in"
    r" (?P<answer_language>\w+)(?: please| from now on| only)?",
)
#: A word of each wish: a sentence without any holds none.
WISH_WORDS: Final = re.compile(
    r"calls? me|brief|concise|short|detail|long answers|one sentence|answer|reply|respond|speak|write|talk",
    re.IGNORECASE,
)
NOTE: Final = re.compile(
    r"^(?:please |and )*(?:remember|do not forget|keep in mind|note|make a note)(?: that"
    r"|:)\s*(?P<note>.{3,200})$",
    re.IGNORECASE,
)
