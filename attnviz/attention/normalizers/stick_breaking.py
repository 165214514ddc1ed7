"""Stick breaking: from the nearest key backwards, each breaks its part off what is left.

Tan et al. 2024, arXiv:2410.17980. A token does not see itself (s < t), so the first row is empty.
A row sums to at most 1; what is left of the stick goes to nobody. Near keys come first, which
stands in for positions. The last query stands at the last key; a hidden key breaks nothing off.
"""

import torch
from torch import Tensor
from torch.nn import functional

from attnviz.attention.cost import Cost
from attnviz.attention.masks.causal import ALLOWED
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

BEFORE = Step(
    ALLOWED.name,
    ALLOWED.axes,
    r"C_{ts} = [s < t]",
    "s < t + past",
    kind="weight",
    words={
        "en": ("Only what came before", "1 for the tokens before the query's own, else 0."),
        "zh": ("只看之前", "查询自身之前的词元为 1，其余为 0。"),
    },
)
BREAKS = Step(
    "breaks",
    "H T S",
    r"\beta_{ts} = \sigma(M_{ts})",
    "sigmoid(masked[h, t, s])",
    kind="weight",
    words={
        "en": ("How much each breaks off", "The part that a key takes of what has come to it."),
        "zh": ("折下的比例", "每个键从剩余部分中取走的比例。"),
    },
)
REMAINING = Step(
    "remaining",
    "H T S",
    r"\prod_{s < j < t} (1 - \beta_{tj})",
    "exp(sum(j, where(s < j, log(1 - breaks[h, t, j]), 0)))",
    kind="weight",
    words={
        "en": ("What is left", "What the nearer keys, those after it, have left of the stick."),
        "zh": ("剩余部分", "更近的键（位于其后）取走之后剩下的部分。"),
    },
)
PATTERN_STICK = Step(
    "pattern",
    "H T S",
    r"A_{ts} = \beta_{ts} \prod_{s < j < t} (1 - \beta_{tj})",
    "breaks[h, t, s] * remaining[h, t, s]",
    kind="weight",
    words={
        "en": ("Pieces of the stick", "The part that is broken off, of what was left."),
        "zh": ("折下的各段", "比例乘以剩余部分，就是每个键得到的权重。"),
    },
)


def before(scores_BHTS: Tensor, rec: Recorder) -> Tensor:
    """True where the key stands before the query's own place."""
    t, s = scores_BHTS.shape[-2:]
    allowed_TS = torch.ones(t, s, dtype=torch.bool, device=scores_BHTS.device).tril(s - t - 1)
    return rec.keep(BEFORE, allowed_TS.expand_as(scores_BHTS), past=s - t)


def stick_breaking(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
    """Pattern BHTS; the products are sums of logs, so that none of them vanishes on the way."""
    breaks_BHTS = rec.keep(BREAKS, masked_BHTS.sigmoid(), masked=masked_BHTS)
    spared_BHTS = functional.logsigmoid(-masked_BHTS)
    later_BHTS = functional.pad(spared_BHTS[..., 1:], (0, 1)).flip(-1).cumsum(-1).flip(-1)
    remaining_BHTS = rec.keep(REMAINING, later_BHTS.exp(), breaks=breaks_BHTS)
    pattern_BHTS = breaks_BHTS * remaining_BHTS
    return rec.keep(PATTERN_STICK, pattern_BHTS, breaks=breaks_BHTS, remaining=remaining_BHTS)


VARIANT = Variant(
    name="stick_breaking",
    title={"en": "Stick breaking", "zh": "折棍注意力"},
    words={
        "en": "The nearest key breaks a part off a stick of length 1, the next one a part of what "
        "is left: near tokens come first without any positions.",
        "zh": "最近的键先从长度为 1 的棍上折下一段，下一个再折剩下的：无需位置编码，近处自然优先。",
    },
    paper="Tan et al. 2024, arXiv:2410.17980",
    formula=r"A_{ts} = \sigma(S_{ts}) \prod_{s < j < t} (1 - \sigma(S_{tj}))",
    parts=Parts(allow=before, normalize=stick_breaking),
    oracle=Oracle(package="fla-core", call="naive_stickbreaking_attn", error=1e-14),
    properties=Properties(placed=True, row_sum="at most one", causal=True, sparse=True),
    cost=Cost(pairs="T * (S + S - T - 1) / 2"),
)
