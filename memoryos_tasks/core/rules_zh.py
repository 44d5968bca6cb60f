"""The Chinese rules: what follows a subject, as patterns whose group names are attributes.

The first pattern that matches a clause with a value that :mod:`memoryos_tasks.core.values_zh` lets pass wins.
"""

from __future__ import annotations

import re
from typing import Final

from memoryos_tasks.core.words_zh import LANGUAGES, PERSONAL, PLACES, RELATIONS, THINGS

_ONE = r"(?:一名|一位|一个|名|位|个)?"
_NUMBER = r"[\d〇零一二两三四五六七八九十百]"
_DATE = rf"(?:{_NUMBER}{{2,4}}年)?(?:{_NUMBER}{{1,3}}月)?(?:{_NUMBER}{{1,3}}[日号])?"
_PLACE = "(?:" + "|".join(sorted(PLACES, key=len, reverse=True)) + ")市?"
_SPORT = (
    "(?:羽毛|篮|足|网|乒乓|排|高尔夫|台|棒|保龄)球|游泳|跑步|瑜伽|健身|爬山|骑车|骑行|太极拳?|跳舞|滑雪|滑板"
    "|攀岩|拳击|钢琴|吉他|小提琴"
)
_ANIMALS = "金毛|哈士奇|柯基|泰迪|布偶|橘猫|猫|狗|小猫|小狗|猫咪|狗狗|兔子|仓鼠|鹦鹉|金鱼|鱼|乌龟|鸟|马|宠物"


def _rules(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern + "$", re.IGNORECASE) for pattern in patterns)


#: After 我 or 我姐姐.
PREDICATES: Final = _rules(
    r"(?:名)?叫(?:做|作)?(?P<name>.+)",
    r"(?:把名字)?改(?:名字?|了名字?)?(?:叫做?|为|成)了?(?P<name>.+)",
    r"姓(?P<surname>.{1,2})",
    r"是(?P<school>.+?(?:大学|学院|中学|高中))的?(?P<trade>.*生)",
    rf"是(?:来自|从)?(?P<native_place>.+?)的(?P<trade>{_ONE}.+)",
    r"(?:是|算是)?(?:地道的|土生土长的)?(?P<nationality>[\u4e00-\u9fff]{2,5})人",
    r"(?:是|算是)?(?:地道的|土生土长的)?(?P<native_place>[\u4e00-\u9fff]{2,5})人",
    r"(?:刚)?过了?(?P<age>" + _NUMBER + r"{1,3})周?岁的?生日(?:了)?",
    r"(?:满|快)?(?P<age>" + _NUMBER + r"{1,3})周?岁(?:了)?",
    r"(?:是|于)?(?P<birthday>" + _DATE + r")(?:出生|生)的?",
    r"出生(?:于|在)(?P<birthday>" + _DATE + r")",
    r"(?:来自|出生在|出生于|生于)(?P<hometown>.+)",
    r"(?:在)(?P<hometown>.+?)(?:出生|长大|土生土长)(?:的)?",
    r"在(?P<location>" + _PLACE + r")(?:读|上|念|工作|上班|实习|出差|生活)(?:大学|书|学|研究生|高中|中学|研"
    r"|博)?(?:了)?",
    r"在(?P<location>" + _PLACE + r")(?:出差|待|呆|旅游|度假|玩)?(?:到|至)(?:明天|后天|[这本下]?个?(?:周|星期|礼拜)"
    r"[一二三四五六日天末]|\d{1,2}[月号日].{0,4}|(?:这个|本)?月底)(?:为止)?",
    r"(?:就|人|刚到|到了?)?在?(?P<location>" + _PLACE + r")(?:了|呢|这边)?",
    r"(?:在)(?P<residence>.+?)(?:居住|定居|生活|安家|落户|买房|租房)(?:了.*)?",
    r"(?:和|跟|与)(?P<lives_with>[^，]{1,8}?)(?:一起住|住在?一起|合住|同住|住)(?:了)?",
    r"(?P<alone>一个人住|独居|自己住)(?:了)?",
    r"(?:居?住在?|定居在?|定居于|生活在|家在|家住在?)(?P<residence>.+)",
    r"(?:从.{1,10}?)?(?:搬家?|移居|迁)(?:到|去|来|至|进|回)(?:了)?(?P<residence>.+?)(?:来|去)?(?:了|住了?)?",
    r"(?:换(?:了)?(?:个)?工作了?|跳槽|入职)(?:到|去|来|进)(?:了)?(?P<employer>.+)",
    r"(?:去|到|进)了?(?P<employer>.+?)(?:上班|工作|任职)(?:了)?",
    r"在(?P<employer>.+?)(?:当|做|担任|任)(?P<occupation>" + _ONE + r".+)",
    r"(?:已经)?从(?P<left>.{1,15}?)(?:离职|辞职|离开|跳槽|毕业)(?:了|出来)?(?:出来)?",
    r"在(?P<employer>.+?)(?:工作|上班|任职|就职|供职)(?:了)?",
    r"(?:就职于|任职于|供职于|入职了?|加入了?)(?P<employer>.+)",
    r"(?:在)?(?P<school>.+?(?:大学|学院|中学|高中))(?:读书|上学|念书|学习|毕业|读研究生|读研|读博士?|读本科"
    r"|就读)(?:的)?",
    r"(?:现在|在|已经|刚|开始)*(?:读|上|念)(?:了)?(?P<stage>幼儿园|小学|初中|高中|大学|研究生|博士|[一二三四五六]年级"
    r"|大[一二三四]|初[一二三]|高[一二三])(?:了)?",
    r"(?P<when>(?:这|下)?(?:个)?(?:周|星期|礼拜)[一二三四五六日天][^，]{0,6}?|\d{1,2}月\d{1,2}[日号][^，]{0,6}?"
    r"|[明后]天[^，]{0,6}?)"
    r"(?:要|去|有)?(?P<what>开会|面试|考试|体检|复查|聚会|约会|手术)",
    r"(?:毕业于|就读于|考上了?)(?P<school>.+)",
    r"(?:在)?(?:.*?)(?:主修|攻读|读的是)(?P<studies>.+?)(?:专业)?",
    r"(?:从事)(?P<industry>.+?)(?:方面的)?(?:工作|行业|相关工作)?",
    r"(?:当|担任|成为|当上)(?:了)?(?P<occupation>" + _ONE + r".+)",
    r"(?:跟|和)?.{0,6}?(?P<single>分手|分开|分)了",
    r"(?P<alone_now>单着)(?:呢)?",
    r"(?:谈恋爱|脱单|恋爱)(?P<together>了)?",
    r"(?:又|终于|已经|交|交了?个|找到)*有?(?:了)?(?:个)?(?P<together_with>女朋友|男朋友|女友|男友|对象)(?:了)?",
    r"(?:已经|还)?(?:是)?(?P<relationship_status>结婚|已婚|单身|离婚|离异|未婚|订婚|丧偶)(?:了)?(?:的)?",
    r"(?:最)?(?:喜欢|爱)(?:吃|喝|看|听|玩|去)?的(?P<what>[\u4e00-\u9fff]{1,6}?)(?:是|叫|变成了?|换成了?|改成了?"
    r"|变了)(?P<favorite>.+)",
    r"(?:不(?:太|怎么|是很|再|大)?(?:喜欢|爱|喜爱)|讨厌|厌恶|痛恨|受不了|恨)(?:吃|喝)?(?P<dislikes>.+)",
    r"(?:喜欢上了|爱上了|喜欢|热爱|喜爱|钟爱|偏爱|迷上了|酷爱|爱(?!人|情|好|你|他|她))(?:吃|喝)?(?P<likes>.+)",
    r"对(?P<allergy>.+?)(?:严重|有点)?(?<!不)(?<!不再)过敏",
    r"对(?P<interests>.+?)(?:很|非常|特别)?感兴趣",
    r"(?:是)?(?:一个|个)?(?P<diet>素食主义者|素食者|纯素食者|素食|吃素|纯素|吃纯素)(?:的)?",
    r"不(?:能)?(?:吃|喝)(?P<avoids>.+)",
    r"(?:会|能|可以)?(?:说|讲)(?:一口)?(?:流利的)?(?P<language>.+)",
    r"(?:养了?|有|领养了?|买了|捡了?)(?P<pet>(?:[一两二三四五\d]+)?(?:只|条|个|匹"
    r"|头)?(?:[\u4e00-\u9fff]{0,3})(?:" + _ANIMALS + r"))"
    r"(?:(?:名字)?叫(?:做)?(?P<pet_name>.+))?",
    r"有(?P<family>[一两二三四五\d]+个(?:哥哥|弟弟|姐姐|妹妹|孩子|儿子|女儿|兄弟|姐妹|双胞胎))",
    r"(?:有|开的?(?:是)?|换成?了?|换了?)(?:一|这|那)?辆(?:二手|新)?的?(?P<vehicle>.+)",
    r"(?:刚)?买了?(?:一)?(?:辆|个|台|部|套|栋|本|件|只|双)(?P<bought>.+)",
    r"(?:在学|在学习|正在学|开始学|学习|学起了?)(?P<learning>.+)",
    r"(?:每天|平时|经常|一般|通常|现在|开始|都|改)*(?P<commute>(?:坐|乘|骑|开|走"
    r"|搭)[\u4e00-\u9fff]{0,4}?(?:去)?(?:上下?班|上学|去公司|通勤))了?",
    r"最(?:喜欢|爱)(?:的是|的就是)?(?!的)(?P<best>.+)",
    r"(?:每.{1,8}?|经常|常常?|平时|周末|晚上|早上)*(?:都)?(?:去|打|踢|练|做|弹"
    r"|开始)*(?P<habit>" + _SPORT + r")(?:已经|快|有)*(?:.{1,4}年)?(?:了)?",
    r"(?:经常|平时|每天)?(?:都)?(?P<habit>抽烟|吸烟|喝酒)",
    r"用(?:的)?(?:是)?(?P<used>.+?)(?:当|做|作为?)(?P<what>[\u4e00-\u9fff]{2,6})",
    r"(?:患有|得了)(?P<health>.+)",
    r"去过(?P<visited>.+)",
    r"(?:是|做)(?P<trade>.+)",
    r"是(?P<self_name>.+)",
)
#: "一只叫豆豆的猫": the number and classifier, the name, the animal.
NAMED_PET: Final = re.compile(
    r"([一两二三四五\d]*[只条个匹头])(?:名字|名)?叫(?:做|作)?([^，的]{1,8})的"
    r"((?:[\u4e00-\u9fff]{0,3}?)(?:" + _ANIMALS + r"))$"
)
#: After 我的 or 我姐姐的; also after 我 where 的 is left out.
POSSESSIONS: Final = _rules(
    r"(?:中文|英文|全)?(?:名字|姓名|大名|名)(?:是|叫(?:做)?)(?P<name>.+)",
    r"(?:昵称|外号|小名)(?:是|叫)(?P<preferred_name>.+)",
    r"(?:工作|职业|职位|岗位)(?:现在)?(?:是|为)(?P<occupation>" + _ONE + r".+)",
    r"(?:公司|单位)(?:是|叫)(?P<employer>.+)",
    r"(?:家乡|老家|故乡|籍贯)(?:是|在)(?P<hometown>.+)",
    r"(?:家|住址|住处)在(?P<residence>.+)",
    r"国籍是(?P<nationality>.+)",
    r"(?:年龄|年纪)是(?P<age>" + _NUMBER + r"{1,3})(?:周?岁)?",
    r"(?:生日|出生日期)(?:是|在)(?:农历)?(?P<birthday>" + _DATE + r")",
    r"母语是(?P<native_language>.+)",
    r"(?:兴趣爱好|爱好|兴趣)(?:是|有|包括)(?P<hobby>.+)",
    r"(?:专业)是(?P<studies>.+)",
    r"新?(?P<what>" + "|".join(sorted(PERSONAL, key=len, reverse=True)) + r")(?:是|换成了?|改成了?|变成了?"
    r"|[:：])(?P<own>.+)",
    r"(?P<what>身高|体重|血型|星座|时区)是(?P<personal>.+)",
    r"最?(?:喜欢|爱)(?:吃|喝|看|听|玩|去)?的(?P<what>[\u4e00-\u9fff]{1,6}?)(?:是|叫|变成了?|换成了?|改成了?"
    r"|变了)(?P<favorite>.+)",
    r"(?P<what>" + "|".join(sorted(THINGS, key=len, reverse=True)) + r")(?:的?时间)?(?:又|已经|临时|被)*"
    r"(?:是|在|定在|安排在|定于|(?:改期|改|推迟|提前|延期|调整?|挪)(?:到|至|成|为)(?:了)?)(?P<thing>.+)",
    r"(?:新的?)?(?P<what>[\u4e00-\u9fff]{2,5})(?:现在)?(?:是|叫|换成了?|改成了?)(?P<named>.+)",
)
#: A thing of the user that begins a clause without 我的.
A_THING: Final = re.compile(
    r"^(?:我们?的?|这次的?|那个|咱们?的?)?(?=(?:" + "|".join(sorted(THINGS, key=len, reverse=True)) + r")(?:的?时间)?"
    r"(?:又|已经|临时|被)*(?:是|在|定|安排|改|推迟|提前|延期|调|挪))"
)
#: What is said later in a sentence whose clause before named somebody: 叫年糕, 现在叫馒头, 新名字是….
NAMED: Final = re.compile(r"^(?:它|他|她)?(?:现在|以后|如今)?(?:改)?(?:名字)?(?:叫做?"
r"|是叫)(?:了)?(?P<name>[^\s，。]{1,8})$")
#: Whom a clause speaks of.
MENTIONS: Final = re.compile("|".join(sorted(RELATIONS, key=len, reverse=True)))
#: A number that is changed, for 新的是… in the next clause.
CHANGED: Final = re.compile(
    r"(?:换|改|更新)(?:了|过)?(?:个|一个)?(?:新的?)?(?P<what>" + ""
    "|".join(sorted(PERSONAL, key=len, reverse=True)) + r")"
)
#: The same with the number first: 我的手机号换了. Another's number says so before it.
HAS_CHANGED: Final = re.compile(
    r"^(?:我们?的?|本人的?)?(?P<what>" + "|".join(sorted(PERSONAL, key=len, reverse=True)) + r")"
    r"(?:已经|最近|刚刚?|又|也)*(?:换|改|变|更新)(?:了|过)?$"
)
#: A relation at the start: 我(的)姐姐(的)….
RELATION: Final = re.compile(
    r"^(?:我们?(?:的|家的|家)?)(?:新的?|现在的?)?(?P<relation>"
    + "|".join(sorted(RELATIONS, key=len, reverse=True))
    + r")(?P<owns>的)?(?P<rest>.+)$"
)
#: How to speak to the user.
WISHES: Final = _rules(
    r"(?:请|以后|你可以|可以|大家都|朋友们?都|你就|都)*(?:叫|称呼)我(?:为)?(?P<preferred_name>.+?)(?:就好|就行"
    r"|就可以|好了|吧)?(?:了)?",
    r"(?:请|以后|总是|都|你)*用(?P<answer_language>" + LANGUAGES + r")[文语](?:来)?(?:回答|回复|跟我说|交流)(?:我)?",
    r"(?:请|以后|你|的|都|尽量|希望你)*(?:回答|回复|答案)(?:请|要|得|尽量|的|都|问题时)*(?P<answer_length>简短"
    r"|简洁|简单|详细|精简|长|短)"
    r"(?:一点|一些|些|点)?(?:回答|的回答)?",
    r"(?:请|以后|都|尽量)+(?P<answer_length>简短|简洁|简要|详细)(?:地)?(?:一点)?(?:回答|回复)",
)
NOTE: Final = re.compile(
    r"^(?:请|你要|帮我|一定要|麻烦)*(?:记住|记得|别忘了|记一下|记下来?"
    r"|不要忘记)(?:了)?[，,：:\s]*(?P<note>.{3,120})$"
)
