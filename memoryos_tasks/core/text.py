"""Text analysis for English, Chinese and mixed text: terms, sparse weights, sentences, keywords.

Latin and other spaced scripts give stemmed words (Snowball's English stemmer, Porter 2). Scripts written
without spaces (Chinese, kana) give single characters and character pairs, which need no dictionary and
are the usual index units for Chinese retrieval (Nie and Ren, "Chinese information retrieval: using
characters or words?", 1999).
"""

from __future__ import annotations

import hashlib
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import pairwise

import snowballstemmer

from memoryos_tasks.core.stopwords import ASKING, CHINESE, ENGLISH, FREQUENT
from memoryos_tasks.core.thesaurus_zh import widened

CJK = "\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_RUN = re.compile(rf"[{CJK}]+|[^\W_{CJK}]+(?:['’][^\W_{CJK}]+)*")
_IS_CJK = re.compile(rf"[{CJK}]")
_SENTENCE = re.compile(r".+?(?:[.!?…]+[\"')\]”’]*(?=\s|$)|[。！？；]+[”’」』）]*|\n|$)", re.DOTALL)
_APOSTROPHE = re.compile(r"['’].*$")

#: BM25's two constants at their customary values (Robertson and Zaragoza, "The Probabilistic Relevance
#: Framework: BM25 and Beyond", 2009): how fast repeated terms saturate, how much long texts are discounted.
K1, B = 1.2, 0.75

_stemmer = snowballstemmer.stemmer("english")
_stemming = threading.Lock()


@lru_cache(maxsize=65536)
def _stem(word: str) -> str:
    with _stemming:  # one stemmer keeps its word in itself
        return str(_stemmer.stemWord(word))


def _runs(text: str) -> list[str]:
    """Words and unspaced runs in order, in the case they were written in."""
    return _RUN.findall(unicodedata.normalize("NFKC", text))


def _unspaced(run: str) -> bool:
    return not run.isascii() and _IS_CJK.match(run) is not None


def _whole(word: str) -> str:
    """The word without what follows an apostrophe."""
    return word if word.isalnum() else _APOSTROPHE.sub("", word)


def _pieces(run: str) -> Iterable[str]:
    for character in run:
        if character not in CHINESE:
            yield character
    for pair in pairwise(run):
        if not (pair[0] in CHINESE and pair[1] in CHINESE):
            yield "".join(pair)


def terms(text: str) -> list[str]:
    """The index terms of a text in order, repeated as often as they occur; stop words are left out."""
    found: list[str] = []
    for run in _runs(text):
        if _unspaced(run):
            found.extend(_pieces(run))
            continue
        word = run.lower().replace("’", "'")
        if word not in ENGLISH and (word := _whole(word)) not in ENGLISH:
            found.append(_stem(word))
    return found


@lru_cache(maxsize=131072)
def term_id(term: str, key: bytes = b"") -> int:
    """The unsigned 32-bit index of a term: blake2b keyed with ``key`` (at most 64 bytes)."""
    return int.from_bytes(hashlib.blake2b(term.encode(), digest_size=4, key=key).digest(), "big")


def document_weights(counts: Mapping[str, float], *, average: float, key: bytes = b"") -> dict[int, float]:
    """BM25's document side by term id, without the IDF, which the store applies over the owner's own corpus.

    ``counts`` are term frequencies and may be fractions; ``average`` is a fixed average length in terms,
    not a measured one, so that a stored weight never goes stale.
    """
    length = sum(counts.values())
    discount = K1 * (1 - B + B * length / average)
    weights: dict[int, float] = {}
    for term, count in counts.items():
        index, weight = term_id(term, key), count * (K1 + 1) / (count + discount)
        weights[index] = weights[index] + weight if index in weights else weight
    return weights


#: How much a term of a question counts. A Chinese character alone stands inside many words, so it says less than a
#: pair; a word of like meaning says less than the word itself.
CHARACTER, LIKE = 0.3, 0.7


def query_weights(text: str, key: bytes = b"") -> dict[int, float]:
    """BM25's query side by term id, 0 to 1. Empty when nothing is worth a search.

    Chinese words that only ask are left out, and words of like meaning are added (:mod:`thesaurus_zh`).
    """
    asked = text if text.isascii() else ASKING.sub(" ", text)
    weights: dict[str, float] = {}
    for term in terms(asked):
        if not _unspaced(term) or (len(term) > 1 and not FREQUENT.issuperset(term)):
            weights[term] = 1.0
        elif term not in FREQUENT:
            weights[term] = CHARACTER
    for word in widened(text):
        pairs = [word] if len(word) == 1 else ["".join(pair) for pair in pairwise(word)]
        for term in pairs if _unspaced(word) else terms(word):
            weights[term] = max(weights.get(term, 0.0), LIKE / len(pairs) if _unspaced(word) else LIKE)
    return {term_id(term, key): weight for term, weight in weights.items()}


def content_words(text: str) -> list[str]:
    """Words that are not stop words, in order and as they were written; unspaced runs stay whole."""
    words: list[str] = []
    for run in _runs(text):
        if _unspaced(run):
            words.append(run)
        elif run.lower().replace("’", "'") not in ENGLISH:
            word = _whole(run)
            if word.lower() not in ENGLISH:
                words.append(word)
    return words


def sentences(text: str) -> list[str]:
    """The sentences of a text, stripped, without empty ones."""
    return [part for found in _SENTENCE.findall(text) if (part := found.strip())]


def keywords(text: str, limit: int = 8) -> tuple[str, ...]:
    """The most frequent content words in lower case (pairs of characters in Chinese); ties in reading order."""
    surface: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for run in _runs(text):
        if _unspaced(run):
            pairs = ["".join(pair) for pair in pairwise(run) if not CHINESE & set(pair)]
            named = [(pair, pair) for pair in pairs]
        else:
            word = _whole(run.lower())
            named = [] if word in ENGLISH or len(word) < 3 else [(_stem(word), word)]
        for term, word in named:
            surface.setdefault(term, word)
            counts[term] += 1
    return tuple(surface[term] for term, _ in counts.most_common(limit))


#: Stems of everyday words that two messages share by chance.
_EVERYDAY = frozenset(
    terms("get got go going gone make made take took thing things time times day days week weeks month months year"
          " years new old now today yesterday tomorrow morning evening night like love really lot little good great"
          " well nice start started finally still just last next first one two keep put need want know think feel work"
          " working home people back much many long big small way use used come came give gave say said see look try"
          " find help")
)


def content(text: str) -> list[str]:
    """The terms that say what a text is about: no everyday words, and of Chinese the pairs of telling characters."""
    return [
        term for term in terms(text)
        if (term.isascii() and term not in _EVERYDAY) or (len(term) == 2 and not FREQUENT.intersection(term))
    ]  # fmt: skip
