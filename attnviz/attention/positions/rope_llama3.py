"""Llama 3's longer RoPE: pairs that turn often over the text of the training stay, those that turn
rarely are slowed by one factor, and those between are mixed.

Grattafiori et al. 2024 (Llama 3), arXiv:2407.21783; the piecewise rule is that of the Llama 3.1
code (factor 8, 1 and 4 turns, 8192 tokens). The mixture is linear in the number of turns. Scores
are not raised, unlike in YaRN. Layouts and places are those of `rope`.
"""

import math
from dataclasses import replace

from torch import Tensor

from attnviz.attention.parts import Parts
from attnviz.attention.positions.rope_linear import FACTOR
from attnviz.attention.positions.rope_yarn import LENGTHS, slower
from attnviz.attention.positions.rotation import COST, TURNING, frequencies, rotate
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

TURNS = Step(
    "turns",
    "K",
    r"n_m = L\, \theta_m / 2\pi",
    "trained * frequency[k] / circle",
    words={
        "en": ("Turns in training", "How often the pair went round over the longest text."),
        "zh": ("训练中的圈数", "在最长的训练文本内，这一对转过的圈数。"),
    },
)
KEPT = Step(
    "kept",
    "K",
    r"\rho_m = \mathrm{clip}\left(\frac{n_m - n_{\mathrm{slow}}}"
    r"{n_{\mathrm{fast}} - n_{\mathrm{slow}}}\right)",
    "minimum(maximum((turns[k] - slow) / (fast - slow), 0), 1)",
    kind="weight",
    words={
        "en": ("How much of the frequency is kept", "1 for fast pairs, 0 for slow ones."),
        "zh": ("频率保留的比例", "快的对为 1，慢的对为 0。"),
    },
)


def rope_llama3(
    layout: str, base: float, factor: float, trained: int, fast: float, slow: float
) -> Parts:
    """Parts that turn q and k, pair by pair as before, slower, or between."""

    def place(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> tuple[Tensor, Tensor]:
        frequency_BK = frequencies(q_BHTK, base, layout, rec)
        turns_BK = trained * frequency_BK / (2 * math.pi)
        turns_BK = rec.keep(
            TURNS, turns_BK, frequency=frequency_BK, trained=trained, circle=2 * math.pi
        )
        kept_BK = ((turns_BK - slow) / (fast - slow)).clamp(0, 1)
        kept_BK = rec.keep(KEPT, kept_BK, turns=turns_BK, fast=fast, slow=slow)
        slowed_BK = slower(frequency_BK, kept_BK, factor, rec)
        return rotate(q_BHTK, k_BGSK, slowed_BK, layout, rec)

    return Parts(place=place)


VARIANT = Variant(
    name="rope_llama3",
    title={"en": "RoPE, Llama 3", "zh": "RoPE（Llama 3）"},
    words={
        "en": "For longer texts, pairs that turned often in training stay as they are, and only "
        "those that hardly turned are slowed.",
        "zh": "处理更长文本时，训练中转过多圈的维度对保持不变，只放慢几乎没转动的那些。",
    },
    paper="Grattafiori et al. 2024, arXiv:2407.21783",
    formula=r"\theta'_m = \theta_m \left(\rho_m + \tfrac{1 - \rho_m}{f}\right)",
    parts=rope_llama3,
    oracle=Oracle(
        package="transformers",
        call="ROPE_INIT_FUNCTIONS['llama3'] + apply_rotary_pos_emb",
        error=1e-6,
    ),
    properties=Properties(placed=True),
    parameters={
        **TURNING,
        "factor": replace(FACTOR, default=8.0),
        **LENGTHS,
        "fast": replace(LENGTHS["fast"], default=4.0),
    },
    cost=COST,
    limits=(Limit(given={"factor": 1.0}, equals="rope"),),
)
