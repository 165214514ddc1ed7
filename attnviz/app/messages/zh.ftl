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
to-en = 英文（English）
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
target-help = 输入一个译文，看模型怎样读它：每个词元的概率和注意力都对应你输入的文字。
working = 正在计算每一步……
facts = { $model }：{ $layers } + { $layers } 层，{ $heads } 个头，d_model { $width }，{ $parameters } 百万参数，{ $dtype }，设备 { $device }
cut-source = 句子超过了模型的 { $limit } 个词元上限，末尾的 { $left_out } 个字符被略去。
cut-target = 指定的译文超过了模型的 { $limit } 个词元上限，末尾的 { $left_out } 个字符被略去。
unfinished = 模型在 { $n } 个词元内没有写到结尾，译文在此截断。

## Blocks
encoder-self = 编码器自注意力
decoder-self = 解码器自注意力
decoder-cross = 交叉注意力

## The chosen head
head-title = { $block }，第 { $layer } 层，第 { $head } 头
view = 视图
view-heatmap = 热力图
view-lines = 连线
view-bars = 条形图
view-table = 表格
scale = 颜色标度
scale-linear = 0 到 1
scale-row = 按行最大值
scale-sqrt = 平方根
bars-of = “{ $row }”看向哪里
table-row = 查询
removed-hide = 隐藏的列占这个头 { $share }% 的权重；所示各行之和小于 1。
removed-renormalise = 隐藏的列占这个头 { $share }% 的权重；其余权重已放大，使各行之和为 1。
removed-fold = 合并的一列占这个头 { $share }% 的权重。
caveat = 权重说明一个头看向哪里，并不说明模型为什么这样回答。

## The chosen cell
cell-title = 从“{ $row }”到“{ $column }”：{ $weight }
cell-merged = 这一格合并了 { $queries } × { $keys } 个词元（键求和，查询取平均）。下面的算式取其中第一对。

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
error-empty = 句子是空的：请输入一句话，然后按回车键。
error-language = 这个模型能写 { $known }，不能写 { $to }。
error-model = 无法使用该模型：{ $reason }。
error-address = 链接中有无法使用的参数，已忽略：{ $names }。
