"""KERPLE: what a head takes off for distance grows with the logarithm, slower and slower.

Chi et al. 2022, arXiv:2205.09921, the logarithmic kernel: r1 log(1 + r2 |t - s|) with
positive r1 and r2 of each head. (Their other kernel, r1 |t - s|^r2, has ALiBi in it.) The last
query stands at the last key.
"""

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Weight
from attnviz.attention.parts import Parts
from attnviz.attention.positions.alibi import distance
from attnviz.attention.positions.relative import STRENGTH
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

BIASED = Step(
    "biased",
    "H T S",
    r"S_{ts} - \lambda r_1 \log(1 + r_2 |t - s|)",
    "score[h, t, s] - strength * r1[h] * log(1 + r2[h] * distance[h, t, s])",
    words={
        "en": ("With the penalty for distance", "The first tokens of distance cost the most."),
        "zh": ("减去距离惩罚", "最初几个词元的距离代价最大。"),
    },
)


def positive(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Numbers from 0.5 to 1.5."""
    return 0.5 + torch.rand(shape, dtype=torch.float64, generator=generator)


def kerple(strength: float, r1: Tensor, r2: Tensor) -> Parts:
    """Parts that subtract `strength` x `r1` log(1 + `r2` x distance), of H heads each."""

    def bias(scores_BHTS: Tensor, _q: Tensor, _k: Tensor, rec: Recorder) -> Tensor:
        distance_BHTS = distance(scores_BHTS, rec)
        growing_BHTS = torch.log1p(r2[..., None, None] * distance_BHTS)
        return rec.keep(
            BIASED,
            scores_BHTS - strength * r1[..., None, None] * growing_BHTS,
            score=scores_BHTS,
            distance=distance_BHTS,
            r1=r1,
            r2=r2,
            strength=strength,
        )

    return Parts(bias=bias)


VARIANT = Variant(
    name="kerple",
    title={"en": "KERPLE (logarithmic)", "zh": "KERPLE（对数偏置）"},
    words={
        "en": "Every head takes off a penalty that grows with the logarithm of the distance: the "
        "first steps of distance matter, far tokens look nearly alike.",
        "zh": "每个头减去随距离的对数增长的惩罚：近处差别明显，远处几乎一样。",
    },
    paper="Chi et al. 2022, arXiv:2205.09921",
    formula=r"S_{ts} - r_1 \log(1 + r_2 |t - s|)",
    parts=kerple,
    oracle=Oracle(call="the definition in loops over queries and keys", error=1e-13),
    properties=Properties(placed=True),
    parameters={"strength": STRENGTH},
    weights={
        "r1": Weight(
            axes="H",
            meaning={"en": "how much distance costs", "zh": "距离的代价有多大"},
            start=positive,
        ),
        "r2": Weight(
            axes="H",
            meaning={"en": "how soon the cost levels off", "zh": "代价多快趋于平缓"},
            start=positive,
        ),
    },
    cost=Cost(extra="H * T * S"),
    limits=(Limit(given={"strength": 0.0}, equals="nope"),),
)
