"""What people are asked about themselves, and the words by which they tell it, however they put it.

The rules of extraction read a fact out of a sentence of a known form. A matter is wider: it tells that two messages
speak of one thing ("I train at …", "cancelled that membership, these days I lift at …"), not what they say of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Matter:
    """``asks`` finds it in questions, ``tells`` in messages; ``words`` widen a search for such messages.

    ``kind`` is the kind of its values, '' for names and other words that no list knows. Of a matter that holds
    ``many`` values only a word of change makes a new one the one that counts.
    """

    asks: re.Pattern[str]
    tells: re.Pattern[str]
    words: str
    kind: str = ""
    many: bool = False
    #: The words of change that are about this matter and not about something beside it.
    changes: re.Pattern[str] = re.compile("")


def _matter(
    asks: str, tells: str, words: str, kind: str = "", *, many: bool = False, changes: str = ""
) -> Matter:
    found, told, changed = (re.compile(pattern, re.IGNORECASE) for pattern in (asks, tells, changes))
    return Matter(found, told, words, kind, many, changed)


#: The first that a question asks for counts.
MATTERS: tuple[Matter, ...] = (
    _matter(
        asks=r"\b(?<!email )(?<!e-mail )address\b|(?<!邮箱)(?<!邮件)地址",
        tells=r"\b(?:address|mail|parcels?|deliver\w*|moved)\b|地址|寄|收件|快递|住",
        words="address mail parcel delivery 地址 收件 快递",
        kind="address",
    ),
    _matter(
        asks=r"\bfloor\b|几[楼层]",
        tells=r"\b(?:floor|elevator|lift|stairs)\b|楼|电梯|住",
        words="floor elevator 楼 电梯",
        kind="floor",
    ),
    _matter(
        asks=(
            r"\b(?:living|live|lives|reside|based)\b(?! (?:with|for))(?<!a living)(?<!for a living)"
            r"|\bhome ?town do\b|\bmy (?:home )?city\b|\b(?:apartment|flat|house)\b.*\b(?:in|located)\b"
            r"|\bwhere(?:'s| is) my (?:apartment|flat|house|home|place)\b|\b(?:city|town|country) am i\b|(?:住|搬"
            r"|家).{0,4}(?:哪|什么(?:地方|城市))|哪.{0,5}住|住址|哪[个座]城市|在哪.{0,3}生活"
        ),
        tells=(
            r"\b(?:liv(?:e|es|ed|ing)|mov(?:ed?|ing)|relocat\w+|settl\w+|rent(?:ed|ing)?|flat|apartment|house"
            r"|unpack\w*|based|lease|neighbou?rhood|resid\w+|studio|condo|keys|new place|been in|stay\w*|farmhouse"
            r"|cottage|bungalow|villa)\b|住|搬|租房|租了|租的|租在|退租|新家|生活|待了|读.{0,2}大学|定居|落户|安家"
            r"|房子|公寓|小区"
        ),
        words="live living moved moving settled apartment flat house relocated 搬家 搬到 住在 定居 租房",
        kind="place",
    ),
    _matter(
        asks=r"\bjob title\b|\bposition\b|\brole\b|职位|职务|头衔|岗位",
        tells=(
            r"\b(?:title|promot\w+|position|role|card|badge|chart|manager|lead|senior|junior|head|director|job)\b"
            r"|升|职位|职务|头衔|岗|提拔|提成|晋升|当上|担任|调|[是做].{0,8}(?:师|员|经理|总监|主管|销售|开发)"
        ),
        words="title promoted position role 升职 晋升 职位 岗位",
    ),
    _matter(
        asks=(
            r"\bcompany\b|\bemployer\b|\bwork (?:at|for)\b|\bwhere do(?:es)? (?:i|we|\w+) work\b|公司(?!.*(?:职位"
            r"|职务|担任))|单位|在哪.{0,3}(?:上班|工作)|雇主|东家"
        ),
        tells=(
            r"\b(?:work(?:s|ed|ing)?|job|company|employer|team|joined|hired|offer|position|role|quit|resign\w*"
            r"|start(?:ed|ing)?|onboarding|firm|badge)\b|(?-i:\bat [A-Z])|公司|上班|工作|单位|跳槽|入职(?!要|前"
            r"|培训|体检)|报到|辞|离职|工位|东家|任职|offer|挖"
        ),
        changes=(
            r"\b(?:quit|left|join\w*|start(?:ed|ing)? (?:at|with)|hired|new (?:job|employer|company)|poached"
            r"|moved to|switch\w+|resign\w*|laid off|offer|instead|no longer|any ?more|these days|now (?:at|with|i)"
            r"|i'?m now|handed in|signed with|started there|ended|(?-i:at [A-Z]\w+) (?:now|these days)|correction"
            r"|meant|turns? out|ended up)\b|跳槽|入职(?!要|前|培训|体检)|报到|辞|离职|离开|去了|加入|换(?:了)?(?:家"
            r"|个)?(?:新)?(?:公司|单位|工作|东家)|offer|挖|转[到去]|不再|不在|改去|说错|打错|更正|不对"
        ),
        words="work company job joined started hired resigned quit 公司 上班 跳槽 入职 辞职 报到",
        kind="proper",
    ),
    _matter(
        asks=(
            r"\b(?:do (?:i|we|you think i) do for (?:work|a living)|(?:what|which) (?:is|'s"
            r"|are) \w+(?: \w+)? (?:job|occupation|profession)|job\b|occupation|profession|career|for a living)"
            r"|做什么(?:的|工作)|干什么的|什么工作|职业|干哪行|做什么[？?]?$|谋生|\bline of work|卖什么"
        ),
        tells=(
            r"\b(?:work(?:s|ed|ing)?|job|career|trade|became|retrained|teach\w*|train(?:ed|ing)|as an?|(?:i'?m|i am"
            r"|'s|is) an?|quit|apron|shift|profession|hired)\b|工作|上班|职业|转行|改行|当(?:了|上)?"
            r"|[做是].{0,10}(?:师|员|工|司机|医生|护士|会计|销售|经理)|考上|开.{0,3}店|打工|干|活儿|应聘|卖"
            r"|开(?:货车|车|出租)|在.{1,8}(?:公司|厂|店|医院|学校|部队)|跳槽|辞|请去"
        ),
        words="work job career became retrained quit 工作 转行 改行 考上 职业",
    ),
    _matter(
        asks=r"\b(?:car|vehicle)\b.*\b(?:drive|have|own)\b|\bdo i drive\b|什么车|哪.{0,3}车|车是什么",
        tells=r"\b(?:car|driv(?:e|es|ing)|drove|suv|sedan|vehicle|garage|dealer\w*)\b|车|提了",
        words="car drive driving bought 开车 提车 换车",
        kind="car",
    ),
    _matter(
        asks=r"\b(?:phone|mobile|smartphone)\b(?! (?:number|plan|provider|carrier))|什么手机|手机是什么|哪.{0,3}手机",
        tells=r"\b(?:phone|mobile|android|ios|smartphone)\b|手机|换机",
        words="phone iphone android 手机",
        kind="phone",
    ),
    _matter(
        asks=r"\blaptop\b|\bcomputer\b|什么电脑|哪.{0,3}电脑",
        tells=(
            r"\b(?:laptop|computer|macbook|thinkpad|pc|mac|desktop|notebook|surface|dell|lenovo|xps)\b|电脑|笔记本"
            r"|苹果本"
        ),
        words="laptop computer macbook 电脑 笔记本",
    ),
    _matter(
        asks=r"\bgym\b|健身房|在哪.{0,3}(?:健身|锻炼)",
        tells=(
            r"\b(?:gym|train(?:ing)?|lift(?:ing)?|work(?:ing)? out|membership|fitness|crossfit)\b|健身|锻炼|撸铁"
            r"|上课|办卡|会员|器械"
        ),
        words="gym train lift membership fitness 健身 锻炼 办卡",
        kind="proper",
    ),
    _matter(
        asks=(
            r"\bschool\b(?!.*(?:teach|work))|哪.{0,4}(?:学校|小学|中学|初中|高中|大学|幼儿园)|在哪.{0,3}(?:上学"
            r"|读书|念书)"
        ),
        tells=(
            r"\b(?:school|elementary|primary|academy|high|college|university|enrol\w+|kindergarten|goes to|grade)\b"
            r"|学校|小学|中学|初中|高中|大学|二小|一中|幼儿园|转到|转学|上学|读"
        ),
        words="school enrolled elementary 学校 小学 中学 转学",
        kind="proper",
    ),
    _matter(
        asks=r"\b(?:which|what) (?:team|department)\b.*\b(?:am i|do i|work)\b|部门|哪个(?:组|团队)",
        tells=r"\b(?:team|department|transfer\w*)\b|部(?!分|队|位)|组|团队|调岗",
        words="team department transferred 部门 调岗 团队",
    ),
    _matter(
        asks=r"\bhobb(?:y|ies)\b|\binto\b|\b(?:free|spare) time\b|\bpastime\b|爱好|业余|闲.{0,3}(?:做什么|干)|兴趣",
        tells=(
            r"\b(?:hobby|free time|spare time|weekends?|into|hooked|obsessed|taken? up|took up|passion|pastime)\b"
            r"|爱好|喜欢|迷上|迷|学起|周末|业余|闲|一门心思|入坑|玩|兴趣"
        ),
        words="hobby free spare time weekends hooked 爱好 迷上 周末 业余",
        many=True,
    ),
    _matter(
        asks=r"\bsports?\b|\bexercise\b|\bworkout\b|什么运动|锻炼.{0,3}什么|怎么锻炼",
        tells=r"\b(?:sport|play(?:ing)?|exercise|workout|train(?:ing)?|practi[cs]e)\b|运动|锻炼|打|练|跑|游",
        words="sport exercise play training 运动 锻炼",
        kind="sport",
    ),
    _matter(
        asks=r"\binstruments?\b|什么乐器|哪.{0,3}乐器",
        tells=(
            r"\b(?:play(?:ing)?|learn(?:ing)?|lessons?|practi[cs]\w+|instrument|teacher)\b|学|练|玩|课|弹|拉|乐器"
            r"|老师"
        ),
        words="instrument lessons learning play 乐器 学 练",
        kind="instrument",
    ),
    _matter(
        asks=(
            r"\blanguages?\b.*\b(?:learn|study|tak|practi)|\b(?:learn|study)ing\b.*\blanguages?|(?:学"
            r"|练).{0,6}(?:外语|语言|哪门|什么语)"
        ),
        tells=r"\b(?:learn(?:ing)?|stud(?:y|ying)|lessons?|class(?:es)?|duolingo|course|app|tutor)\b|学|练|课|老师",
        words="learning lessons language studying 学 外语",
        kind="language",
    ),
    _matter(
        asks=r"\bdrink\b|\bbeverage\b|喝什么|爱喝|喜欢喝|饮料",
        tells=(
            r"\b(?:drink(?:s|ing)?|beverage|sip\w*|cup|brew|coffee|tea|latte|juice|soda|beer|wine|water|kombucha"
            r"|cola|matcha|espresso|cappuccino|smoothie)\b|喝|茶|杯|美式|拿铁|豆浆|咖啡|奶茶|果汁|可乐|饮料|酒"
        ),
        words="drink coffee tea favorite 喝 茶 咖啡 奶茶",
    ),
    _matter(
        asks=(
            r"\b(?:food|dish|cuisine|meal|snack|dessert|breakfast|lunch)\b(?!.*\ballerg)|爱吃什么|喜欢吃|最爱吃"
            r"|什么菜|早饭吃|早餐吃"
        ),
        tells=(
            r"\b(?:food|dish|eat(?:ing)?|cuisine|meal|snack|dessert|taste|craving|recipe|breakfast|lunch|ate)\b|吃"
            r"|菜|口味|早饭|早餐"
        ),
        words="food eat dish favorite 吃 口味 菜",
    ),
    _matter(
        asks=r"\ballerg|过敏",
        tells=r"\b(?:allerg\w*|react\w*|hives|intoleran\w+|epipen)\b|过敏",
        words="allergic allergy react 过敏",
        many=True,
    ),
    _matter(
        asks=r"\bdiet\b|\b(?:vegetarian|vegan)\b|饮食|忌口|吃素|吃什么",
        tells=r"\b(?:diet|eat(?:ing)?|meat|vegetarian|vegan|keto)\b|吃|饮食|荤|素",
        words="diet eat meat 饮食 吃 素",
        kind="diet",
    ),
    _matter(
        asks=(
            r"\b(?:going out with|dating|seeing|girlfriend|boyfriend|partner)\b|女朋友|男朋友|对象|跟谁.{0,3}(?:谈"
            r"|交往)"
        ),
        tells=(
            r"\b(?:dating|seeing|girlfriend|boyfriend|partner|broke up|split|together|going out|fizzled|ex)\b"
            r"|女朋友|男朋友|对象|分手|恋爱|交往|在一起|处"
        ),
        words="dating seeing girlfriend boyfriend broke up 女朋友 男朋友 对象 分手",
        kind="proper",
    ),
    _matter(
        asks=r"\b(?:single|married|relationship|marital)\b|感情|婚姻|单身|结婚",
        tells=(
            r"\b(?:single|married|engaged|divorced|separated|relationship|wedding|husband|wife|dating)\b|单身|婚"
            r"|领证|恋爱|分手|对象|离"
        ),
        words="single married engaged divorced 单身 结婚 领证 离婚 分手",
        kind="status",
    ),
    _matter(
        asks=(
            r"\b(?:cat|dog|puppy|kitten|pet|hamster|rabbit|parrot)(?:'s)? (?:name|called)|\b(?:cat|dog|puppy|kitten"
            r"|pet|hamster|rabbit|parrot)\b.*\bcalled|(?:猫|狗|兔|鸟|宠物|仓鼠|鹦鹉).{0,4}(?:叫|名)"
        ),
        tells=r"\b(?:call(?:ed|ing)?|nam(?:e|ed|ing)|renamed|kitten|puppy)\b|叫|名",
        words="called name named 叫 名字",
    ),
    _matter(
        asks=r"\b(?:bed(?:time)?|sleep|asleep)\b|几点睡|睡觉|什么时候睡",
        tells=r"\b(?:bed|sleep|asleep|lights? out|bedtime|turn in)\b|睡|熬夜|关灯",
        words="bed sleep asleep 睡觉 熬夜",
        kind="time",
    ),
    _matter(
        asks=r"\b(?:wake|get up|alarm)\b|几点起|起床",
        tells=r"\b(?:wake|woke|get up|getting up|up at|alarm|morning)\b|起床|起来|闹钟|醒",
        words="wake alarm morning 起床 闹钟",
        kind="time",
    ),
    _matter(
        asks=(
            r"\bcommut\w+|\b(?:get|go|travel|getting|going) to (?:work|the office|school|class)\b|怎么(?:去|上"
            r"|到).{0,3}(?:班|公司|学|单位)|通勤"
        ),
        tells=r"\b(?:commut\w+|work|office|school|ride)\b|上班|单位|公司|通勤|上学|下班",
        words="commute office work ride 上班 通勤 单位",
        kind="transport",
    ),
    _matter(
        asks=r"\bweigh(?:t|s)?\b|体重|多重|几斤|多少斤",
        tells=r"\b(?:weigh\w*|scale|kilos?|kg|pounds|lbs?|stone)\b|体重|斤|胖|瘦|秤",
        words="weigh weight scale kilos 体重 斤",
        kind="weight",
    ),
    _matter(
        asks=r"\bgrade\b|\bwhat year\b|几年级|上几|读几|什么年级",
        tells=r"\b(?:grade|school|year|class)\b|读|上|升|年级|开学",
        words="grade school year 年级 升 读",
        kind="grade",
    ),
    _matter(
        asks=r"\bdentist\b(?!.*\b(?:appointment|when|time)\b)|牙医",
        tells=r"\b(?:dentist|teeth|tooth|dental)\b|牙",
        words="dentist teeth dental 牙医 牙",
        kind="person",
    ),
    _matter(
        asks=r"\b(?:therapist|counsellor|psychologist)\b|心理(?:医生|咨询)",
        tells=r"\b(?:therap\w+|counsel\w+|psycholog\w+)\b|心理",
        words="therapist counsellor psychologist 心理咨询",
        kind="person",
    ),
    _matter(
        asks=(
            r"\b(?:doctor|gp|physician|p(?:a)?ediatrician)\b(?!.*\b(?:appointment|when|time)\b)|(?:医生"
            r"|大夫).{0,6}谁|谁.{0,8}(?:医生|大夫|看病)|给我看.{0,6}谁|哪[位个](?:医生|大夫)"
        ),
        tells=(
            r"^(?!.*\b(?:dentist|vet|therapist)\b)(?!.*(?:牙|兽医|心理)).*(?:\b(?:doctors?|gp|dr|physician|surgery"
            r"|clinic|practice|pediatrician)\b|医生|大夫|主任|诊所|医院|看病)"
        ),
        words="doctor gp dr surgery clinic 医生 大夫 看病",
        kind="person",
    ),
    _matter(
        asks=(
            r"\b(?:team|club)\b.*\b(?:support|follow|root|cheer|fan)|\b(?:support|follow|root|cheer)\b.*\b(?:team"
            r"|club)|(?:支持|喜欢).{0,3}(?:球队|哪支)|哪支.{0,4}队"
        ),
        tells=(
            r"\b(?:support\w*|club|fan|team|season ticket|follow(?:ed|ing)?|root(?:ing)?|cheer\w*|match)\b|球迷"
            r"|球队|支持|转投|主场|粉|队"
        ),
        changes=(
            r"\b(?:switch\w+|stopped|no longer|any ?more|these days|instead|season ticket|now (?:support|follow"
            r"|root)|converted|became|gave up|given up|meant|wrong)\b|转投|改(?:追|支持|粉|看)|不再|换(?:了)?(?:支"
            r"|个)?(?:主队|球队)|说错|更正|不看"
        ),
        words="support club team fan season 球迷 支持 主队 转投",
        kind="proper",
    ),
    _matter(
        asks=r"\b(?:manager|boss|supervisor|team lead)\b|领导|上司|老板|主管",
        tells=r"\b(?:manager|boss|report(?:ing)? to|supervisor|lead)\b|领导|上司|老板|主管|汇报|归.{1,6}管",
        words="manager boss report 领导 上司 汇报",
        kind="proper",
    ),
    _matter(
        asks=(
            r"\b(?:movie|film|show|series|book|music|song|band|artist|genre)s?\b.*\b(?:like|love|prefer|favou?rite"
            r"|listen|into|enjoy)\b|\bfavou?rite (?:movie|film|show|series|book|music|song|band|artist|genre"
            r"|singer)|(?:爱看|爱听|喜欢看|喜欢听|喜欢的?(?:电影|音乐|歌|书|歌手|乐队))"
        ),
        tells=(
            r"\b(?:movies?|films?|shows?|series|books?|music|songs?|bands?|artists?|genres?|listen\w*|watch\w*"
            r"|horror|comed\w+|thrillers?|jazz|rock|pop|classical|metal|hip[- ]hop|techno|sci-fi|fantasy|romance"
            r"|documentar\w+|singer)\b|电影|音乐|歌|书|剧|听|看|歌手|乐队"
        ),
        words="movie film music song book listen watch 电影 音乐 歌 听 看",
    ),
    _matter(
        asks=r"\b(?:stream\w*|subscri\w*|music service|platform)\b|会员|订阅|视频平台|听歌软件",
        tells=(
            r"\b(?:subscri\w*|pay for|plan|stream\w*|service|cancel\w*|premium|spotify|netflix|tidal|hulu|disney"
            r"|youtube)\b|会员|订阅|续|平台|追剧"
        ),
        words="subscription plan subscribed pay streaming 会员 订阅 续费",
        kind="proper",
    ),
    _matter(
        asks=r"\b(?:author|writer|novelist)\b|作家|作者",
        tells=r"\b(?:author|writers?|novels?|novelist|books?)\b|作家|作者|书|小说",
        words="author writer novel books 作家 作者 书",
        kind="proper",
    ),
    _matter(
        asks=r"\bcolou?rs?\b|颜色|什么色",
        tells=r"\b(?:colou?r\w*|paint\w*|wardrobe|closet|shade|wall)\b|颜色|色|刷|墙|漆",
        words="color paint 颜色 色 刷",
        kind="color",
    ),
    _matter(
        asks=r"\b(?:shoe|clothes|shirt|dress|jacket|ring) size\b|\bwhat size\b|多大码|几码|什么码|多大号|尺码",
        tells=r"\b(?:size|wear|shoes?|fit(?:s|ted)?|feet)\b|码|鞋|穿|号",
        words="size wear shoes 码 鞋 穿",
        kind="size",
    ),
)
