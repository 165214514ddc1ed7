"""xPos: RoPE whose pairs also fade with distance, fast pairs sooner than slow ones.

Sun et al. 2022, arXiv:2212.10554. Turned queries are multiplied by zeta^((t - c) / b), keys by
zeta^(-(s - c) / b), so that a score carries zeta^((t - s) / b); zeta of pair m is
(m / (d/2) + 0.4) / 1.4, and c = S // 2 only keeps both numbers near one. The decay is meant for
keys before the query: the factor of later ones grows, so that it wants a mask that looks back. The
mask is not part of it here, so that any can be joined ("xpos+causal", "xpos+sliding_window").
"""

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.positions.rotation import COST, PAIR, TURNING, frequencies, pairs, rotate
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

GAMMA = 0.4
ZETA = {
    layout: Step(
        "zeta",
        "K",
        r"\zeta_m = \frac{2m/d + 0.4}{1.4}",
        f"({pair} / half + 0.4) / 1.4",
        kind="weight",
        words={
            "en": ("What is left of each pair", "After b tokens of distance; slow pairs last."),
            "zh": ("每一对的保留率", "每相隔 b 个词元剩下的比例；转得慢的对衰减得慢。"),
        },
    )
    for layout, pair in PAIR.items()
}
Q_FADED = Step(
    "q_faded",
    "H T K",
    r"q_t\, \zeta^{(t - c)/b}",
    "q_rotated[h, t, k] * zeta[k] ** ((t + past - center) / scale_base)",
    words={
        "en": ("Queries faded", "Late queries get smaller, so that far keys count less."),
        "zh": ("衰减后的查询", "越靠后的查询越小，使远处的键影响变小。"),
    },
)
K_FADED = Step(
    "k_faded",
    "H S K",
    r"k_s\, \zeta^{-(s - c)/b}",
    "k_rotated[h, s, k] * zeta[k] ** ((center - s) / scale_base)",
    words={
        "en": ("Keys faded", "Late keys get larger by as much: only the distance remains."),
        "zh": ("衰减后的键", "越靠后的键相应越大：结果只与距离有关。"),
    },
)


def xpos(layout: str, base: float, scale_base: float) -> Parts:
    """Parts that turn q and k and let them fade with distance."""

    def place(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> tuple[Tensor, Tensor]:
        t, s = q_BHTK.shape[2], k_BGSK.shape[2]
        pair_K, half = pairs(q_BHTK, layout)
        frequency_BK = frequencies(q_BHTK, base, layout, rec)
        zeta_BK = ((pair_K / half + GAMMA) / (1 + GAMMA)).expand_as(frequency_BK)
        zeta_BK = rec.keep(ZETA[layout], zeta_BK, half=half)
        q_BHTK, k_BHSK = rotate(q_BHTK, k_BGSK, frequency_BK, layout, rec)
        power_S1 = (torch.arange(s, device=q_BHTK.device)[:, None] - s // 2) / scale_base
        power_T1 = (torch.arange(s - t, s, device=q_BHTK.device)[:, None] - s // 2) / scale_base
        zeta_B11K = zeta_BK[:, None, None].to(q_BHTK.dtype)
        faded = {"zeta": zeta_BK, "center": s // 2, "scale_base": scale_base}
        q_faded_BHTK = q_BHTK * (zeta_B11K**power_T1).to(q_BHTK.dtype)
        k_faded_BHSK = k_BHSK * (zeta_B11K**-power_S1).to(q_BHTK.dtype)
        return (
            rec.keep(Q_FADED, q_faded_BHTK, None, q_rotated=q_BHTK, past=s - t, **faded),
            rec.keep(K_FADED, k_faded_BHSK, None, k_rotated=k_BHSK, **faded),
        )

    return Parts(place=place)


VARIANT = Variant(
    name="xpos",
    title={"en": "xPos", "zh": "xPos（带衰减的旋转）"},
    words={
        "en": "RoPE with a decay: the farther back a key stands, the less its pairs count, those "
        "that turn fast first. It is made for masks that look back.",
        "zh": "带衰减的 RoPE：键越靠前，其维度对的影响越小，转得快的先衰减。适合只看过去的掩码。",
    },
    paper="Sun et al. 2022, arXiv:2212.10554",
    formula=r"S_{ts} = \frac{q_t^\top R_{s-t}\, \zeta^{(t - s)/b}\, k_s}{\sqrt{d}}",
    parts=xpos,
    oracle=Oracle(package="x-transformers", call="RotaryEmbedding(use_xpos=True)", error=1e-6),
    properties=Properties(placed=True),
    parameters={
        **TURNING,
        "scale_base": Parameter(
            default=512.0,
            low=16.0,
            high=1_000_000.0,
            log=True,
            meaning={"en": "distance over which pairs fade", "zh": "衰减所跨的距离"},
        ),
    },
    cost=Cost(extra=f"{COST.extra} + K * (H * T + G * S)"),
    limits=(Limit(given={"scale_base": 1_000_000.0}, equals="rope", error=1e-4),),
)
