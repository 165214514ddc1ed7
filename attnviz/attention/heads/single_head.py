"""One wide head: all dimensions of all heads are compared at once, and there is one map for all.

Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2 ("single-head attention with full
dimensionality"). The heads' dot products are added up and divided by sqrt(H K); every head gets the
same scores and mixes its own values with them, which is one head of width H K cut in H parts.
"""

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parts import Parts, shared
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

TOGETHER = Step(
    "together",
    "H T S",
    r"R = \frac{1}{\sqrt{H d}} \sum_h Q_h K_h^\top",
    "sum(j, k, q[j, t, k] * k[j // n_sharing, s, k]) / sqrt(n_dimensions)",
    words={
        "en": ("Compare all heads as one", "The dimensions of every head make one score."),
        "zh": ("所有头合为一个比较", "所有头的维度一起得出一个分数。"),
    },
)


def single_head(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> Tensor:
    """Scores BHTS, the same for every head."""
    n_heads, width = q_BHTK.shape[1], q_BHTK.shape[3]
    scores_BTS = torch.einsum("bhtk,bhsk->bts", q_BHTK, shared(k_BGSK, q_BHTK))
    scores_BHTS = (scores_BTS * (n_heads * width) ** -0.5)[:, None].expand(-1, n_heads, -1, -1)
    n_sharing = n_heads // k_BGSK.shape[1]
    facts = {"n_sharing": n_sharing, "n_dimensions": n_heads * width}
    return rec.keep(TOGETHER, scores_BHTS, None, q=q_BHTK, k=k_BGSK, **facts)


VARIANT = Variant(
    name="single_head",
    title={"en": "Single head", "zh": "单头注意力"},
    words={
        "en": "All dimensions are compared as one head: there is only one map, which must serve "
        "everything that several heads would look at apart.",
        "zh": "所有维度作为一个头来比较：只有一张注意力图，要兼顾多个头本可分开关注的内容。",
    },
    paper="Vaswani et al. 2017, arXiv:1706.03762",
    formula=r"S_{ts} = \frac{1}{\sqrt{H d}} \sum_h q_{h,t}^\top k_{h,s}",
    parts=Parts(score=single_head),
    oracle=Oracle(
        package="torch", call="F.scaled_dot_product_attention, heads as one", error=1e-13
    ),
    properties=Properties(mixes_heads=True),
    cost=Cost(operations="T * S * (2 * H * K + 2 * H * E + 5)", numbers="T * S"),
)
