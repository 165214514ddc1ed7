"""Causal mask: a token sees itself and what stands before it, never the future.

Vaswani et al. 2017, arXiv:1706.03762, section 3.2.3. With more keys than queries (a key/value
cache) the last query stands at the last key.
"""

import torch
from torch import Tensor

from attnviz.attention.variant import Parts, Properties, Variant


def causal(t: int, s: int, like: Tensor) -> Tensor:
    """Boolean TS, True where key <= query, on `like`'s device."""
    return torch.ones(t, s, dtype=torch.bool, device=like.device).tril(s - t)


VARIANT = Variant(
    name="causal",
    title={"en": "Causal mask", "zh": "因果掩码"},
    paper="Vaswani et al. 2017, arXiv:1706.03762",
    formula=r"M_{ts} = S_{ts} \text{ if } s \le t, \text{ else } -\infty",
    parts=Parts(allow=causal),
    properties=Properties(causal=True),
)
