"""Scaled dot product: how much a query and a key point the same way.

Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762, equation 1. The division by
sqrt(d_head) keeps the variance of the scores near one for unit-variance q and k.
"""

from torch import Tensor

from attnviz.attention.parts import Parts
from attnviz.attention.scores.dot import RAW, dot
from attnviz.attention.variant import Oracle, Variant
from attnviz.recorder import Recorder, Step

SCALED = Step("scaled", "H T S", r"R / \sqrt{d_{\mathrm{head}}}", "raw[h, t, s] / sqrt(d_head)")


def scaled_dot(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> Tensor:
    """Scores BHTS = q k^T / sqrt(d_head)."""
    raw_BHTS = dot(q_BHTK, k_BGSK, rec)
    d_head = q_BHTK.shape[-1]
    return rec.keep(SCALED, raw_BHTS.mul_(d_head**-0.5), raw=RAW, d_head=d_head)


VARIANT = Variant(
    name="scaled_dot",
    title={"en": "Scaled dot product", "zh": "缩放点积"},
    words={
        "en": "The score is how far query and key point the same way, divided by the root of the "
        "width so that scores do not grow with it.",
        "zh": "分数表示查询与键方向的一致程度，再除以维度的平方根，使分数不随维度增大。",
    },
    paper="Vaswani et al. 2017, arXiv:1706.03762",
    formula=r"S = \frac{Q K^\top}{\sqrt{d_{\mathrm{head}}}}",
    parts=Parts(score=scaled_dot),
    oracle=Oracle(package="torch", call="F.scaled_dot_product_attention", error=1e-14),
)
