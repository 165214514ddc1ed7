"""Sinusoidal positions: every place has a fixed vector of waves, which is added to what stands
there.

Vaswani et al. 2017, arXiv:1706.03762, section 3.5. The paper adds the waves to the tokens' vectors
before the projections; here they are added to q and k, which is the same where the projections are
the identity. Sines and cosines take turns along the vector, as in the paper (some packages put all
sines first). The last query stands at the last key, and the first token of all at place 0.
"""

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.positions.relative import STRENGTH
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

WORDS = {
    "en": ("Waves of the places", "A fixed vector for each place, of fast waves and slow ones."),
    "zh": ("各位置的波", "每个位置一个固定的向量，由快慢不同的正弦和余弦波组成。"),
}
FORMULA = r"P_{n,2m} = \sin \frac{n}{b^{2m/d}}, \; P_{n,2m+1} = \cos \frac{n}{b^{2m/d}}"
ANGLE = "({0} + first) / base ** ((k - k % 2) / width)"
RULE = f"where(k % 2, cos({ANGLE}), sin({ANGLE}))"
WAVES_Q = Step("waves_q", "T K", FORMULA, RULE.format("t"), words=WORDS)
WAVES_K = Step("waves_k", "S K", FORMULA, RULE.format("s"), words=WORDS)
PLACED_Q = Step(
    "placed_q",
    "H T K",
    r"q_t + \lambda P_t",
    "q[h, t, k] + strength * waves_q[t, k]",
    words={
        "en": ("Queries with their place", "The vector of the query's place is added to it."),
        "zh": ("带位置的查询", "给每个查询加上其位置的向量。"),
    },
)
PLACED_K = Step(
    "placed_k",
    "G S K",
    r"k_s + \lambda P_s",
    "k[g, s, k] + strength * waves_k[s, k]",
    words={
        "en": ("Keys with their place", "The vector of the key's place is added to it."),
        "zh": ("带位置的键", "给每个键加上其位置的向量。"),
    },
)


def waves(places_N: Tensor, width: int, base: float) -> Tensor:
    """The waves of these places, N x `width`, in float64: sines at even, cosines at odd numbers."""
    k_K = torch.arange(width, dtype=torch.float64)
    angle_NK = places_N.double()[:, None] / base ** ((k_K - k_K % 2) / width)
    return angle_NK.cos().where(k_K % 2 == 1, angle_NK.sin())


def firsts(t: int, s: int) -> tuple[int, int]:
    """The places of the first query and of the first key: the last ones stand together."""
    return max(s - t, 0), max(t - s, 0)


def sinusoidal(base: float, strength: float) -> Parts:
    """Parts that add `strength` x waves, slower by up to `base`, to q and k."""

    def place(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> tuple[Tensor, Tensor]:
        (b, _, t, width), s = q_BHTK.shape, k_BGSK.shape[2]
        first_q, first_k = firsts(t, s)
        numbers = {"base": base, "width": width}
        waves_BTK, waves_BSK = (
            waves(first + torch.arange(n), width, base).to(q_BHTK).expand(b, -1, -1)
            for first, n in ((first_q, t), (first_k, s))
        )
        waves_BTK = rec.keep(WAVES_Q, waves_BTK, None, first=first_q, **numbers)
        waves_BSK = rec.keep(WAVES_K, waves_BSK, None, first=first_k, **numbers)
        placed_BHTK = q_BHTK + strength * waves_BTK[:, None]
        placed_BGSK = k_BGSK + strength * waves_BSK[:, None]
        return (
            rec.keep(PLACED_Q, placed_BHTK, q=q_BHTK, waves_q=waves_BTK, strength=strength),
            rec.keep(PLACED_K, placed_BGSK, k=k_BGSK, waves_k=waves_BSK, strength=strength),
        )

    return Parts(place=place)


VARIANT = Variant(
    name="sinusoidal",
    title={"en": "Sinusoidal positions", "zh": "正弦位置编码"},
    words={
        "en": "Every place has a fixed vector of sine and cosine waves, which is added to the "
        "query and the key that stand there.",
        "zh": "每个位置有一个由正弦和余弦波组成的固定向量，加到该处的查询和键上。",
    },
    paper="Vaswani et al. 2017, arXiv:1706.03762",
    formula=r"q_t + P_t, \; k_s + P_s, \quad " + FORMULA,
    parts=sinusoidal,
    oracle=Oracle(
        package="transformers",
        call="MarianSinusoidalPositionalEmbedding, torch's kernel",
        error=1e-7,
    ),
    properties=Properties(placed=True),
    parameters={
        "base": Parameter(
            default=10000.0,
            low=1.0,
            high=1_000_000.0,
            log=True,
            meaning={"en": "how much slower the slowest wave is", "zh": "最慢的波慢多少倍"},
        ),
        "strength": STRENGTH,
    },
    cost=Cost(extra="(H * T + G * S) * K"),
    limits=(Limit(given={"strength": 0.0}, equals="nope"),),
)
