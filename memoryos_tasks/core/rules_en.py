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
    r"(?:(?:work|am employed|started(?: (?:working|work|out))?|start|begin|began|(?:started|got|have|found|landed"
    r"|accepted|took) (?:an? |my )?(?:new )?(?:job|position|role)|got hired|was hired|transferred|am back) (?:at|for"
    r"|by|with)|joined|switched jobs to|left .+ for|changed jobs to|work now at|went to work for)"
    r" (?P<employer>.+?)(?: as " + _A + r"(?P<occupation>.+))?",
    r"(?:became|got promoted to|was promoted to|switched (?:jobs|careers) to|retrained as) (?:being |be )?"
    + _A
    + r"(?P<occupation>.+?)(?:"
    + _AT
    + r"(?P<employer>.+))?",
    r"work in (?P<industry>.+?)(?: as " + _A + r"(?P<occupation>(?!\w+ as\b).+?)(?:" + _AT + r"(?P<employer>.+))?)?",
    r"live with (?P<lives_with>.+)|live (?P<alone>alone|by myself|on my own)",
    r"report to (?P<boss>[A-Z].+)",
    r"(?:became|have become|am now) an? (?P<likes>[\w' ]+) (?:lover|enthusiast|fan|buff|supporter)",
    r"(?:ended up |decided on |am )?(?:relocating|moving) to (?P<moved_to>.+) for (?:good|work|the new .+)",
    r"(?:live|reside|am based|been living|settled(?: down)?) in (?P<residence>.+)",
    r"(?:moved|relocated|transferred|resettled)(?: back| over| here| house)?(?: from .+?)? to (?P<residence>.+)",
    r"settled in (?P<residence>.+)|(?:moved into|bought|rented|got|found"
    r"|have) (?:an? )?(?:new )?(?:\w+ )?(?:house|flat"
    r"|apartment"
    r"|home|place|condo|studio) in (?P<residence2>[A-Z].+)",
    r"(?:am|come|hail)(?: originally)? from (?P<hometown>.+)",
    r"(?:grew up|was raised|was born and raised) in (?P<hometown>.+)",
    r"was born (?:in|on) (?P<birthday>(?:(?:\w+ )?\d{1,2}(?:st|nd|rd|th)?(?: of)?(?: \w+)?[,\u201a]? ?)?(?:\d{4})?)",
    r"was born (?:and raised )?in (?P<hometown>.+)",
    r"am (?:happily |recently |newly |still )?(?P<relationship_status>married|single|engaged|divorced|widowed"
    r"|separated"
    r"|in a (?:long-distance )?relationship)(?: to \w+.*)?",
    r"got (?P<relationship_status>married|engaged|divorced)(?: to .+| with .+| in .+| on .+)?",
    r"(?:broke up|split up|separated|parted ways)(?: with .+)?(?P<single>)",
    r"(?:am|started|have been|been) (?:dating|seeing) (?P<together>.+)",
    r"have an? (?:new )?(?P<together_with>girlfriend|boyfriend|partner|fianc[eé]e?)(?:,? (?:called|named) "
    r"(?P<partner_name>.+))?",
    r"use (?P<used>[A-Z].+?) (?:as|for) (?:my |an? |the )?(?P<what>[a-z]+(?: [a-z]+)?)",
    r"(?P<commute>(?:(?:take|catch|ride) (?:the |a |my )?(?:bus|train|tram|subway|metro|tube|ferry|bike|scooter)"
    r"|cycle|bike"
    r"|walk|drive|commute|run|carpool)(?: by \w+| on foot)? to (?:work|school|the office|campus"
    r"|university))(?: \w+ day)?",
    r"commute (?P<commute2>(?:by|on|with) .+)",
    r"drive (?P<vehicle>.+)",
    r"(?P<habit>(?:go (?:to the (?:gym|pool)|(?:running|swimming|jogging|climbing|cycling|dancing|bouldering|hiking)"
    r"|to (?:yoga|pilates|ballet|crossfit))|swim|run|jog|meditate|smoke|vape|do (?:yoga|pilates|karate|judo"
    r"|crossfit))"
    r"\b.*)",
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
    r"(?:am|started|began|switched to|went on to) (?:learning|learn|taking lessons in"
    r"|teaching myself) (?:how )?(?P<learning>.+)",
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
    r"have (?:an? )(?P<owns_one>[a-z]?[A-Z]\w*(?: [A-Z0-9][\w-]*){1,3})",
    r"(?:have|own|adopted|got) (?P<pet>(?:(?:an?|one|two|three|four|five|\d+) (?:\w+ ){0,2})?(?:" + PETS + r"))"
    r"(?:,? (?:called|named|whose name is) (?P<pet_name>.+))?",
    r"have (?P<family>(?:an? |one |two |three |four |five |six |\d+ )?(?:older |younger |little "
    r"|big )?(?:" + FAMILY + r"))"
    r"(?:,? (?:called|named) .+)?",
    r"(?:bought|purchased) (?:myself )?(?P<bought>.+)",
    r"own (?P<owns>.+)",
    r"(?:am|started|start|go to|am now|go into) (?:in |at )?(?:the )?(?P<stage>kindergarten|preschool"
    r"|(?:elementary|primary"
    r"|middle|high|secondary) school|college|university|(?:\w+) grade)(?: now)?",
    r"graduated from (?P<school>.+)",
    r"(?:changed|switched) (?:my )?major (?:from .+ )?to (?P<studies>.+)",
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
    r"(?:new |current )?(?:address|city) am (?:now )?(?:in )?(?P<residence>.+)",
    r"major am (?:now )?(?P<studies>.+)",
    r"nationality am (?P<nationality>\w+)",
    r"age am (?P<age>\d{1,3})",
    r"(?:birthday|birth ?date|date of birth) am (?:on )?(?P<birthday>.+)",
    r"(?:native|first) language am (?P<native_language>\w+)",
    r"mother tongue am (?P<native_language>\w+)",
    r"(?:main |biggest )?(?:hobby|hobbies|pastime) (?:am|are|include) (?P<hobby>.+)",
    r"favou?rite (?P<what>(?!thing|one|part|of)[a-z]+(?: [a-z]+){0,2}?)(?: of all time| ever| now| currently"
    r"| these days)? (?:am"
    r"|are) (?P<favorite>.+)",
    r"(?:new |current )?(?P<what>" + PERSONAL + r") (?:am|are) (?:now )?(?P<personal>.+)",
    r"(?:\w+ )?(?P<what>" + THINGS + r")(?: (?:to|with) .+)? (?:am|leaves|starts|takes place) (?:now )?"
    r"(?:scheduled )?(?:for |on |at )?(?P<thing>.+)",
    r"(?:new |current |main )?(?P<what>[a-z]+(?: [a-z]+){0,2}) (?:am|are) (?:now |called |named "
    r"|set to )*(?P<own>.+)",
)

#: A thing with a date that is moved: "the dentist appointment got moved to Thursday".
MOVED: Final = re.compile(
    r"^(?:the|my|our|that|this) (?:\w+ )?(?P<what>" + THINGS + r")(?: (?:to|with) .+?)? (?:(?:has been|have been"
    r"|was|is"
    r"|got|has|will be) )?(?:now )?(?:moved|rescheduled|pushed|postponed|changed|shifted|delayed|brought forward)"
    r"(?: up| back| forward)? (?:to|until|till|for) (?P<thing>.+)$",
    re.IGNORECASE,
)
#: When it is: "the exam is on Wednesday".
SET: Final = re.compile(
    r"^(?:the|our) (?:\w+ )?(?P<what>" + THINGS + r")(?: (?:to|with) .+?)? (?:is|starts"
    r"|takes place) (?:now )?(?:on |at |in )?"
    r"(?P<thing>(?:next |this )?(?:mon|tues|wednes|thurs|fri|satur|sun)day\b.*|\d.*|tomorrow.*|the \d.*|(?:jan"
    r"|feb|mar|apr"
    r"|may|jun|jul|aug|sep|oct|nov|dec)\w* \d.*)$",
    re.IGNORECASE,
)
#: "My favorite singer isn't Adele anymore", for "it's Billie" in the next clause.
NO_MORE: Final = re.compile(
    r"^(?:my|our) (?P<what>[a-z ]{2,30}?) (?:is|are) (?:not|no longer) (?P<old>.+?)(?: any ?more| any longer| now)?$",
    re.IGNORECASE,
)
#: The same by those who move it: "we had to postpone the wedding to May".
MOVED_BY: Final = re.compile(
    r"^(?:I|we) (?:(?:had to|have to|just|have|decided to|needed to|will) )*(?:moved?|rescheduled?|push(?:ed)?"
    r"|postponed?"
    r"|changed?|shift(?:ed)?|delay(?:ed)?)(?: back| up)? (?:the|my|our) (?:\w+ )?(?P<what>" + THINGS + r")"
    r"(?: (?:with) .+?)? (?:to|until|till|for) (?P<thing>.+)$",
    re.IGNORECASE,
)
#: An animal that died or went away, by its name or as "our dog".
DIED: Final = re.compile(
    r"^(?:my |our |the )?(?:(?:" + PETS + r") )?(?P<what>[A-Z]?[\w'-]+)(?: has| had)? (?:passed away|died"
    r"|is gone|ran away"
    r"|was put (?:down|to sleep)|is dead|is no longer with us|crossed the rainbow bridge)\b",
    re.IGNORECASE,
)
#: A word of each sentence that need not say "I" or "my".
EVENT_WORDS: Final = re.compile(
    r"\b(?:moved?|rescheduled?|push(?:ed)?|postponed?|changed?|shift(?:ed)?|delayed|forward|away|died|gone|dead"
    r"|sleep|down"
    r"|no longer"
    r"|rainbow|(?:mon|tues|wednes|thurs|fri|satur|sun)day|tomorrow|\d+ ?[ap]m)\b",
    re.IGNORECASE,
)
#: "Green is my favorite color now": what "my favorite color is green" says.
INVERSE: Final = re.compile(
    r"^(?:I (?:think|guess|would say|suppose) )?(?P<value>[\w'& -]{2,40}?) (?:is|has become"
    r"|became) (?:now )?my (?:new )?"
    r"(?P<what>favou?rite [a-z]+(?: [a-z]+)?|boss|doctor|dentist|teacher|roommate|best friend)$",
    re.IGNORECASE,
)
#: What has the place of what another clause of the message ends: "I've switched to the violin".
SWITCHED: Final = re.compile(
    r"^(?:(?:have|just|recently|finally|now) )*(?:switched|changed|moved on|moved over|gone over"
    r"|converted) to (?:an? |the )?"
    r"(?P<value>[^,]{2,40})$",
    re.IGNORECASE,
)
#: A thing of the user at the start of what follows "my".
A_THING: Final = re.compile(r"^(?:\w+ )?(?:" + THINGS + r"|" + PERSONAL + r")\b", re.IGNORECASE)
#: Who or what a clause speaks of, for the pronoun in the next one: "we renamed our dog, he is called ...".
MENTIONS: Final = re.compile(
    r"\b(?:my|our|an?|the) (?:new |little |old )?(?P<relation>" + RELATIONS + r")\b", re.IGNORECASE
)
CHANGED: Final = re.compile(
    r"^(?:(?:have|just|recently|finally) )*(?:changed|updated|switched|got|have|reset|replaced) (?:an? "
    r"|my )?(?:new )?"
    r"(?P<what>" + PERSONAL + r"|major|name|car|job)(?: to (?P<value>.+))?$",
    re.IGNORECASE,
)

#: What of the user's has changed by itself: "my email has changed to ...".
HAS_CHANGED: Final = re.compile(
    r"^(?:my|our) (?P<what>" + PERSONAL + r"|(?:home |street |postal )?address|(?:last |family )?name|surname"
    r"|nick ?name|job|employer|major|user ?name|editor)(?: (?:has|have|was|is|got|just|recently|also|been))*"
    r" (?:changed|switched)(?: from .+?)?(?: to (?P<value>.+))?$",
    re.IGNORECASE,
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
NOTE_WORDS: Final = re.compile(r"remember|forget|in mind|note", re.IGNORECASE)
NOTE: Final = re.compile(
    r"^(?:please |and )*(?:remember|do not forget|keep in mind|note|make a note)(?: that"
    r"|:)\s*(?P<note>.{3,200})$",
    re.IGNORECASE,
)
