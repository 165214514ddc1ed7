"""Causal mask: a token sees itself and what stands before it, never the future.

Vaswani et al. 2017, arXiv:1706.03762, section 3.2.3. With more keys than queries (a key/value
cache) the last query stands at the last key.
"""

import torch
from torch import Tensor

from attnviz.attention.variant import Parts, Properties, Variant
from attnviz.recorder import Recorder, Step

ALLOWED = Step(
    "allowed",
    "H T S",
    r"C_{ts} = \begin{cases} 1 & s \le t \\ 0 & s > t \end{cases}",
    "s <= t + past",
    kind="weight",
)


def causal(scores_BHTS: Tensor, rec: Recorder) -> Tensor:
    """True where key <= query; keys of the `past` come before the first query."""
    t, s = scores_BHTS.shape[-2:]
    allowed_TS = torch.ones(t, s, dtype=torch.bool, device=scores_BHTS.device).tril(s - t)
    return rec.keep(ALLOWED, allowed_TS.expand_as(scores_BHTS), past=s - t)


VARIANT = Variant(
    name="causal",
    title={"en": "Causal mask", "zh": "因果掩码"},
    paper="Vaswani et al. 2017, arXiv:1706.03762",
    formula=r"M_{ts} = S_{ts} \text{ if } s \le t, \text{ else } -\infty",
    parts=Parts(allow=causal),
    properties=Properties(causal=True),
)
