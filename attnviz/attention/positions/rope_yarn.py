"""YaRN: RoPE whose fast pairs stay, whose slow pairs are interpolated, and whose scores are raised.

Peng et al. 2023, arXiv:2309.00071. A pair that turns `fast` times or more over the text of the
training stays, one that turns `slow` times or less is slowed by the factor f, and between the two
there is a ramp over the pairs' numbers, whose ends are rounded outwards, as in the authors' code
and in transformers (the paper's formula has the ramp over the turns). Where its ends would change
places (a very short training), they are put together. Scores are multiplied by (0.1 ln f + 1)^2:
packages put the root on both q and k, here the queries get all of it.
"""

import math

from torch import Tensor

from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.positions.rope_linear import FACTOR
from attnviz.attention.positions.rotation import COST, PAIR, TURNING, frequencies, pairs, rotate
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

KEPT = {
    layout: Step(
        "kept",
        "K",
        r"\rho_m = 1 - \mathrm{clip}\left(\frac{m - a}{b - a}\right)",
        f"1 - minimum(maximum(({pair} - first) / (last - first), 0), 1)",
        kind="weight",
        words={
            "en": ("How much of the frequency is kept", "1 for fast pairs, 0 for slow ones."),
            "zh": ("频率保留的比例", "快的对为 1，慢的对为 0。"),
        },
    )
    for layout, pair in PAIR.items()
}
SLOWED = Step(
    "slowed",
    "K",
    r"\theta'_m = \theta_m \left(\rho_m + \frac{1 - \rho_m}{f}\right)",
    "frequency[k] * (kept[k] + (1 - kept[k]) / factor)",
    words={
        "en": ("Frequencies slowed", "Fast pairs stay, slow ones turn slower by the factor."),
        "zh": ("放慢后的频率", "快的对不变，慢的对按倍数放慢。"),
    },
)
Q_RAISED = Step(
    "q_raised",
    "H T K",
    r"(0.1 \ln f + 1)^2\, q",
    "(0.1 * log(factor) + 1) ** 2 * q_rotated[h, t, k]",
    words={
        "en": ("Queries raised", "Longer queries make larger scores: weights stay sharp."),
        "zh": ("放大的查询", "查询变长，分数随之变大，权重保持集中。"),
    },
)


def ramp(width: int, base: float, trained: int, fast: float, slow: float) -> tuple[float, float]:
    """The pairs (as numbers) where the ramp begins and ends: those that turn `fast` and `slow`
    times over `trained` tokens."""

    def pair(turns: float) -> float:
        return width * math.log(trained / (2 * math.pi * turns)) / (2 * math.log(base))

    first = max(math.floor(pair(fast)), 0)
    last = max(min(math.ceil(pair(slow)), width - 1), first)
    return first, last if last > first else last + 0.001


def rope_yarn(
    layout: str, base: float, factor: float, trained: int, fast: float, slow: float
) -> Parts:
    """Parts that turn q and k, pair by pair as before, slower, or between."""

    def place(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> tuple[Tensor, Tensor]:
        pair_K, half = pairs(q_BHTK, layout)
        first, last = ramp(2 * half, base, trained, fast, slow)
        frequency_BK = frequencies(q_BHTK, base, layout, rec)
        kept_BK = (1 - ((pair_K - first) / (last - first)).clamp(0, 1)).expand_as(frequency_BK)
        kept_BK = rec.keep(KEPT[layout], kept_BK, first=first, last=last, half=half)
        slowed_BK = slower(frequency_BK, kept_BK, factor, rec)
        q_BHTK, k_BHSK = rotate(q_BHTK, k_BGSK, slowed_BK, layout, rec)
        raised_BHTK = (0.1 * math.log(factor) + 1) ** 2 * q_BHTK
        return rec.keep(Q_RAISED, raised_BHTK, q_rotated=q_BHTK, factor=factor), k_BHSK

    return Parts(place=place)


def slower(frequency_BK: Tensor, kept_BK: Tensor, factor: float, rec: Recorder) -> Tensor:
    """Frequencies divided by `factor`, but for the share of them that is kept."""
    slowed_BK = frequency_BK * (kept_BK + (1 - kept_BK) / factor)
    return rec.keep(SLOWED, slowed_BK, frequency=frequency_BK, kept=kept_BK, factor=factor)


LENGTHS = {
    "trained": Parameter(
        default=64,
        low=1,
        high=1_000_000,
        unit="tokens",
        whole=True,
        log=True,
        meaning={"en": "longest text of the training", "zh": "训练时的最大长度"},
    ),
    "fast": Parameter(
        default=32.0,
        low=2.0,
        high=1000.0,
        log=True,
        meaning={
            "en": "pairs that turn as often over that text stay",
            "zh": "在该长度内转够这么多圈的对保持不变",
        },
    ),
    "slow": Parameter(
        default=1.0,
        low=0.01,
        high=1.0,
        log=True,
        meaning={
            "en": "pairs that turn no more than this are slowed fully",
            "zh": "不超过这么多圈的对完全放慢",
        },
    ),
}

VARIANT = Variant(
    name="rope_yarn",
    title={"en": "RoPE, YaRN", "zh": "RoPE（YaRN）"},
    words={
        "en": "For longer texts pairs slow down the more, the fewer turns they made in training; "
        "scores grow a little, so that weights stay sharp over more keys.",
        "zh": "处理更长文本时，训练中转过圈数越少的维度对放慢得越多；"
        "分数略微放大，使权重在更多的键上仍然集中。",
    },
    paper="Peng et al. 2023, arXiv:2309.00071",
    formula=r"\theta'_m = \theta_m \left(\rho_m + \tfrac{1 - \rho_m}{f}\right), \quad "
    r"S' = (0.1 \ln f + 1)^2\, S",
    parts=rope_yarn,
    oracle=Oracle(
        package="transformers",
        call="ROPE_INIT_FUNCTIONS['yarn'] + apply_rotary_pos_emb",
        error=1e-6,
    ),
    properties=Properties(placed=True),
    parameters={**TURNING, "factor": FACTOR, **LENGTHS},
    cost=COST,
    limits=(Limit(given={"factor": 1.0}, equals="rope"),),
)
