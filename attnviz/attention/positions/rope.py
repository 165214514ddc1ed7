"""RoPE: pairs of dimensions are turned by an angle that grows with the place, so that a score
depends on how far apart query and key stand, not on where.

Su et al. 2021, arXiv:2104.09864. Pair m of d/2 turns by base^(-2m/d) radians for each token.
Layout "half" pairs dimension k with k + d/2 (Llama, transformers), "interleaved" 2m with 2m + 1
(the paper, GPT-J, DeepSeek): they differ by an order of the dimensions and must not be mixed. Keys
stand at 0 to S - 1, query t at t + S - T. All of d_head turns, values do not. Keys that query heads
share are handed on for each of them.
"""

from torch import Tensor

from attnviz.attention.parts import Parts
from attnviz.attention.positions.rotation import COST, TURNING, frequencies, rotate
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import Recorder


def rope(layout: str, base: float) -> Parts:
    """Parts that turn q and k by their places."""

    def place(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> tuple[Tensor, Tensor]:
        return rotate(q_BHTK, k_BGSK, frequencies(q_BHTK, base, layout, rec), layout, rec)

    return Parts(place=place)


VARIANT = Variant(
    name="rope",
    title={"en": "Rotary positions (RoPE)", "zh": "旋转位置编码（RoPE）"},
    words={
        "en": "Queries and keys are turned by an angle that grows with their place: what is left "
        "in their product is only how far apart they stand.",
        "zh": "查询和键按各自的位置旋转，相乘之后只剩下两者相隔多远。",
    },
    paper="Su et al. 2021, arXiv:2104.09864",
    formula=r"S_{ts} = \frac{q_t^\top R_{s-t}\, k_s}{\sqrt{d}}, \quad \theta_m = b^{-2m/d}",
    parts=rope,
    oracle=Oracle(
        package="transformers", call="LlamaRotaryEmbedding + apply_rotary_pos_emb", error=1e-6
    ),
    properties=Properties(placed=True),
    parameters=TURNING,
    cost=COST,
)
