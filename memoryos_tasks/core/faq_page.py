"""A tenant's FAQs as a document: Markdown, and the storage format of Confluence (XHTML)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

#: Characters that XML 1.0 has no place for.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BLANK = re.compile(r"\n\s*\n")


@dataclass(frozen=True, slots=True)
class Page:
    """Pairs of question and answer under a title."""

    title: str
    pairs: tuple[tuple[str, str], ...]

    def markdown(self) -> str:
        """One section a question; an answer stands as it was given, which mostly is Markdown."""
        parts = [f"# {_line(self.title)}\n"]
        parts += [f"## {_line(question)}\n\n{answer.strip()}\n" for question, answer in self.pairs]
        return "\n".join(parts)

    def storage(self) -> str:
        """The same without its title, as Confluence stores pages; nothing in it is taken for markup."""
        return "".join(
            f"<h2>{_text(question)}</h2>{''.join(_paragraphs(answer))}" for question, answer in self.pairs
        ) or "<p />"


def _paragraphs(answer: str) -> Iterable[str]:
    for part in _BLANK.split(answer.strip()):
        yield f"<p>{'<br />'.join(_text(line) for line in part.splitlines())}</p>"


def _line(text: str) -> str:
    return " ".join(text.split())


def _text(text: str) -> str:
    return escape(_NO_XML.sub("", text).strip(), quote=False)
