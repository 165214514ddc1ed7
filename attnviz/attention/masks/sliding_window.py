"""Sliding window: a token sees itself and the W - 1 tokens before it.

Beltagy, Peters, Cohan 2020, arXiv:2004.05150; causal as in Mistral 7B, arXiv:2310.06825. The window
counts the token itself: W = 1 sees nothing but itself. (Some packages count the tokens before it.)
"""

from attnviz.attention.cost import Cost
from attnviz.attention.masks.causal import ALLOWED
from attnviz.attention.masks.place import allowing
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Step

WINDOW = Step(
    ALLOWED.name,
    ALLOWED.axes,
    r"C_{ts} = [0 \le t - s < W]",
    "(s <= t + past) * (t + past - s < window)",
    kind="weight",
    words={
        "en": ("Window mask", "1 for the query's own token and those just before it, else 0."),
        "zh": ("窗口掩码", "查询自身及紧邻其前的词元为 1，其余为 0。"),
    },
)


def sliding_window(window: int) -> Parts:
    """Parts that allow the last `window` tokens, the query's own among them."""
    return allowing(
        WINDOW,
        lambda query_T1, key_S: (key_S <= query_T1) & (query_T1 - key_S < window),
        window=window,
    )


VARIANT = Variant(
    name="sliding_window",
    title={"en": "Sliding window", "zh": "滑动窗口"},
    words={
        "en": "A token sees itself and a fixed number of tokens before it: the work grows with the "
        "length of the text, not with its square, and the cache stops growing.",
        "zh": "每个词元只看自己和之前固定数量的词元：计算量随长度线性增长，缓存不再变大。",
    },
    paper="Beltagy, Peters, Cohan 2020, arXiv:2004.05150",
    formula=r"C_{ts} = [0 \le t - s < W]",
    parts=sliding_window,
    oracle=Oracle(
        package="transformers",
        call="masking_utils.sliding_window_causal_mask_function",
        error=1e-14,
    ),
    properties=Properties(placed=True, causal=True, sparse=True),
    parameters={
        "window": Parameter(
            default=4,
            low=1,
            high=1_000_000,
            unit="tokens",
            whole=True,
            meaning={"en": "how many tokens are seen, itself included", "zh": "可见词元数，含自身"},
        )
    },
    cost=Cost(pairs="T * minimum(window, S)", tokens="minimum(window, S)"),
    limits=(
        Limit(given={"window": "S"}, equals="causal"),
        Limit(given={"window": 1}, equals="block_local", of={"chunk": 1}),
    ),
)
