"""English sentences that end something: "I no longer work at Acme", "I stopped running", "I sold the Honda".

They are brought into the form that said it in the first place, so that the rules tell which slot it was.
"""

from __future__ import annotations

import re

#: Words that make a denial a change: what is denied held before.
LATELY = re.compile(
    r"\b(?:any ?more|any longer|no longer|after all|these days|(?:have|has) stopped|not \w+ now)\b", re.IGNORECASE
)
#: A word of each predicate that ends something.
ENDING_WORDS = re.compile(
    r"\b(?:no longer|not|stopped|quit|gave|given|done|finished|left|sold|dropped|got|cancell?ed|parted|resigned|laid"
    r"|retired|switched|moved|lost|fired|unemployed|out of work|changed|converted|migrated|went|swapped|traded"
    r"|replaced"
    r"|exchanged|renamed|gone|again|had to|decided to|rehomed|threw|put)\b",
    re.IGNORECASE,
)
_NO_LONGER = (
    re.compile(r"^(?P<be>am|have) no longer (?P<rest>.+)$", re.IGNORECASE),
    re.compile(r"^no longer (?P<rest>.+)$", re.IGNORECASE),
)
_DENIED = (
    re.compile(r"^(?P<be>am) not (?P<rest>.+)$", re.IGNORECASE),
    re.compile(r"^(?:do|does|can) not (?:really |actually )?(?P<rest>.+)$", re.IGNORECASE),
)
_STOPPED = re.compile(
    r"^(?:have |just |finally |recently )*(?:stopped|quit|gave up|given up|am done(?: with)?|am finished)"
    r" (?P<verb>\w+ing)(?P<rest>.*)$",
    re.IGNORECASE,
)
_AWAY = re.compile(
    r"^(?:had to |have to |decided to )?(?:give|gave|put|throw|threw) (?P<what>.+?) (?:away|up for adoption"
    r"|to sleep|out)\b",
    re.IGNORECASE,
)
_DROPPED = re.compile(
    r"^(?:have |just |finally |recently )*(?:(?:had to |decided to )(?:sell|quit|leave|cancel|drop|rehome"
    r"|get rid of|give up|give away)|quit|gave up|given up|left|sold|rehomed|dropped|got rid of|gave away|cancell?ed"
    r"|parted with|resigned from|got fired from|got laid off from|was laid off (?:from|by)|retired from"
    r"|switched away from|moved out of|moved away from) (?P<what>.+)$",
    re.IGNORECASE,
)
_JOBLESS = re.compile(
    r"^(?:have |just |recently )*(?:quit my job|lost my job|resigned|retired|got fired|got laid off|was laid off"
    r"|am (?:now )?(?:unemployed|retired|out of work)|left my job|quit)$",
    re.IGNORECASE,
)
_INSTEAD = re.compile(
    r"^(?:have |just |finally |recently )*(?:switched|changed|converted|migrated|moved over|swapped"
    r"|traded(?: in)?"
    r"|replaced|exchanged|renamed) (?:over )?(?:from )?(?:my |our |the )?(?P<old>[^,]+?) (?:to|for|with|by) "
    r"(?:an? |the |my )?(?P<new>.+)$",
    re.IGNORECASE,
)
_IRREGULAR = {"living": "live", "using": "use", "driving": "drive", "smoking": "smoke", "cycling": "cycle",
              "having": "have", "taking": "take", "practicing": "practice", "running": "run", "swimming": "swim",
              "jogging": "jog", "dancing": "dance"}  # fmt: skip
_NO_VALUE = re.compile(r"^(?:it|that|this|them|him|her|you|everything|all|up|home|early|late|here|there"
r"|work)\b", re.I)


def positive(rest: str, sentence: str) -> str:
    """The predicate as it was said while it held, '' where nothing ends."""
    for pattern in _NO_LONGER:
        if found := pattern.match(rest):
            return f"{found['be']} {found['rest']}" if "be" in found.groupdict() else found["rest"]
    if LATELY.search(sentence):
        for pattern in _DENIED:
            if found := pattern.match(rest):
                return f"{found['be']} {found['rest']}" if "be" in found.groupdict() else found["rest"]
    if found := _STOPPED.match(rest):
        verb = found["verb"].casefold()
        known = _IRREGULAR.get(verb)
        if verb == "being":
            return f"am{found['rest']}"
        if verb == "learning":
            return f"am learning{found['rest']}"
        return f"{known or verb.removesuffix('ing')}{found['rest']}"
    return ""


def dropped(rest: str) -> str:
    """What is had, done or used no longer, whatever it was called; '' for nothing."""
    found = _AWAY.match(rest) or _DROPPED.match(rest)
    if found is None or _JOBLESS.match(rest) or _NO_VALUE.match(found["what"]):
        return ""
    what = re.split(r" (?:and|because|since|so|for|to|last|this|in|on|yesterday|after|when)\b", found["what"])[0]
    return what if len(what.split()) <= 4 else ""


def jobless(rest: str) -> bool:
    """Whether a job is given up or lost, without its name."""
    return bool(_JOBLESS.match(rest))


def instead(rest: str) -> tuple[str, str]:
    """The old and the new of "switched from Vim to Emacs"; empty where nothing is replaced."""
    found = _INSTEAD.match(rest)
    if found is None or _NO_VALUE.match(found["old"]) or len(found["old"].split()) > 4:
        return "", ""
    new = re.split(r" (?:and|because|since|so|last|this|in|on|yesterday|after|when)\b", found["new"])[0]
    return (found["old"], new) if len(new.split()) <= 4 else ("", "")
