"""No mask: every query may look at every key, as in an encoder and in cross-attention.

Vaswani et al. 2017, arXiv:1706.03762, section 3.2.3.
"""

import torch
from torch import Tensor

from attnviz.attention.variant import Parts, Variant


def bidirectional(t: int, s: int, like: Tensor) -> Tensor:
    """Boolean TS, True everywhere, on `like`'s device."""
    return torch.ones(t, s, dtype=torch.bool, device=like.device)


VARIANT = Variant(
    name="bidirectional",
    title={"en": "Bidirectional (no mask)", "zh": "双向（无掩码）"},
    paper="Vaswani et al. 2017, arXiv:1706.03762",
    formula=r"M = S",
    parts=Parts(allow=bidirectional),
)
