"""How long something holds that is said to end: "until Friday", "for two weeks", "到周五为止"."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAY = re.compile(r"\b(?:until|till|through) (?:next )?(mon|tue|wed|thu|fri|sat|sun)\w*", re.IGNORECASE)
_WEEKDAY_ZH = re.compile(r"(?:到|直到|待到)(下)?(?:个)?(?:周|星期|礼拜)([一二三四五六日天])")
_MONTH = re.compile(
    r"\b(?:until|till|through) (?:the end of )?(" + "|".join(_MONTHS) + r")[a-z]*(?: (\d{1,2}))?", re.IGNORECASE
)
_MONTH_ZH = re.compile(r"(?:到|直到|待到)(\d{1,2})月(?:(\d{1,2})[日号])?")
_LASTING = re.compile(r"\bfor (?:the next )?(a|an|one|two|three|four|\d+) (day|week|month)s?\b", re.IGNORECASE)
_LASTING_ZH = re.compile(r"(?:待|呆|住|出差)([一两二三四\d]+)(天|周|个?星期|个月)")
_NUMBERED = re.compile(
    r"\b(?:until|till|through) (?:the )?(\d{1,2})(?:st|nd|rd|th)?(?: (?:of )?(" + "|".join(_MONTHS) + r")[a-z]*"
    r"|(?<=[a-z])\b)", re.IGNORECASE
)
_NUMBERED_ZH = re.compile(r"(?:到|直到|待到)(\d{1,2})[号日]")
#: What ends with the week or the month that it is said in; in Chinese only with the place beside it.
_WEEK = re.compile(
    r"\bthis week(?:end)?\b|\b(?:for|over|until|till|through) (?:the )?weekend\b|\bthe end of (?:the|this) week\b"
    r"|(?:这|本)个?(?:周|星期|礼拜)末?(?:我|都|一直|人)*在|到(?:这|本)?个?周末", re.IGNORECASE
)
_THIS_MONTH = re.compile(
    r"\bthis month\b|\bthe end of (?:the|this) month\b|(?:这个|本)月(?:我|都|一直|人)*在|到(?:这个|本)?月底",
    re.IGNORECASE,
)
_TODAY = re.compile(r"\b(?:today|tonight)\b|今[天晚](?:我|都|一直|人)*在", re.IGNORECASE)
_TOMORROW = re.compile(r"\b(?:until|till) tomorrow\b|到明天", re.IGNORECASE)
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "一": 1, "两": 2, "二": 2, "三": 3, "四": 4}
_LENGTH = {"day": 1, "week": 7, "month": 30, "天": 1, "周": 7, "星期": 7, "个星期": 7, "个月": 30}


def until(text: str, now: float) -> float | None:
    """The end of the named day, in seconds since the epoch (UTC); None where no end is named."""
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    day = _day(text, today)
    return None if day is None else (day + timedelta(days=1)).timestamp()


def _day(text: str, today: datetime) -> datetime | None:
    if _TOMORROW.search(text):
        return today + timedelta(days=1)
    if found := _WEEKDAY.search(text):
        return _next(today, _DAYS.index(found[1].lower()))
    if found := _WEEKDAY_ZH.search(text):
        at = _next(today, "一二三四五六日".index(found[2].replace("天", "日")))
        return at + timedelta(days=7) if found[1] and (at - today).days + today.weekday() < 7 else at
    if found := _MONTH.search(text):
        return _date(today, _MONTHS.index(found[1].lower()) + 1, found[2])
    if found := _MONTH_ZH.search(text):
        return _date(today, int(found[1]), found[2])
    if found := _NUMBERED.search(text):
        return _date(today, _MONTHS.index(found[2].lower()) + 1, found[1]) if found[2] else _numbered(today, found[1])
    if found := _NUMBERED_ZH.search(text):
        return _numbered(today, found[1])
    if found := _LASTING.search(text) or _LASTING_ZH.search(text):
        amount = _NUMBERS.get(found[1].lower()) or int(found[1])
        return today + timedelta(days=amount * _LENGTH[found[2].lower()])
    if _WEEK.search(text):
        return today + timedelta(days=6 - today.weekday())
    if _THIS_MONTH.search(text):
        return _date(today, today.month, None)
    return today if _TODAY.search(text) else None


def _next(today: datetime, weekday: int) -> datetime:
    return today + timedelta(days=(weekday - today.weekday()) % 7 or 7)


def _numbered(today: datetime, day: str) -> datetime | None:
    """The next day of this number, in this month or the one after."""
    month = today.month + (int(day) < today.day)
    return _date(today, 1 if month > 12 else month, day)


def _date(today: datetime, month: int, day: str | None) -> datetime | None:
    """The next such date; a month without a day ends with its last day."""
    if not 1 <= month <= 12:
        return None
    year = today.year + (month < today.month)
    if day is None:
        following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        return following - timedelta(days=1)
    try:
        return datetime(year, month, int(day), tzinfo=UTC)
    except ValueError:
        return None
