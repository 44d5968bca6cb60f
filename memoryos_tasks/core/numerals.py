"""Small numbers as people write them: digits, English and Chinese words."""

from __future__ import annotations

_ENGLISH = {"a": 1, "an": 1, "one": 1, "two": 2, "a couple of": 2, "three": 3, "a few": 3, "few": 3, "four": 4,
            "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12}
_CHINESE = {"零": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}

#: What a pattern takes for a number, besides digits: an English phrase; one Chinese numeral.
EN_NUMBER = "|".join(sorted(_ENGLISH, key=len, reverse=True))
ZH_NUMBER = f"[{''.join(_CHINESE)}十几]"


def english_number(said: str) -> int:
    """The number of digits or of an English word."""
    return int(said) if said.isdigit() else _ENGLISH[said.lower()]


def number(said: str | None) -> int:
    """The number of digits or of Chinese numerals below a hundred, 几 counting as a few; 0 for None."""
    if said is None:
        return 0
    if said.isdigit():
        return int(said)
    said = said.replace("几", "三")
    tens, ten, ones = said.rpartition("十")
    return (_CHINESE.get(tens, 1) * 10 if ten else 0) + _CHINESE.get(ones[-1:], 0)
