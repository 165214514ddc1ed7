"""Softmax over the allowed keys, opened up: row maximum, exponentials, their sum, the quotient.

Vaswani et al. 2017, arXiv:1706.03762. Subtracting the row maximum changes nothing in exact
arithmetic and keeps every exponent at most 0, so that exp cannot overflow.
"""

import torch
from torch import Tensor

from attnviz.attention.parts import Parts
from attnviz.attention.variant import Oracle, Variant
from attnviz.recorder import Recorder, Step

MAX = Step("max", "H T 1", r"m_t = \max_s M_{ts}", "max(s, masked[h, t, s])")
EXP = Step(
    "exp", "H T S", r"e_{ts} = \exp(M_{ts} - m_t)", "exp(masked[h, t, s] - max[h, t])", "weight"
)
SUM = Step("sum", "H T 1", r"\Sigma_t = \sum_s e_{ts}", "sum(s, exp[h, t, s])")
PATTERN = Step(
    "pattern", "H T S", r"A_{ts} = e_{ts} / \Sigma_t", "exp[h, t, s] / sum[h, t]", "weight"
)


def softmax(masked_BHTS: Tensor, rec: Recorder, last: Step = PATTERN) -> Tensor:
    """Pattern BHTS, recorded as `last`; each row sums to 1, and a row with nothing allowed is all
    zero, not nan."""
    limit = torch.finfo(masked_BHTS.dtype)
    max_BHT1 = masked_BHTS.amax(-1, keepdim=True).clamp_min(limit.min)
    max_BHT1 = rec.keep(MAX, max_BHT1, masked=masked_BHTS)

    def exp() -> Tensor:
        return (masked_BHTS - max_BHT1).exp_()

    exp_BHTS = rec.keep(EXP, exp(), again=exp, masked=masked_BHTS, max=max_BHT1)
    sum_BHT1 = rec.keep(SUM, exp_BHTS.sum(-1, keepdim=True), exp=exp_BHTS)
    divide = exp_BHTS.div if exp_BHTS.requires_grad else exp_BHTS.div_
    pattern_BHTS = divide(sum_BHT1.clamp_min(limit.tiny))
    return rec.keep(last, pattern_BHTS, exp=EXP, sum=sum_BHT1)


VARIANT = Variant(
    name="softmax",
    title={"en": "Softmax", "zh": "Softmax 归一化"},
    words={
        "en": "Scores become weights that are positive and sum to 1: each is the share of its "
        "exponential.",
        "zh": "把分数变成和为 1 的正权重：每个权重是其指数所占的比例。",
    },
    paper="Vaswani et al. 2017, arXiv:1706.03762",
    formula=r"A_{ts} = \frac{e^{M_{ts}}}{\sum_{s'} e^{M_{ts'}}}",
    parts=Parts(normalize=softmax),
    oracle=Oracle(package="torch", call="softmax", error=1e-14),
)
