"""Fixed sparse attention: the query's own block, and the last c places of every block before it.

Child et al. 2019 (Sparse Transformer), arXiv:1904.10509, section 4.3. Blocks of l tokens are
counted from the first key. Their two sets, the own block and {j : j mod l >= l - c}, are joined in
every head; both are causal. With c >= l every past token is seen. The paper takes l near the root
of the length.
"""

from attnviz.attention.cost import Cost
from attnviz.attention.masks.place import allowing
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Step

FIXED = Step(
    "allowed",
    "H T S",
    r"C_{ts} = [s \le t] \land ([\lfloor t / l \rfloor = \lfloor s / l \rfloor]"
    r" \lor [s \bmod l \ge l - c])",
    "(s <= t + past) * maximum((t + past) // block == s // block, block - summary <= s % block)",
    kind="weight",
    words={
        "en": (
            "Mask of blocks and their ends",
            "1 for past tokens of the query's block and for the last of each earlier one, else 0.",
        ),
        "zh": ("分块及块尾掩码", "本块中之前的词元和此前每块末尾的词元为 1，其余为 0。"),
    },
)


def fixed(block: int, summary: int) -> Parts:
    """Parts that allow the query's own `block` and the last `summary` keys of those before."""
    return allowing(
        FIXED,
        lambda query_T1, key_S: (
            (key_S <= query_T1)
            & ((query_T1 // block == key_S // block) | (key_S % block >= block - summary))
        ),
        block=block,
        summary=summary,
    )


VARIANT = Variant(
    name="fixed",
    title={"en": "Fixed sparse attention", "zh": "固定稀疏注意力"},
    words={
        "en": "A token sees its own block and the last tokens of the blocks before it, which can "
        "sum up what their block says: any token is reached in two steps.",
        "zh": "每个词元看自己所在的块和此前各块末尾的词元，块尾可以概括整块内容："
        "两步即可到达任意词元。",
    },
    paper="Child et al. 2019, arXiv:1904.10509",
    formula=r"C_{ts} = [s \le t] \land ([\lfloor t / l \rfloor = \lfloor s / l \rfloor]"
    r" \lor [s \bmod l \ge l - c])",
    parts=fixed,
    oracle=Oracle(call="the sets of Child et al. in loops, torch's kernel", error=1e-14),
    properties=Properties(placed=True, causal=True, sparse=True),
    parameters={
        "block": Parameter(
            default=3,
            low=1,
            high=1_000_000,
            unit="tokens",
            whole=True,
            meaning={"en": "how long a block is", "zh": "每块的长度"},
        ),
        "summary": Parameter(
            default=1,
            low=0,
            high=1_000_000,
            unit="tokens",
            whole=True,
            meaning={
                "en": "how many tokens at a block's end all see",
                "zh": "每块末尾供后文查看的词元数",
            },
        ),
    },
    cost=Cost(
        pairs="T * minimum((block + 1) / 2 + summary * (S + S - T) / (2 * block), "
        "(S + S - T + 1) / 2)",
        tokens="minimum(S, block + summary * S / block)",
    ),
    limits=(
        Limit(given={"block": "S"}, equals="causal"),
        Limit(given={"block": 1}, equals="causal"),
        Limit(given={"block": 3, "summary": 3}, equals="causal"),
        Limit(given={"block": 3, "summary": 0}, equals="block_local", of={"chunk": 3}),
    ),
)
