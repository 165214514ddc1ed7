"""Global tokens and a window: the first tokens see all and are seen by all, the others see what is
near.

Beltagy, Peters, Cohan 2020 (Longformer), arXiv:2004.05150, section 3.1. The first g tokens are
global; the radius counts the tokens on one side (Longformer's `attention_window` is twice it). The
global tokens keep the same projections here; Longformer may learn others for them.
"""

from attnviz.attention.cost import Cost
from attnviz.attention.masks.place import allowing
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Step

GLOBAL = Step(
    "allowed",
    "H T S",
    r"C_{ts} = [|t - s| \le r] \lor [t < g] \lor [s < g]",
    "maximum(abs(t + past - s) <= radius, maximum(t + past < globals, s < globals))",
    kind="weight",
    words={
        "en": (
            "Window and global tokens",
            "1 near the query, and in the rows and columns of the global tokens, else 0.",
        ),
        "zh": ("窗口与全局词元", "查询附近以及全局词元所在的行和列为 1，其余为 0。"),
    },
)


def global_window(globals: int, radius: int) -> Parts:
    """Parts that allow a window of `radius`, and all to and from the first `globals` tokens."""
    return allowing(
        GLOBAL,
        lambda query_T1, key_S: (
            ((query_T1 - key_S).abs() <= radius) | (query_T1 < globals) | (key_S < globals)
        ),
        globals=globals,
        radius=radius,
    )


VARIANT = Variant(
    name="global_window",
    title={"en": "Global tokens and window", "zh": "全局词元加窗口"},
    words={
        "en": "Most tokens see only what is near; a few at the start see everything and are seen "
        "by everyone, so that news still crosses the whole text.",
        "zh": "多数词元只看附近，开头的少数全局词元能看到全文、也被所有词元看到，"
        "信息仍可传遍全文。",
    },
    paper="Beltagy, Peters, Cohan 2020, arXiv:2004.05150",
    formula=r"C_{ts} = [|t - s| \le r] \lor [t < g] \lor [s < g]",
    parts=global_window,
    oracle=Oracle(package="attn_gym", call="masks.generate_global_sliding_window", error=1e-14),
    properties=Properties(placed=True, sparse=True),
    parameters={
        "globals": Parameter(
            default=1,
            low=0,
            high=1_000_000,
            unit="tokens",
            whole=True,
            meaning={"en": "how many tokens at the start are global", "zh": "开头的全局词元数"},
        ),
        "radius": Parameter(
            default=2,
            low=0,
            high=1_000_000,
            unit="tokens",
            whole=True,
            meaning={"en": "how many tokens are seen on each side", "zh": "每一侧可见的词元数"},
        ),
    },
    cost=Cost(pairs="T * minimum(2 * radius + 1 + 2 * globals, S)"),
    limits=(
        Limit(given={"globals": 0}, equals="sliding_bidirectional", of={"radius": 2}),
        Limit(given={"globals": "S"}, equals="bidirectional"),
        Limit(given={"radius": "S"}, equals="bidirectional"),
    ),
)
