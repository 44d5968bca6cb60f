"""The sentences of a message that its author asserts: no code, no quotations, no questions, no suppositions."""

from __future__ import annotations

import re

#: Characters of a message that are read. Longer ones are pasted texts, which seldom speak about the user.
MAX_TEXT = 6000
#: Longest sentence that is read, in characters.
MAX_SENTENCE = 600

_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`|https?://\S+|<[^<>\n]{1,200}>", re.DOTALL)
_QUOTED_LINE = re.compile(r"^\s*(?:>|\|).*$|^(?: {4}|\t)\S.*$", re.MULTILINE)
_QUOTES = re.compile(
    r"\"([^\"\n]{0,500})\"|“([^”\n]{0,500})”|「([^」\n]{0,500})」|『([^』\n]{0,500})』|«([^»\n]{0,500})»"
    r"|‘([^’\n]{0,500})’(?!\w)"
    r"|(?<![\w'])'([^'\n]{2,500})'(?!\w)|《([^》\n]{0,100})》"
)
_SPEECH = re.compile(r"\b(?:I|I'm|my|me|you|we|is|are|am|was)\b|我|你|是", re.IGNORECASE)
#: A task over a text: what follows its colon is the text.
_TASK = re.compile(
    r"\b(?:translate|rewrite|rephrase|paraphrase|proofread|summari[sz]e|correct|edit|improve|polish|grammar"
    r"|sentence|lyrics"
    r"|example|poem|story|dialogue|classify|analy[sz]e)\b[^.!?\n]{0,80}[:：]|(?:翻译|改写|润色|总结|校对|修改"
    r"|分析|造句|例如|比如)"
    r"[^。！？\n]{0,30}[:：]",
    re.IGNORECASE,
)
_TASK_INLINE = re.compile(
    r"^\s*(?:please\s+)?(?:can you\s+)?(?:translate|rewrite|rephrase|paraphrase|proofread|write|compose|generate"
    r"|create)\b"
    r"|^\s*(?:请|帮我|请帮我)?(?:翻译|改写|润色|写一|造句)",
    re.IGNORECASE,
)
_SPLIT = re.compile(
    r"(?<=[.!?])(?<!\bDr\.)(?<!\bMr\.)(?<!\bMs\.)(?<!\bMrs\.)(?<!\bSt\.)(?<!\b[A-Z]\.)(?<!\be\.g\.)(?<!\bi\.e\.)\s+"
    r"|(?<=[。！？；;])|(?<=[?!])(?=[\u4e00-\u9fff])|\n+"
)
_ASKS_EN = re.compile(
    r"^(?:(?:so|and|but|well|hi|hey|hello|ok|okay|now|then|please)[, ]+)*(?:what|who|whom|whose|where|when|why"
    r"|how|which|do|does"
    r"|did|is|are|was|were|can|could|would|will|should|shall|might|any|anyone|tell me)\b(?!'t)",
    re.IGNORECASE,
)
_ASKS_ZH = re.compile(
    r"什么|谁|哪|怎么|怎样|如何|为何|几岁|几点|几个|多少|多大|能不能|可不可以|可以.*吗|是不是|有没有|会不会|请问"
    r"|吗$|呢$|^你?猜"
)
_SUPPOSES = re.compile(
    r"\b(?:if|suppose|supposing|imagine|pretend|assume|assuming|let's say|hypothetically|what if|act as"
    r"|role-?play|unless"
    r"|in case|as if|as though|wish)\b|如果|假如|假设|(?<![主只重需])要是|倘若|万一|假装|想象|扮演|的话|要不是"
    r"|希望我是",
    re.IGNORECASE,
)
#: What begins like a supposition and is none: "if you ask me".
_IDIOM = re.compile(
    r"^\W*if (?:you ask me|you must know|you're wondering|I'm honest|memory serves)[^,]{0,40},\s*"
    r"|^(?:工作|住处?|房子|车|手机|电脑|吃饭?|喝的?|饮料|追剧|旅[行游]|看?书|音乐|电影|衣服|颜色|运动|健身|爱好"
    r"|装修)的话[，,]", re.IGNORECASE
)
_REPORTS = re.compile(
    r"\b(?:(?:he|she|they|it|someone|somebody|everyone|people|who) (?:\w+ )?(?:says?|said|told|asks?|asked|wrote"
    r"|writes|thinks?"
    r"|thought|claims?|claimed)|the (?:character|narrator|hero|customer|user|patient|client)"
    r"|(?:my|the) (?!(?:\w+ )?(?:card|test|certificate|app|calendar|label|receipt|booking|ticket|passport|website"
    r"|letter|scale)"
    r" )\w+(?: \w+)? (?:said|told me|asked|wrote|claims|says))\b"
    r"|(?:他|她|他们|她们|别人|有人|老师|客户|朋友|妈妈|爸爸|主角|同事|老板)(?:们)?(?:[^，。]{0,4})(?:说|问|写道"
    r"|告诉|认为|以为)",
    re.IGNORECASE,
)
_CLAUSE_COMMA = re.compile(r"[,，]\s*")


def statements(text: str) -> list[str]:
    """The asserted sentences, in order, each without its final mark.

    A sentence that ends in a question keeps the clauses before the asking one: "I live in Paris, what should I see?".
    """
    sentences: list[str] = []
    for sentence in _SPLIT.split(_spoken(text[:MAX_TEXT])):
        kept = _asserted(sentence.strip()[:MAX_SENTENCE])
        if kept:
            sentences.append(kept)
    return sentences


def is_question(text: str) -> bool:
    """Whether the text asks something, by its mark or its words."""
    stripped = text.strip()
    if stripped.endswith(("?", "？")):
        return True
    return any(_asks(part) for part in re.split(r"[.!。！\n]+\s*", stripped) if part)


def _spoken(text: str) -> str:
    """The text without what its author does not say as their own."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _QUOTED_LINE.sub("", _CODE.sub(" ", text))
    text = _QUOTES.sub(_unquoted, text)
    task = _TASK.search(text)
    return text[: task.start()] if task else text


def _unquoted(match: re.Match[str]) -> str:
    """A quoted name stays, without its marks; quoted speech goes."""
    inside = next(group for group in match.groups() if group is not None).strip()
    short = len(inside) <= 40 and len(inside.split()) <= 4
    return inside if short and not _SPEECH.search(inside) else " … "


def _asserted(sentence: str) -> str:
    if _TASK_INLINE.match(sentence):
        return ""
    sentence = _IDIOM.sub("", sentence)
    for doubt in (_SUPPOSES, _REPORTS):
        found = doubt.search(sentence)
        if found:
            comma = max(sentence.rfind(",", 0, found.start()), sentence.rfind("，", 0, found.start()))
            sentence = sentence[: max(comma, 0)]
    if sentence.endswith(("?", "？")):
        clauses = _CLAUSE_COMMA.split(sentence.rstrip("?？ "))
        if not (len(clauses) > 1 and _asks(clauses[-1])):
            return ""
        sentence = ", ".join(clauses[:-1]) if not _has_han(sentence) else "，".join(clauses[:-1])
    clauses = [clause for clause in _CLAUSE_COMMA.split(sentence) if clause]
    while clauses and _asks(clauses[-1]):
        clauses.pop()
        sentence = ("，" if _has_han(sentence) else ", ").join(clauses)
    return sentence.strip(" .!。！;；…,，")


def _asks(clause: str) -> bool:
    return bool(_ASKS_EN.match(clause.strip()) or _ASKS_ZH.search(clause.strip()))


def _has_han(text: str) -> bool:
    return bool(re.search(r"[\u4e00-\u9fff]", text))
