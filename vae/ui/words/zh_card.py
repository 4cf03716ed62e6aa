"""What the project itself writes into a world's card, in simplified Chinese, by the English.

Headings, labels, and the sentences that come with the numbers. The {values} of the one are those of
the other; where several would fit, the first is taken.
"""

from __future__ import annotations

PHRASES = {
    # headings
    "Data": "数据",
    "Data, licence, attribution": "数据、许可与署名",
    "Training": "训练",
    "Numbers": "数据一览",
    "Style sliders, by independent code": "风格滑块：由独立代码测得",
    "What was compared": "比较过什么",
    "Limits": "局限",
    "Curve": "曲线",
    # labels of tables
    "fact": "项目",
    "value": "数值",
    "part": "部分",
    "what": "测量什么",
    "slider": "滑块",
    "kind": "种类",
    "style": "风格",
    "form": "形态",
    "gain": "幅度",
    "purity": "纯度",
    "moves most beside it": "此外最受牵动的",
    "stage": "阶段",
    "step": "步",
    "held out": "留出图片",
    "KL key": "KL 键",
    # rows of facts
    "training images": "训练图片",
    "folder": "文件夹",
    "started from": "起点",
    "protocol": "训练方案",
    "steps": "步数",
    "minutes of training": "训练分钟数",
    "held-out PSNR, premultiplied": "留出图片的 PSNR（预乘）",
    "finished": "完成时间",
    "held-out images": "留出图片数",
    "preset": "预设",
    "protocols": "训练方案",
    "weights of step": "所用权重的步数",
    "device": "设备",
    "held-out reconstruction loss": "留出图片的重建损失",
    # rows of numbers
    "reconstruction": "重建",
    "speed": "速度",
    "sliders": "滑块",
    "PSNR of the set (headline)": "整组图片的 PSNR（主要指标）",
    "PSNR without grain": "不带颗粒的 PSNR",
    "of the decoder's location": "解码器输出的均值",
    "mean PSNR of images": "各图 PSNR 的平均",
    "PSNR on black": "黑底上的 PSNR",
    "PSNR on white": "白底上的 PSNR",
    "PSNR on checker": "棋盘格上的 PSNR",
    "distribution": "分布",
    "KID, samples": "KID，采样",
    "precision, samples": "精确率，采样",
    "recall, samples": "召回率，采样",
    "diversity, samples": "多样性，采样",
    "memorisation ratio": "记忆比",
    "samples too near": "过近的采样",
    "error, all attributes: nothing borrowed": "全部属性的误差：不借用",
    "error, all attributes: borrowed": "全部属性的误差：借用",
    "error, all attributes: colour transfer": "全部属性的误差：颜色迁移",
    "palette distance: borrowed": "调色板距离：借用",
    "palette distance: colour transfer": "调色板距离：颜色迁移",
    "content kept: borrowed": "保留的内容：借用",
    "content kept: colour transfer": "保留的内容：颜色迁移",
    "premultiplied, {number} scales": "预乘，{number} 个尺度",
    "better than colour transfer on {number}% of pairs": "在 {number}% 的配对上优于颜色迁移",
    "± {ratio} over {number} random nets": "± {ratio}，{number} 个随机网络",
    "± {ratio} over {number} random nets; real to real {area}": (
        "± {ratio}，{number} 个随机网络；真实图片之间 {area}"
    ),
    "{number} pairs": "{number} 对",
    "alpha, mean absolute error": "透明度的平均绝对误差",
    "alpha, share clear or solid": "完全透明或完全不透明的份额",
    "{ratio} of originals": "原图中 {ratio}",
    "Spearman of {number} or more": "Spearman 达到 {number} 的滑块",
    "mean purity": "平均纯度",
    "decode {area} {rank}": "解码 {area}，{rank}",
    "{area} real to real": "{area} 真实图片之间",
    "{area} reconstructions": "{area} 重建",
    "{area} samples": "{area} 采样",
    "{number} validation images, premultiplied": "{number} 张验证图片，预乘",
    "{number} images, ± {ratio} over {area} parts": "{number} 张图片，± {ratio}，{area} 个部分",
    "{number} images": "{number} 张图片",
    "fitted on {number} images": "由 {number} 张图片拟合",
    "{ratio} × floor, ± {area} over {number} draws": "下限的 {ratio} 倍，± {area}，{number} 次抽取",
    "{ratio} × floor": "下限的 {ratio} 倍",
    "batch 1, {number} threads, {device}": "每次一张，{number} 个线程，{device}",
    "of {number}": "共 {number} 个",
    "after `{stage}`": "`{stage}` 之后",
    "`{stage}`, {number} pictures in": "`{stage}`，{number} 张图片之后",
    "{number} pictures in": "{number} 张图片之后",
    "this world": "这个世界",
    "the world before this one": "这之前的世界",
    # sentences
    "On {number} validation paintings that share no source plate with the training set. Every "
    "number is printed by `{command}`, on two CPU cores.": (
        "在 {number} 张与训练图片不同源的验证图片上测得。每个数字都由 `{command}` 在两个 CPU "
        "核心上打印。"
    ),
    "Watercolour fruit with real transparency: RGBA, {area}, {number} content latents and a key "
    "of {ratio}.": "带真正透明度的水彩水果：RGBA，{area}，{number} 个内容潜变量，键宽 {ratio}。",
    "The paintings are in the public domain. Source: {source}. Fruit was cut out of the plates "
    "and the paper removed; about one picture in twenty keeps a scrap of its plate, and the model "
    "has learned a little of that. The weights are released under {licence}, as the code is.": (
        "原画属于公有领域。来源：{source}。水果从图版上抠出，去掉了纸面；约每二十张有一张还留着"
        "一点图版，模型也学到了一些。权重与代码一样，以 {licence} 发布。"
    ),
    "The last two stages of this world, on its validation set:": (
        "这个世界最后的两个阶段，在它的验证图片上："
    ),
    "A world of 43.VAE: load it with `vae.infer.get_infer_model`.": (
        "43.VAE 的一个世界，用 `vae.infer.get_infer_model` 载入。"
    ),
    "Gain, purity and rank correlation as measured by the model's own measurers on training "
    "pictures. A small global latent makes variations; it does not copy.": (
        "幅度、纯度和秩相关由模型自带的测量在训练图片上得出。小小的全局潜变量生成的是变化，不是复制。"
    ),
    "Reconstruction loss of held-out images: `{curve}`": "留出图片的重建损失：`{curve}`",
    "{number} images, {screening}. SHA-256 over their hashes: `{digest}`. The hash of each is in "
    "`training.json`; the images are not.": (
        "{number} 张图片（{screening}）。全部哈希的 SHA-256：`{digest}`。每张图片的哈希在 "
        "`training.json` 里，图片本身不在。"
    ),
    "not screened for content": "未做内容筛查",
    "checked by {name} for {labels} (from {number} on)": (
        "已由 {name} 检查是否含有 {labels}（从 {number} 起）"
    ),
    "Consent ({when}, {who}): {sentence}": "授权声明（{when}，{who}）：{sentence}",
}
