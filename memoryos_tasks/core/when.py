"""Time cues in a question: the stretch of time that it asks about."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_NAME = "|".join([*_MONTHS, *(month[:3] + r"\.?" for month in _MONTHS if month != "may"), r"sept\.?"])
_ENGLISH = re.compile(
    rf"\b(?:(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? )?(?P<month>{_NAME})\b"
    r"(?: (?P<d2>\d{1,2})(?:st|nd|rd|th)?(?!\d))?(?:,? (?:of )?(?P<year>\d{4}))?",
    re.IGNORECASE,
)
_ISO = re.compile(r"(?<!\d)(?P<year>\d{4})-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2}))?(?!\d)")
_CHINESE = re.compile(r"(?:(?P<year>\d{4})\s*年)?\s*(?P<month>\d{1,2})\s*月(?:\s*(?P<day>\d{1,2})\s*[日号])?")
#: Pattern, and how many days ago the stretch begins and ends.
_AGO = [
    (re.compile(r"\byesterday\b|昨天", re.IGNORECASE), 1, 0),
    (re.compile(r"\btoday\b|今天", re.IGNORECASE), 0, -1),
    (re.compile(r"\blast week\b|上(?:个)?(?:星期|周|礼拜)", re.IGNORECASE), 14, 0),
    (re.compile(r"\blast month\b|上个?月", re.IGNORECASE), 62, 0),
]
#: People speak of a thing on the day or some days after it: how long a stretch still counts, in days.
GRACE_DAYS = 10


def asked_span(question: str, now: float) -> tuple[float, float] | None:
    """The stretch of time a question names, as (from, to) in seconds since the epoch, UTC, or None.

    A date without a year is the latest such date that is not after ``now``. A bare month name in English
    is no cue ("may" is a verb); it needs a day or a year, or an "in" before it.
    """
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for pattern, begin, end in _AGO:
        if pattern.search(question) and today.year > 1:
            return (today - timedelta(days=begin)).timestamp(), (today - timedelta(days=end)).timestamp()
    if found := _ISO.search(question) or _CHINESE.search(question):
        return _span(_number(found["year"]), int(found["month"]), _number(found["day"]), today)
    for found in _ENGLISH.finditer(question):
        day = found["d1"] or found["d2"]
        named_by_in = re.search(r"\b(?:in|during|last|since) $", question[: found.start()], re.IGNORECASE)
        if day or found["year"] or named_by_in:
            short = found["month"][:3].lower()
            month = next(i for i, name in enumerate(_MONTHS, 1) if name.startswith(short))
            return _span(_number(found["year"]), month, _number(day), today)
    return None


def _number(digits: str | None) -> int | None:
    return int(digits) if digits else None


def _span(year: int | None, month: int, day: int | None, today: datetime) -> tuple[float, float] | None:
    try:
        start = datetime(today.year if year is None else year, month, day or 1, tzinfo=UTC)
        if year is None and start > today:
            start = start.replace(year=today.year - 1)
        days = 1 if day else calendar.monthrange(start.year, start.month)[1]
        return start.timestamp(), (start + timedelta(days=days)).timestamp()
    except (ValueError, OverflowError):  # no such day, or past the calendar's end: not a date after all
        return None


def nearness(timestamp: float, span: tuple[float, float] | None) -> float:
    """1.0 inside the span, 0.6 within the grace after it, else 0.0."""
    if span is None or timestamp < span[0] or timestamp >= span[1] + GRACE_DAYS * 86400:
        return 0.0
    return 1.0 if timestamp < span[1] + 86400 else 0.6
