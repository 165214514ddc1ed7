"""Padding mask: the fill tokens that make a batch rectangular are never attended to.

Vaswani et al. 2017, arXiv:1706.03762. The fill stands after the text: the first `length` keys are
real. True means real, and may be seen (torch's MultiheadAttention means the opposite). Rows of fill
queries are computed like the others; nobody reads them.
"""

from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.masks.place import allowing
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Step

REAL = Step(
    "allowed",
    "H T S",
    r"C_{ts} = [s < n]",
    "s < length",
    kind="weight",
    words={
        "en": ("Padding mask", "1 for the keys of the text, 0 for the fill tokens after it."),
        "zh": ("填充掩码", "正文的键为 1，其后的填充词元为 0。"),
    },
)


def padding(real_BS: Tensor) -> Tensor:
    """Boolean B11S from True-where-real BS: every head and query sees the real keys only."""
    return real_BS[:, None, None, :]


def padded(length: int) -> Parts:
    """Parts that allow the first `length` keys."""
    return allowing(REAL, lambda _, key_S: key_S < length, length=length)


VARIANT = Variant(
    name="padding",
    title={"en": "Padding mask", "zh": "填充掩码"},
    words={
        "en": "Short texts are filled up to be computed together with long ones; no query looks at "
        "the fill.",
        "zh": "短文本补齐后才能与长文本一起计算；任何查询都不看补上的词元。",
    },
    paper="Vaswani et al. 2017, arXiv:1706.03762",
    formula=r"C_{ts} = [s < n]",
    parts=padded,
    oracle=Oracle(package="torch", call="nn.MultiheadAttention(key_padding_mask=...)", error=1e-13),
    properties=Properties(sparse=True),
    parameters={
        "length": Parameter(
            default="S",
            low=0,
            high="S",
            unit="tokens",
            whole=True,
            meaning={"en": "how many keys are real", "zh": "真实的键有多少个"},
        )
    },
    cost=Cost(pairs="T * length", tokens="length"),
    limits=(Limit(given={"length": "S"}, equals="bidirectional"),),
)
