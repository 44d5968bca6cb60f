"""Chinese words that the extraction rules know: relations, places, trades, and what is none of them."""

from __future__ import annotations

from memoryos_tasks.core.words import word_set

#: Chinese relation → the subject that facts carry, so that both languages fill one slot.
RELATIONS = {
    "妈妈": "mother", "母亲": "mother", "爸爸": "father", "父亲": "father", "姐姐": "sister", "妹妹": "sister",
    "哥哥": "brother", "弟弟": "brother", "爷爷": "grandfather", "外公": "grandfather", "奶奶": "grandmother",
    "外婆": "grandmother", "姥姥": "grandmother", "老婆": "wife", "妻子": "wife", "太太": "wife", "老公": "husband",
    "丈夫": "husband", "爱人": "spouse", "女儿": "daughter", "儿子": "son", "孩子": "child", "女朋友": "girlfriend",
    "女友": "girlfriend", "男朋友": "boyfriend", "男友": "boyfriend", "朋友": "friend", "闺蜜": "friend",
    "同事": "colleague", "老板": "boss", "上司": "boss", "室友": "roommate", "同学": "classmate", "邻居": "neighbor",
    "叔叔": "uncle", "舅舅": "uncle", "阿姨": "aunt", "姑姑": "aunt", "表哥": "cousin", "表妹": "cousin",
    "房东": "landlord", "领导": "boss", "经理": "boss", "对象": "partner", "老师": "teacher", "医生": "doctor",
    "金毛": "dog", "哈士奇": "dog", "柯基": "dog", "泰迪": "dog", "拉布拉多": "dog", "柴犬": "dog", "边牧": "dog",
    "贵宾犬": "dog", "橘猫": "cat", "布偶猫": "cat", "英短": "cat", "美短": "cat", "狸花猫": "cat", "狗狗": "dog",
    "小狗": "dog", "狗": "dog", "猫咪": "cat", "小猫": "cat", "猫": "cat", "兔子": "rabbit",
    "仓鼠": "hamster", "鹦鹉": "parrot", "宠物": "pet",
}  # fmt: skip
#: The subjects that are animals.
ANIMALS = ("dog", "cat", "rabbit", "hamster", "parrot", "pet", "horse", "turtle", "fish", "bird")
#: The subject → a Chinese word for it.
RELATION_WORDS = {subject: word for word, subject in reversed(RELATIONS.items())} | {
    "sister": "姐妹", "brother": "兄弟", "dog": "狗", "cat": "猫",
    "flight": "航班", "appointment": "预约", "meeting": "会议", "interview": "面试", "exam": "考试",
    "wedding": "婚礼",
    "car": "车", "phone": "手机", "trip": "旅行", "train": "火车",
}  # fmt: skip
THINGS = {
    "航班": "flight", "飞机": "flight", "火车": "train", "高铁": "train", "预约": "appointment", "会议": "meeting",
    "面试": "interview", "考试": "exam", "婚礼": "wedding", "手术": "surgery", "旅行": "trip",
    "毕业典礼": "graduation", "聚会": "party", "约会": "date", "开会": "meeting", "复查": "checkup", "体检": "checkup",
    "车": "car", "手机": "phone", "电脑": "laptop",
}  # fmt: skip

#: Numbers and addresses of the user → the attribute.
PERSONAL = {
    "手机号码": "phone number", "手机号": "phone number", "电话号码": "phone number", "电话": "phone number",
    "号码": "phone number", "微信号": "wechat", "微信": "wechat", "邮箱": "email", "电子邮箱": "email",
    "邮箱地址": "email", "地址": "address", "车牌号": "plate number", "门牌号": "house number", "网名": "nickname",
    "编辑器": "editor", "浏览器": "browser", "手机": "phone", "健身房": "gym", "银行": "bank",
}  # fmt: skip

COUNTRIES = word_set(
    "中国 美国 英国 法国 德国 日本 韩国 俄罗斯 意大利 西班牙 葡萄牙 荷兰 比利时 瑞士 瑞典 挪威 丹麦 芬兰 波兰 希腊"
    " 土耳其 印度 泰国 越南 新加坡 马来西亚 印尼 菲律宾 澳大利亚 新西兰 加拿大 墨西哥 巴西 阿根廷 埃及 南非 乌克兰"
    " 奥地利 爱尔兰 以色列 伊朗"
)
PLACES = word_set(
    "北京 上海 广州 深圳 杭州 南京 苏州 成都 重庆 武汉 西安 天津 长沙 郑州 青岛 大连 厦门 宁波 无锡 合肥 福州"
    " 济南 昆明"
    " 沈阳 哈尔滨 长春 石家庄 太原 南昌 贵阳 南宁 兰州 海口 三亚 乌鲁木齐 拉萨 香港 澳门 台北 高雄 珠海 东莞 佛山"
    " 广东 浙江 江苏 山东 河南 河北 湖南 湖北 四川 福建 安徽 江西 陕西 山西 辽宁 吉林 黑龙江 云南 贵州 广西 海南 甘肃"
    " 青海 宁夏 新疆 西藏 内蒙古 台湾 东京 大阪 首尔 纽约 伦敦 巴黎 柏林 洛杉矶 旧金山 西雅图 波士顿 多伦多 温哥华"
    " 悉尼 墨尔本 曼谷 迪拜 罗马 米兰 马德里 莫斯科 硅谷 东北"
)
#: Endings of trades.
TRADES = (
    "师|医生|学生|生物学家|研究生|博士生|本科生|大学生|高中生|初中生|小学生|实习生|家|员|工人|商人|军人|主持人|经纪人"
    "|创始人|合伙人|自由职业者|记者|作者|学者|创业者|开发者|研究者|歌手|选手|鼓手|水手|木匠|法官|检察官|军官|警察"
    "|老板|经理|主管|总监|总裁|主任|院长|校长|教授|讲师|护士|司机|会计|秘书|助理|顾问|编辑|编剧|导演|演员|教练|模特"
    "|厨子|保安|保姆|农民|渔民|程序猿|码农|博主|主播|代表|专员|博士|硕士|特工|产品|运营|白领|全职妈妈|家庭主妇"
)
#: What ends like a trade and is none.
NO_TRADES = (
    "大家|人家|回家|国家|全家|一家|独家|老人家|玩家|买家|卖家|输家|赢家|会员|成员|党员|团员|人员|一员|球迷|陌生|先生"
    "|女生|男生|学渣|爱好者|单身狗"
)
SURNAMES = (
    "王李张刘陈杨赵周吴徐孙胡朱郭梁宋郑谢韩冯董萧曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎潘杜戴夏钟汪田姜范姚谭廖邹熊陆郝"
)
#: Two characters that look like a pet name and are none.
NO_NICKNAMES = word_set(
    "小孩 小学 小白 小人 小心 小偷 小编 小鬼 老师 老板 老人 老大 老外 老乡 老手 老公 老婆 老百 阿姨 老头 老实 小气 小资"
)
#: What "我叫X", "我是X", "我在X工作", "我喜欢X" do not mean.
NO_VALUES = word_set(
    "你 您 他 她 它 我 你们 他们 她们 它们 我们 这 那 这个 那个 这样 那样 这里 那里 这儿 那儿 家 家里 外面 什么"
    " 谁 哪里"
    " 哪儿 怎么 努力 认真 一起 自己 不 没 没有 好 好的 对 错 醒 车 外卖 说 被"
)
LANGUAGES = "中|英|法|德|日|韩|俄|西班牙|葡萄牙|意大利|阿拉伯|泰|越南|粤|汉|荷兰|希腊|土耳其|印地|拉丁"
#: Nouns of favourites, as attributes name them → in Chinese.
FAVORITE_WORDS = {
    "color": "颜色", "food": "食物", "movie": "电影", "book": "书", "song": "歌", "music": "音乐", "sport": "运动",
    "city": "城市", "animal": "动物", "fruit": "水果", "season": "季节", "singer": "歌手", "band": "乐队",
    "game": "游戏", "drink": "饮料",
}  # fmt: skip
#: Chinese nouns of favourites → as attributes name them.
FAVORITES = {chinese: english for english, chinese in FAVORITE_WORDS.items()} | {
    "菜": "food", "歌曲": "song", "书籍": "book",
}  # fmt: skip
