"""What the library says in English, in simplified Chinese, by the English sentence.

The library knows no languages: it raises, judges and advises in English, and ``told`` looks the
sentence up here on its way to the page. The {values} of the one are those of the other; where
several would fit, the first is taken.
"""

from __future__ import annotations

SENTENCES = {
    # sentences with a sentence in them come first
    "{why} It did so {count} times without getting further.": "{why}已经 {count} 次，没有进展。",
    "{why} It goes on from step {step}.": "{why}它从第 {step} 步接着走。",
    "{why} Training goes on, and tries again.": "{why}训练继续进行，稍后再试。",
    "{why} The world is whole, but {lack}: {cause}": "{why}世界完好，但{lack}：{cause}",
    "The world is whole, but {lack}: {cause}": "世界完好，但{lack}：{cause}",
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
    "The recipe in this file is damaged.": "这个文件里的配方已损坏。",
    "The recipe in this file is of another version of {program} ({version}), this is {here}.": (
        "这个 PNG 里的配方出自 {program} 的另一个版本（{version}），而这里是 {here}。"
    ),
    # the page under load
    "Many people are drawing just now. Please try again in a moment.": (
        "此刻有很多人在画，请稍后再试。"
    ),
    # a world that cannot be used
    "{file} cannot be read: {reason}": "{file} 无法读取（{reason}）",
    "{name} is not a world: {file} cannot be read": "{name} 不是一个世界：{file} 无法读取",
    "there is no world to start from": "没有可以作为起点的世界",
    "there is no world called {name}; shipped worlds: {known}": (
        "没有名为 {name} 的世界；现有的世界：{known}"
    ),
    "there is no file {file}": "没有文件 {file}",
    "{file} is damaged or cut short; fetch it again": "{file} 已损坏或不完整，请重新获取",
    "{file} may not be read: its permissions forbid it": "{file} 不允许读取：没有权限",
    "{file} cannot be read ({reason}); try again": "{file} 无法读取（{reason}），请再试一次",
    "{file} holds numbers that are not finite; train it again": "{file} 含有非有限的数，请重新训练",
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
    "expected what sliders hold by name, found {found}": (
        "应为按名称给出的滑块保持量，实为 {found}"
    ),
    "expected {count} rows of offsets": "偏移量应为 {count} 行",
    "only the style sliders can hold the rest ({known}); found {found}": (
        "只有风格滑块能保持其余不变（{known}），实为 {found}"
    ),
    "expected a style slider: only they can hold the rest": "应为风格滑块：只有它们能保持其余不变",
    "expected a slider of this world, found {found}": "这个世界没有滑块 {found}",
    "expected a picture whose detail is kept, found {found}": "应为要保留细节的图片，实为 {found}",
    "expected a picture whose detail is kept": "应为要保留细节的图片",
    "expected a picture of {side}×{other} whose detail is kept": (
        "要保留细节的图片应为 {side}×{other}"
    ),
    "expected latents of other widths than {widths}": "潜变量的宽度不应为 {widths}",
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
    "expected at most {most} pictures that are {name}": "标记为 {name} 的画面最多 {most} 张",
    "expected the latents of pictures that are {name}": "应为标记为 {name} 的画面的潜变量",
    "expected at least one picture that is marked": "至少要标记一张画面",
    "expected latents to start from": "应为起始的潜变量",
    "these pictures have nothing in common that the others have not": (
        "这些画面之间没有其他画面所没有的共同点"
    ),
    "expected two different sliders": "应为两个不同的滑块",
    "expected a whole number that names the directions": "方向应以一个整数给出",
    "expected directions from 0 to {last}": "方向应为 0 到 {last}",
    "expected a reach from 0 to 1": "幅度应为 0 到 1",
    "expected a palette as one of {forms}": "调色板的格式应为 {forms} 之一",
    "expected the name of a world": "应为一个世界的名称",
    # pictures to learn from: why a file is left out
    "This file is damaged or cut short.": "这个文件已损坏或不完整。",
    "This file may not be read: its permissions forbid it.": "这个文件不允许读取：没有权限。",
    "This is not a PNG, JPEG or WebP picture.": "这不是 PNG、JPEG 或 WebP 图片。",
    "This picture has {millions} million pixels; at most {most} million are read.": (
        "这张图片有 {millions} 百万像素，最多读取 {most} 百万。"
    ),
    "This picture is only {width} × {height}; {side} pixels a side are needed.": (
        "这张图片只有 {width} × {height}，每边至少需要 {side} 像素。"
    ),
    "There is nothing to see in this picture.": "这张图片里什么也看不到。",
    "This picture is so dark that nothing can be made out.": "这张图片太暗，什么也分辨不出。",
    "This picture is too blurred to learn from.": "这张图片太模糊，学不到东西。",
    "This is the same picture as {other}.": "这张图片与 {other} 相同。",
    "This looks the same as {other}.": "这张图片看起来与 {other} 一样。",
    "Its maker has marked this picture as not to be used for training ({marks}).": (
        "作者已标明这张图片不得用于训练（{marks}）。"
    ),
    "The content check took this for “{label}”.": "内容检查把它认作“{label}”。",
    "An archive within is not opened. Please unpack it first.": (
        "压缩包里的压缩包不会打开，请先解压。"
    ),
    "This entry unfolds to far more than it should, as a ZIP bomb does.": (
        "这一项解压后大得反常，就像压缩炸弹。"
    ),
    "This entry is packed in a way that is not read. Please use a plain ZIP.": (
        "这一项的压缩方式无法读取，请使用普通的 ZIP。"
    ),
    "This entry is locked by a password.": "这一项有密码保护。",
    "This is a link or a device; only real files are read.": "这是链接或设备，只读取真正的文件。",
    "The name of this entry leads out of its ZIP.": "这一项的名称指向 ZIP 之外。",
    "All files together are larger than {gigabytes} GB; the rest was left out.": (
        "所有文件合计超过 {gigabytes} GB，其余的已略过。"
    ),
    "There are {most} pictures already, which is the most for one world.": (
        "已经有 {most} 张图片，一个世界最多这么多。"
    ),
    "This picture needs more memory than it may take.": "这张图片需要的内存超过了允许的。",
    "This file made the decoder fail, as damaged or harmful files do.": (
        "这个文件让解码器出错，损坏或有害的文件就会这样。"
    ),
    "This picture took too long to open.": "打开这张图片花的时间太长。",
    "Only the first {most} files were looked at.": "只查看了前 {most} 个文件。",
    "checked by {name} for {labels} (from {number} on)": (
        "已由 {name} 检查是否含有 {labels}（从 {number} 起）"
    ),
    "The content check was not used: the library transformers is not installed.": (
        "没有进行内容检查：未安装 transformers 库。"
    ),
    "The library c2pa-python is not installed: C2PA marks were looked for in the bytes alone, "
    "and their signatures were not checked.": (
        "未安装 c2pa-python 库：只在字节中查找了 C2PA 标记，没有核对它们的签名。"
    ),
    "the process that opens pictures does not start": "打开图片的进程无法启动",
    "At least {needed} images are needed, and no image was kept. Please add some more.": (
        "至少需要 {needed} 张图片，目前一张也没有留下。请再添加一些。"
    ),
    "At least {needed} images are needed, and {kept} image was kept. Please add some more.": (
        "至少需要 {needed} 张图片，目前留下了 {kept} 张。请再添加一些。"
    ),
    "At least {needed} images are needed, and {kept} were kept. Please add some more.": (
        "至少需要 {needed} 张图片，目前留下了 {kept} 张。请再添加一些。"
    ),
    "name a file, a folder or a ZIP to screen": "请指定要筛选的文件、文件夹或 ZIP",
    "there is no file or folder {source}": "没有文件或文件夹 {source}",
    "there is no file to screen in what was named": "指定的内容里没有可筛选的文件",
    "{folder} is not empty; choose another folder for the screened images": (
        "{folder} 不是空的，请为筛选后的图片另选一个文件夹"
    ),
    "{folder} is no folder of an image-classification model": "{folder} 不是图像分类模型的文件夹",
    "{folder} is no usable image-classification model": "{folder} 不是可用的图像分类模型",
    "name the labels that refuse a picture; the model has {known}": (
        "请指定哪些标签的图片不收；模型有 {known}"
    ),
    "{folder} is not a screened folder: it has no manifest": "{folder} 未经筛选：没有清单",
    "the manifest of {folder} cannot be read": "{folder} 的清单无法读取",
    "the manifest of {folder} is damaged: {reason}": "{folder} 的清单已损坏：{reason}",
    "a consent needs its sentence": "许可声明不能为空",
    "{file} ({name}) is missing": "{file}（{name}）不见了",
    "{file} ({name}) was changed after the screening": "{file}（{name}）在筛选之后被改动过",
    "{file} is among the images, but was never screened": "{file} 混在图片里，却从未筛选过",
    "the consent was given for other images; please confirm again": (
        "许可是为另一批图片给出的，请重新确认"
    ),
    "expected the crop {crops}, found {found}": "裁切方式应为 {crops}，实为 {found}",
    # training: what may be asked, and what becomes of a run
    "A run may take up to {images} images, {minutes} minutes, {steps} steps "
    "and {disk} GB of disk.": (
        "一次训练最多可用 {images} 张图片、{minutes} 分钟、{steps} 步和 {disk} GB 磁盘空间。"
    ),
    "at least {least} images are needed, {kept} were kept": (
        "至少需要 {least} 张图片，只留下 {kept} 张"
    ),
    "at most {most} images are allowed, {given} were given": (
        "最多允许 {most} 张图片，给了 {given} 张"
    ),
    "please confirm first that you may use these images": "请先确认你有权使用这些图片",
    "the grant of this run is damaged; start it again": "这次训练的许可已损坏，请重新开始",
    "this run was not allowed by the server here; start it on the page": (
        "这里的服务器没有允许这次训练，请在网页上开始"
    ),
    "the permission to train has expired; press Train once more": (
        "训练许可已过期，请再按一次“训练”"
    ),
    "this permission to train was used before; press Train again": (
        "这份训练许可已经用过，请再按一次“训练”"
    ),
    "{count} runs of yours are waiting, and {most} are the most for one visitor: let one begin, "
    "or take one out of the queue": (
        "你有 {count} 次训练在等待，一位访客最多 {most} 次：请等一次开始，或让一次退出队列"
    ),
    "there is no world called {name}; there are {known}": "没有名为 {name} 的世界；现有 {known}",
    "there is no world called {name}": "没有名为 {name} 的世界",
    "at most {most} minutes are allowed, not {asked}": "最多允许 {most} 分钟，不能是 {asked} 分钟",
    "at most {most} steps are allowed, not {asked}": "最多允许 {most} 步，不能是 {asked} 步",
    "this run may take {left} minutes more, not {asked}": (
        "这次训练最多还能加 {left} 分钟，不能是 {asked} 分钟"
    ),
    "this run has nothing to go on from; start a new one": (
        "这次训练没有可以接着走的状态，请开始新的"
    ),
    "removing a run cannot be undone; confirm it": "移除训练后无法恢复，请确认",
    "this run is at work; stop it first": "这次训练正在进行，请先停止",
    "there is no such run; it may have been removed": "没有这次训练，可能已被移除",
    "there is no run called {name}; there are: {known}": "没有名为 {name} 的训练；现有：{known}",
    "{name} is not a run, or its folder is gone": "{name} 不是一次训练，或它的文件夹已经不在",
    "It was stopped before it began; nothing was kept.": "它在开始之前就停止了，什么也没有留下。",
    "The folder of this run is gone, and it has stopped. Your worlds are as they were.": (
        "这次训练的文件夹不见了，训练已停止。你的世界都保持原样。"
    ),
    "The training process was killed from outside, perhaps for want of memory.": (
        "训练进程被外部终止，可能是内存不足。"
    ),
    "The training process ended unexpectedly.": "训练进程意外结束了。",
    "There was not enough memory. Close other programs, or take fewer images or a smaller batch; "
    "the last saved state is kept.": (
        "内存不足。请关闭其他程序，或少用一些图片、减小每步张数；上次保存的状态仍在。"
    ),
    "The disk refused ({reason}); the last saved state is kept.": (
        "磁盘拒绝写入（{reason}）；上次保存的状态仍在。"
    ),
    "Something unforeseen went wrong ({kind}); see worker.log of this run.": (
        "出了意料之外的问题（{kind}），详见这次训练的 worker.log。"
    ),
    "the loss was not finite {count} times, the last time at step {step}; the state of step "
    "{saved} is kept. Stop and keep it, or start again with a smaller rate": (
        "损失有 {count} 次出了格，最近一次在第 {step} 步；第 {saved} 步的状态仍在。"
        "请停止并保留，或用更小的学习率重新开始"
    ),
    "the folder of this run is gone": "这次训练的文件夹不见了",
    "Overfitting since step {step}: it stopped early, and the weights of that step are kept.": (
        "从第 {step} 步起过拟合：已提前停止，保留的是那一步的权重。"
    ),
    "whether it copies could not be told": "看不出它是否在复制",
    "its nine pictures could not be drawn": "它的九张画面没能画出",
    "its sliders were measured on {count} pictures alone": "它的滑块只用 {count} 张画面测量",
    "there was not enough memory": "内存不足",
    "the disk refused ({reason})": "磁盘拒绝写入（{reason}）",
    "the process died of it, perhaps for want of memory": "进程为此中断，可能是内存不足",
    "It ended at the limit of {steps} steps.": "到达 {steps} 步的上限，训练结束。",
    "It ended at the limit of {disk} of disk.": "到达 {disk} 磁盘空间的上限，训练结束。",
    "three steps took over a minute: this machine is too busy": (
        "试走三步用了一分多钟：这台电脑太忙了"
    ),
    "three steps could not be taken, perhaps for want of memory: take fewer images": (
        "试走三步没有成功，可能是内存不足：请少用一些图片"
    ),
    "at least {least} training images are needed, found {found}": (
        "至少需要 {least} 张训练图片，只找到 {found} 张"
    ),
    "at least {least} readable images are needed, found {found} in {folder}": (
        "至少需要 {least} 张可读取的图片，在 {folder} 中只找到 {found} 张"
    ),
    "the model takes {channels}-channel pictures, the set has {found}": (
        "模型使用 {channels} 通道的图片，而这一组是 {found} 通道"
    ),
    "the loss is not finite at step {step}; start again from the last {rest}": (
        "第 {step} 步的损失不是有限的数，请从上一个{rest}重新开始"
    ),
    "this trainer has no folder to resume from": "没有可以接着训练的文件夹",
    # the coach and the mirror
    "The loss was not finite at step {step}: back at the last good state, with smaller steps.": (
        "第 {step} 步的损失出了格：已回到上一个好的状态，改走更小的步子。"
    ),
    "Just begun: the first measurements are coming in.": "刚刚开始：第一批测量正在到来。",
    "The form latents have gone silent: every picture is drawn the same. "
    "Less weight on KL z (beta_z) would help.": (
        "形态潜变量沉默了：每张画面都画成一样。减小 KL z 的权重（beta_z）会有帮助。"
    ),
    "The judge is winning: it tells every drawn picture from a real one. "
    "More images, or less of the judge, would help.": (
        "评判者占了上风：它总能认出哪张是画的、哪张是真的。多加图片，或减轻评判者的分量，会有帮助。"
    ),
    "Overfitting since step {step}: it learns your images by heart. "
    "The weights of that step are kept.": (
        "从第 {step} 步起过拟合：它在死记你的图片。保留的是那一步的权重。"
    ),
    "Learning: the one picture it has not seen comes out {share} % closer than at the start.": (
        "在学习：它没见过的那一张图片，比开始时接近了 {share} %。"
    ),
    "It has seen each picture often enough: with more it would learn them by heart.": (
        "每张图片都看得够多了：再看就会背下来。"
    ),
    "The one picture kept apart comes out {share} % closer than at the start.": (
        "留出的那一张图片，比开始时接近了 {share} %。"
    ),
    "The {count} pictures kept apart come out {share} % closer than at the start.": (
        "留出的 {count} 张图片，比开始时接近了 {share} %。"
    ),
    "Of {count} pictures kept apart it draws none closer than at the start.": (
        "留出的 {count} 张图片都没有比开始时更接近。"
    ),
    "Learning: pictures it has not seen come out {share} % closer than at the start.": (
        "正在学习：没见过的图片，画得比开始时接近了 {share} %。"
    ),
    "Learning: pictures it has not seen still come out {share} % further off than at the start.": (
        "正在学习：没见过的图片，画得仍比开始时差 {share} %。"
    ),
    "Settled: more time changes little now.": "已经稳定：再花时间也不会有多大变化。",
    "Almost all samples are close to copies of a training image: more images would vary more.": (
        "几乎所有样本都近乎某张训练图片的复制品：多加图片会更有变化。"
    ),
    "Almost all samples are close to copies of a training image: a shorter run would vary more.": (
        "几乎所有样本都近乎某张训练图片的复制品：缩短训练会更有变化。"
    ),
    "{share} % of the samples are close to copies of a training image: "
    "more images would vary more.": (
        "{share} % 的样本近乎某张训练图片的复制品：多加图片会更有变化。"
    ),
    "{share} % of the samples are close to copies of a training image: "
    "a shorter run would vary more.": (
        "{share} % 的样本近乎某张训练图片的复制品：缩短训练会更有变化。"
    ),
    # worlds as ZIPs
    "there are too many worlds called {name}; choose another name": (
        "名为 {name} 的世界太多了，请换一个名字"
    ),
    "{name} is a shipped world and is not replaced": "{name} 是自带的世界，不会被替换",
    "{name} is not a world: it has no {file}": "{name} 不是一个世界：缺少 {file}",
    "{name} is being changed; try again in a moment": "{name} 正在变动，请稍后再试",
    "a world's ZIP has at most {most} MB": "世界的 ZIP 最多 {most} MB",
    "{name} came with the program and is not deleted": "{name} 是程序自带的，不会被删除",
    "deleting {name} cannot be undone; confirm it": "删除 {name} 后无法恢复，请确认",
    "the ZIP is packed in a way that is not read; use a plain ZIP": (
        "这个 ZIP 的压缩方式无法读取，请使用普通的 ZIP"
    ),
    "this is not a ZIP, or it is damaged; export the world again": (
        "这不是 ZIP，或者已损坏，请重新导出这个世界"
    ),
    "the ZIP holds {file}, which is no part of a world": "ZIP 里有 {file}，它不属于任何世界",
    "the ZIP holds a file twice, or one with a password": "ZIP 里有重复的文件，或带密码的文件",
    "{file} in the ZIP is larger than a world's may be ({most} KB)": (
        "ZIP 里的 {file} 超过了世界允许的大小（{most} KB）"
    ),
    "the ZIP holds more than one world": "ZIP 里不止一个世界",
    "the ZIP is no world: it has no {file}": "这个 ZIP 不是一个世界：缺少 {file}",
    "{file} in the ZIP is larger than it says": "ZIP 里的 {file} 比它声称的更大",
    "{file} in the ZIP is not of a world": "ZIP 里的 {file} 不属于任何世界",
    "a file in the ZIP is damaged; export the world again": (
        "ZIP 里有文件已损坏，请重新导出这个世界"
    ),
    "the model in the ZIP is too wide ({width})": "ZIP 里的模型太宽（{width}）",
    "the world in the ZIP has no density to draw from": "ZIP 里的世界没有可供抽样的密度",
    "the weights in the ZIP are damaged ({name} is not finite)": (
        "ZIP 里的权重已损坏（{name} 不是有限的数）"
    ),
    "the world in the ZIP draws nothing that can be shown": "ZIP 里的世界画不出能显示的东西",
}
