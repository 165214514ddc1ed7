"""Softpick: softmax's relative that can give exactly 0, and whose rows need not sum to 1.

Zuhri et al. 2025, arXiv:2504.20966. relu(e^x - 1) over the sum of |e^x - 1|: negative scores get
nothing but still count in the sum. Numerator and sum are multiplied by e^-m, m = max(0, row
maximum), before eps is added (as the authors do; they take the row maximum alone, which differs
only where every weight is 0). Hidden keys are left out of the sum.
"""

import math

from torch import Tensor

from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

MAX = Step(
    "max",
    "H T 1",
    r"m_t = \max(0, \max_s M_{ts})",
    "maximum(0, max(s, masked[h, t, s]))",
    words={
        "en": ("Largest score, at least 0", "It is taken off first, so that exp stays small."),
        "zh": ("最大分数，至少为 0", "先减去它，使指数不会过大。"),
    },
)
ABOVE = Step(
    "above",
    "H T S",
    r"d_{ts} = e^{M_{ts} - m_t} - e^{-m_t}",
    "where(masked[h, t, s] > -inf, exp(masked[h, t, s] - max[h, t]) - exp(-max[h, t]), 0)",
    words={
        "en": ("Above a score of 0", "The exponential less that of a score of 0."),
        "zh": ("超出零分的部分", "指数减去零分的指数。"),
    },
)
SUM = Step(
    "sum",
    "H T 1",
    r"\Sigma_t = \sum_s |d_{ts}|",
    "sum(s, abs(above[h, t, s]))",
    words={
        "en": ("Sum of the sizes", "Keys below 0 count here too, though they get no weight."),
        "zh": ("绝对值之和", "低于零分的键也计入，尽管它们得不到权重。"),
    },
)
PATTERN_SOFTPICK = Step(
    "pattern",
    "H T S",
    r"A_{ts} = \frac{\mathrm{relu}(d_{ts})}{\Sigma_t + \epsilon}",
    "relu(above[h, t, s]) / (sum[h, t] + epsilon)",
    kind="weight",
    words={
        "en": ("Weights of softpick", "Keys with a score below 0 get exactly 0."),
        "zh": ("softpick 权重", "分数低于 0 的键权重恰好为 0。"),
    },
)


def softpick(eps: float) -> Parts:
    """Parts whose rows are divided by the sum of the sizes and `eps` > 0."""

    def normalize(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
        max_BHT1 = masked_BHTS.amax(-1, keepdim=True).clamp_min(0)
        max_BHT1 = rec.keep(MAX, max_BHT1, masked=masked_BHTS)
        above_BHTS = (masked_BHTS - max_BHT1).exp() - (-max_BHT1).exp()
        above_BHTS = above_BHTS.where(masked_BHTS > -math.inf, 0)
        above_BHTS = rec.keep(ABOVE, above_BHTS, masked=masked_BHTS, max=max_BHT1)
        sum_BHT1 = rec.keep(SUM, above_BHTS.abs().sum(-1, keepdim=True), above=above_BHTS)
        pattern_BHTS = above_BHTS.relu() / (sum_BHT1 + eps)
        return rec.keep(PATTERN_SOFTPICK, pattern_BHTS, above=above_BHTS, sum=sum_BHT1, epsilon=eps)

    return Parts(normalize=normalize)


VARIANT = Variant(
    name="softpick",
    title={"en": "Softpick", "zh": "Softpick（可归零的归一化）"},
    words={
        "en": "Like softmax, but a score below 0 gives no weight and a row may come to nothing: "
        "no token has to serve as a sink.",
        "zh": "与 Softmax 相似，但负分数没有权重，整行也可以为零：不必有词元充当汇点（sink）。",
    },
    paper="Zuhri et al. 2025, arXiv:2504.20966",
    formula=r"A_{ts} = \frac{\mathrm{relu}(e^{S_{ts}} - 1)}"
    r"{\sum_{s'} |e^{S_{ts'}} - 1| + \epsilon}",
    parts=softpick,
    oracle=Oracle(call="the definition by loops", error=1e-14),
    properties=Properties(row_sum="at most one", sparse=True),
    parameters={
        "eps": Parameter(
            default=1e-6,
            low=1e-12,
            high=1.0,
            log=True,
            meaning={"en": "keeps the division from 0 / 0", "zh": "避免 0 除以 0"},
        )
    },
)
