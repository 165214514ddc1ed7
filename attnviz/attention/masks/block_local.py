"""Block-local attention: the text is cut into chunks, and a token sees the past of its own chunk.

Liu et al. 2018, arXiv:1801.10198 (blocks that see only themselves); causal, and in chunks of 8192
tokens, in most layers of Llama 4 (Meta 2025, no paper). Chunks are counted from the first key: the
first token of a chunk sees nothing but itself.
"""

from attnviz.attention.cost import Cost
from attnviz.attention.masks.place import allowing
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Step

CHUNK = Step(
    "allowed",
    "H T S",
    r"C_{ts} = [s \le t] \land [\lfloor t / C \rfloor = \lfloor s / C \rfloor]",
    "(s <= t + past) * ((t + past) // chunk == s // chunk)",
    kind="weight",
    words={
        "en": ("Chunk mask", "1 for the tokens of the query's own chunk up to it, else 0."),
        "zh": ("分块掩码", "本块中查询及其之前的词元为 1，其余为 0。"),
    },
)


def block_local(chunk: int) -> Parts:
    """Parts that allow the past within the query's own `chunk`."""
    return allowing(
        CHUNK,
        lambda query_T1, key_S: (key_S <= query_T1) & (query_T1 // chunk == key_S // chunk),
        chunk=chunk,
    )


VARIANT = Variant(
    name="block_local",
    title={"en": "Block-local (chunked)", "zh": "分块局部注意力"},
    words={
        "en": "A token sees only the past of its own chunk: chunks can be computed apart, but what "
        "stands just before a border is not seen from behind it.",
        "zh": "每个词元只看自己所在块中之前的内容：各块可以分开计算，但看不到边界另一侧的词元。",
    },
    paper="Liu et al. 2018, arXiv:1801.10198; Llama 4 (Meta 2025)",
    formula=r"C_{ts} = [s \le t] \land [\lfloor t / C \rfloor = \lfloor s / C \rfloor]",
    parts=block_local,
    oracle=Oracle(
        package="transformers", call="masking_utils.chunked_causal_mask_function", error=1e-14
    ),
    properties=Properties(placed=True, causal=True, sparse=True),
    parameters={
        "chunk": Parameter(
            default=4,
            low=1,
            high=1_000_000,
            unit="tokens",
            whole=True,
            meaning={"en": "how long a chunk is", "zh": "每块的长度"},
        )
    },
    cost=Cost(pairs="T * (minimum(chunk, S) + 1) / 2", tokens="minimum(chunk, S)"),
    limits=(
        Limit(given={"chunk": "S"}, equals="causal"),
        Limit(given={"chunk": 1}, equals="sliding_window", of={"window": 1}),
    ),
)
