"""Kinds of values that questions ask for, and how a text of either language shows one."""

from __future__ import annotations

import re
from collections.abc import Mapping

from memoryos_tasks.core.words_en import DIETS
from memoryos_tasks.core.words_en import LANGUAGES as LANGUAGES_EN
from memoryos_tasks.core.words_zh import COUNTRIES, LANGUAGES, PLACES

_N = "一二三四五六七八九十两廿百千万半〇零"
_HOUR = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
_DAY = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_MONTH = "january|february|march|april|may|june|july|august|september|october|november|december"
_COLORS = (
    r"\b(?:(?:dark|light|navy|sky|baby|royal|mustard|forest|olive|pale|hot|burnt|off)[ -])?(?:red|blue|green|yellow"
    r"|orange|purple|violet|pink|black|white|gr[ae]y|brown|teal|turquoise|cyan|magenta|lavender|lilac|beige|cream"
    r"|gold|silver|maroon|burgundy|crimson|indigo|navy|mint|coral|peach|mustard|olive|charcoal|ivory)\b"
    r"|[\u4e00-\u9fff]{0,2}(?:[红蓝绿黄橙紫粉黑白灰棕青金银褐米驼靛]色|奶油白|米白|纯白|雪白|墨绿|天蓝|藏青|浅灰"
    r"|深灰|酒红)"
)
_SPORTS = (
    r"\b(?:run(?:ning)?|jog(?:ging)?|swim(?:ming)?|cycl(?:e|ing)|bik(?:e|ing)|hik(?:e|ing)|climb(?:ing)?"
    r"|boulder(?:ing)?|tennis|badminton|squash|pickleball|padel|football|soccer|basketball|volleyball|baseball"
    r"|rugby|hockey|golf|yoga|pilates|crossfit|boxing|kickboxing|karate|judo|jiu[- ]jitsu|taekwondo|fencing|rowing"
    r"|surf(?:ing)?|skat(?:e|ing)|ski(?:ing)?|snowboard(?:ing)?|dancing|weight ?lifting|gymnastics|table tennis"
    r"|ping[- ]pong|archery)\b|跑步|游泳|骑行|骑车|爬山|徒步|登山|攀岩|网球|羽毛球|乒乓球|篮球|足球|排球|棒球"
    r"|高尔夫|瑜伽|普拉提|拳击|太极|健身操|跳绳|滑雪|滑冰|轮滑|滑板|舞|击剑|柔道|跆拳道|空手道|飞盘|壁球|撸铁|举铁"
    r"|冲浪|射箭|健走|快走"
)
_INSTRUMENTS = (
    r"\b(?:guitar|bass|piano|keyboard|violin|viola|cello|drums?|flute|clarinet|sax(?:ophone)?|trumpet|trombone|harp"
    r"|ukulele|banjo|mandolin|harmonica|accordion|organ|oboe)\b|吉他|贝斯|钢琴|小提琴|大提琴|提琴|架子鼓|鼓|长笛"
    r"|笛子|单簧管|萨克斯|小号|竖琴|尤克里里|口琴|手风琴|二胡|古筝|琵琶|葫芦丝"
)
_TRANSPORT = (
    r"\b(?:bus|train|tram|metro|subway|tube|underground|car|driv(?:e|ing)|bik(?:e|ing)|bicycle|cycl(?:e|ing)|e-bike"
    r"|scooter|motorbike|motorcycle|walk(?:ing)?|on foot|ferry|taxi|carpool(?:ing)?|uber|work(?:ing)? from home)\b"
    r"|公交|地铁|开车|自驾|骑车|自行车|单车|电动车|电瓶车|摩托|走路|步行|打车|出租|班车|高铁|轻轨|拼车|顺风车|轮渡"
    r"|居家办公"
)
_CARS = (
    r"\b(?:toyota|honda|ford|chev(?:y|rolet)|nissan|hyundai|kia|mazda|subaru|volkswagen|vw|bmw|mercedes(?:-benz)?"
    r"|audi|volvo|tesla|skoda|fiat|renault|peugeot|citro[eë]n|opel|vauxhall|dacia|lexus|jeep|porsche|suzuki|byd"
    r"|mitsubishi|jaguar|land rover|range rover|polestar|rivian|buick|cadillac|chrysler|dodge|acura|infiniti|gmc"
    r"|civic|corolla|camry|prius|model [3syx])\b|丰田|本田|大众|日产|起亚|马自达|斯巴鲁|宝马|奔驰|奥迪|沃尔沃"
    r"|特斯拉|别克|福特|雪佛兰|标致|雪铁龙|雷克萨斯|凯迪拉克|保时捷|捷豹|路虎|比亚迪|吉利|哈弗|奇瑞|五菱|蔚来|小鹏"
    r"|问界|极氪|零跑|红旗|荣威|名爵|捷达|朗逸|轩逸|卡罗拉|凯美瑞|雅阁|思域|帕萨特|迈腾|小米SU7|SU7"
)
_PHONES = (
    r"\b(?:iphone|pixel|galaxy|samsung|oneplus|xiaomi|redmi|huawei|oppo|vivo|nokia|motorola|fairphone|xperia"
    r"|nothing phone|blackberry)\b|苹果|华为|小米|红米|荣耀|三星|魅族|一加|OPPO|vivo|iPhone|Mate|安卓机"
)

#: Patterns by kind of value.
PATTERNS: Mapping[str, re.Pattern[str]] = {
    kind: re.compile(pattern, flags)
    for kind, pattern, flags in (
        ("year", rf"(?<!\d)(?:19|20)\d\d(?!\d)|[{_N}]{{4}}年", 0),
        ("time", r"(?<!\d)\d{1,2}[:.]\d{2}(?!\d)|\b\d{1,2} ?[ap]\.?m\b|\bnoon\b|\bmidnight\b|\b(?:at|by|to|until"
                 r"|till|past|before) "
                 rf"(?:half |quarter )?(?:past |to )?(?:{_HOUR}|\d{{1,2}}(?![:.]\d))\b(?! (?:point|time|of|to)\b)"
                 rf"|\b(?:{_HOUR}|\d{{1,2}}) o'?clock\b|(?:(?<=凌晨)|(?<=中午)|(?<=下午)|(?<=早上)|(?<=晚上)"
                 rf"|(?<=半夜)|(?!一点))(?:[{_N}]{{1,3}}|\d{{1,2}})(?:点|时)(?:半|一刻|三刻|[{_N}\d]+分?)?"
                 rf"|\d{{1,2}}[:：]\d{{2}}", re.IGNORECASE),
        ("day", rf"\b(?:{_DAY})s?\b|\b(?:every|each) (?:day|weekday|weekend)\b|(?:周|星期|礼拜)[一二三四五六日天末]",
         re.IGNORECASE),
        ("date", rf"\b(?:{_MONTH})\.? \d{{1,2}}\b|\b\d{{1,2}}(?:st|nd|rd|th)?(?: of)? (?:{_MONTH})\b"
                 rf"|\b\d{{1,2}}(?:st|nd|rd|th)\b|\b(?:{_MONTH})\b|\b(?:{_DAY})\b|\d{{1,2}}[/.-]\d{{1,2}}\b"
                 rf"|\btomorrow\b|\bnext (?:week|month|year)\b"
                 rf"|(?<![\d{_N}])[\d{_N}]{{1,4}}月(?:[初廿]?[\d{_N}]{{1,3}}[号日]?|底|初|中旬)?"
                 rf"|(?<![\d{_N}])[\d{_N}]{{1,3}}[号日]"
                 r"|(?:周|星期|礼拜)[一二三四五六日天]|下周|下个?月|明年|后年|明天|后天", re.IGNORECASE),
        ("money", rf"[$€£¥]\s?\d[\d,.]{{0,15}}k?|\b\d{{1,3}},\d{{3}}\b|(?<![\d.,])\d[\d,.]{{0,15}}\s?(?:k\b"
                  rf"|dollars?|euros?|pounds?|bucks|grand|usd|eur|gbp|yuan|rmb)"
                  rf"|(?<![\d{_N}.])[\d{_N}.]{{1,12}}\s?(?:块|元|万|千|百)", re.IGNORECASE),
        ("weight", rf"(?<![\d.])\d{{1,4}}(?:\.\d{{1,2}})?\s?(?:kgs?|kilos?|kilograms?|pounds?|lbs?|stone)\b"
                   rf"|(?<![\d{_N}.])[\d{_N}.]{{1,8}}\s?(?:公斤|斤|千克)",
         re.IGNORECASE),
        ("number", rf"(?<![\d.])\d{{1,12}}(?:\.\d{{1,4}})?|\b(?:{_HOUR}|first|second|third|fourth|fifth|sixth"
                   rf"|seventh|eighth|ninth|tenth|dozen|twice|twenty|thirty|forty|fifty)\b"
                   rf"|(?<![{_N}])[{_N}]{{1,8}}(?:米[{_N}]{{1,4}})?", re.IGNORECASE),
        ("size", rf"\b\d{{1,2}}(?:\.5| ?1/2| and a half)?\b|\b(?:X*[SL]|M|small|medium|large)\b"
                 rf"|[\d{_N}.]+\s?[码号]半?", 0),
        ("color", _COLORS, re.IGNORECASE),
        ("sport", _SPORTS, re.IGNORECASE),
        ("instrument", _INSTRUMENTS, re.IGNORECASE),
        ("transport", _TRANSPORT, re.IGNORECASE),
        ("car", _CARS, re.IGNORECASE),
        ("phone", _PHONES, re.IGNORECASE),
        ("language", rf"\b(?:{'|'.join(sorted(LANGUAGES_EN))})\b|(?:{LANGUAGES})[语文]|粤语|普通话", re.IGNORECASE),
        ("diet", rf"\b(?:{DIETS}|omnivore|carnivore)\b|吃素|素食|纯素|全素|吃荤|荤|生酮|低碳|无麸质|清真",
         re.IGNORECASE),
        ("place", r"(?<=[a-z,] )[A-Z][a-z][\w'-]+|"
         + "|".join(sorted(PLACES | COUNTRIES)) + r"|(?:去|到|在|来|回)[\u4e00-\u9fff]{2}", 0),
        ("floor", rf"\b(?:(?:\d+(?:st|nd|rd|th)?|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth"
                  rf"|ground|top) floor|floor \d+)\b|[\d{_N}]{{1,4}}[楼层]", re.IGNORECASE),
        ("address", r"\b\d+[a-z]? (?:[A-Z]\w+ ){1,3}(?:Street|St|Lane|Road|Rd|Avenue|Ave|Drive|Way|Court|Place"
                    r"|Square|Close|Row|Boulevard|Blvd)\b|[\u4e00-\u9fff]{2,8}(?:路|街|巷|弄|大道)\d+[号弄]?"
                    r"|[\u4e00-\u9fff]{2,6}(?:小区|花园|家园|苑|公寓|广场|大厦|村)(?:\w{0,12}\d)?", 0),
        ("blood", r"(?-i:\b(?:A|B|AB|O))(?: (?:positive|negative)|[+-])|(?:AB|A|B|O)型", re.IGNORECASE),
        ("person", r"\b(?:Dr|Mr|Mrs|Ms|Miss|Prof)\.? [A-Z]\w+|(?<=[a-z,] )[A-Z][a-z]+|[\u4e00-\u9fff]{1,3}(?:医生"
                   r"|大夫|主任|教授|老师)", 0),
        # Names as English writes them; Chinese shows none.
        ("proper", r"(?<=[a-z,] )[A-Z][\w'.-]+", 0),
        ("status", r"\b(?:single|married|engaged|divorced|separated|widowed|dating|in a relationship|tied the knot"
                   r"|broke up|split up)\b|单身|结婚|领证|已婚|离婚|分手|恋爱|订婚|丧偶|脱单|在一起|谈对象",
         re.IGNORECASE),
        ("grade", r"\b(?:\w+(?:st|nd|rd|th)|first|second|third) (?:grade|year)\b|\bgrade \w+|\byear \d+\b"
                  r"|\bkindergarten\b|\b(?:freshman|sophomore|junior|senior)\b|[一二三四五六]年级"
                  r"|[初高大研][一二三四]|幼儿园|[小中大]班|小学|初中|高中|大学",
         re.IGNORECASE),
    )
}  # fmt: skip
#: Kinds whose values say by themselves what is talked about.
TELLING = frozenset({"car", "phone", "weight", "grade", "status", "diet", "address", "floor", "blood"})
#: Kinds of which the lists know only the common values.
LISTED = frozenset({"sport", "instrument", "color", "diet"})
#: Kinds of which a list knows a part of the value alone: the make of a car and not its model.
UNLISTED = frozenset({"car", "phone"})
#: Kinds whose patterns find other things too, so that only a word of change makes them a new value.
LOOSE = frozenset({"place", "number", "size", "color", "person", "proper"})


def values_of(kind: str, text: str) -> frozenset[str]:
    """The values of this kind that a text shows, as written but for case."""
    return frozenset(found.group().casefold() for found in PATTERNS[kind].finditer(text))


def has_value(kind: str, text: str) -> bool:
    """Whether a text shows a value of this kind."""
    return PATTERNS[kind].search(text) is not None
