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
