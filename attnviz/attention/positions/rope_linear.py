"""Position interpolation: RoPE with every frequency divided by one factor, so that a text that much
longer takes up the angles of the training.

Chen et al. 2023, arXiv:2306.15595. Dividing frequencies is dividing places. Layouts and places are
those of `rope`.
"""

from torch import Tensor

from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.positions.rotation import COST, TURNING, frequencies, rotate
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

SLOWED = Step(
    "slowed",
    "K",
    r"\theta'_m = \theta_m / f",
    "frequency[k] / factor",
    words={
        "en": ("Frequencies slowed", "Every pair turns slower by the same factor."),
        "zh": ("放慢后的频率", "每一对都按同一倍数放慢。"),
    },
)


def rope_linear(layout: str, base: float, factor: float) -> Parts:
    """Parts that turn q and k, `factor` times slower."""

    def place(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> tuple[Tensor, Tensor]:
        frequency_BK = frequencies(q_BHTK, base, layout, rec)
        slowed_BK = frequency_BK / factor
        slowed_BK = rec.keep(SLOWED, slowed_BK, frequency=frequency_BK, factor=factor)
        return rotate(q_BHTK, k_BGSK, slowed_BK, layout, rec)

    return Parts(place=place)


FACTOR = Parameter(
    default=4.0,
    low=1.0,
    high=64.0,
    log=True,
    meaning={"en": "how many times longer the text may be", "zh": "文本可以长多少倍"},
)

VARIANT = Variant(
    name="rope_linear",
    title={"en": "RoPE, positions interpolated", "zh": "RoPE 线性插值"},
    words={
        "en": "All angles shrink by one factor: a longer text fits into the angles that training "
        "has seen, and neighbours become harder to tell apart.",
        "zh": "所有角度按同一倍数缩小：更长的文本落入训练见过的角度之内，但相邻词元更难区分。",
    },
    paper="Chen et al. 2023, arXiv:2306.15595",
    formula=r"\theta'_m = \theta_m / f",
    parts=rope_linear,
    oracle=Oracle(
        package="transformers",
        call="ROPE_INIT_FUNCTIONS['linear'] + apply_rotary_pos_emb",
        error=1e-6,
    ),
    properties=Properties(placed=True),
    parameters={**TURNING, "factor": FACTOR},
    cost=COST,
    limits=(Limit(given={"factor": 1.0}, equals="rope"),),
)
