"""Dot product without scaling: scores grow with the width, and softmax saturates.

Luong, Pham, Manning 2015, arXiv:1508.04025, "dot"; sqrt(d_head) times the scaled dot product.
"""

from functools import partial

import torch
from torch import Tensor

from attnviz.attention.parts import Parts, shared
from attnviz.attention.variant import Oracle, Variant
from attnviz.recorder import Recorder, Step

RAW = Step("raw", "H T S", r"R = Q K^\top", "sum(k, q[h, t, k] * k[h // n_sharing, s, k])")


def dot(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> Tensor:
    """Scores BHTS = q k^T. The caller may overwrite them."""
    product = partial(torch.matmul, q_BHTK, shared(k_BGSK, q_BHTK).mT)
    n_sharing = q_BHTK.shape[1] // k_BGSK.shape[1]
    return rec.keep(RAW, product(), again=product, q=q_BHTK, k=k_BGSK, n_sharing=n_sharing)


VARIANT = Variant(
    name="dot",
    title={"en": "Dot product (unscaled)", "zh": "点积（不缩放）"},
    words={
        "en": "Query and key are compared without dividing by the root of their width: wide heads "
        "get large scores, and softmax puts nearly all weight on one key.",
        "zh": "查询与键直接相乘，不除以维度的平方根：维度越大分数越大，"
        "Softmax 几乎把全部权重给一个键。",
    },
    paper="Luong, Pham, Manning 2015, arXiv:1508.04025",
    formula=r"S = Q K^\top",
    parts=Parts(score=dot),
    oracle=Oracle(package="torch", call="F.scaled_dot_product_attention(scale=1)", error=1e-14),
)
