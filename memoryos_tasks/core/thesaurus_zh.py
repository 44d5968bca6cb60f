"""Chinese everyday words that are asked with one word and told with another, for widening a question.

Pairs of characters match only what is written alike, and static word vectors tell little apart in Chinese; so a
question is widened with words of the same meaning, and a general word with its kinds ("乐器" with "钢琴").
"""

from __future__ import annotations

import re
from functools import lru_cache

from memoryos_tasks.core.alike_zh import ALIKE

#: A general word and its kinds: the kinds widen a question with the general word, not the other way round.
_KINDS = """
乐器: 钢琴 大提琴 小提琴 提琴 吉他 二胡 古筝 笛子 萨克斯 尤克里里 鼓
运动: 跑步 游泳 篮球 足球 羽毛球 乒乓球 网球 瑜伽 太极 爬山 骑行 滑雪
宠物: 猫 狗 兔子 仓鼠 鹦鹉 金鱼 乌龟 柯基 金毛 泰迪 橘猫 布偶
饮料: 可乐 咖啡 奶茶 果汁 啤酒 绿茶 红茶 汽水
水果: 苹果 香蕉 芒果 西瓜 草莓 葡萄 桃子 樱桃 橙子 榴莲 菠萝
海鲜: 虾 螃蟹 贝 鱼
菜: 火锅 红烧 炒 烤 面条 饺子
关节: 肩 膝 踝 手腕 肘 髋 脱臼
家电: 冰箱 洗衣机 空调 电视 微波炉
工作: 老师 医生 护士 程序员 工程师 设计师 销售 会计 柜员
症状: 头痛 发烧 咳嗽 胃痛 失眠 头晕
考试: 高考 考研 驾照 雅思 托福 会计证 证书
早饭: 豆浆 油条 包子 粥
城市: 北京 上海 广州 深圳 杭州 南京 苏州 成都 重庆 武汉 西安 天津 长沙 青岛 大连 厦门 昆明 哈尔滨 温哥华 东京 纽约 伦敦
国家: 中国 美国 英国 日本 韩国 法国 德国 加拿大 澳大利亚 泰国 新加坡
职业: 医生 护士 老师 教师 工程师 程序员 律师 会计 设计师 司机 厨师 记者 柜员 销售 警察 公务员 演员 作家 编辑 导游 保安
颜色: 红色 蓝色 白色 黑色 绿色 黄色 粉色
季节: 春天 夏天 秋天 冬天
语言: 英语 日语 法语 德语 西班牙语 韩语
楼层: 楼 层
亲戚: 叔叔 阿姨 舅舅 姑姑 表妹 表哥 堂弟
"""


def _related() -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for line in ALIKE.split("\n"):
        group = line.split()
        for word in group:
            found.setdefault(word, {}).update(dict.fromkeys(other for other in group if other != word))
    for line in _KINDS.strip().split("\n"):
        general, kinds = line.split(":")
        found.setdefault(general, {}).update(dict.fromkeys(kinds.split()))
    # A single character stands inside too many words to widen a question by itself.
    return {word: tuple(others) for word, others in found.items() if len(word) > 1}


RELATED = _related()
_ANY = re.compile("|".join(sorted(map(re.escape, RELATED), key=len, reverse=True)))


@lru_cache(maxsize=4096)
def widened(question: str) -> tuple[str, ...]:
    """The words that the words of a question stand for as well, in order of first mention, each once."""
    if question.isascii():
        return ()
    return tuple(dict.fromkeys(other for word in _ANY.findall(question) for other in RELATED[word]))
