"""Scaled dot product: how much a query and a key point the same way.

Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762, equation 1. The division by
sqrt(d_head) keeps the variance of the scores near one for unit-variance q and k.
"""

from functools import partial

import torch
from torch import Tensor

from attnviz.attention.variant import Parts, Variant
from attnviz.trace import Recorder, Step

RAW = Step("raw", "H T S", r"R = Q K^\top")
SCALED = Step("scaled", "H T S", r"R / \sqrt{d_{\mathrm{head}}}")


def scaled_dot(q_BHTK: Tensor, k_BHSK: Tensor, rec: Recorder) -> Tensor:
    """Scores BHTS = q k^T / sqrt(d_head)."""
    dot = partial(torch.matmul, q_BHTK, k_BHSK.mT)
    raw_BHTS = rec.keep(RAW, dot(), again=dot)
    return rec.keep(SCALED, raw_BHTS.mul_(q_BHTK.shape[-1] ** -0.5))


VARIANT = Variant(
    name="scaled_dot",
    title={"en": "Scaled dot product", "zh": "缩放点积"},
    paper="Vaswani et al. 2017, arXiv:1706.03762",
    formula=r"S = \frac{Q K^\top}{\sqrt{d_{\mathrm{head}}}}",
    parts=Parts(score=scaled_dot),
)
