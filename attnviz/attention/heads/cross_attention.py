"""Cross-attention: queries come from one text, keys and values from another.

Bahdanau, Cho, Bengio 2015, arXiv:1409.0473; as it is now, Vaswani et al. 2017, arXiv:1706.03762,
section 3.2.3. The arithmetic is that of self-attention; what differs is where q and k come from.
The two texts have places of their own, so that no mask may look back: only the caller's own mask
counts (fill tokens of the other text), and T and S are free.
"""

from attnviz.attention.masks.bidirectional import bidirectional
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Variant

VARIANT = Variant(
    name="cross_attention",
    title={"en": "Cross-attention", "zh": "交叉注意力"},
    words={
        "en": "The queries of one text look into another, all of it at every step: how a decoder "
        "reads the sentence that it translates.",
        "zh": "一段文本的查询去看另一段文本的全部内容：解码器就是这样阅读待翻译的句子。",
    },
    paper="Vaswani et al. 2017, arXiv:1706.03762",
    formula=r"A = \mathrm{softmax}\left(\frac{Q_x K_y^\top}{\sqrt{d}}\right)",
    parts=Parts(allow=bidirectional),
    oracle=Oracle(package="torch", call="nn.MultiheadAttention, T != S", error=1e-13),
    limits=(Limit(given={}, equals="bidirectional"),),
)
