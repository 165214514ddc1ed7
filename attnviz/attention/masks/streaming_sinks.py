"""Sinks and a window: a token sees the first tokens of the text and the last ones before it.

Xiao et al. 2023 (StreamingLLM), arXiv:2309.17453. The window counts the token itself, as in the
sliding window. Positions are those of the text: counting them anew within the cache, as the method
does when it runs on, is left to the position's own variant.
"""

from attnviz.attention.cost import Cost
from attnviz.attention.masks.place import allowing
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Step

SINKS = Step(
    "allowed",
    "H T S",
    r"C_{ts} = [s \le t] \land ([s < n] \lor [t - s < W])",
    "(s <= t + past) * maximum(s < sinks, t + past - s < window)",
    kind="weight",
    words={
        "en": (
            "Mask of sinks and window",
            "1 for the first tokens of the text and the last ones up to the query, else 0.",
        ),
        "zh": ("起始词元与窗口掩码", "文本开头的几个词元和查询处最近的词元为 1，其余为 0。"),
    },
)


def streaming_sinks(sinks: int, window: int) -> Parts:
    """Parts that allow the first `sinks` tokens and the last `window`, the query's own among
    them."""
    return allowing(
        SINKS,
        lambda query_T1, key_S: (
            (key_S <= query_T1) & ((key_S < sinks) | (query_T1 - key_S < window))
        ),
        sinks=sinks,
        window=window,
    )


VARIANT = Variant(
    name="streaming_sinks",
    title={
        "en": "Attention sinks and window",
        "zh": "汇点（sink）加窗口（StreamingLLM）",
    },
    words={
        "en": "A sliding window that never forgets the first tokens: trained models rest their "
        "attention there, and break down when a window leaves them out.",
        "zh": "永不丢弃开头词元的滑动窗口：训练好的模型把多余的注意力放在那里，窗口若丢掉它们，"
        "模型就会失灵。",
    },
    paper="Xiao et al. 2023, arXiv:2309.17453",
    formula=r"C_{ts} = [s \le t] \land ([s < n] \lor [t - s < W])",
    parts=streaming_sinks,
    oracle=Oracle(
        package="transformers",
        call="masking_utils.or_masks(sliding_window_overlay, ...)",
        error=1e-14,
    ),
    properties=Properties(placed=True, causal=True, sparse=True),
    parameters={
        "sinks": Parameter(
            default=2,
            low=0,
            high=1_000_000,
            unit="tokens",
            whole=True,
            meaning={"en": "how many first tokens stay in sight", "zh": "始终可见的开头词元数"},
        ),
        "window": Parameter(
            default=4,
            low=1,
            high=1_000_000,
            unit="tokens",
            whole=True,
            meaning={"en": "how many tokens are seen, itself included", "zh": "可见词元数，含自身"},
        ),
    },
    cost=Cost(pairs="T * minimum(sinks + window, S)", tokens="minimum(sinks + window, S)"),
    limits=(
        Limit(given={"sinks": 0}, equals="sliding_window", of={"window": 4}),
        Limit(given={"window": "S"}, equals="causal"),
        Limit(given={"sinks": "S"}, equals="causal"),
    ),
)
