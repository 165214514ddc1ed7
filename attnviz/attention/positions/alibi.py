"""ALiBi: a head subtracts its own slope times the distance, and no other position is needed.

Press, Smith, Lewis 2022, arXiv:2108.12409. Head h (from 1) has the slope 2^(-8h/H). Where H is no
power of two, the slopes of the power below it are followed by every second slope of twice that
power, as in the authors' code and in BLOOM (some packages use 2^(-8h/H) for any H). The bias is
-slope |t - s|; the last query stands at the last key.
"""

import math

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

DISTANCE = Step(
    "distance",
    "H T S",
    r"\Delta_{ts} = |t - s|",
    "abs(t + past - s)",
    words={
        "en": ("The distance", "How many tokens lie between the query's place and the key's."),
        "zh": ("距离", "查询与键的位置相隔多少个词元。"),
    },
)
BIASED = Step(
    "biased",
    "H T S",
    r"S_{ts} - \lambda m_h |t - s|",
    "score[h, t, s] - strength * slopes[h] * distance[h, t, s]",
    words={
        "en": ("With the penalty for distance", "Each head takes off its slope times distance."),
        "zh": ("减去距离惩罚", "每个头减去自己的斜率乘以距离。"),
    },
)


def distance(scores_BHTS: Tensor, rec: Recorder) -> Tensor:
    """|t - s| BHTS, in the scores' own numbers; the last query stands at the last key."""
    t, s = scores_BHTS.shape[-2:]
    t_T1 = torch.arange(t, device=scores_BHTS.device)[:, None] + s - t
    distance_TS = (t_T1 - torch.arange(s, device=scores_BHTS.device)).abs().to(scores_BHTS.dtype)
    return rec.keep(DISTANCE, distance_TS.expand_as(scores_BHTS), past=s - t)


def slopes(shape: tuple[int, ...], _: torch.Generator) -> Tensor:
    """The slopes of H heads."""
    (n_heads,) = shape
    power = 2 ** math.floor(math.log2(n_heads))
    first = [2 ** (-8 * (h + 1) / power) for h in range(power)]
    between = [2 ** (-4 * (h + 1) / power) for h in range(0, 2 * power, 2)]
    return torch.tensor([*first, *between][:n_heads], dtype=torch.float64)


def alibi(strength: float, slopes: Tensor) -> Parts:
    """Parts that subtract `strength` x slope (H, or B H) x distance from the scores."""

    def bias(scores_BHTS: Tensor, _q: Tensor, _k: Tensor, rec: Recorder) -> Tensor:
        distance_BHTS = distance(scores_BHTS, rec)
        biased_BHTS = scores_BHTS - strength * slopes[..., None, None] * distance_BHTS
        return rec.keep(
            BIASED,
            biased_BHTS,
            score=scores_BHTS,
            distance=distance_BHTS,
            slopes=slopes,
            strength=strength,
        )

    return Parts(bias=bias)


VARIANT = Variant(
    name="alibi",
    title={"en": "ALiBi", "zh": "ALiBi（线性偏置）"},
    words={
        "en": "Every head takes off its own slope times the distance: near keys win, and texts "
        "longer than any in training still work.",
        "zh": "每个头减去自己的斜率乘以距离：近处的键占优，也能处理比训练时更长的文本。",
    },
    paper="Press, Smith, Lewis 2022, arXiv:2108.12409",
    formula=r"S_{ts} - m_h |t - s|, \quad m_h = 2^{-8h/H}",
    parts=alibi,
    oracle=Oracle(
        package="transformers", call="bloom.build_alibi_tensor, torch's kernel", error=1e-7
    ),
    properties=Properties(placed=True),
    parameters={
        "strength": Parameter(
            default=1.0,
            low=0.0,
            high=10.0,
            meaning={"en": "factor on all slopes", "zh": "所有斜率的倍数"},
        )
    },
    weights={
        "slopes": Weight(
            axes="H",
            meaning={"en": "penalty for one token of distance", "zh": "每相隔一个词元的惩罚"},
            start=slopes,
            drawn=False,
        )
    },
    cost=Cost(extra="2 * H * T * S"),
    limits=(Limit(given={"strength": 0.0}, equals="softmax"),),
)
