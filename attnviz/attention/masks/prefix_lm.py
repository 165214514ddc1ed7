"""Prefix mask: the first P tokens see one another in both directions, all later ones look back.

Dong et al. 2019 (UniLM), arXiv:1905.03197; Raffel et al. 2020 (T5), arXiv:1910.10683. Every query
may see the P keys of the prefix and every key up to its own place.
"""

from attnviz.attention.cost import Cost
from attnviz.attention.masks.place import allowing
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Step

PREFIX = Step(
    "allowed",
    "H T S",
    r"C_{ts} = [s < P] \lor [s \le t]",
    "maximum(s < prefix, s <= t + past)",
    kind="weight",
    words={
        "en": (
            "Prefix mask",
            "1 for the keys of the prefix and for those up to the query, else 0.",
        ),
        "zh": ("前缀掩码", "前缀中的键以及查询及其之前的键为 1，其余为 0。"),
    },
)


def prefix_lm(prefix: int) -> Parts:
    """Parts that allow the first `prefix` keys, and the past."""
    return allowing(
        PREFIX, lambda query_T1, key_S: (key_S < prefix) | (key_S <= query_T1), prefix=prefix
    )


VARIANT = Variant(
    name="prefix_lm",
    title={"en": "Prefix language model", "zh": "前缀语言模型掩码"},
    words={
        "en": "What is given at the start is read in both directions, as in an encoder; what is "
        "written after it only looks back.",
        "zh": "开头给定的内容可以双向阅读，如同编码器；之后写出的内容只能看到它之前的内容。",
    },
    paper="Dong et al. 2019, arXiv:1905.03197; Raffel et al. 2020, arXiv:1910.10683",
    formula=r"C_{ts} = [s < P] \lor [s \le t]",
    parts=prefix_lm,
    oracle=Oracle(package="attn_gym", call="masks.generate_prefix_lm_mask", error=1e-14),
    properties=Properties(placed=True, sparse=True),
    parameters={
        "prefix": Parameter(
            default=4,
            low=0,
            high=1_000_000,
            unit="tokens",
            whole=True,
            meaning={"en": "how many tokens every query sees", "zh": "所有查询都能看到的词元数"},
        )
    },
    cost=Cost(
        pairs="T * (S + S - T + 1) / 2"
        " + minimum(prefix, T) * maximum(minimum(prefix, T) - 1, 0) / 2"
    ),
    limits=(
        Limit(given={"prefix": 0}, equals="causal"),
        Limit(given={"prefix": "S"}, equals="bidirectional"),
    ),
)
