"""Sparsemax: the point of the simplex that is nearest to the scores; low scores get exactly 0.

Martins, Astudillo 2016, arXiv:1602.02068, algorithm 1 (by sorting). The support is the largest
group of best scores whose common threshold lies below all of them. Hidden keys are never in it.
"""

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.normalizers.rows import ranked
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

SUPPORT = Step(
    "support",
    "H T R",
    r"1 + r M_{t(r)} > \sum_{j \le r} M_{t(j)}",
    "1 + (r + 1) * sorted[h, t, r] > sum(j, where(j <= r, sorted[h, t, j], 0))",
    kind="weight",
    words={
        "en": ("Which scores count", "1 for the scores that get some weight, else 0."),
        "zh": ("哪些分数有效", "能得到权重的分数为 1，其余为 0。"),
    },
)
TAU = Step(
    "tau",
    "H T 1",
    r"\tau_t = \frac{\sum_{r \in \mathrm{supp}} M_{t(r)} - 1}{|\mathrm{supp}|}",
    "(sum(r, where(support[h, t, r], sorted[h, t, r], 0)) - 1)"
    " / maximum(1, sum(r, support[h, t, r]))",
    words={
        "en": ("The threshold", "What is taken off, so that the rest sums to 1."),
        "zh": ("阈值", "减去它之后，剩余部分之和为 1。"),
    },
)
PATTERN_SPARSEMAX = Step(
    "pattern",
    "H T S",
    r"A_{ts} = \left[M_{ts} - \tau_t\right]_+",
    "relu(masked[h, t, s] - tau[h, t])",
    kind="weight",
    words={
        "en": ("Weights of sparsemax", "What lies above the threshold; below it, exactly 0."),
        "zh": ("sparsemax 权重", "高于阈值的部分；低于阈值的恰好为 0。"),
    },
)


def sparsemax(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
    """Pattern BHTS; a row with nothing allowed is all zero."""
    sorted_BHTR = ranked(masked_BHTS, rec)
    place_R = torch.arange(1, masked_BHTS.shape[-1] + 1, device=masked_BHTS.device)
    support_BHTR = 1 + place_R * sorted_BHTR > sorted_BHTR.cumsum(-1)
    support_BHTR = rec.keep(SUPPORT, support_BHTR, sorted=sorted_BHTR)
    total_BHT1 = sorted_BHTR.where(support_BHTR, 0).sum(-1, keepdim=True)
    tau_BHT1 = (total_BHT1 - 1) / support_BHTR.sum(-1, keepdim=True).clamp_min(1)
    tau_BHT1 = rec.keep(TAU, tau_BHT1, support=support_BHTR, sorted=sorted_BHTR)
    pattern_BHTS = (masked_BHTS - tau_BHT1).relu()
    return rec.keep(PATTERN_SPARSEMAX, pattern_BHTS, masked=masked_BHTS, tau=tau_BHT1)


VARIANT = Variant(
    name="sparsemax",
    title={"en": "Sparsemax", "zh": "sparsemax（稀疏归一化）"},
    words={
        "en": "Weights that sum to 1 and lie as near to the scores as they can: keys with low "
        "scores get exactly no weight.",
        "zh": "和为 1 且与分数最接近的一组权重：分数低的键权重恰好为零。",
    },
    paper="Martins, Astudillo 2016, arXiv:1602.02068",
    formula=r"A_t = \arg\min_{p \in \Delta} \lVert p - M_t \rVert^2 = [M_t - \tau_t]_+",
    parts=Parts(normalize=sparsemax),
    oracle=Oracle(package="entmax", call="sparsemax", error=1e-14),
    properties=Properties(sparse=True),
    cost=Cost(extra="H * T * S * log(S)"),
    limits=(Limit(given={}, equals="entmax", of={"alpha": 2.0}),),
)
