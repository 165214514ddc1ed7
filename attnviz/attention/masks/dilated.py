"""Dilated sliding window: within a radius, the token itself and every d-th from it are seen.

Beltagy, Peters, Cohan 2020, arXiv:2004.05150, section 3.1. The radius counts tokens of the text,
not seen ones: radius 4 with dilation 2 sees the tokens at distance 0, 2 and 4 on both sides.
"""

from attnviz.attention.cost import Cost
from attnviz.attention.masks.place import allowing
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Step

GAPS = Step(
    "allowed",
    "H T S",
    r"C_{ts} = [|t - s| \le r] \land [(t - s) \bmod d = 0]",
    "(abs(t + past - s) <= radius) * ((t + past - s) % dilation == 0)",
    kind="weight",
    words={
        "en": ("Window with gaps", "1 for every so many tokens near the query, else 0."),
        "zh": ("带间隔的窗口", "查询附近每隔若干个词元有一个为 1，其余为 0。"),
    },
)


def dilated(radius: int, dilation: int) -> Parts:
    """Parts that allow every `dilation`-th key at most `radius` tokens away."""
    return allowing(
        GAPS,
        lambda query_T1, key_S: (
            ((query_T1 - key_S).abs() <= radius) & ((query_T1 - key_S) % dilation == 0)
        ),
        radius=radius,
        dilation=dilation,
    )


VARIANT = Variant(
    name="dilated",
    title={"en": "Dilated sliding window", "zh": "空洞滑动窗口"},
    words={
        "en": "A window with gaps: it reaches further than a plain one that sees as many tokens, "
        "and layers of it reach everything sooner.",
        "zh": "带间隔的窗口：看同样多的词元，却能看得更远，多层叠加后更快覆盖全文。",
    },
    paper="Beltagy, Peters, Cohan 2020, arXiv:2004.05150",
    formula=r"C_{ts} = [|t - s| \le r] \land [(t - s) \bmod d = 0]",
    parts=dilated,
    oracle=Oracle(package="attn_gym", call="masks.generate_dilated_sliding_window", error=1e-14),
    properties=Properties(placed=True, sparse=True),
    parameters={
        "radius": Parameter(
            default=4,
            low=0,
            high=1_000_000,
            unit="tokens",
            whole=True,
            meaning={"en": "how far the window reaches on each side", "zh": "窗口每一侧的跨度"},
        ),
        "dilation": Parameter(
            default=2,
            low=1,
            high=1_000_000,
            unit="tokens",
            whole=True,
            meaning={"en": "from one seen token to the next", "zh": "相邻可见词元的间距"},
        ),
    },
    cost=Cost(pairs="T * minimum(2 * floor(radius / dilation) + 1, S)"),
    limits=(
        Limit(given={"dilation": 1}, equals="sliding_bidirectional", of={"radius": 4}),
        Limit(given={"dilation": "S"}, equals="sliding_window", of={"window": 1}),
        Limit(given={"dilation": 1, "radius": "S"}, equals="bidirectional"),
    ),
)
