"""Dynamic NTK: RoPE whose base grows with the text, so that fast pairs stay as they were and slow
ones spread out.

bloc97 and emozilla 2023 (posts); described by Peng et al. 2023, arXiv:2309.00071, section 3. The
base is multiplied by r^(d/(d-2)), r = f S/L - (f - 1), where the text is longer than the L tokens
of the training: the fastest pair stays, the slowest turns r times slower. S counts all keys, so
that every token added turns all keys anew: a cache must hold them unturned. f = 1 grows it too.
"""

from torch import Tensor

from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.positions.rotation import COST, PAIR, TURNING, frequencies, pairs, rotate
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

SLOWED = {
    layout: Step(
        "slowed",
        "K",
        r"\theta'_m = \theta_m\, r^{-m / (d/2 - 1)}",
        f"frequency[k] / growth ** ({pair} / maximum(half - 1, 1))",
        words={
            "en": ("Frequencies slowed", "The slower a pair turns, the more it is slowed."),
            "zh": ("放慢后的频率", "转得越慢的对，放慢得越多。"),
        },
    )
    for layout, pair in PAIR.items()
}


def rope_ntk(layout: str, base: float, factor: float, trained: int) -> Parts:
    """Parts that turn q and k, the slow pairs slower where there are more than `trained` keys."""

    def place(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> tuple[Tensor, Tensor]:
        pair_K, half = pairs(q_BHTK, layout)
        growth = factor * max(k_BGSK.shape[2], trained) / trained - (factor - 1)
        frequency_BK = frequencies(q_BHTK, base, layout, rec)
        slowed_BK = frequency_BK * growth ** (-pair_K / max(half - 1, 1))
        slowed_BK = rec.keep(
            SLOWED[layout], slowed_BK, frequency=frequency_BK, growth=growth, half=half
        )
        return rotate(q_BHTK, k_BGSK, slowed_BK, layout, rec)

    return Parts(place=place)


VARIANT = Variant(
    name="rope_ntk",
    title={"en": "RoPE, dynamic NTK", "zh": "RoPE 动态 NTK"},
    words={
        "en": "As soon as the text is longer than in training, slow pairs turn slower and fast "
        "ones do not: near places stay apart, far ones keep known angles.",
        "zh": "文本一旦超过训练长度，慢的维度对转得更慢，快的不变：近处仍能区分，远处的角度仍在"
        "见过的范围内。",
    },
    paper="Peng et al. 2023, arXiv:2309.00071",
    formula=r"b' = b\, \left(f \tfrac{S}{L} - (f - 1)\right)^{d/(d-2)}",
    parts=rope_ntk,
    oracle=Oracle(
        package="transformers",
        call="ROPE_INIT_FUNCTIONS['dynamic'] + apply_rotary_pos_emb",
        error=1e-6,
    ),
    properties=Properties(placed=True, growing=True),
    parameters={
        **TURNING,
        "factor": Parameter(
            default=2.0,
            low=1.0,
            high=64.0,
            log=True,
            meaning={"en": "how fast the base grows with the text", "zh": "底数随文本增长的快慢"},
        ),
        "trained": Parameter(
            default=4,
            low=1,
            high=1_000_000,
            unit="tokens",
            whole=True,
            log=True,
            meaning={"en": "longest text of the training", "zh": "训练时的最大长度"},
        ),
    },
    cost=COST,
    limits=(Limit(given={"trained": "S"}, equals="rope"),),
)
