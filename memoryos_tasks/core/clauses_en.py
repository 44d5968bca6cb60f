"""How an English sentence is brought into plain clauses: contractions, leads, trails, verbs."""

from __future__ import annotations

import re

CONTRACTIONS = (
    (re.compile(r"[’`]"), "'"),
    (re.compile(r"\b(?:I'm|im|Im|i'm|I'M)\b"), "I am"),
    (re.compile(r"\b(I|we|you|they)'ve\b", re.IGNORECASE), r"\1 have"),
    (re.compile(r"\bcan(?:'t|not)\b", re.IGNORECASE), "can not"),
    (re.compile(r"(?<=\w)n't\b"), " not"),
    (re.compile(r"\b(name|job|birthday|hometown|he|she|it|that)'s\b(?=\s)", re.IGNORECASE), r"\1 is"),
    (re.compile(r"(\d{1,2}(?:st|nd|rd|th)?), (?=\d{4}\b)"), "\\1\u201a "),
    (
        re.compile(
            r"(\b(?:in|from|to) [A-Z][\w.]+(?: [A-Z][\w.]+)*), (?=[A-Z][\w.]+(?: [A-Z]\w+)?(?:$|[,.]| and "
            r"| now))"
        ),
        "\\1\u201a ",
    ),
)
NUMBERS = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
#: An age in words.
AGE_WORD = re.compile(
    r"\b(" + "|".join(reversed(NUMBERS)) + r")\b(?=[- ]years?[- ]old)|(?<=\bturned )(" + "|".join(reversed(NUMBERS))
    + r")\b", re.IGNORECASE
)  # fmt: skip
CLAUSES = re.compile(
    r"\s*(?:[,，、]\s*(?:and |but |so )?|[;:；：—–]\s*|\s-\s|\b(?:but|because|although|though|while|whereas"
    r"|since(?= (?:I|my)\b)|so(?= (?:I|my)\b))\s"
    r"|(?<!\blove )\band\s+(?=(?:I|I'm|my|we|he|she|it|they|now|then|currently|also|just|live|work|am|love|like|enjoy"
    r"|have|speak|moved|prefers?|(?:dislike|hate|detest|loathe|adore|enjoy|love)s?|can not"
    r"|do not|please|call|own|is|lives|works|likes|has|was|come|from|bought|sold|got|started|joined|became"
    r"|switched|adopted)\b))",
    re.IGNORECASE,
)
LEAD = re.compile(
    r"^(?:(?:well|hi there|hi|hello(?: there| everyone| all)?|hey(?: there)?|actually|oh|ok|okay|so|and|also|but"
    r"|plus|yes|yeah|no|nope"
    r"|sorry|btw|by the way|fyi|for the record|just so you know|in fact|to be honest|honestly|correction|i mean"
    r"|now|currently"
    r"|right now|these days|nowadays|at the moment|anyway|basically|personally|because|since|as you know|then"
    r"|in general|thanks"
    r"|i meant(?: to say)?(?: that)?(?= (?:I|my|we)\b)"
    r"|thank you|nice to meet you|good (?:morning|evening|afternoon)|update|guess what|(?:it )?turns out(?: that)?"
    r"|(?:big |good |bad |sad |great )?news|sadly|unfortunately|believe it or not|luckily|these days"
    r"|as of (?:today|now)"
    r"|just so you know|from now on|so far|at last|(?:until|till) (?:next )?\w+(?=,? I\b)|today|recently"
    r"|last (?:week|month"
    r"|year)|yesterday)"
    r"(?:[\s,:!.\-]+|$))+",
    re.IGNORECASE,
)
TRAIL = re.compile(
    r"(?<!\bam)(?<!\bfor)(?<!\bon)(?<!\bto)(?<!\bfrom)(?:,? (?:now|currently|right now|these days|nowadays"
    r"|at the moment|too|as well|again|today|anymore"
    r"|any more|by the way|btw|though"
    r"|actually|lately|instead(?: of .+)?|after all|for good|(?:this|last|on) (?:mon|tues|wednes|thurs|fri|satur"
    r"|sun)day|(?:in|this|last) (?:spring|summer|autumn|fall|winter)|(?:a )?(?:few|couple of|two|three) \w+ ago"
    r"|so far|a lot|very much|so much|by profession|by trade|for a living|recently|yesterday"
    r"|last (?:week|month|year|night)|this (?:week|month|year)|(?:since|for) (?:\w+ ){0,3}(?:\d{4}|years?"
    r"|months?|weeks?|decades?)"
    r"|thanks|thank you|please|nice to meet you|in my (?:free|spare) time|on weekends))+$",
    re.IGNORECASE,
)
ADVERBS = re.compile(
    r"^(?:(?:really|just|also|now|currently|recently|actually|absolutely|still|always|personally|mostly|mainly"
    r"|usually|particularly"
    r"|especially|quite|simply|truly|already|finally|do(?= (?:like|love|enjoy|live|work|speak))"
    r"|have(?= (?:(?:just|recently|now|already"
    r"|always|been) )*(?:moved|relocated|started|joined|adopted|bought|turned|become|living|been|switched|got"
    r"|visited))) )+",
    re.IGNORECASE,
)
PROGRESSIVE = re.compile(
    r"^(?:am |been )(?:also |now |currently |still |really |just |actually |both )*(?=(working|living|studying"
    r"|residing)\b)",
    re.IGNORECASE,
)
#: What is so for a while only.
PASSING = re.compile(
    r"\b(?:until|till|through)\b|\bthis (?:week|weekend|month)\b|\b(?:for|over) the weekend\b|\b(?:today|tonight)\b"
    r"|\bfor (?:an?|one|two|three|four|the next) (?:\w+ )?(?:day|week"
    r"|month)s?\b", re.IGNORECASE
)
THERE = re.compile(r"^am (?:now |back |currently |based |staying |here )*in (.+)$", re.IGNORECASE)
MINE = re.compile(r"^(?:I|we) (?=.*\b(?:changed|updated|switched|got|have|reset|replaced)\b)(.+)$", re.IGNORECASE)
#: Being together, said on the way.
COUPLE = re.compile(r"^(?:I|we)\b.* with my (girlfriend|boyfriend|fianc[eé]e?|wife|husband)\b(?!'s)", re.IGNORECASE)
#: Who dies without being anybody's animal.
PERSON = re.compile(
    r"(?:he|she|it|they|who|that|this|everyone|somebody|mother|father|mom|dad|mum|grand\w+|uncle|aunt|friend"
    r"|wife|husband"
    r"|brother|sister|cousin|phone|laptop|battery|computer|car)$", re.IGNORECASE
)  # fmt: skip
BASE = {"working": "work", "living": "live", "studying": "study", "residing": "reside"}
THIRD = {
    "is": "am", "has": "have", "does": "do", "lives": "live", "works": "work", "likes": "like", "loves": "love",
    "hates": "hate", "enjoys": "enjoy", "speaks": "speak", "studies": "study", "plays": "play", "prefers": "prefer",
    "comes": "come", "adores": "adore", "detests": "detest", "loathes": "loathe",
    "owns": "own", "dislikes": "dislike", "drives": "drive", "goes": "go", "attends": "attend",
}  # fmt: skip
#: A clause after which "and live in Rome" is not about what is.
WISHFUL = re.compile(
    r"^I (?:would|could|might|may|will|should|want|hope|plan|think|dream|wish|need|used|'d|'ll|am (?:going"
    r"|planning|hoping|thinking|sure|certain|afraid|glad|happy)|had"
    r"|(?:was|were)\b|never|do not|can not)", re.IGNORECASE
)  # fmt: skip
ELIDED = re.compile(
    r"^(?:am|live|living|work|working|(?:love|like|hate|enjoy|detest|loathe|adore|dislike)s?"
    r"(?! (?:my|an?|the|this|that|when|in|for)\b)|have|prefer|can not (?:stand|bear)"
    r"|speak|moved|dislike|do not|own|study|play|come|from|based|married|bought|sold|got|started|joined|became"
    r"|switched"
    r"|adopted|no longer|swim|run|use|drive"
    r"|single|is|lives|works|likes|has)\b", re.IGNORECASE
)  # fmt: skip
#: A verb after a comma begins a clause of its own, not one more member of the list before.
VERB = re.compile(
    r"^(?:(?:hate|dislike|detest|loathe|adore|enjoy|prefer)s?|loves|can not|do not|(?:love|like)(?! song| stor))\b",
    re.IGNORECASE,
)
#: Where a sentence begins to be about the user; without, its clauses have no subject.
FIRST_PERSON = re.compile(r"\b(?:I|im|we|my|our)\b", re.IGNORECASE)
#: What no fact may hold: it would stand in every prompt.
SECRET = re.compile(r"\b(?:password|passcode|pin|cvv|ssn|secret)\b", re.IGNORECASE)


def plainer(sentence: str) -> str:
    """Without contractions, and with ages in digits."""
    for pattern, plain in CONTRACTIONS:
        sentence = pattern.sub(plain, sentence)
    return AGE_WORD.sub(lambda found: str(NUMBERS.index((found[1] or found[2]).casefold()) + 1), sentence)


def lead_less(clause: str) -> str:
    """Without the words before its subject."""
    return LEAD.sub("", clause).strip()
