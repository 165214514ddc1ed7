"""Sandwich: what the sinusoidal vectors of two places have in common is added to the score.

Chi et al. 2022, arXiv:2212.10356. The product of the sinusoidal vectors of two places is a sum of
cosines of their distance; nothing else of the sinusoidal positions is kept. Head h (from 1) gets
H / (8h) of it. There are 64 waves, half of the paper's width 128. The bias looks the same to both
sides; the paper uses it with a causal mask. The last query stands at the last key.
"""

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts
from attnviz.attention.positions.alibi import distance
from attnviz.attention.positions.relative import STRENGTH
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

CLOSENESS = Step(
    "closeness",
    "H T S",
    r"P_t^\top P_s = \sum_m \cos(|t - s| \, \omega_m)",
    "sum(m, cos(distance[h, t, s] * frequencies[m]))",
    words={
        "en": ("How alike the places are", "The product of the waves of the two places."),
        "zh": ("两个位置的相似度", "两个位置的正弦向量的点积。"),
    },
)
BIASED = Step(
    "biased",
    "H T S",
    r"S_{ts} + \lambda \frac{H}{8h} P_t^\top P_s",
    "score[h, t, s] + strength * n_heads / (8 * (h + 1)) * closeness[h, t, s]",
    words={
        "en": ("With the places added", "The first heads add most of it: they look closest."),
        "zh": ("加上位置部分", "前面的头加得最多，因此看得最近。"),
    },
)


def frequencies(shape: tuple[int, ...], _: torch.Generator) -> Tensor:
    """The angles that waves turn by from one token to the next, from 1 towards 1 / 10000."""
    (n_waves,) = shape
    return 10000.0 ** (-torch.arange(n_waves, dtype=torch.float64) / n_waves)


def sandwich(waves: int, strength: float, frequencies: Tensor) -> Parts:
    """Parts that add `strength` x H / (8h) x the cosines of the distance."""

    def bias(scores_BHTS: Tensor, _q: Tensor, _k: Tensor, rec: Recorder) -> Tensor:
        distance_BHTS = distance(scores_BHTS, rec)
        n_heads = scores_BHTS.shape[1]
        places_N = torch.arange(max(scores_BHTS.shape[-2:]), device=scores_BHTS.device)
        alike_N = torch.cos(places_N[:, None] * frequencies[..., None, :]).sum(-1)
        close_TS = alike_N[..., distance_BHTS[0, 0].long()]
        close_BHTS = close_TS[..., None, :, :].expand_as(scores_BHTS)
        close_BHTS = rec.keep(
            CLOSENESS, close_BHTS, distance=distance_BHTS, frequencies=frequencies
        )
        share_H11 = n_heads / (8 * torch.arange(1, n_heads + 1).to(scores_BHTS))[:, None, None]
        return rec.keep(
            BIASED,
            scores_BHTS + strength * share_H11 * close_BHTS,
            score=scores_BHTS,
            closeness=close_BHTS,
            strength=strength,
            n_heads=n_heads,
        )

    return Parts(bias=bias)


VARIANT = Variant(
    name="sandwich",
    title={"en": "Sandwich", "zh": "Sandwich（余弦偏置）"},
    words={
        "en": "Keeps of the sinusoidal positions only what depends on the distance, as a bias: "
        "near tokens are alike, so near keys win.",
        "zh": "只保留正弦位置编码中与距离有关的部分，作为偏置：位置越近越相似，近处的键占优。",
    },
    paper="Chi et al. 2022, arXiv:2212.10356",
    formula=r"S_{ts} + \frac{H}{8h} \sum_m \cos((t - s) \, \omega_m)",
    parts=sandwich,
    oracle=Oracle(package="attn_gym", call="generate_sandwich_bias, torch's kernel", error=1e-5),
    properties=Properties(placed=True),
    parameters={
        "waves": Parameter(
            default=64,
            low=1,
            high=1024,
            whole=True,
            meaning={"en": "number of cosine waves", "zh": "余弦波的个数"},
        ),
        "strength": STRENGTH,
    },
    weights={
        "frequencies": Weight(
            axes="waves",
            meaning={"en": "how fast each wave turns", "zh": "每个波转动的快慢"},
            start=frequencies,
            drawn=False,
        )
    },
    cost=Cost(extra="H * T * S"),
    limits=(Limit(given={"strength": 0.0}, equals="nope"),),
)
