"""Gumbel-softmax: noise is added to the scores, so that softmax acts as a draw from itself.

Jang, Gu, Poole 2016, arXiv:1611.01144. With Gumbel noise the largest noised score is a draw from
softmax(S); the temperature says how near the weights come to that one key, and "hard" takes it
alone (without the straight-through gradient). The noise is the same for all of a batch unless one
for each is given; its last row in use belongs to the last query, which stands at the last key.
"""

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.normalizers.hard import hard
from attnviz.attention.normalizers.softmax import softmax
from attnviz.attention.parameter import Option, Parameter, Weight
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

NOISED = Step(
    "noised",
    "H T S",
    r"(M_{ts} + g_{ts}) / \tau",
    "(masked[h, t, s] + noise[h, t + past, s]) / temperature",
    words={
        "en": ("Add noise", "A random number is added to each score, then all are divided by tau."),
        "zh": ("加入噪声", "每个分数加上一个随机数，再除以 τ。"),
    },
)


def gumbel(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Numbers of the standard Gumbel distribution."""
    return -torch.empty(shape, dtype=torch.float64).exponential_(generator=generator).log()


def gumbel_softmax(tau: float, draw: str, noise: Tensor) -> Parts:
    """Parts that add `noise` (H C C, or B H C C) to the scores and divide them by `tau`."""

    def normalize(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
        t, s = masked_BHTS.shape[-2:]
        past = max(s - t, 0)
        noised_BHTS = (masked_BHTS + noise[..., past : past + t, :s]) / tau
        noised_BHTS = rec.keep(
            NOISED, noised_BHTS, masked=masked_BHTS, noise=noise, past=past, temperature=tau
        )
        return (hard if draw == "hard" else softmax)(noised_BHTS, rec)

    return Parts(normalize=normalize)


VARIANT = Variant(
    name="gumbel_softmax",
    title={"en": "Gumbel-softmax", "zh": "Gumbel-Softmax"},
    words={
        "en": "Random noise on the scores makes softmax draw a key instead of weighing all: every "
        "seed draws anew, and gradients still flow.",
        "zh": "给分数加上随机噪声，Softmax 便像在抽取一个键：换个种子就重抽一次，梯度仍可传递。",
    },
    paper="Jang, Gu, Poole 2016, arXiv:1611.01144",
    formula=r"A = \mathrm{softmax}((S + g) / \tau), \quad g \sim \mathrm{Gumbel}(0, 1)",
    parts=gumbel_softmax,
    oracle=Oracle(package="torch", call="F.gumbel_softmax, the same noise", error=1e-14),
    properties=Properties(placed=True),
    parameters={
        "tau": Parameter(
            default=1.0,
            low=0.01,
            high=100.0,
            log=True,
            meaning={"en": "temperature", "zh": "温度"},
        ),
        "draw": Option(
            options=("soft", "hard"),
            meaning={"en": "weights for all keys, or one key", "zh": "全部键的权重，或只取一个键"},
        ),
    },
    weights={
        "noise": Weight(
            axes="H C C",
            meaning={"en": "noise of each query and key", "zh": "每对查询和键的噪声"},
            start=gumbel,
        )
    },
    cost=Cost(extra="2 * H * T * S"),
)
