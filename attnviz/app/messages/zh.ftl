# attnviz 简体中文。各语言的消息名相同，由测试比较。

tagline = 输入一句话，看清每一个注意力头。
page-explore = 探索

## Sidebar
model = 模型
example = 例句
example-choose = 选择一个例句
to = 译成
to-auto = 另一种语言
to-zh = 中文
to-en = 英文
to-help = 源句的第一个词元告诉模型要写哪种语言。
special = 特殊词元
special-show = 显示
special-hide = 隐藏
special-renormalise = 隐藏并重新归一化
special-fold = 合并为一列
special-help = </s> 之类的词元不代表文字，但注意力常常停在它们上面。这里只影响列：每一行都是一个完整的分布，因此行全部保留。
special-folded = 特殊
words = 把子词合并成词
words-help = 对键一侧的子词求和，对查询一侧的子词取平均，因此每行之和仍为 1。

## Sentence
sentence = 句子
sentence-placeholder = 输入一句英文或中文，按回车键
target = 指定译文
target-placeholder = 留空则由模型翻译
target-help = 输入一句译文，看看模型如何看待它：每个词元的概率和注意力都按你输入的译文计算。
working = 正在计算每一步……
facts = { $model }：{ $layers } + { $layers } 层，{ $heads } 个头，d_model { $width }，{ $parameters }M 参数，{ $dtype }，设备 { $device }
cut-source = 句子超过了模型的 { $limit } 个词元上限，末尾的 { $left_out } 个字符被略去。
cut-target = 指定的译文超过了模型的 { $limit } 个词元上限，末尾的 { $left_out } 个字符被略去。
unfinished = 模型在 { $n } 个词元内没有生成结束符，译文在此截断。

## Blocks
attention = 注意力
encoder-self = 编码器自注意力
decoder-self = 解码器自注意力
decoder-cross = 交叉注意力

## The chosen head
head-title = { $block }，层 { $layer }，头 { $head }
view = 视图
view-heatmap = 热力图
view-lines = 连线
view-bars = 条形图
view-table = 表格
scale = 颜色标度
scale-linear = 0 到 1
scale-row = 按行最大值
scale-sqrt = 平方根
row-looks = `{ $row }`看向哪里
table-row = 查询
removed-hide = 被隐藏的列占这个头全部权重的 { $share }%；图中各行之和小于 1。
removed-renormalise = 被隐藏的列占这个头全部权重的 { $share }%；其余权重按比例放大，使还有权重的各行之和为 1。
removed-fold = 合并的一列占这个头 { $share }% 的权重。
caveat = 权重说明一个头看向哪里，并不说明模型为什么这样回答。

## Reading help: said only when the numbers say it
reading-sink = 有选择余地的各行中，全部权重的 { $share }% 落在`{ $token }`上。
reading-special = 有选择余地的各行中，全部权重的 { $share }% 落在特殊词元上。
reading-diagonal = 能看到自身的行中，{ $share }% 最关注自身所在的词元。
reading-offset = 能这样看的行中，{ $share }% 最关注{ $offset ->
    [-3] 往前第三个
    [-2] 往前第二个
    [-1] 前一个
    [1] 后一个
    [2] 往后第二个
   *[3] 往后第三个
 }词元。
reading-monotone = 最大权重沿源句从左向右移动（{ $share }% 的相邻两行没有回退）：这像是词语对齐。
reading-uniform = 几乎均匀：熵是最大值的 { $value }，这个头几乎不作选择。
reading-sharp = 注意力集中：每行的最大权重平均为 { $value }。

## Words inside the pictures
heatmap-rows = 查询（看的词元）
heatmap-columns = 键（被看的词元）
heatmap-row = 从
heatmap-column = 到
heatmap-weight = 权重
heatmap-scale-linear = 权重，0 到 1
heatmap-scale-row = 权重 / 行最大值
heatmap-scale-sqrt = 权重，平方根标度
heatmap-scale-diverging = 数值
heatmap-gap = 空白格没有数值。
heatmap-clipped = 超出标度的值：
bars-weight = 权重
bars-other = 其他词元：
formula-allowed = 允许
formula-masked = 被掩码屏蔽

## Inside the browser's pictures; <words in angle brackets> are filled in there
grid-label = 该模块的所有注意力头。方向键在头之间移动，Shift 加方向键在格子之间移动，回车打开，E 键放大。
grid-hint = 鼠标移到格子上可读出权重；点击，或用方向键移动（按住 Shift 换格子）后按回车，即可在旁边和下面打开。解码器的行标为“读入的词元→写出的词元”。
grid-blocks = 注意力类型
grid-scale = 网格的颜色标度
grid-scale-linear = 0 到 1
grid-scale-row = 按行最大值
grid-scale-sqrt = 平方根
grid-bar-linear = 权重
grid-bar-row = 权重 / 行最大值
grid-bar-sqrt = 权重，平方根标度
grid-head = 头
grid-enlarge = 放大
grid-back = 返回全部头
grid-rest = 每个方块里，行是查询，列是键。
grid-readout = <row> 看向 <column>
grid-place = 层 <layer>，头 <head>
grid-nan = 非数值（NaN）
grid-clipped = 有 <count> 个值超出标度。
grid-gaps = 有 <count> 个值不是数，以斜线表示。
lines-columns = 被看：键
lines-rows = 在看：查询
lines-bar = 权重，平方根标度
lines-hint = 把鼠标移到词元上，或用 Tab 和方向键移动，只看它的连线和权重。
lines-skipped = 共 <total> 个权重，其中 <count> 个小于 <least>，未画出。
lines-nan = 非数值（NaN）
lines-clipped = 有 <count> 个值超出标度。
lines-gaps = 有 <count> 个值不是数，不画。
chips-source = 源句
chips-target = 译文
chips-probability = 概率 <p>
chips-percent = <p>%
chips-rank = 指定的词元：在模型的选择中排第 <rank>
chips-alternatives = 此处最可能的词元

## The chosen cell
cell-title = 从`{ $row }`到`{ $column }`：{ $weight }
cell-renormalised = { $weight } 是去掉隐藏列并放大其余权重之后的值；下面的算式得到的是模型自己的权重。
cell-merged = 这一格合并了 { $queries } × { $keys } 个词元（对键求和，对查询取平均）。下面的算式只针对其中第一对词元。

## Take away
link-copy = 复制本页链接
link-copied = 已复制链接
take-away = 导出
save-csv = 数值：CSV
save-tex = 数值：LaTeX 表格
save-py = 数值：torch.tensor
save-npz = 本次运行的每一步（NPZ）
save-png = 图片：PNG
save-svg = 图片：SVG
save-pdf = 图片：PDF
no-cjk-font = 服务器上没有中文字体：PNG 和 PDF 中的汉字会显示为方框。

## Errors
error-empty = 句子为空：请输入一句话，然后按回车键。下面仍是上一句的结果。
error-language = 这个模型只能译成 { $known }，不能译成 { $to }。
error-model = 无法使用该模型：{ $reason }。
error-address = 链接中有无法使用的参数，已忽略：{ $names }。

## Steps: the page
page-steps = 逐步计算
way-encoder = 编码器
way-decoder = 解码器
way-output = 输出
way-embed = 嵌入
way-self = 自注意力
way-cross = 交叉注意力
way-mlp = MLP
way-norm = 归一化
way-short-self = 自身
way-short-embed = 嵌入
way-short-norm = 归一
way-short-cross = 交叉
way-layer = 层 { $layer }
way-between = {"，"}
walk-label = 计算的全部步骤。左右方向键可逐步前进或后退。
walk-previous = 上一步
walk-next = 下一步
walk-position = 第 <current> 步，共 <total> 步
otherwise = 否则
step-unknown = 公式和数值以模型的声明为准。
axis-h = 头
axis-g = 键/值头
axis-t = 词元 t
axis-s = 键词元 s
axis-c = 位置 c
axis-d = 维度 d
axis-k = 头内维度 k
axis-e = 值的维度 e
axis-f = 隐藏单元 f
axis-v = 词表 v
axis-a = 隐藏单元 a
axis-n = 组 n
axis-r = 特征 r
axis-u = 词表 u
show = 张量的显示方式
show-picture = 图
show-table = 表格
tensor-label = <title>：点击格子可展开，也可用 Shift 加方向键移动。
tensor-readout = <title>：<row>，<column> = <value>
tensor-hint = 点击格子可展开算式，鼠标悬停可读出全部数位，方向键 ← → 换步骤。
tensor-nan = 非数值（NaN）
tensor-clipped = 有 <count> 个值超出标度。
tensor-gaps = 有 <count> 个值不是数，以斜线表示。
window-tokens = 词表中只显示 { $n } 个词元：这一行概率最大的词元，以及所选的词元。
opened-given = 这一步由外部给定，此处没有计算。
opened-place = 下标
opened-term = 项
opened-value = 值
opened-result = 结果
opened-smaller = 其余较小的 { $n } 项
opened-more = 另外 { $n } 项
opened-sum = { $n } 项之和
opened-mean = 除以 { $n }
opened-max = 最大值
opened-argmax = 最大值的位置
opened-rest = 代入公式其余部分
opened-model = 模型自己的数值
opened-difference = 差
opened-digits = 用计算器验算：因数取 { $factors } 位有效数字，各项取 { $terms } 位小数，按此处所写相加，即得上面的和。
opened-digits-terms = 用计算器验算：各项取 { $terms } 位小数，按此处所写相加，即得上面的和。
code = 查看代码
code-help = 在 attnviz 的文件夹中可直接运行。第一个数由这段代码算出，第二个数是模型自己的。
step-csv = 这个矩阵（CSV）
step-npy = 整个张量（NPY）
present = 演示模式
lesson = 讲解内容
lesson-sentence = 你的句子
lesson-textbook = 第一课

## Steps: switches and checks
switch = 如果换一种算法？
switch-where = 这些开关改变{ $place }的全部头，模型从这里接着往下算；词元仍是原来写出的那些。
switch-on = { $place }的开关已打开：从那里起，计算与模型平常的计算不同。
switch-decision = 词元的选择方式已改变：温度、top-k 或 top-p 不是平常的值。
switch-reset = 全部还原
scaling = 除以 √d_head
scaling-help = 正常：打开。关掉后，分数随头的宽度增大，softmax 几乎把全部权重给一个词元。
scaling-changed = **不缩放。** 分数是原来的 √d_head 倍，softmax 更尖锐：熵变小，最大权重变大。分数之前的一切不变。
mask = 掩码与 softmax
mask-before = 先掩码
mask-after = 后掩码
mask-none = 无掩码
mask-help = 正常：在 softmax 之前，这样每行之和仍为 1。放在 softmax 之后是常见错误。
mask-changed = { $value ->
    [after] **在 softmax 之后加掩码。** 未来的词元先进入了每行的分母，然后才被置零：各行之和不再是 1，因此熵不能与正常情况相比。分数和值不变。
   *[none] **不用掩码。** 每个词元都能看到后面的词元，而从左到右写的模型本不该知道它们。分数和值不变，每行之和仍为 1。
 }
softmax = Softmax
softmax-stable = 稳定
softmax-naive = 朴素
softmax-help = 正常：稳定，即先减去行最大值。朴素算法在指数不溢出时结果相同：可配合很低的温度试试。
softmax-changed = **朴素 softmax。** 不减最大值。只要每个指数都能用该数值格式表示，权重就不变；超过约 88.7 时 float32 溢出为无穷大，无穷大除以无穷大不是一个数。
tau = 温度
tau-help = 正常：1。分数除以温度：小于 1 时权重更集中，大于 1 时更平均。
tau-changed = **温度 { $value }。** 在加掩码之前，分数除以温度。同一行中权重的大小顺序不变，熵改变。
effect-row = `{ $token }`所在的行，头 { $head }
effect-normal = 正常
effect-switched = 切换后
effect-entropy = 熵（奈特）
effect-largest = 最大权重
effect-total = 行之和
effect-future = 后面词元的权重
effect-nan = 这一行有 { $n } 个权重不是数（nan）：指数溢出了。由它们算出的结果也都是 nan；应用照常运行。
effect-output = 在输出的 { $total } 个位置中，有 { $n } 处模型的首选词元变了。
checks = 这还是注意力吗？
check-rows = 每行之和为 1：最大偏差 { $value }（允许 { $limit }）
check-masked = 未来的权重恰为 0：最大 { $value }
check-leak = 未来不泄漏：只改变后面的键和值时，输出变化 { $value }（允许 { $limit }）
check-kernel = 与 PyTorch 自带的内核对同一输入的结果一致：最大差 { $value }（允许 { $limit }）
check-number = 数值格式 { $dtype }，设备 { $device }
decision = 词元怎样选出
decision-help = 正常：温度 1，不截断。本应用总是写出概率最大的词元，这些设置不会改变它；随机抽取词元时它们才起作用。
temperature = 温度
temperature-help = 正常：1。logits 除以温度：小于 1 时概率更集中，大于 1 时更平均。
top_k = Top-k（0 表示全部）
top_k-help = 只保留概率最大的 k 个词元。
top_p = Top-p
top_p-help = 从概率最大的词元开始保留，直到它们的概率之和达到这个值。

## Steps: the first lesson
way-encode = 编码
way-query = 查询
way-attend = 比较、加权、聚合
way-classify = 分类
lesson-tokens = 词元数
lesson-width = 宽度 d
lesson-scoring = 打分函数
lesson-dot = 点积
lesson-scaled_dot = 缩放点积
lesson-additive = 加性
lesson-bilinear = 双线性
lesson-activation = 激活函数
lesson-tanh = tanh
lesson-relu = ReLU
lesson-none = 无
lesson-bias = 偏置
lesson-x = 词元向量
lesson-q = 查询
lesson-W_E = 编码词元
lesson-b_E = 编码的偏置
lesson-W_Q = 变换查询
lesson-b_Q = 查询的偏置
lesson-W_C = 给类别打分
lesson-b_C = 类别的偏置
lesson-M = 打分矩阵
lesson-v = 打分向量
lesson-hint = 在格子中输入数字。空格按 0 计，数值范围为 −1000000 到 1000000。
lesson-class = 类别 { $n }
step-attend-v = 以词元向量为值
step-attend-v-what = 最后被混合的是词元向量本身，而不是它们的编码。
error-lesson = 链接中的课堂数值无法使用，显示的是默认数值：`{ $reason }`。

## Steps: what each step is called and what it does
# Looked for as step-SCOPE-NAME first, then as step-NAME.
step-embed-ids = 词元编号
step-embed-ids-what = 把句子切分成词元（词、词的片段或标点），再把每个词元换成它在模型词表中的编号。
step-embed-token = 查词元向量
step-embed-token-what = 按编号从表中取出一个学得的向量，即该词元的嵌入。向量随后放大，以免被后面加上的位置向量淹没。
step-embed-waves = 正弦余弦位置表
step-embed-waves-what = 每个位置有一个固定的向量，由从快到慢的正弦波和余弦波组成。各位置的向量互不相同，由此可知词元在第几位。
step-embed-learned = 学得的位置表
step-embed-learned-what = 每个位置有一个在训练中学得的向量，用来表示词元在第几位。
step-embed-position = 查位置向量
step-embed-position-what = 按每个词元的位置从表中取出对应的一行。没有它，注意力只能比较词元是什么，不能比较词元在哪里。
step-embed-sum = 词元与位置相加
step-embed-sum-what = 把词元的两个向量相加：此后用一个向量同时表示它是哪个词元、处在什么位置。

step-mean = 向量的均值
step-mean-what = 对每个词元的向量求各维的平均值，归一化时各维都要减去它。
step-variance = 向量的方差
step-variance-what = 衡量每个词元的向量中各维偏离均值的程度；它的平方根就是标准差，下一步用来作除数。
step-mean_square = 向量的均方
step-mean_square-what = 对每个词元的向量求各维平方的平均值；它的平方根下一步用来作除数。
step-normalised = 向量归一化
step-normalised-what = 把每个词元的向量调整到同一尺度，使计算经过多层仍然稳定。层归一化减去均值再除以标准差，RMS 归一化除以均方根。
step-gain = 乘以增益
step-gain-what = 每一维乘以一个学得的系数，让有的维度影响大些，有的小些。
step-norm = 归一化的结果
step-norm-what = 归一化的最后一步：层归一化给每一维加上一个学得的数（偏置）；RMS 归一化没有偏置，在这一步乘以学得的增益。
step-encoder-norm = 编码器输出
step-encoder-norm-what = 最终归一化的最后一步，得到编码器的输出：每个源句词元一个向量。若模型有解码器，交叉注意力的键和值就由这些向量算出。
step-decoder-norm = 解码器输出
step-decoder-norm-what = 最终归一化的最后一步，得到解码器的输出：每个词元一个向量。模型据此推算下一个词元。

step-q = 计算查询
step-q-what = 每层有多个头，各自独立地计算注意力。在每个头中，每个词元的向量变换成一个查询，表示这个词元要找什么。
step-k = 计算键
step-k-what = 每个词元的向量还要变换成键，每个头一个，或几个头共用一个。键供查询比对，表示这个词元凭什么被找到。
step-v = 计算值
step-v-what = 每个词元的向量还要变换成值，每个头一个，或几个头共用一个。值是查询看向这个词元时取得的内容。
step-cross-q = 由译文计算查询
step-cross-q-what = 在每个头中，译文每个词元的向量变换成一个查询，表示这个词元要在源句中找什么。
step-cross-k = 由源句计算键
step-cross-k-what = 键由编码器的输出算出，因此译文的查询是与源句的词元比对。
step-cross-v = 由源句计算值
step-cross-v-what = 值也由编码器的输出算出，是译文从源句取得的内容。
step-raw = 查询与键作点积
step-raw-what = 用每个查询与每个键的点积衡量二者是否匹配：方向越一致、向量越长，点积越大。
step-scaled = 除以 √d_head
step-scaled-what = 维度越多，点积的绝对值往往越大。除以每个头的维数 d_head 的平方根，可避免分数过大而使权重几乎全落在一个键上。
step-tempered = 除以温度
step-tempered-what = 温度小于 1 时分数差距拉大，注意力更集中；大于 1 时差距缩小，注意力更均匀。
step-scores = 最终分数
step-scores-what = 每个查询与每个键的匹配程度，接下来要加掩码。如果这种注意力在分数上加偏置，这里已经包含在内。
step-given = 填充掩码
step-given-what = 长短不同的句子一起计算时，短句要用填充词元补齐。这个掩码随输入给出：可以看的位置为 1，填充处为 0。
step-allowed = 因果掩码
step-allowed-what = 键在查询自身的位置或之前，掩码为 1；在其后，掩码为 0：词元不能看到尚待预测的词元。
step-both = 合并两个掩码
step-both-what = 只有两个掩码都允许时，查询才能看这个键。
step-masked = 加掩码
step-masked-what = 不允许看的位置，分数改为 −∞，使权重为 0；其余分数不变。没有掩码时（编码器通常如此），所有分数都不变。
step-cross-masked = 加掩码（此处无）
step-cross-masked-what = 源句全部已知，每个词元都可以看，所以分数不变。只有填充词元（如果有）的分数改为 −∞。
step-max = 每个查询的最大分数
step-max-what = 找出每个查询的最大分数。取指数之前，该查询的所有分数都减去它：权重不变，又能避免数值过大而溢出。
step-exp = 取指数
step-exp-what = 指数函数把分数变成正数，分数每高 1，结果约为 2.7 倍。−∞ 变成 0，被屏蔽的键因此不起作用。
step-sum = 对每个查询求和
step-sum-what = 把每个查询的所有指数值相加，得到总量；各个指数值除以它，就成为所占的比例。
step-unmasked = 加掩码前的权重
step-unmasked-what = 每个指数值除以所在行的和，而和中也计入了后面的词元。这种变体此后才加掩码，是错误的做法。
step-pattern = 注意力权重
step-pattern-what = 每个查询分给每个键的注意力比例。一行的权重之和通常为 1；如果到这一步才加掩码，和可能小于 1。
step-cross-pattern = 对源句的注意力权重
step-cross-pattern-what = 译文的每个词元分给源句各词元的注意力比例。一行的权重之和通常为 1。
step-z = 对值加权求和
step-z-what = 对每个查询，各个值乘以相应的注意力权重再相加：词元的权重越大，它的值所占的分量越重。
step-out = 合并各头
step-out-what = 用一个学得的矩阵把所有头的结果合成每个词元一个向量，随后与该词元进入注意力之前的向量相加。

step-resid_pre = 进入本层
step-resid_pre-what = 进入这一层时每个词元的向量。这些向量贯穿各层，层中每一部分都把结果加到上面，这就是残差流。
step-added = 与残差相加
step-added-what = 注意力或 MLP 的输出与其输入向量相加，输入中的信息因此不会丢失。之后再作归一化。
step-resid_mid = 自注意力之后
step-resid_mid-what = 自注意力的结果与进入本层的向量相加。后归一化（post-norm）模型中，相加后又经过归一化。
step-resid_cross = 交叉注意力之后
step-resid_cross-what = 交叉注意力从源句取得的结果加到向量上。后归一化（post-norm）模型中，相加后又经过归一化。
step-resid_post = 离开本层
step-resid_post-what = MLP 的结果加到向量上，得到本层的输出。后归一化（post-norm）模型中，相加后又经过归一化。
step-mlp-pre = 变换到隐藏单元
step-mlp-pre-what = MLP 是一个小型神经网络，对每个词元单独计算。第一次线性变换把词元的向量变成各隐藏单元的数值，隐藏单元通常多于向量的维数。
step-mlp-post = 激活函数
step-mlp-post-what = 负数变为 0（ReLU）或平滑地压向 0（GELU）。没有这一非线性步骤，MLP 的两次线性变换就只相当于一次。
step-mlp-out = 变换回模型维度
step-mlp-out-what = 第二次线性变换把每个词元的隐藏单元变回与残差流维数相同的向量，以便相加。

step-output-logits = 为词表打分
step-output-logits-what = 每个词元最后的向量与词表中所有词元的嵌入逐一作点积，给每个候选词元一个分数，称为 logit。在解码器中，位置 t 的词元那一行是给位置 t + 1 的候选词元打分。
step-output-tempered = 除以温度
step-output-tempered-what = 温度小于 1 时，概率更集中于最可能的词元；大于 1 时，各词元的概率更接近。
step-output-max = 最大的 logit
step-output-max-what = 找出整个词表上的最大值。取指数之前先减去它：概率不变，又能避免数值过大而溢出。
step-output-exp = 取指数
step-output-exp-what = 指数函数把词表中每个词元的数值变成正数，数值每高 1，结果约为 2.7 倍。最大的变成 1。
step-output-sum = 对词表求和
step-output-sum-what = 把词表中所有词元的指数值相加，得到总量；各个指数值除以它，就成为概率。
step-output-probs = 各词元的概率
step-output-probs-what = 模型给词表中每个词元的概率，每行之和为 1。
step-output-rank = 词元名次
step-output-rank-what = 概率最大的词元为第 1 名，其次为第 2 名；概率相同的名次相同。top-k 截断以名次为准。
step-output-before = 排在前面的概率之和
step-output-before-what = 对每个词元，把概率比它大的所有词元的概率相加。top-p 截断以这个和为准。
step-output-cut = 按 top-k 和 top-p 截断
step-output-cut-what = 词元若在概率最大的 k 个之内，且比它更可能的词元概率合计小于 p，则保留其概率，否则置为 0。
step-output-left = 剩余概率
step-output-left-what = 把截断后保留下来的概率相加。
step-output-final = 重新归一化
step-output-final-what = 保留下来的概率除以它们的和，使总和重新为 1。
step-output-chosen = 选出词元
step-output-chosen-what = 保留下来的词元中，概率最大的就是模型的选择。在解码器中，位置 t 的词元那一行选出的是位置 t + 1 的词元。

step-encode-x = 词元向量
step-encode-x-what = 每个词元用一个向量表示。这里由你输入数值，真实模型中则由训练学得。
step-encode-linear = 线性变换
step-encode-linear-what = 每个词元向量乘以权重矩阵，再加上偏置：新向量的每一维都是原来各维的加权和，再加一个常数。
step-encode-e = 激活函数
step-encode-e-what = 对每个数分别应用激活函数；若它是非线性的，就能表达线性变换表达不了的关系。得到的 e_i 是第 i 个词元的编码，供查询比对。
step-query-q = 查询向量
step-query-q-what = 查询表示要找什么，这里由你输入数值。
step-query-linear = 查询的线性变换
step-query-linear-what = 查询向量同样乘以权重矩阵，再加上偏置。
step-query-prime = 激活函数
step-query-prime-what = 对每个数分别应用激活函数，得到 q'，用它与每个词元的编码比对。
step-additive = 加性打分
step-additive-what = 把每个词元的编码与查询相加，用 tanh 把每个数压到 −1 与 1 之间。再与权重向量 v 作点积，得到一个分数，表示词元与查询是否匹配。
step-bilinear = 双线性打分
step-bilinear-what = 查询先乘以矩阵 M，再与每个词元的编码作点积，得到的分数表示二者是否匹配。M 决定编码的哪些维度与查询的哪些维度相比对。
step-classify-logits = 为类别打分
step-classify-logits-what = 把注意力加权求和得到的向量变成每个类别一个分数，称为 logit；分数越大，越倾向于该类别。
step-classify-max = 最大的 logit
step-classify-max-what = 找出各类别中最大的 logit。取指数之前先减去它：概率不变，又能避免数值过大而溢出。
step-classify-exp = 取指数
step-classify-exp-what = 指数函数把每个类别的数值变成正数，数值每高 1，结果约为 2.7 倍。最大的变成 1。
step-classify-sum = 对类别求和
step-classify-sum-what = 把所有类别的指数值相加，得到总量；各个指数值除以它，就成为概率。
step-classify-probs = 类别概率
step-classify-probs-what = 每个指数值除以总量，就是该类别的概率；所有概率之和为 1。
