"""Of whom the clauses of a message speak: its author, somebody else, or a thing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from memoryos_tasks.core.statements import statements
from memoryos_tasks.core.stopwords import ENGLISH
from memoryos_tasks.core.words import word_set
from memoryos_tasks.core.words_en import may_be_name

#: People of whom an author speaks, as alternations.
PEOPLE = (
    "parents|sister|brother|mother|mom|mum|father|dad|wife|husband|partner|son|daughter|grandmother|grandma|grandfather"
    "|grandpa|aunt|uncle|cousin|niece|nephew|(?:best )?friend|roommate|flatmate|neighbou?r|boss|manager|colleague"
    "|coworker"
    "|kids?|children|boyfriend|girlfriend|in-laws|mother-in-law|father-in-law|sister-in-law|brother-in-law|landlord"
    "|teacher"
    "|teammate|fiancee?|teen(?:ager)?|toddler|baby|bestie|buddy|mate|coworkers|colleagues|neighbou?rs|friends|ex"
    "|team lead|supervisor|lad|lass|boys?|girls?|missus|hubby|other half|little one|eldest|youngest|housemate|kiddo"
    "|prof(?:essor)?|grandkids?"
)
PEOPLE_ZH = (
    "爸爸?|妈妈?|父亲|母亲|老爸|老妈|爸妈|父母|哥哥?|姐夫|姐姐?|弟弟?|弟妹|妹夫|妹妹?|嫂子|爷爷|奶奶|婆婆|公公|岳父"
    "|岳母|丈母娘|亲家|外公|外婆|姥姥|姥爷|老公|老婆|丈夫|妻子|媳妇"
    "|爱人|女儿|闺女|儿子|女朋友|男朋友|女友|男友|前女友|前男友|闺蜜|哥们|朋友|同事|老板|领导|主管|经理|室友|舍友"
    "|同学|邻居|房东|叔叔|舅舅|舅妈|阿姨"
    "|姑姑|姑父|婶婶|伯伯|小姨|大姨|姨妈|表[哥弟姐妹叔舅]|堂[哥弟姐妹]|[小大]舅子|[小大]姨子"
    "|[大二三四]?[叔伯姑姨舅](?![里])|同桌|搭档|孙子|孙女|外孙女?|外甥女?|侄子|侄女|孩子|客户|师傅|导师|教练"
)
#: What may stand before them: 我大学室友, and not 我和室友.
_WHOSE = r"(?:(?![和跟给帮陪让请见找送教带问把被对替比了上到换当搬去来是有在做开住])[\u4e00-\u9fff]){0,2}?"
_CLAUSE = re.compile(
    r"\s*(?:[,;](?!\d)|[，；：]|:(?=\s)|\s-\s|—|–)\s*(?:and |but |so |because |though |as )?|\s+(?:and|but|so"
    r"|because|while|whereas) (?=(?:I|I'm|I've|we|we're|we've|my|our|he|she|it|it's|they|the|that)\b)"
)
#: Words before a subject.
_LEAD = re.compile(
    r"^(?:(?:(?:so|and|but|well|oh|ok|okay|also|anyway|actually|honestly|sadly|luckily|apparently|finally|now|then"
    r"|yes|no|sorry|plus|turns out|it turns out|by the way|btw|fyi|update|quick update|news|big news|good news"
    r"|guess what|please note|just so you know|as of \w+|from \w+ on|these days|nowadays|lately|recently|in the end"
    r"|after all|after [^,]{1,30}|since [^,]{1,40}|starting \w+(?: \w+)?|today|yesterday|tonight|last \w+|this \w+"
    r"|on \w+day|for the record|correction|embarrassing)(?![\w'])|但是?|不过|而且|所以|然后|后来|结果|其实|最近"
    r"|现在|如今|今天|昨天|上个?[周月]|终于|另外|还有|对了|对(?=[,，])|不对|嗯|哦|啊|唉|哈哈|好消息|坏消息|更正一下"
    r"|补充一下|话说|说起来|因为|自从|为了|以后|之后|[这近][两几]年|这次|这学期|这周末?|这个月|前阵子|[这那]阵子"
    r"|刚才|前几天|上周末?|去年|今年|年底|年初|月初|月底)[\s,:!.，：！…]*)+(?=\S)",
    re.IGNORECASE,
)
_MINE = re.compile(
    rf"^(?:my|our) (?!(?:\w+ )?(?:{PEOPLE})\b)|^(?:我们"
    rf"|咱们?)(?![都也已刚现就要打准换搬改去来买住一两全俩最终决计约定是有在没不])(?!(?:{PEOPLE_ZH}))|^我(?:的"
    rf"|家的?|那|公司|单位|学校|部门|团队|组|店里?|健身房|小区)(?!(?:{PEOPLE_ZH}))", re.IGNORECASE
)
_ME = re.compile(
    rf"^(?:i|i'm|im|i've|i'd|i'll|we|we're|we've|we'll|me|mine|both of us)\b|^(?:they|she|he|work|it|the \w+|(?:my"
    rf"|our) (?:\w+ )?(?:{PEOPLE})) (?:\w+ )?\w+ (?:me|us)\b|^(?:我们?|咱们?|俺)(?!的?{_WHOSE}(?:{PEOPLE_ZH})|队"
    rf"|班)|(?:把|给|让|叫|派|请|建议|安排|通知)我(?![们的家妈爸哥姐弟妹])",
    re.IGNORECASE,
)
_IT = re.compile(r"^(?:it|it's|its|(?:that|this)(?= (?:one|is|was|has)\b|'s)|that's|there|there's|here|here's"
                 r"|which)\b|^(?:它|[这那](?:[个家门种份]?(?=[就是不太先已也关，]|$)))", re.IGNORECASE)
_HE = re.compile(r"^(?:he|he's|she|she's|his|her)\b|^[他她](?!们)", re.IGNORECASE)
_OTHER = re.compile(
    rf"^(?:(?:one|two|three|both|some|many|most|all|several|a few|a couple) of (?:my"
    rf"|our) (?:\w+ )?(?P<some>{PEOPLE})s?\b|(?:i |we )?(?:just |finally |also )*(?:help(?:ed|ing)?|heard|hear"
    rf"|found out|learn(?:ed|t)) .*?(?:\b(?:my|our) (?:\w+ )?(?P<helped>{PEOPLE})\b"
    rf"|(?-i:\b(?P<heard>(?!I\b)[A-Z][a-z]+)))|我?刚?(?P<hearsay>听说)|我?(?:帮|陪|送)(?P<aided>(?:我"
    rf"|咱)?(?:{PEOPLE_ZH}))|(?:my|our|the|a|an|his|her|their) (?:\w+ )?(?P<who>{PEOPLE})\b(?! and (?:i|me)\b)"
    rf"|(?P<kin>mum|mom|dad|grandma|grandpa)\b|(?:我|咱|我们|咱们)?(?:的|家)?(?P<zh>{_WHOSE}(?:{PEOPLE_ZH})|对门"
    rf"|隔壁|楼[上下])(?![们]?(?:和|跟)我)"
    r"|(?P<nick>[小老阿][\u4e00-\u9fff](?=[^\u4e00-\u9fff]|[现住在做是的换改退去买搬辞膝终说跟])))",
    re.IGNORECASE,
)
_THEY = re.compile(
    r"^(?:they|they're|they've|someone|somebody|everyone|everybody|nobody|people|work|management|hr|(?:the|a|an"
    r"|that|this|those|these|their) (?!one\b)[\w-]+)(?=\W|$)|^(?:他们|她们|人家|别人|有人|公司|医院|学校|体检中心"
    r"|隔壁|物业|部门|馆里|琴行|咱们?队|我们队|甲方|诊所|新领导)",
    re.IGNORECASE,
)
#: What a Chinese clause without a subject begins with, or that it names its author further on.
_AUTHOR = re.compile(
    r"^(?:[一二三四五六七八九十两现已换改搬跳辞升降从在去到把给不没又就还一平决打准开买卖租入离结领分戒迷玩学练看听吃喝用骑坐睡起最其说记搞弄写想要会能该得应是叫姓有养做当每周早晚中夜刚才终于新提定签拿收住待过更补说发报考毕退转加减拉弹跑游爬健锻翻查量验彻渐逐索干直只全慢果毅][\u4e00-\u9fffA-Za-z\d]"
    r"|\d)|我(?!们?的|们?家|妈|爸|哥|姐|弟|妹)"
)
#: The same in English.
_AUTHOR_EN = re.compile(
    r"\b(?:i|i'm|im|i've|i'd|i'll|we|my|me|us|our|mine)\b|^(?:just |finally |now |recently |also )*(?:\w+ed|\w+ing"
    r"|got|took|sold|bought|quit|left|went|gone|made|found|caved|no longer|not|never|same|still|off|back|on|in|at"
    r"|first)\b",
    re.IGNORECASE,
)
#: What begins with its author and is of somebody else: "I helped my brother move".
_HELPING = re.compile(
    r"^(?:i |we )?(?:just |finally |also )*(?:help(?:ed|ing)?|heard|hear|found out|learn(?:ed|t))\b|^我?刚?(?:听说"
    r"|帮|陪|送)|^(?:one|two|three|both|some|many|most|all|several|a few|a couple) of (?:my|our)\b",
    re.IGNORECASE,
)
#: "My lad says he supports …": who is spoken of as he or she is a person.
_PERSON = re.compile(r"^(?:my|our) (?:\w+ )?(\w+) .*\b(?:he|he's|she|she's|him)\b", re.IGNORECASE)
_I = re.compile(r"\b(?:i|i'm|i've|we|we're|we've) (?!said|told|think|guess|hear)\w", re.IGNORECASE)
_NAMED_AT = re.compile(r"^(?P<name>[A-Z][a-z]+) (?:on|in|from|at|next) (?:my|our|the) ")
_NAMED = re.compile(
    r"^(?P<name>[A-Z][a-z]+)(?:'s|'ve)? (?:has|have|is|was|had|just|finally|now|still|also|went|got|took|left|made"
    r"|gave|told|used|\w+ed|\w+s)\b(?! (?:my|our)\b)"
)
_VERBS = word_set(
    "Got Turns Took Moved Started Switched Swapped Sold Bought Ended Quit Finally Just Since After Now Today Yesterday"
    " Tomorrow Lights Life Nothing Everything Something Mine Traffic Birdwatching Party Stepped Picked Put There Here"
    " Half Most Some Both Work Doctor Scratch Dropped Good Big Bad Long Same Yes No"
)
#: Names that end like verbs.
_NAMES = word_set("Fred Ahmed Ted Ned Jed Jared Alfred Wilfred Winifred Mohammed Mohamed Khaled Waleed Saeed Reed Jing")


class Of(StrEnum):
    """Whom a clause is about."""

    ME = "me"
    #: A thing of the author's: "my gym opens at six".
    MINE = "mine"
    IT = "it"
    #: Whoever acts upon things, of whom it is not about: "they moved the meeting", "the flight is late".
    THEY = "they"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause of an asserted sentence, the number of its sentence, and the name or word for who it is about."""

    text: str
    sentence: int
    of: Of
    who: str = ""


def clauses(text: str) -> tuple[Clause, ...]:
    """The clauses that the author asserts. One without a subject has that of the clause before it in its sentence."""
    found: list[Clause] = []
    for number, sentence in enumerate(statements(text)):
        of, who, started = Of.ME, "", False
        for part in _CLAUSE.split(sentence):
            if not part:
                continue
            told = _subject(part)
            if told is not None and told[1] == "+":  # a Chinese verb without a subject: of things it is their owner's
                of = Of.ME if of is Of.THEY else of
            elif told is not None and told[1] == "-" and started:  # an unknown word goes on with whom it began
                pass
            elif told is not None:
                if told[1] != "?":  # a pronoun is whoever was spoken of
                    who = told[1]
                elif not who:
                    who = next((one.who for one in reversed(found) if one.of is Of.OTHER), "")
                of = told[0]
            started = True
            found.append(Clause(part, number, of, who if of in (Of.OTHER, Of.THEY) else ""))
    return tuple(found)


def _subject(clause: str) -> tuple[Of, str] | None:
    plain = _LEAD.sub("", clause.strip())
    if _HELPING.match(plain) and (other := _OTHER.match(plain)):
        return Of.OTHER, next(word for word in other.groups() if word).casefold()
    if _MINE.match(plain):
        person = _PERSON.match(plain)
        return (Of.OTHER, person[1].casefold()) if person else (Of.MINE, "")
    if _ME.search(plain):
        return Of.ME, ""
    if _HE.match(plain):
        return Of.OTHER, "?"
    if _IT.match(plain):
        return Of.IT, ""
    if other := _OTHER.match(plain):
        return Of.OTHER, next(word for word in other.groups() if word).casefold()
    if they := _THEY.match(plain):
        return Of.THEY, they.group().casefold()
    if not plain[:1].isascii() and not _AUTHOR.search(plain):
        return Of.THEY, "-"
    named = _NAMED.match(plain) or _NAMED_AT.match(plain)
    if named and _may_be_name(named["name"]):
        return Of.OTHER, named["name"].casefold()
    if not plain[:1].isascii():
        return Of.ME, "+"
    if _I.search(plain):
        return Of.ME, "+"
    return None if _AUTHOR_EN.search(plain) else (Of.THEY, "-")


def _may_be_name(word: str) -> bool:
    """Whether the first word of a clause can be a name: it is no verb, function word or state."""
    verb = word in _VERBS or (word.endswith(("ed", "ing")) and word not in _NAMES)
    return not verb and word.lower() not in ENGLISH and may_be_name(word)
