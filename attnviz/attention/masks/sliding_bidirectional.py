"""Sliding window to both sides: a token sees itself and the r tokens before and after it.

Beltagy, Peters, Cohan 2020, arXiv:2004.05150. The radius counts the tokens on one side, without the
token itself: 2r + 1 in all, and r = 0 sees nothing but itself. (Longformer's `attention_window` is
2r; the causal window counts the token itself.)
"""

from attnviz.attention.cost import Cost
from attnviz.attention.masks.place import allowing
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Step

NEAR = Step(
    "allowed",
    "H T S",
    r"C_{ts} = [|t - s| \le r]",
    "abs(t + past - s) <= radius",
    kind="weight",
    words={
        "en": ("Window mask", "1 for the query's own token and those near it, else 0."),
        "zh": ("窗口掩码", "查询自身及其附近的词元为 1，其余为 0。"),
    },
)


def sliding_bidirectional(radius: int) -> Parts:
    """Parts that allow the keys at most `radius` tokens away."""
    return allowing(NEAR, lambda query_T1, key_S: (query_T1 - key_S).abs() <= radius, radius=radius)


VARIANT = Variant(
    name="sliding_bidirectional",
    title={"en": "Sliding window, both sides", "zh": "双向滑动窗口"},
    words={
        "en": "A token sees the tokens near it, before and after: the work of an encoder grows "
        "with the length of the text, not with its square.",
        "zh": "每个词元只看前后相邻的词元：编码器的计算量随文本长度线性增长。",
    },
    paper="Beltagy, Peters, Cohan 2020, arXiv:2004.05150",
    formula=r"C_{ts} = [|t - s| \le r]",
    parts=sliding_bidirectional,
    oracle=Oracle(
        package="transformers",
        call="masking_utils.sliding_window_bidirectional_mask_function",
        error=1e-14,
    ),
    properties=Properties(placed=True, sparse=True),
    parameters={
        "radius": Parameter(
            default=2,
            low=0,
            high=1_000_000,
            unit="tokens",
            whole=True,
            meaning={"en": "how many tokens are seen on each side", "zh": "每一侧可见的词元数"},
        )
    },
    cost=Cost(pairs="T * minimum(2 * radius + 1, S)"),
    limits=(
        Limit(given={"radius": "S"}, equals="bidirectional"),
        Limit(given={"radius": 0}, equals="sliding_window", of={"window": 1}),
    ),
)
