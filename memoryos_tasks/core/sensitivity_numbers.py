"""Numbers and secrets that give themselves away by their form."""

from __future__ import annotations

import re

#: Most texts hold neither of these, which are quick to look for.
_DIGITS = re.compile(r"\d[\d -]{8,}[\dXx]")
_BEGINNINGS = ("PRIVATE KEY-----", "sk-", "AKIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "xox", "AIza")
_SECRET = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----|\bsk-(?:[a-z]+-)?[A-Za-z0-9_-]{20}|\bAKIA[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{36}|\bxox[abprs]-[A-Za-z0-9-]{10}|\bAIza[\w-]{35}"
)
_NUMBER = re.compile(
    r"(?<![\w.])(?P<digits>\d(?:[ -]?\d){12,18}|\d{17}[xX])(?![\w.]\d|\w)"
    r"|(?<![\w.-])(?P<ssn>(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4})(?![\w-])"
    r"|\b(?P<iban>[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?)\b"
)
#: First digits and lengths of the cards of the large issuers (ISO/IEC 7812 numbers as they assign them).
_CARD = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|5\d\d)\d{12}|35\d{14}|62\d{14,17}"
)
#: Weights and check characters of a Chinese resident identity number (GB 11643-1999, ISO 7064 MOD 11-2).
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_RESIDENT = re.compile(r"[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dX]")


def secret_in(text: str) -> bool:
    """Whether the text holds the number of a bank card, an account (IBAN) or a person, or a key."""
    if any(one in text for one in _BEGINNINGS) and _SECRET.search(text):
        return True
    if not _DIGITS.search(text):
        return False
    for found in _NUMBER.finditer(text):
        number = found[0].replace(" ", "").replace("-", "").upper()
        kind = found.lastgroup
        if kind == "ssn" or (iban(number) if kind == "iban" else bank_card(number) or resident(number)):
            return True
    return False


def bank_card(number: str) -> bool:
    """Whether these digits are the number of a bank card: an issuer's form, and Luhn's checksum."""
    if not _CARD.fullmatch(number):
        return False
    doubled = [int(digit) * (2 if at % 2 else 1) for at, digit in enumerate(reversed(number))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def resident(number: str) -> bool:
    """Whether this is a Chinese resident identity number with its check character."""
    if not _RESIDENT.fullmatch(number):
        return False
    return _CHECKS[sum(int(digit) * weight for digit, weight in zip(number, _WEIGHTS, strict=False)) % 11] == number[17]


def iban(number: str) -> bool:
    """Whether this is an IBAN with its check digits (ISO 13616, ISO 7064 MOD 97-10)."""
    if not 15 <= len(number) <= 34:
        return False
    return int("".join(str(int(letter, 36)) for letter in number[4:] + number[:4])) % 97 == 1
