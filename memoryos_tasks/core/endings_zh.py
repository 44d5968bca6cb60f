"""Chinese clauses that end something: 我不再养猫了, 我辞职了, 我把车卖了."""

from __future__ import annotations

import re

_NO_LONGER = re.compile(r"^(?:现在|已经|早就|早已|也|都|就)*(?:不再|再也不|没再|不继续)(?P<rest>.+?)(?:了)?$")
_NOT_NOW = re.compile(r"^(?:现在|已经|早就|早已|也|都|就)*(?:不|没有|没在|没)(?P<rest>(?!是|过|喜欢|爱|想).+?)了$")
_NOT = re.compile(r"^(?:现在|如今|目前|已经)+(?:不|没有|没在|没)(?P<rest>(?!是|过|喜欢|爱|想).+?)(?:了)?$")
_ALLERGY = re.compile(r"^(?:其实|现在|已经)*对(?P<what>.+?)(?:其实|已经|并|根本|现在|再|也)*不(?:再)?过敏(?:了|的)?$")
#: What makes a denial a change.
_LATELY = re.compile(r"其实|原来|之前|以前|现在|已经|不再|发现|检查|医生|结果|弄错|搞错|误诊|了")
_JOBLESS = re.compile(r"^(?:已经|刚刚?|上周|上个月|昨天|今天|前天)*(?:辞职|离职|辞掉工作|失业|退休|下岗|被裁)(?:了)?$")
_DROPPED = re.compile(
    r"^(?:已经|刚刚?|终于)*(?:把(?P<what>.+?)(?:给)?(?:卖|送人?|退|扔|停|丢|取消)(?:掉)?(?:了)?(?:.{0,4})"
    r"|(?:离开|退出|卖掉?|放弃|戒掉?|退掉|告别|取消)(?:了)?(?P<other>.+?)(?:了)?)$"
)
_DIED = re.compile(
    r"^(?:我们?家?的?)?(?P<what>[^，。我你他她它]{1,6}?)(?:上个?[周月]|去年|今年|昨天|前天|最近|前几天|已经)*(?:去世|走|死|丢|走丢|离世|不在|过世)了$"
)
_SOLD = re.compile(r"^(?:我们?的?)?(?P<what>[^，。把我叫你他]{1,8}?)(?:已经)?(?:卖|送人|扔|退)(?:掉)?了$")
_INSTEAD = re.compile(
    r"^(?:把)?(?:从)?(?P<old>(?!给)[^，。]{1,12}?)(?:换成|改成|改为|换为|切换到|换到|转到)(?:了)?(?P<new>[^，。]{1,12}?)(?:了)?$"
)
_NEXT = re.compile(
    r"^(?:现在|而是|就|已经)*(?:改成|改为|换成|改|换|开始)(?!了?名|了?(?:个|份)?新?工作|了?号|了?主意|了?手机|期|到|了?车|了?公司)(?:学|喝|吃|打|练|用|玩|做|去|养|看|住)?(?:了|起)?(?P<value>[^，。]{1,10}?)(?:了)?$"
)
_SMOKING = {"烟": "抽烟", "酒": "喝酒"}


def positive(rest: str, sentence: str) -> str:
    """The predicate as it was said while it held, '' where nothing ends."""
    allergy = _ALLERGY.match(rest)
    if allergy:
        return f"对{allergy['what']}过敏" if _LATELY.search(sentence) else ""
    for pattern in (_NO_LONGER, _NOT_NOW, _NOT):
        if found := pattern.match(rest):
            return found["rest"]
    return ""


def jobless(rest: str) -> bool:
    """Whether a job is given up or lost, without its name."""
    return bool(_JOBLESS.match(rest))


def dropped(rest: str) -> str:
    """What is had, done or used no longer, whatever it was called; '' for nothing."""
    found = _DROPPED.match(rest)
    what = (found["what"] or found["other"] or "") if found else ""
    return _SMOKING.get(what, what) if len(what) <= 12 else ""


def died(clause: str) -> str:
    """The animal that died or went away; '' for none."""
    found = _DIED.match(clause) or _SOLD.match(clause)
    return found["what"] if found else ""


def instead(rest: str) -> tuple[str, str]:
    """The old and the new of 从A换成B; empty where nothing is replaced."""
    found = _INSTEAD.match(rest)
    return (found["old"], found["new"]) if found else ("", "")


def following(clause: str) -> str:
    """The value that takes the place of what the clause before ended; '' for none."""
    found = _NEXT.match(clause)
    return found["value"] if found else ""
