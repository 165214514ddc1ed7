"""Gated attention: each head's output is multiplied by a gate that its query opens or shuts.

Qiu et al. 2025, arXiv:2505.06708 (after the sum, one gate for each number of each head, as in
Qwen3-Next). The paper makes the gate of the token's vector; here it is made of the head's own query
as it is compared (turned by its place, where positions are joined). The weights do not change.
"""

import torch
from torch import Tensor

from attnviz.attention.core import Z, weighted
from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Weight, zeros
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Variant
from attnviz.recorder import Recorder, Step

MIXED = Step(
    "mixed",
    Z.axes,
    r"A V",
    Z.rule,
    words={
        "en": ("Mix the values", "The values in the proportions of the weights."),
        "zh": ("混合各个值", "按权重的比例混合各个值。"),
    },
)
GATE = Step(
    "gate",
    "H T E",
    r"g_t = \sigma(W_G\, q_t + b)",
    "sigmoid(sum(k, W_G[h, e, k] * q[h, t, k]) + b[h, e])",
    kind="weight",
    words={
        "en": ("The gate", "How much of each number passes: 0 is nothing, 1 is all."),
        "zh": ("门", "每个数通过多少：0 为不通过，1 为全部通过。"),
    },
)
Z_GATED = Step(
    Z.name,
    Z.axes,
    r"z_t = g_t \odot (A V)_t",
    "gate[h, t, e] * mixed[h, t, e]",
    words={
        "en": ("What passes the gate", "A head that found nothing useful can stay silent."),
        "zh": ("通过门的部分", "没找到有用内容的头可以保持沉默。"),
    },
)


def gated(W_G: Tensor, b: Tensor) -> Parts:
    """Parts whose output is multiplied by sigmoid(W_G q + b); W_G is H E K, b H E."""

    def mix(pattern_BHTS: Tensor, v_BGSE: Tensor, q_BHTK: Tensor, rec: Recorder) -> Tensor:
        mixed_BHTE = weighted(pattern_BHTS, v_BGSE, rec, MIXED)
        gate_BHTE = torch.sigmoid(q_BHTK @ W_G.mT + b[..., None, :])
        gate_BHTE = rec.keep(GATE, gate_BHTE, W_G=W_G, q=q_BHTK, b=b)
        return rec.keep(Z_GATED, gate_BHTE * mixed_BHTE, gate=gate_BHTE, mixed=mixed_BHTE)

    return Parts(mix=mix)


VARIANT = Variant(
    name="gated",
    title={"en": "Gated output", "zh": "门控输出"},
    words={
        "en": "A gate decides for every query how much of the head's output passes on: a head need "
        "not put its weight on some idle token to say nothing.",
        "zh": "门为每个查询决定头的输出通过多少：头若无话可说，不必把权重堆到无关的词元上。",
    },
    paper="Qiu et al. 2025, arXiv:2505.06708",
    formula=r"z_t = \sigma(W_G\, q_t + b) \odot \sum_s A_{ts} v_s",
    parts=gated,
    oracle=Oracle(package="transformers", call="Qwen3NextAttention", error=1e-6),
    weights={
        "W_G": Weight(
            axes="H E K", meaning={"en": "makes the gate of the query", "zh": "由查询得出门"}
        ),
        "b": Weight(
            axes="H E",
            start=zeros,
            drawn=False,
            meaning={"en": "how far the gate is open by itself", "zh": "门本身的开启程度"},
        ),
    },
    cost=Cost(extra="2 * H * T * E * (K + 1)"),
    limits=(Limit(given={}, equals="softmax"),),
)
