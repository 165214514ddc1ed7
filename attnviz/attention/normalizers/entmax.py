"""Alpha-entmax: between softmax (alpha 1) and sparsemax (alpha 2), with weights that are exactly 0.

Peters, Niculae, Martins 2019, arXiv:1905.05702, equation 3. The threshold tau is found by bisection
(their algorithm 1) in float64; one Newton step from there makes the rows sum to 1 and carries the
exact gradient of the implicit equation.
"""

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.normalizers.softmax import PATTERN, softmax
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

ROUNDS = 60
TAU = Step(
    "tau",
    "H T 1",
    r"\tau_t : \sum_s A_{ts} = 1",
    words={
        "en": ("The threshold", "Scores below it get no weight at all; it is found by bisection."),
        "zh": ("阈值", "低于它的分数得不到任何权重；它由二分法求出。"),
    },
)
PATTERN_ENTMAX = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A_{ts} = \left[(\alpha - 1) M_{ts} - \tau_t\right]_+^{1 / (\alpha - 1)}",
    "relu((alpha - 1) * masked[h, t, s] - tau[h, t]) ** (1 / (alpha - 1))",
    kind="weight",
    words={
        "en": (
            "Weights of entmax",
            "What lies above the threshold, raised to a power; what lies below is exactly 0.",
        ),
        "zh": ("entmax 权重", "高于阈值的部分取幂，低于阈值的恰好为 0。"),
    },
)


def entmax(alpha: float) -> Parts:
    """Parts whose weights are the alpha-entmax of the scores, 1 <= `alpha` <= 2."""

    def normalize(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
        z_BHTS = (alpha - 1) * masked_BHTS.double()
        tau_BHT1 = _threshold(z_BHTS, 1 / (alpha - 1))
        pattern_BHTS = (z_BHTS - tau_BHT1).clamp_min(0).pow(1 / (alpha - 1)).to(masked_BHTS.dtype)
        tau_BHT1 = rec.keep(TAU, tau_BHT1)
        return rec.keep(PATTERN_ENTMAX, pattern_BHTS, masked=masked_BHTS, tau=tau_BHT1, alpha=alpha)

    return Parts(normalize=softmax if alpha == 1 else normalize)


def _threshold(z_BHTS: Tensor, power: float) -> Tensor:
    """tau BHT1 with sum_s (z - tau)_+ ** power = 1; finite where a row has nothing allowed."""
    fixed_BHTS = z_BHTS.detach()
    low_BHT1 = fixed_BHTS.amax(-1, keepdim=True).clamp_min(torch.finfo(z_BHTS.dtype).min) - 1
    for halving in range(ROUNDS):
        middle_BHT1 = low_BHT1 + 0.5 ** (halving + 1)
        total_BHT1 = (fixed_BHTS - middle_BHT1).clamp_min(0).pow(power).sum(-1, keepdim=True)
        low_BHT1 = middle_BHT1.where(total_BHT1 >= 1, low_BHT1)
    inside_BHTS = (z_BHTS - low_BHT1).clamp_min(0)
    slope_BHT1 = power * (inside_BHTS.pow(power - 1) * (inside_BHTS > 0)).sum(-1, keepdim=True)
    miss_BHT1 = inside_BHTS.pow(power).sum(-1, keepdim=True) - 1
    return low_BHT1 + (miss_BHT1 / slope_BHT1.detach()).where(slope_BHT1.detach() > 0, 0)


VARIANT = Variant(
    name="entmax",
    title={"en": "Alpha-entmax", "zh": "α-entmax"},
    words={
        "en": "A family between softmax and sparsemax: the larger alpha is, the more keys get "
        "exactly no weight.",
        "zh": "介于 Softmax 与 sparsemax 之间的一族：α 越大，权重恰好为零的键越多。",
    },
    paper="Peters, Niculae, Martins 2019, arXiv:1905.05702",
    formula=r"A_{ts} = \left[(\alpha - 1) S_{ts} - \tau_t\right]_+^{1 / (\alpha - 1)}",
    parts=entmax,
    oracle=Oracle(package="entmax", call="entmax_bisect(n_iter=100)", error=1e-12),
    properties=Properties(sparse=True),
    parameters={
        "alpha": Parameter(
            default=1.5,
            low=1.0,
            high=2.0,
            meaning={"en": "1 is softmax, 2 is sparsemax", "zh": "1 为 Softmax，2 为 sparsemax"},
        )
    },
    cost=Cost(extra="120 * H * T * S"),
    limits=(
        Limit(given={"alpha": 1.0}, equals="softmax"),
        Limit(given={"alpha": 2.0}, equals="sparsemax"),
    ),
)
