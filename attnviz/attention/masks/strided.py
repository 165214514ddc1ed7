"""Strided sparse attention: the last l tokens, and before them every l-th.

Child et al. 2019 (Sparse Transformer), arXiv:1904.10509, section 4.3. Their two sets, the tokens
from i - l to i and {j : (i - j) mod l = 0}, are joined in every head (in their model, heads or
layers may take one each); both are causal. What lies l tokens back is in both sets, so that
[t - s < l] says the same. The paper takes l near the root of the length.
"""

from attnviz.attention.cost import Cost
from attnviz.attention.masks.place import allowing
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Step

STRIDED = Step(
    "allowed",
    "H T S",
    r"C_{ts} = [s \le t] \land ([t - s < l] \lor [(t - s) \bmod l = 0])",
    "(s <= t + past) * maximum(t + past - s < stride, (t + past - s) % stride == 0)",
    kind="weight",
    words={
        "en": (
            "Strided mask",
            "1 for the last tokens and, further back, for one at every stride, else 0.",
        ),
        "zh": ("跨步掩码", "最近的词元为 1，更早处每隔一个步幅有一个为 1，其余为 0。"),
    },
)


def strided(stride: int) -> Parts:
    """Parts that allow the last `stride` keys and every `stride`-th before them."""
    return allowing(
        STRIDED,
        lambda query_T1, key_S: (
            (key_S <= query_T1) & ((query_T1 - key_S < stride) | ((query_T1 - key_S) % stride == 0))
        ),
        stride=stride,
    )


VARIANT = Variant(
    name="strided",
    title={"en": "Strided sparse attention", "zh": "跨步稀疏注意力"},
    words={
        "en": "A token sees those just before it and, further back, one at every stride: any token "
        "is reached in two steps. It suits what repeats, such as the rows of an image.",
        "zh": "每个词元看紧邻的若干词元和更早处等间隔的词元，两步即可到达任意词元；"
        "适合有周期的数据，如图像的行。",
    },
    paper="Child et al. 2019, arXiv:1904.10509",
    formula=r"C_{ts} = [s \le t] \land ([t - s < l] \lor [(t - s) \bmod l = 0])",
    parts=strided,
    oracle=Oracle(call="the sets of Child et al. in loops, torch's kernel", error=1e-14),
    properties=Properties(placed=True, causal=True, sparse=True),
    parameters={
        "stride": Parameter(
            default=3,
            low=1,
            high=1_000_000,
            unit="tokens",
            whole=True,
            meaning={"en": "the window, and the step beyond it", "zh": "窗口大小，也是其外的步幅"},
        )
    },
    cost=Cost(
        pairs="T * minimum(stride + (S + S - T) / (2 * stride), (S + S - T + 1) / 2)", tokens="S"
    ),
    limits=(
        Limit(given={"stride": 1}, equals="causal"),
        Limit(given={"stride": "S"}, equals="causal"),
    ),
)
