"""A learned sink: softmax with one more score, whose share of the attention goes to no token.

Agarwal et al. (OpenAI) 2025, arXiv:2508.10925 (gpt-oss). Every head has a score z_h of its own,
beside those of the keys. The extra column is dropped after softmax (as gpt-oss does), so that rows
sum to less than 1: the sink has no value. It is not scaled and no mask hides it.
"""

from dataclasses import replace

import torch
from torch import Tensor

from attnviz.attention.normalizers.rows import of_head
from attnviz.attention.normalizers.softmax import EXP, PATTERN
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

SINK = Step(
    "sink",
    "H T 1",
    r"z_h",
    "sink",
    words={
        "en": ("The sink's score", "One more score in every row, for attending to no token."),
        "zh": ("汇聚分数", "每一行多出的一个分数，表示“什么都不看”。"),
    },
)
MAX = Step(
    "max",
    "H T 1",
    r"m_t = \max(z_h, \max_s M_{ts})",
    "maximum(sink[h, t], max(s, masked[h, t, s]))",
    words={
        "en": ("Largest score, sink included", "It is taken off first, so that exp stays small."),
        "zh": ("含汇聚分数的最大值", "先减去它，使指数不会过大。"),
    },
)
SUM = Step(
    "sum",
    "H T 1",
    r"\Sigma_t = e^{z_h - m_t} + \sum_s e_{ts}",
    "exp(sink[h, t] - max[h, t]) + sum(s, exp[h, t, s])",
    words={
        "en": ("Sum with the sink", "The exponentials of all keys and that of the sink."),
        "zh": ("加上汇聚项的和", "所有键的指数，再加上汇聚分数的指数。"),
    },
)
PATTERN_SINK = replace(
    PATTERN,
    words={
        "en": ("Attention weights", "What is missing from 1 in a row has gone to the sink."),
        "zh": ("注意力权重", "每行的和比 1 少的部分流向了汇聚项。"),
    },
)


def sink_logit(sink: float | Tensor) -> Parts:
    """Parts with an extra score `sink`, one number or one for each head (H, or B H)."""

    def normalize(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
        each = isinstance(sink, Tensor) and sink.ndim == 1
        step = replace(SINK, rule="sink[h]") if each else SINK
        sink_BHT1 = rec.keep(step, of_head(sink, masked_BHTS), sink=sink)
        max_BHT1 = torch.maximum(sink_BHT1, masked_BHTS.amax(-1, keepdim=True))
        max_BHT1 = rec.keep(MAX, max_BHT1, sink=sink_BHT1, masked=masked_BHTS)
        exp_BHTS = (masked_BHTS - max_BHT1).exp()
        exp_BHTS = rec.keep(EXP, exp_BHTS, masked=masked_BHTS, max=max_BHT1)
        sum_BHT1 = (sink_BHT1 - max_BHT1).exp() + exp_BHTS.sum(-1, keepdim=True)
        sum_BHT1 = rec.keep(SUM, sum_BHT1, sink=sink_BHT1, max=max_BHT1, exp=exp_BHTS)
        return rec.keep(PATTERN_SINK, exp_BHTS / sum_BHT1, exp=exp_BHTS, sum=sum_BHT1)

    return Parts(normalize=normalize)


VARIANT = Variant(
    name="sink_logit",
    title={"en": "Learned sink", "zh": "可学习的注意力汇点（sink）"},
    words={
        "en": "Every head has one more score that belongs to no token: a query that finds nothing "
        "can give its attention away.",
        "zh": "每个头多出一个不属于任何词元的分数：查询找不到目标时，可以把注意力交给它。",
    },
    paper="Agarwal et al. (OpenAI) 2025, arXiv:2508.10925",
    formula=r"A_{ts} = \frac{e^{M_{ts}}}{e^{z_h} + \sum_{s'} e^{M_{ts'}}}",
    parts=sink_logit,
    oracle=Oracle(package="transformers", call="gpt_oss.eager_attention_forward", error=1e-14),
    properties=Properties(row_sum="at most one"),
    parameters={
        "sink": Parameter(
            default=0.0,
            low=-10.0,
            high=10.0,
            axes="H",
            meaning={"en": "score of attending to nothing", "zh": "“什么都不看”的分数"},
        )
    },
    limits=(
        Limit(given={"sink": 0.0}, equals="softmax1"),
        Limit(given={"sink": -10.0}, equals="softmax", error=1e-4),
    ),
)
