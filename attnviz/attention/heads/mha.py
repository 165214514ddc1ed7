"""Multi-head attention: several heads, each with queries, keys and values of its own, compare and
mix side by side.

Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2. This is the standard path on the heads that
are given (they are projected already, and the output projection comes after), so it fills no part
and can be joined with anything.
"""

from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Variant

VARIANT = Variant(
    name="mha",
    title={"en": "Multi-head attention (MHA)", "zh": "多头注意力（MHA）"},
    words={
        "en": "Several heads look at the same text, each through its own queries, keys and values, "
        "so that each can attend to something else.",
        "zh": "多个头同时看同一段文本，各有自己的查询、键和值，因而可以关注不同的内容。",
    },
    paper="Vaswani et al. 2017, arXiv:1706.03762",
    formula=r"Z_h = \mathrm{softmax}\left(\frac{Q_h K_h^\top}{\sqrt{d}}\right) V_h",
    parts=Parts(),
    oracle=Oracle(package="torch", call="nn.MultiheadAttention", error=1e-13),
    limits=(Limit(given={}, equals="softmax"),),
)
