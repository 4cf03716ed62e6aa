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
    "form": "形态",
    "form_note": "是什么，怎样摆放",
    "more": "其余 {count} 个",
    "seed": "种子",
    "surprise": "给我惊喜",
    "upload": "从一张图片开始",
    "reset_all": "全部复位",
    "reset": "复位：{name}",
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
    "keep": "在文件中保留配方：把它拖回这个网页，就能还原完全一样的画面",
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
    "marking": "用 + 标记喜欢的，用 − 标记不喜欢的：它们会变成你自己的一根滑块。",
    "liked": "{count} 张喜欢",
    "disliked": "{count} 张不喜欢",
    "both": "{liked}，{disliked}",
    "make": "由此做一根滑块",
    "clear": "清除标记",
    "numbered": "更像这些 {number}",
    "carried": "一个方向",
    "name": "这根滑块的名字",
    "keep": "保留",
    "keep_note": "把“{name}”和你的其他东西一起保存在这个浏览器里",
    "delete": "删除“{name}”",
    "deleted": "“{name}”已删除。",
    "undo": "撤销",
    "full": "一张画面最多可以沿你自己的 {count} 根滑块移动。",
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

EFFECT = {
    "several": "会同时改变好几样东西：拖动看看。",
    "measured": "实测：每走一步，{name}变化 {gain}，{far}；{sure}跟得上你的手（{spearman}）。"
    "全部变化中有 {purity} 是它。",
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

# “训练”页：放进画作，得到一个世界。
TRAIN = {
    # what it is
    "title": "属于你的世界",
    "what": "放进至少十张你的画，最好三十张。它们只在这台机器上学习，"
    "学完便打开一个新的世界，带着它自己的滑块。",
    "promise": "你的图片绝不会离开这台机器。随世界保存的只有：图片的指纹、"
    "你有权使用它们的声明，以及设置。",
    # pictures in
    "drop": "把你的画放到这里",
    "drop_note": "PNG、JPEG 或 WebP，一个文件夹，或一个 ZIP",
    "drop_more": "松开：它们会加入其中",
    "files": "选择文件",
    "folder": "选择文件夹",
    "more_files": "添加文件",
    "more_folder": "添加文件夹",
    "start_over": "重新开始",
    "start_over_sure": "把这些图片全部收走吗？",
    "sending": "正在接收：第 {done} 个，共 {total} 个",
    "looking": "正在查看：第 {done} 张，共 {total} 张",
    "kept": "{total} 张中有 {kept} 张将用于学习",
    "kept_all": "{total} 张全部用于学习",
    "few": "至少需要 {least} 张，还差 {missing} 张。",
    "out": "未采用 {count} 张，以及原因",
    "out_one": "未采用 1 张，以及原因",
    "sheet": "将用于学习的图片；点一张即可排除",
    "leave_out": "排除 {name}",
    "left_out": "你排除了它。",
    "take_back": "放回",
    "content": "{name} 看过图片的内容。",
    "no_content": "未做内容审查：没有人看过图片画的是什么。",
    # what goes wrong on the way in
    "foreign": "这不是 PNG、JPEG、WebP 或 ZIP 文件。",
    "large": "这个文件超过 {limit} MB。",
    "empty": "这个文件是空的。",
    "many": "最多只能放 {limit} 个文件。",
    "full": "总量不能超过 {limit} MB。",
    "crowded": "现在放图片的人太多，请稍后再试。",
    "torn": "{name} 没有完整送达，请重新添加。",
    "lost_batch": "这些图片已经不在这里了，请重新添加。",
    "nothing": "请先添加一些画。",
    "unread": "这个文件没能送出。",
    "still_looking": "正在查看这些图片，请稍候。",
    "no_preview": "这张图片无法显示。",
    # how they are prepared
    "prepare": "准备",
    "crop": "裁切",
    "none": "保持原样",
    "fit": "贴合画面主体",
    "centre": "中间的正方形",
    "paper": "去掉纸张",
    "paper_note": "用于纸上作品的扫描或照片；柔和的阴影会保留",
    "before": "之前",
    "after": "之后",
    # how it is learned
    "name": "名称",
    "name_hint": "我的世界",
    "length": "学到什么程度",
    "taste": "先尝一下",
    "taste_note": "大约一分钟，从世界 {world} 出发",
    "proper": "一个完整的世界",
    "proper_note": "{minutes}，从世界 {world} 出发",
    "scratch": "从零开始",
    "scratch_note": "{minutes}，只从你的图片学起；有几百张更好",
    "advanced": "高级",
    "start": "起点",
    "minutes": "分钟",
    "batch_size": "每步图片数",
    "lr": "学习率",
    "augment": "变化",
    "augment_none": "保持原样",
    "augment_flip": "左右翻转",
    "augment_affine": "翻转、平移、旋转",
    "seed": "种子",
    "usual": "默认",
    "out_of_range": "{name}应为 {low} 到 {high} 之间的数。",
    "consent": "这些图片属于我，或者我有权这样使用它们。",
    "consent_note": "连同日期和图片的指纹一起记录。",
    "consent_needed": "请先声明你有权使用这些图片。",
    "name_needed": "请给这个世界起个名字。",
    "few_needed": "至少需要 {least} 张图片，目前可用的有 {kept} 张。",
    "trying": "试走三步，看看需要多少",
    "costs": "将在{device}上用{time}，占 {memory} 内存，每秒 {rate} 张图片。",
    "cost_later": "前一个训练结束后再估算所需的时间和内存。",
    "trying_another": "正在做另一个估算，请稍候。",
    "device_cpu": "处理器",
    "device_cuda": "显卡",
    "device_mps": "图形芯片",
    "train": "训练",
    "queue_up": "排在前一个之后训练",
    "starting": "正在摆放图片",
    # a run as it is watched
    "new": "新的世界",
    "runs": "训练中的世界",
    "state_queued": "等待中，第 {place} 位",
    "state_preparing": "准备中",
    "state_training": "训练中",
    "state_percent": "训练中，{percent} %",
    "state_paused": "已暂停",
    "state_stopping": "正在停止",
    "state_finishing": "正在测量滑块",
    "state_done": "已完成",
    "state_stopped": "已停止",
    "state_failed": "失败",
    "step": "第 {step} 步",
    "rate": "每秒 {rate} 张",
    "left": "还剩 {time}",
    "best": "第 {step} 步最好",
    "queue_note": "一次只训练一个世界，轮到时会自动开始。",
    "pause": "暂停",
    "resume": "继续",
    "retry": "再试一次",
    "save": "立即保存",
    "save_done": "已保存。",
    "stop": "停止并保留",
    "leave_queue": "退出排队",
    "extend": "延长",
    "extend_by": "再加 {minutes}",
    "progress": "进度",
    # pictures through time
    "drawings": "模型重画的你的画",
    "inventions": "它的新作，出自九个固定的种子",
    "originals": "原作",
    "at_start": "开始时",
    "at_step": "第 {step} 步",
    "time": "回看过程",
    "play": "播放",
    "stop_playing": "停止",
    "newest": "最新",
    "no_pictures": "第一批图片马上就来。",
    "board_original": "你的九张画",
    "board_drawn": "同样九张，模型在第 {step} 步重画",
    "board_new": "模型在第 {step} 步的九张新作",
    # curves
    "curves": "曲线",
    "total": "总损失",
    "reconstruction": "重建",
    "kl_z": "KL（内容）",
    "kl_key": "KL（风格）",
    "adversarial": "评判",
    "loop": "闭环",
    "seen": "训练",
    "held_out": "留出",
    "log": "对数",
    "smooth": "平滑",
    "csv": "保存 CSV",
    "no_judge": "没有评判",
    "no_values": "尚无",
    "chart": "从 {first} 到 {last}，第 {step} 步",
    "chart_at": "第 {step} 步：{seen}",
    "chart_held": "，留出 {held}",
    # the mirror
    "mirror": "它在照抄吗？",
    "mirror_note": "每张新作旁边是你的画中与它最近的一张。1 表示同一张画。",
    "mirror_later": "世界完成后才能知道。",
    "mirror_reading": "正在与你的画比较",
    "mirror_score": "看过的全部新作平均 {score}。",
    "mirror_pair": "一张新作与你的画中最近的一张：{number}",
    # worlds of one's own
    "open": "打开你的世界",
    "open_it": "打开",
    "download": "下载 ZIP",
    "load": "从 ZIP 载入世界",
    "packing": "正在打包，{done} %",
    "loading": "正在读取，{done} %",
    "loaded": "{name} 已在菜单中。",
    "deleted": "{name} 已删除。",
    "delete": "删除",
    "delete_sure": "永久删除世界 {name} 吗？此操作无法撤销。",
    "forget": "从列表移除",
    "forget_sure": "把训练 {name} 从列表移除吗？它的曲线和图片会删除，世界会保留。",
    "yes_delete": "永久删除",
    "yes_remove": "移除",
    "no": "不，保留",
    "own": "你的世界",
    "own_none": "还没有。",
    "no_world": "这里没有这个名字的世界。",
    # time and size
    "seconds": "{n} 秒",
    "minutes_of": "{n} 分钟",
    "hours_of": "{n} 小时",
    "about": "大约 {time}",
    "gigabytes": "{n} GB",
    "megabytes": "{n} MB",
    "failed": "现在无法完成，请再试一次。",
}

ERRORS = {
    "image": "{message}",
    "shape": "网页请求的画面，这个世界画不出来。请重新载入网页。",
    "world": "无法使用这个世界：{message}",
    "config": "网页请求了这个世界给不了的东西：{message}。",
    "other": "{message}",
    "unforeseen": "绘制时出了问题，原因见服务器日志。",
}

# What the library raises in English, by the English sentence; {values} are carried over.
SENTENCES = {
    # pictures
    "Please choose a picture file: PNG, JPEG or WebP.": "请选择图片文件：PNG、JPEG 或 WebP。",
    "This file is larger than {limit} MB.": "这个文件超过 {limit} MB。",
    "This picture needs more memory than there is.": "内存不足，打不开这张图片。",
    "This picture is damaged or cut short.": "这张图片已损坏或不完整。",
    "This is not a PNG, JPEG or WebP picture that can be read.": (
        "这不是能读取的 PNG、JPEG 或 WebP 图片。"
    ),
    "This picture has more than {count} million pixels.": "这张图片超过了 {count} 百万像素。",
    "This picture is smaller than {side} pixels on a side.": "这张图片有一边不足 {side} 像素。",
    "Nothing in this picture is visible: it is fully transparent.": (
        "这张图片里什么也看不见：它完全透明。"
    ),
    "This picture has no colours: it is fully transparent.": "这张图片没有颜色：它完全透明。",
    "The recipe in this PNG is damaged.": "这个 PNG 里的配方已损坏。",
    "The recipe in this PNG is of another version of {program} ({version}), this is {here}.": (
        "这个 PNG 里的配方出自 {program} 的另一个版本（{version}），而这里是 {here}。"
    ),
    # the page under load
    "Many people are drawing just now. Please try again in a moment.": (
        "此刻有很多人在画，请稍后再试。"
    ),
    # a world that cannot be used
    "{file} cannot be read: {reason}": "{file} 无法读取（{reason}）",
    "{name} is not a world: {file} cannot be read": "{name} 不是一个世界：{file} 无法读取",
    "there is no world called {name}; shipped worlds: {known}": (
        "没有名为 {name} 的世界；现有的世界：{known}"
    ),
    "there is no file {file}": "没有文件 {file}",
    "{file} is damaged or cut short; fetch it again": "{file} 已损坏或不完整，请重新获取",
    "could not write {file}: {reason}": "无法写出 {file}（{reason}）",
    "{file} was not written by this project": "{file} 不是由本项目写出的",
    "{file} is of format {found}, this version reads format {format}; "
    "use the version that wrote it, or train again": (
        "{file} 的格式是 {found}，这个版本读取的是格式 {format}；请使用写出它的版本，或重新训练"
    ),
    "{what} does not fit this model: lacks {odd}": "{what} 与这个模型不符：缺少 {odd}",
    "{what} does not fit this model: has an unknown {odd}": "{what} 与这个模型不符：{odd} 未知",
    "{what} does not fit this model: {name} has shape {found}, expected {expected}": (
        "{what} 与这个模型不符：{name} 的形状是 {found}，应为 {expected}"
    ),
    "{world} has no fitted density; finish its training first": (
        "{world} 还没有拟合的密度，请先完成它的训练"
    ),
    "the sliders of {world} are not of this model: expected directions of {width} numbers, "
    "found {found}; measure them again": (
        "{world} 的滑块不属于这个模型：方向应为 {width} 个数，实为 {found}；请重新测量"
    ),
    "its card cannot be read: {reason}": "它的说明卡无法读取（{reason}）",
    # requests that no hand makes, but an old or altered link may
    "expected a picture's state, found {found}": "应为画面的状态，实为 {found}",
    "expected a whole seed from 0 to {last}, found {found}": (
        "种子应为 0 到 {last} 的整数，实为 {found}"
    ),
    "expected slider positions by name, found {found}": "应为按名称给出的滑块位置，实为 {found}",
    "expected a slider of this world, found {found}": "这个世界没有滑块 {found}",
    "expected a borrowed look, found {found}": "应为借用的风格，实为 {found}",
    "expected a list of attributes to lock, found {found}": "应为要锁定的属性列表，实为 {found}",
    "expected attributes to lock ({known}), found {found}": (
        "要锁定的属性应为 {known}，实为 {found}"
    ),
    "expected a palette, found {found}": "应为一组色调，实为 {found}",
    "expected a palette as {forms}, found {found}": "调色板的格式应为 {forms}，实为 {found}",
    "expected at most {most} moves along directions": "沿方向的移动最多 {most} 项",
    "expected a move along a direction, found {found}": "应为沿一个方向的移动，实为 {found}",
    "expected {name} as {size} numbers, found {found}": "{name} 应为 {size} 个数，实为 {found}",
    "expected {name} as a list of numbers, found {found}": "{name} 应为一列数，实为 {found}",
    "expected a number for {name}, found {found}": "{name} 应为一个数，实为 {found}",
    "expected a finite number for {name}, found {found}": "{name} 应为有限的数，实为 {found}",
    "expected latents of widths {expected}, found {found}": (
        "潜变量的宽度应为 {expected}，实为 {found}"
    ),
    "expected two to {most} pictures to blend": "混合需要两到 {most} 张画面",
    "expected an enlargement of {factors}": "放大倍数应为 {factors} 之一",
    "expected two different sliders": "应为两个不同的滑块",
    "expected a whole number that names the directions": "方向应以一个整数给出",
    "expected directions from 0 to {last}": "方向应为 0 到 {last}",
    "expected a reach from 0 to 1": "幅度应为 0 到 1",
    "expected a palette as one of {forms}": "调色板的格式应为 {forms} 之一",
    "expected the name of a world": "应为一个世界的名称",
}
