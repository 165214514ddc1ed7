"""Pointer: the weights are themselves an answer, the probability of copying each source word.

Vinyals, Fortunato, Jaitly 2015, arXiv:1506.03134 (the weights of an additive score point at the
input); See, Liu, Manning 2017, arXiv:1704.04368 (a gate p_gen decides between writing a word of the
vocabulary and copying). P(w) = p_gen P_vocab(w) + (1 - p_gen) times the weights of all places where
w stands; here the second part is kept, place by place, and p_gen is what it leaves to the
vocabulary. p_gen reads the query and the mixed values (the paper's decoder input is no part of an
attention). The output is the mixed values. Score as in `additive`: maps shared by all heads, no
scale.
"""

from dataclasses import replace

import torch
from torch import Tensor

from attnviz.attention.core import Z, weighted
from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts
from attnviz.attention.scores.additive import EXTRA, HIDDEN, WEIGHTS, learned
from attnviz.attention.variant import Oracle, Variant
from attnviz.recorder import Recorder, Step

MIXED = replace(
    Z,
    name="mixed",
    words={
        "en": ("Mix the values", "The values in the proportions of the weights: the context."),
        "zh": ("混合值", "按权重混合的值，即上下文向量。"),
    },
)
P_GEN = Step(
    "p_gen",
    "H T 1",
    r"p_t = \sigma(w_z^\top z_t + w_q^\top q_t + r)",
    "sigmoid(sum(e, w_z[e] * mixed[h, t, e]) + sum(k, w_q[k] * q[h, t, k]) + offset)",
    kind="weight",
    words={
        "en": ("Write or copy", "The probability of writing a word of the vocabulary."),
        "zh": ("生成还是复制", "从词表中生成一个词的概率。"),
    },
)
COPIED = Step(
    "copied",
    "H T S",
    r"(1 - p_t)\, A_{ts}",
    "(1 - p_gen[h, t]) * pattern[h, t, s]",
    kind="weight",
    words={
        "en": (
            "Probability of copying",
            "How probable it is that the next word is a copy of this source word; what a row lacks "
            "to 1 is left to the vocabulary.",
        ),
        "zh": ("复制的概率", "下一个词复制该源词的概率；每行不足 1 的部分留给词表。"),
    },
)
Z_POINTER = replace(
    Z,
    formula=r"z_t = \sum_s A_{ts} v_s",
    rule="mixed[h, t, e]",
    words={
        "en": ("Output", "The context goes on as it is; pointing was done beside it."),
        "zh": ("输出", "上下文向量原样输出；指向已在旁边完成。"),
    },
)


def pointer(offset: float, w_z: Tensor, w_q: Tensor, **maps: Tensor) -> Parts:
    """Parts with additive scores, the gate (w_z E, w_q K, `offset`) and the copies."""

    def mix(pattern_BHTS: Tensor, v_BGSE: Tensor, q_BHTK: Tensor, rec: Recorder) -> Tensor:
        mixed_BHTE = weighted(pattern_BHTS, v_BGSE, rec, MIXED)
        from_z_BHT1 = (mixed_BHTE * w_z[..., None, None, :]).sum(-1, keepdim=True)
        from_q_BHT1 = (q_BHTK * w_q[..., None, None, :]).sum(-1, keepdim=True)
        gate_BHT1 = torch.sigmoid(from_z_BHT1 + from_q_BHT1 + offset)
        about = {"mixed": mixed_BHTE, "q": q_BHTK, "offset": offset}
        gate_BHT1 = rec.keep(P_GEN, gate_BHT1, None, w_z=w_z, w_q=w_q, **about)
        copied_BHTS = (1 - gate_BHT1) * pattern_BHTS
        rec.keep(COPIED, copied_BHTS, p_gen=gate_BHT1, pattern=pattern_BHTS)
        return rec.keep(Z_POINTER, mixed_BHTE, mixed=mixed_BHTE)

    return Parts(score=learned(**maps), mix=mix)


VARIANT = Variant(
    name="pointer",
    title={"en": "Pointer-generator", "zh": "指针生成网络"},
    words={
        "en": "The weights say which source word to copy, and a gate decides between copying and "
        "writing: names and numbers that no vocabulary has can be carried over.",
        "zh": "权重指出该复制哪个源词，门控决定复制还是生成：词表里没有的人名和数字也能照搬。",
    },
    paper="See, Liu, Manning 2017, arXiv:1704.04368",
    formula=r"P(w) = p_t\, P_{\mathrm{vocab}}(w) + (1 - p_t) \sum_{s : x_s = w} A_{ts}",
    parts=lambda hidden, **given: pointer(**given),
    oracle=Oracle(package="keras", call="layers.AdditiveAttention", error=1e-14),
    parameters={
        "hidden": HIDDEN,
        "offset": Parameter(
            default=0.0,
            low=-30.0,
            high=30.0,
            meaning={"en": "leaning of the gate towards writing", "zh": "门控偏向生成的程度"},
        ),
    },
    weights={
        **WEIGHTS,
        "w_z": Weight(
            axes="E",
            meaning={"en": "what the gate reads of the context", "zh": "门控读取上下文的权重"},
        ),
        "w_q": Weight(
            axes="K", meaning={"en": "what the gate reads of the query", "zh": "门控读取查询的权重"}
        ),
    },
    cost=Cost(extra=f"{EXTRA} + 2 * H * T * (K + E + S)", numbers="H * T * S * hidden"),
)
