"""Softmax over the allowed keys, opened up: row maximum, exponentials, their sum, the quotient.

Vaswani et al. 2017, arXiv:1706.03762. Subtracting the row maximum changes nothing in exact
arithmetic and keeps every exponent at most 0, so that exp cannot overflow.
"""

import torch
from torch import Tensor

from attnviz.attention.variant import Parts, Variant
from attnviz.trace import Recorder, Step

MAX = Step("max", "H T 1", r"m_t = \max_s M_{ts}")
EXP = Step("exp", "H T S", r"e_{ts} = \exp(M_{ts} - m_t)")
PATTERN = Step("pattern", "H T S", r"A_{ts} = e_{ts} / \Sigma_t")
SUM = Step("sum", "H T 1", r"\Sigma_t = \sum_s e_{ts}")


def softmax(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
    """Pattern BHTS; each row sums to 1, and a row with nothing allowed is all zero, not nan."""
    limit = torch.finfo(masked_BHTS.dtype)
    max_BHT1 = rec.keep(MAX, masked_BHTS.amax(-1, keepdim=True).clamp_min(limit.min))

    def exp() -> Tensor:
        return (masked_BHTS - max_BHT1).exp_()

    exp_BHTS = rec.keep(EXP, exp(), again=exp)
    sum_BHT1 = rec.keep(SUM, exp_BHTS.sum(-1, keepdim=True))
    divide = exp_BHTS.div if exp_BHTS.requires_grad else exp_BHTS.div_
    return rec.keep(PATTERN, divide(sum_BHT1.clamp_min(limit.tiny)))


VARIANT = Variant(
    name="softmax",
    title={"en": "Softmax", "zh": "Softmax 归一化"},
    paper="Vaswani et al. 2017, arXiv:1706.03762",
    formula=r"A_{ts} = \frac{e^{M_{ts}}}{\sum_{s'} e^{M_{ts'}}}",
    parts=Parts(normalize=softmax),
)
