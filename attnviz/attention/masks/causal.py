"""Causal mask: a token sees itself and what stands before it, never the future.

Vaswani et al. 2017, arXiv:1706.03762, section 3.2.3. With more keys than queries (a key/value
cache) the last query stands at the last key.
"""

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Oracle, Properties, Variant
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
    words={
        "en": "A token sees itself and what stands before it, never what comes later: what a "
        "model needs that writes from left to right.",
        "zh": "每个词元只能看到自己和之前的内容，看不到之后的：从左到右写作的模型必须如此。",
    },
    paper="Vaswani et al. 2017, arXiv:1706.03762",
    formula=r"M_{ts} = S_{ts} \text{ if } s \le t, \text{ else } -\infty",
    parts=Parts(allow=causal),
    oracle=Oracle(
        package="torch", call="F.scaled_dot_product_attention(is_causal=True)", error=1e-14
    ),
    properties=Properties(placed=True, causal=True, sparse=True),
    cost=Cost(pairs="T * (S + S - T + 1) / 2"),
)
