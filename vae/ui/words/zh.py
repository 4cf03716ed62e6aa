"""Everything the page says, in simplified Chinese: the tables of ``en.py``.

Addressed to 你; a slider is 滑块, a look is 风格, a picture on the stage is 画面, one from a
file 图片. Chinese punctuation, except within numbers and names.
"""

from __future__ import annotations

TABS = {
    "create": "创作",
    "train": "训练",
    "more": "更多标签页",
}

APP = {
    "language": "语言",
    "password": "名字随意填写；密码请填你收到的那一个。",
}

PANELS = {
    "style": "风格",
    "style_note": "质感、色调、边缘",
    "surface": "表面",
    "surface_note": "媒材显露多少",
    "form": "形态",
    "form_note": "是什么，怎样摆放",
    "more": "其余 {count} 个",
    "seed": "种子",
    "surprise": "给我惊喜",
    "upload": "从一张图片开始",
    "reset_all": "滑块复位",
    "reset": "复位：{name}",
    "hold": "保持其余不变",
    "hold_note": "只动一项，其余尽量不变",
    "hold_measures": "正在测量这张画面",
    "hold_failed": "刚才没能测量这张画面：滑块照常移动，其余没有保持。",
    "save": "保存 PNG",
}

PAGE = {
    "picture": "模型绘制的画面",
    "waking": "世界正在醒来",
    "lost": "连接已断开，正在重试。",
    "failed": "刚才没能完成，请再试一次。",
    "reading": "正在读取你的图片",
    "saving": "正在绘制 PNG",
    "gathering": "正在提取颜色",
    "drop": "松手：从这张图片开始",
    "large": "这个文件超过 {limit} MB，请换一个小一些的。",
    "from_picture": "取自 {name}",
    "some_picture": "一张图片",
    "still_moved": "滑块留在原处，也作用于这张图片。“滑块复位”可看它原来的样子。",
    "back_to_seed": "回到种子",
    "backgrounds": "透明处的底色",
    "checker": "棋盘格",
    "white": "白色",
    "black": "黑色",
    "color": "自选颜色",
    "match": "更接近原图",
    "match_note": "让画面更接近你的图片：两秒之内，这个世界能接近多少就接近多少",
    "match_stop": "停止",
    "match_going": "与你的图片相差 {now}",
    "matched": "与你的图片的差距：之前 {before}，现在 {now}。可用“对比”和“分界对比”查看前后。",
    "match_near": "这个世界最多只能接近到这里：与你的图片相差 {now}。",
    "match_stopped": "已停止，画面保持原样。",
    "detail": "保留原图细节",
    "detail_note": "图片保持原样，由滑块来改变",
    "own_size": "保存 {width} × {height}",
    "own_size_note": "你的图片，保留全部 {width} × {height} 像素，按所示改变",
    "detail_carried": "此时链接和保存的配方会带上你的图片本身",
    "drawings": "你的画",
    "drawings_note": "从它学过的一张画开始",
    "drawings_more": "更多",
    "no_drawing": "这张画已经不在了。",
}

FILM = {
    "film": "预览条",
    "note": "在你手中的滑块下方：几张小图，预示它通向哪里",
    "strip": "“{slider}”通向哪里",
    "tile": "{slider}：{place}",
}

WORLDS = {
    "menu": "世界",
    "open": "世界：{name}。换一个",
    "card": "说明卡",
    "card_of": "{name} 的说明卡",
    "close": "关闭",
    "no_card": "这个世界没有附带说明卡。",
    "in_alpha": "{size}²，带透明度",
    "in_color": "{size}²，彩色",
    "in_grey": "{size}²，灰度",
    "gone": "世界 {name} 已经不在了。",
    "changed": "世界 {name} 后来又训练过。请在菜单里重新选择它。",
}

RECIPE = {
    "keep": "在文件中保留配方：把它拖回这个网页，就能连同滑块还原这张画面",
    "keep_short": "附带配方",
    "other_world": "这张图片出自世界 {name}，而这里是 {here}。",
    "other_hash": "这张图片出自世界 {name} 的另一个版本。",
    "impossible": "这个 PNG 里的配方用到了这个世界没有的东西。",
    "pixels": "{reason}改为从像素开始：显示这个世界所能画出的最接近的画面。",
}

EXPORT = {
    "more": "更多保存方式",
    "webp": "WebP",
    "webp_note": "无损，带透明度",
    "webp_at": "保存 WebP，{factor} 倍",
    "palette": "调色板",
    "palette_note": "画面的五到八种颜色",
    "palette_gpl": "GIMP、Krita 和 Inkscape 用的调色板（.gpl）",
    "palette_ase": "Adobe 软件用的调色板（.ase）",
    "palette_css": "调色板，CSS 自定义属性（.css）",
    "palette_png": "调色板，可供取色的图片（.png）",
}

MEMORY = {
    "undo": "撤销（Ctrl+Z）",
    "redo": "重做（Ctrl+Shift+Z）",
    "history": "历史，最新的在前",
    "go": "回到：{picture}",
    "pin": "长期保留：{picture}",
    "a_seed": "种子 {seed}",
    "a_picture": "一张图片",
    "moved": "动过 {count} 个滑块",
    "moved_one": "动过 1 个滑块",
    "hold": "对比",
    "hold_note": "按住这里，或按住 B 键：显示你最后固定的画面；没有固定的，就显示最初的画面",
    "wipe": "分界对比",
    "wipe_note": "左边是之前，右边是现在，中间的分界线可以拖动",
    "wipe_slider": "之前与现在的分界线",
    "a_pinned": "之前：你固定的画面",
    "a_start": "之前：最初的画面",
    "a_read": "之前：刚读入时的样子",
    "nothing_before": "这就是最初的画面。先动一动滑块，或固定一张画面，再来对比。",
    "link": "复制链接",
    "link_note": "指向这张画面的地址",
    "copied": "链接已复制：打开它就是这张画面。",
    "copied_small": "链接已复制：打开它是世界所见大小的这张画面；你的文件本身留在这里。",
    "not_copied": "浏览器不允许网页复制：请从地址栏复制链接。",
    "link_damaged": "这个链接已损坏或不完整，没有打开。",
    "link_other_world": "这个链接属于世界 {name}，而这里是 {here}，没有打开。",
    "link_other_version": "这个链接出自这个世界的另一个版本：画面可能有所不同。",
    "other_version": "这个世界后来又训练过：你的画面看起来可能有所不同。",
    "not_drawn": "要打开的画面用到了这个世界没有的东西，已略过。",
    "full": "浏览器的存储空间已满：关闭网页后，现在所做的会丢失。请取消固定几张画面。",
}

EXPLORE = {
    "variations": "变体",
    "variations_note": "中间是当前画面，周围八张与它同样自然。点一张就到那里；"
    "再点同一个角，就沿同一方向继续走。",
    "variation": "变体 {number} / {count}",
    "middle": "当前画面",
    "variation_name": "一个变体",
    "reach": "幅度",
    "again": "换些方向",
    "field": "双滑块",
    "field_note": "两个滑块的所有位置一览无余。点一处就到那里。",
    "across": "横向",
    "up": "纵向",
    "place": "{across} {x}，{up} {y}",
    "blend": "混合",
    "blend_note": "在几张画面之间拖动。角上的 + 会把当前画面放到那里：历史里的一张、一个种子，"
    "或你自己的一张。",
    "blend_name": "一次混合",
    "pad": "在几张画面之间的位置",
    "to_right": "从左到右",
    "to_bottom": "从上到下",
    "corner": "把当前画面放到第 {number} 个角",
    "pictures": "画面数",
    "others": "换些画面",
    "sheet": "保存拼图",
    "drawing": "正在绘制拼图",
    "variations_file": "变体",
    "field_file": "双滑块",
}

LIKES = {
    "title": "你的滑块",
    "note": "来自你喜欢的画面",
    "like": "喜欢：{variation}",
    "dislike": "不喜欢：{variation}",
    "marking": "用 + 标记喜欢的，用 − 标记不喜欢的：它们会变成你自己的一个滑块。",
    "liked": "{count} 张喜欢",
    "disliked": "{count} 张不喜欢",
    "both": "{liked}，{disliked}",
    "make": "由此做一个滑块",
    "clear": "清除标记",
    "numbered": "更像这些 {number}",
    "carried": "一个方向",
    "name": "这个滑块的名字",
    "keep": "保留",
    "keep_note": "把“{name}”和你的其他东西一起保存在这个浏览器里",
    "delete": "删除“{name}”",
    "deleted": "“{name}”已删除。",
    "undo": "撤销",
    "full": "一张画面最多可以沿你自己的 {count} 个滑块移动。",
}

HELP = {
    "title": "快捷键",
    "open": "快捷键一览",
    "close": "关闭",
    "picture": "画面",
    "slider": "手中的滑块",
    "tiles": "小图：历史、预览条、变体",
    "anywhere": "任何地方",
}
KEYS = {
    "picture": (
        ("Ctrl+Z", "撤销"),
        ("Ctrl+Shift+Z Ctrl+Y", "重做"),
        ("B", "按住，与最初的画面对比"),
        ("Ctrl+V", "从复制的图片开始"),
    ),
    "slider": (
        ("← →", "走一步"),
        ("PgDn PgUp", "走一大步"),
        ("Home End", "到两端"),
    ),
    "tiles": (
        ("← →", "从一张到下一张"),
        ("＋ −", "把变体标记为喜欢或不喜欢"),
        ("Enter", "到那里去"),
    ),
    "anywhere": (
        ("Tab", "到下一个控件"),
        ("?", "打开这份一览"),
        ("Esc", "关闭它"),
    ),
}

STYLE_NAMES = {
    "lightness": "明度",
    "redness": "绿到红",
    "warmth": "冷暖",
    "lightness_spread": "明暗层次",
    "redness_spread": "红绿跨度",
    "warmth_spread": "冷暖跨度",
    "colorfulness": "鲜艳度",
    "palette_variety": "色彩丰富度",
    "local_contrast": "局部反差",
    "fineness": "细腻度",
    "coarseness": "粗犷度",
    "directionality": "纹理走向",
    "angle_cos": "竖向纹理",
    "angle_sin": "斜向纹理",
    "coverage": "覆盖面积",
    "edge_softness": "边缘柔和度",
}

FORM_NAMES = {
    "form": "形态",
    "width": "宽度",
    "height": "高度",
    "position across": "左右位置",
    "position down": "上下位置",
    "lean": "倾斜",
    "taper": "收窄",
    "light at heart": "中心光亮",
    "light from the side": "侧光",
    "light from above": "顶光",
}
SURFACE_NAMES = {"grain strength": "颗粒强弱"}

EFFECT = {
    "several": "会同时改变好几样东西：拖动看看。",
    "grain": "这个世界铺在画面上的颗粒有多强：-1 为没有，0 为学到的样子，1 为两倍。其他都不变。",
    "measured": "实测：每走一步，{name}变化 {gain}，{far}；{sure}跟得上你的手（{spearman}）。"
    "全部变化中有 {purity} 是它。",
    "held": "其余尽量保持不变。",
    "held_unknown": "其余尽量保持不变；在这个世界里还没有测过能有多纯。"
    "不保持时，全部变化中有 {purity} 是它。",
    "backwards": "方向相反",
    "also": "此外最受牵动的是{names}。",
    "comma": "、",
    "and": "{first}和{last}",
}
EFFECT_GRADES: dict[str, tuple[tuple[float, str], ...]] = {
    "far": (
        (1.4, "比标示的更远"),
        (0.7, "与标示相符"),
        (0.3, "比标示的少"),
        (0.0, "几乎不动"),
    ),
    "sure": ((0.995, "总是"), (0.9, "几乎总是"), (0.6, "多半"), (0.0, "只是有时")),
}

BORROW = {
    "title": "借用风格",
    "note": "来自你的一张图片",
    "pick": "选择参考图",
    "drop": "或把图片拖到这里",
    "other": "换一张",
    "remove": "归还风格",
    "texture": "纹理",
    "palette": "色调",
    "transparency": "透明度",
    "opaque": "透明度：这张参考图不透明，没有透明度可借。",
    "exact": "精确套用色调（在模型之后完成）",
    "chart": "测得的数值，以及要保持不变的",
    "own": "你的画面",
    "reference": "参考图",
    "usual": "这个世界的常态",
    "lock": "保持不变：{name}",
    "place": "{name}：你的画面 {own}，参考图 {reference}（单位：标准差）",
    "differs": "参考图{list}。",
    "alike": "它的各项数值与你的画面相近。",
    "comma": "、",
    "and": "{first}和{last}",
    "missing": "这个世界没有这样的{list}；显示的是最接近的。",
    "withheld": "它的大小只借用一部分：全部借用就会变成另一张画面。",
    "unnamed": "一张参考图",
    "reading": "正在测量参考图",
    "large": "这个文件超过 {limit} MB，请换一个小一些的。",
    "invisible": "这张图片里什么也看不见：它完全透明。",
}

BORROW_WORDS = {
    "lightness": ("更暗", "更亮", "暗调", "亮调"),
    "redness": ("更偏绿", "更偏红", "绿色", "红色"),
    "warmth": ("更冷", "更暖", "蓝色", "黄色"),
    "lightness_spread": ("明暗更平", "明暗层次更深", "均匀的明暗", "强烈的明暗"),
    "redness_spread": ("红绿更接近", "红绿跨度更大", "相近的红绿", "红绿对照"),
    "warmth_spread": ("冷暖更均匀", "冷暖跨度更大", "均匀的冷暖", "冷暖对照"),
    "colorfulness": ("更灰", "更鲜艳", "灰色", "浓烈的颜色"),
    "palette_variety": ("颜色更少", "颜色更多", "简约的配色", "丰富的配色"),
    "local_contrast": ("更平滑", "更粗糙", "平滑的表面", "粗糙的表面"),
    "fineness": ("细节更柔", "细节更锐", "柔和的细节", "精细的细节"),
    "coarseness": ("图案更细小", "图案更粗大", "细小的图案", "粗大的图案"),
    "directionality": ("纹理走向更弱", "纹理走向更强", "没有走向的表面", "有走向的纹理"),
    "angle_cos": ("纹理更横", "纹理更竖", "横向纹理", "竖向纹理"),
    "angle_sin": ("纹理斜向一边", "纹理斜向另一边", "斜向纹理", "斜向纹理"),
    "coverage": ("在画面中更小", "在画面中更大", "小的形状", "大的形状"),
    "edge_softness": ("边缘更硬", "边缘更柔", "硬的边缘", "柔的边缘"),
}

ERRORS = {
    "image": "{message}",
    "shape": "网页请求的画面，这个世界画不出来。请重新载入网页。",
    "world": "无法使用这个世界：{message}",
    "config": "网页请求了这个世界给不了的东西：{message}。",
    "other": "{message}",
    "stop": "。",
    "unforeseen": "绘制时出了问题，原因见服务器日志。",
}
