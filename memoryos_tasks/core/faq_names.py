"""Words whose capital tells what they mean: an FAQ about Mercury does not answer who asks about mercury."""

from __future__ import annotations

import re

from memoryos_tasks.core.words import word_set

#: Short words that in capitals name something else, in a text that is not all capitals (US, IT, WHO).
SHORT = word_set(
    "us it who or in is am me he as at be no so to we and not can i may all aids act add aid cat era hi ice led oh ram "
    "sad sap sat"
)

#: English words that with a capital name something else: places, peoples, months, products, companies, persons.
#: Not those that nobody means in small letters (japan, python): there a capital is only care.
CAPITONYMS = word_set(
    "mercury titan "
    "turkey china chile chad jordan guinea jersey nice bath reading split cork hull "
    "orange phoenix mobile buffalo boulder sandwich cologne worms champagne nancy lens "
    "male marathon concord rugby "
    "polish swede pole scot mandarin celt roman slough "
    "march may august lent easter mass "
    "amazon apple windows word excel access outlook office teams pages numbers keynote swift rust go ruby oracle shell "
    "target gap edge meta slack notion signal spring flask express react angular "
    "ember backbone rails elm crystal julia scratch basic pascal scheme racket dart flutter bash fish spark storm hive "
    "pig beam celery vault consul nomad puppet chef salt helm arch mint unity unreal blender sketch stripe visa "
    "discover bolt grab lime mini mustang beetle polo golf puma jaguar dove sprite pixel note surface echo "
    "fire kindle nest ring tide bounty corona subway greyhound delta virgin chase discovery fox sky "
    "guardian "
    "mark bill will grace hope faith joy rose lily daisy jack bob rob pat art gene dean drew frank grant guy josh nick "
    "norm pete ray rich rod rusty sandy skip sue wade ward victor dawn eve ginger olive holly ivy iris jasmine pearl "
    "amber summer penny melody robin bush trump gates jobs cook musk brown green white black gray baker mason potter "
    "hunter fisher stone wood woods banks bond ford lincoln bell page rice king queen prince bishop pope "
    "knight job herb hamlet "
    "cancer gemini atlas god catholic democrat democratic republican conservative labour liberal "
    "calorie amp"
)
#: Those of them with which a sentence often begins.
STARTERS = word_set(
    "access basic bill discover express go grab gap grant mark may mobile march note reading react ring skip split sue "
    "target will"
)

#: A word, a flag with its hyphens, a unit behind its number.
WORD = re.compile(r"(?<![\w-])-{1,2}[A-Za-z][\w-]*|(?<![A-Za-z])[A-Za-z]+(?![A-Za-z])")
#: Units whose capitals count: a megabit is no megabyte, a milliwatt no megawatt.
UNIT = re.compile(r"[kmgtp]i?b(?:ps)?|m(?:wh?|v|a|s|g|hz|pa|j|m|l|n)|pa", re.IGNORECASE)
_SHOUT = re.compile("[A-Z]{3}")
_CAPITAL = re.compile(r"(?=[A-Z])")
#: What stands before the first word of a sentence.
_BEGINS = re.compile(r"(?:^|[.!?:。]\s|[,，]\s)\s*[\"'“‘(¿¡]*$|[。！？：，]$")


def marked(text: str) -> str:
    """A text in which capitals that count have a mark before them, for whoever makes all letters small."""
    shouted = text.isascii() and text.isupper() and bool(_SHOUT.search(text))
    return WORD.sub(lambda found: _word(found, shouted), text)


def _word(found: re.Match[str], shouted: bool) -> str:
    word, low = found[0], found[0].lower()
    if word == low:
        return word
    if low.startswith("-") or UNIT.fullmatch(low):
        return _CAPITAL.sub("^", word)
    begins = bool(_BEGINS.search(found.string[: found.start()]))
    if shouted:  # It could be either: neither answers it.
        return f"^^{word}" if low in CAPITONYMS and not (begins and low in STARTERS) else word
    if word.isupper() and len(word) <= 4:
        alone = len(word) == 1 and word not in "AI"  # A symbol, a unit, a language.
        return f"^{word}" if alone or (low in SHORT and len(word) > 1) else word
    return f"^{word}" if low in CAPITONYMS and word.istitle() and not (begins and low in STARTERS) else word
