"""Time cues in a question: the stretch of time that it asks about. All stretches are (from, to), UTC seconds."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from memoryos_tasks.core.numerals import EN_NUMBER, ZH_NUMBER, english_number, number

Stretch = tuple[float, float]
_Cue = Callable[[re.Match[str], datetime], tuple[datetime, datetime]]

_MONTHS = ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
           "november", "december"]
_DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12, "春": 3, "夏": 6, "秋": 9, "冬": 12}
_NAME = "|".join([*_MONTHS, *(month[:3] + r"\.?" for month in _MONTHS if month != "may"), r"sept\.?"])
_ENGLISH = re.compile(
    rf"\b(?:(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? )?(?P<month>{_NAME})\b"
    r"(?: (?P<d2>\d{1,2})(?:st|nd|rd|th)?(?!\d))?(?:,? (?:of )?(?P<year>\d{4}))?",
    re.IGNORECASE,
)
_ISO = re.compile(r"(?<!\d)(?P<year>\d{4})-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2}))?(?!\d)")
_CHINESE = re.compile(
    rf"(?:(?P<year>\d{{4}}|去|今|前)\s*年)?\s*(?P<month>(?<![\d{ZH_NUMBER[1:-1]}个])(?:\d{{1,2}}|{ZH_NUMBER}{{1,2}}))"
    rf"\s*月(?:份|(?:\s*(?P<day>\d{{1,2}}|{ZH_NUMBER}{{1,3}})\s*[日号]))?"
)
#: People speak of a thing on the day or some days after it: how long a stretch still counts, in days.
GRACE_DAYS = 10


def _days(begin: int, end: int) -> _Cue:
    return lambda found, today: (today - timedelta(days=begin), today - timedelta(days=end))


def _week(back: int) -> _Cue:
    def cue(found: re.Match[str], today: datetime) -> tuple[datetime, datetime]:
        monday = today - timedelta(days=today.weekday() + 7 * back)
        return monday, monday + timedelta(days=7)
    return cue


def _weekend(found: re.Match[str], today: datetime) -> tuple[datetime, datetime]:
    saturday = today - timedelta(days=today.weekday() + 2)
    return saturday, saturday + timedelta(days=2)


def _month(back: int) -> _Cue:
    return lambda found, today: (_first(today, -back), _first(today, 1 - back))


def _year(back: int) -> _Cue:
    def cue(found: re.Match[str], today: datetime) -> tuple[datetime, datetime]:
        return today.replace(year=today.year - back, month=1, day=1), today.replace(
            year=today.year - back + 1, month=1, day=1)
    return cue


def _weekday(found: re.Match[str], today: datetime) -> tuple[datetime, datetime]:
    back = (today.weekday() - _DAYS.index(found["weekday"].lower()) - 1) % 7 + 1
    return today - timedelta(days=back), today - timedelta(days=back - 1)


def _ago(found: re.Match[str], today: datetime) -> tuple[datetime, datetime]:
    """So many days, weeks, months or years back, give or take half a unit (said loosely, counted loosely)."""
    many = english_number(found["many"]) if found["unit"].isascii() else number(found["many"])
    unit = found["unit"].lower()
    days = {"d": 1, "天": 1, "w": 7, "周": 7, "星": 7, "礼": 7, "m": 30.44, "月": 30.44}.get(unit[0], 365.25)
    middle, slack = today - timedelta(days=many * days), timedelta(days=days // 2)
    return middle - slack, middle + slack + timedelta(days=1)


def _season(found: re.Match[str], today: datetime) -> tuple[datetime, datetime]:
    """Three months; without a year the last one that has begun, with "last" or 去年 as people mean them."""
    first = _SEASONS[found["season"].lower()]
    said, begin = found["which"].lower(), today.replace(month=first, day=1)
    if said.isdigit():
        begin = begin.replace(year=int(said))
    elif said in ("去年", "前年"):
        begin = begin.replace(year=today.year - (1 if said == "去年" else 2))
    elif begin > today or (said in ("last", "去") and _first(begin, 3) > today):
        begin = begin.replace(year=today.year - 1)
    return begin, _first(begin, 3)


_CUES: list[tuple[re.Pattern[str], _Cue]] = [
    (re.compile(pattern, re.IGNORECASE), cue)
    for pattern, cue in (
        (r"\bthe day before yesterday\b|前天", _days(2, 1)),
        (r"\byesterday\b|\blast night\b|昨[天晚日夜]", _days(1, 0)),
        (r"\btoday\b|\bthis (?:morning|afternoon|evening)\b|今[天早晚日]", _days(0, -1)),
        (r"\blast weekend\b|上个?周末", _weekend),
        (r"\blast week\b|上个?(?:星期|周|礼拜)", _week(1)),
        (r"\bthis week\b|[这本]个?(?:星期|周|礼拜)", _week(0)),
        (r"\blast month\b|上个?月", _month(1)),
        (r"\bthis month\b|[这本]个?月", _month(0)),
        (rf"\blast (?P<weekday>{'|'.join(_DAYS)})\b", _weekday),
        (rf"\b(?P<many>\d{{1,3}}|{EN_NUMBER}) (?P<unit>day|week|month|year)s? (?:ago|back|before now)\b", _ago),
        (rf"(?P<many>\d{{1,3}}|{ZH_NUMBER}{{1,3}})\s*个?(?P<unit>天|周|星期|礼拜|月|年)(?:以|之)?前", _ago),
        (r"\b(?P<which>last|this|past) (?P<season>spring|summer|autumn|fall|winter)\b", _season),
        (r"(?P<which>去年|前年|今年|\d{4}(?=年))年?的?(?P<season>[春夏秋冬])[天季]?", _season),
        (r"\b(?P<season>spring|summer|autumn|fall|winter)(?: of|,)? (?P<which>\d{4})\b", _season),
    )
]
#: Looked for when nothing finer was found.
_YEARS: list[tuple[re.Pattern[str], _Cue]] = [
    (re.compile(r"\blast year\b|去年", re.IGNORECASE), _year(1)),
    (re.compile(r"\bthis year\b|今年", re.IGNORECASE), _year(0)),
    (re.compile(r"前年"), _year(2)),
    (re.compile(r"\b(?:in|during|of) (?P<year>(?:19|20)\d{2})\b|(?<!\d)(?P<year2>(?:19|20)\d{2})年", re.IGNORECASE),
     lambda found, today: (datetime(int(found["year"] or found["year2"]), 1, 1, tzinfo=UTC),
                           datetime(int(found["year"] or found["year2"]) + 1, 1, 1, tzinfo=UTC))),
]


#: Something that every cue in English has a part of: most questions name no time, and are told from others by one look.
_ANY = re.compile(
    r"\d|day|night|week|month|year|morning|afternoon|evening|spring|summer|autumn|fall|winter|"
    + "|".join(month[:3] for month in _MONTHS), re.IGNORECASE,
)


def asked_span(question: str, now: float) -> Stretch | None:
    """The stretch of time a question names, or None. ``now`` is in seconds since the epoch.

    A date without a year is the latest such date that is not after ``now``; "last May" said in May is the one
    before. A bare month name in English is no cue ("may" is a verb); it needs a day or a year, or an "in" or
    "last" before it. Weeks begin on Monday; winter on 1 December.
    """
    if question.isascii() and _ANY.search(question) is None:
        return None
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        return _by(_CUES, question, today) or _date(question, today) or _by(_YEARS, question, today)
    except (ValueError, OverflowError):  # no such day, or past the calendar's end: not a date after all
        return None


def _by(cues: list[tuple[re.Pattern[str], _Cue]], question: str, today: datetime) -> Stretch | None:
    for pattern, cue in cues:
        if found := pattern.search(question):
            begin, end = cue(found, today)
            return begin.timestamp(), end.timestamp()
    return None


def _date(question: str, today: datetime) -> Stretch | None:
    if found := _ISO.search(question):
        return _span(int(found["year"]), int(found["month"]), number(found["day"]), today)
    if found := _CHINESE.search(question):
        said = found["year"]
        back = {"去": 1, "今": 0, "前": 2}
        year = None if said is None else today.year - back[said] if said in back else int(said)
        return _span(year, number(found["month"]), number(found["day"]), today)
    for found in _ENGLISH.finditer(question):
        day = found["d1"] or found["d2"]
        led = re.search(r"\b(in|during|last|since|this) $", question[: found.start()], re.IGNORECASE)
        if day or found["year"] or led:
            short = found["month"][:3].lower()
            month = next(i for i, name in enumerate(_MONTHS, 1) if name.startswith(short))
            year = int(found["year"]) if found["year"] else None
            if year is None and led and led[1].lower() == "last" and month == today.month and not day:
                year = today.year - 1
            return _span(year, month, number(day), today)
    return None


def _span(year: int | None, month: int, day: int, today: datetime) -> Stretch:
    start = datetime(today.year if year is None else year, month, day or 1, tzinfo=UTC)
    if year is None and start > today:
        start = start.replace(year=today.year - 1)
    days = 1 if day else calendar.monthrange(start.year, start.month)[1]
    return start.timestamp(), (start + timedelta(days=days)).timestamp()


def _first(day: datetime, months: int) -> datetime:
    """The first of the month so many months away."""
    place = day.year * 12 + day.month - 1 + months
    return day.replace(year=place // 12, month=place % 12 + 1, day=1)


def nearness(timestamp: float, span: Stretch | None) -> float:
    """1.0 inside the span, 0.6 within the grace after it, else 0.0."""
    if span is None or timestamp < span[0] or timestamp >= span[1] + GRACE_DAYS * 86400:
        return 0.0
    return 1.0 if timestamp < span[1] + 86400 else 0.6
