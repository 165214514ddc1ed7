"""Document mask: several texts packed into one sequence do not see one another.

Krell et al. 2021, arXiv:2107.02027; Dong et al. 2024 (FlexAttention), arXiv:2412.05496. Causal
within a document. Documents are `length` tokens long, counted from the first key, unless the number
of each token's document is given (one for each place of the sequence, first key first).
"""

from dataclasses import replace

from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.masks.place import places
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

DOCUMENT = Step(
    "document",
    "S",
    r"d_s = \lfloor s / n \rfloor",
    "s // length",
    kind="id",
    words={
        "en": ("The token's document", "Which of the packed texts each key belongs to."),
        "zh": ("所属文档", "每个键属于拼接在一起的哪一篇文档。"),
    },
)
SAME = Step(
    "allowed",
    "H T S",
    r"C_{ts} = [s \le t] \land [d_t = d_s]",
    "(s <= t + past) * (document[maximum(t + past, 0)] == document[s])",
    kind="weight",
    words={
        "en": ("Document mask", "1 for past tokens of the query's own document, else 0."),
        "zh": ("文档掩码", "同一文档中查询及其之前的词元为 1，其余为 0。"),
    },
)


def document(length: int, documents: Tensor | None) -> Parts:
    """Parts that allow the past of the same document: documents of `length` tokens each, or those
    that `documents` (C, or B C) numbers."""

    def allow(scores_BHTS: Tensor, rec: Recorder) -> Tensor:
        query_T1, key_S = places(scores_BHTS)
        past, shape = len(key_S) - len(query_T1), (len(scores_BHTS), len(key_S))
        if documents is None:
            of_BS = rec.keep(DOCUMENT, (key_S // length).expand(shape), length=length)
        else:
            given = replace(DOCUMENT, formula=r"d_s", rule="documents[s]")
            of_BS = documents[..., : len(key_S)].long().expand(shape)
            of_BS = rec.keep(given, of_BS, documents=documents)
        of_query_BT1 = of_BS[:, query_T1.clamp_min(0)]
        allowed_BTS = (key_S <= query_T1) & (of_query_BT1 == of_BS[:, None])
        allowed_BHTS = allowed_BTS[:, None].expand_as(scores_BHTS)
        return rec.keep(SAME, allowed_BHTS, past=past, document=of_BS)

    return Parts(allow=allow)


VARIANT = Variant(
    name="document",
    title={"en": "Document mask (packing)", "zh": "文档掩码（打包训练）"},
    words={
        "en": "Short texts are packed into one sequence so that no place is wasted on fill; each "
        "token sees the past of its own text only.",
        "zh": "把多篇短文本拼成一个序列，不浪费位置做填充；每个词元只看自己那篇之前的内容。",
    },
    paper="Krell et al. 2021, arXiv:2107.02027; Dong et al. 2024, arXiv:2412.05496",
    formula=r"C_{ts} = [s \le t] \land [d_t = d_s]",
    parts=document,
    oracle=Oracle(
        package="attn_gym", call="masks.generate_doc_mask_mod(causal_mask, offsets)", error=1e-14
    ),
    properties=Properties(placed=True, causal=True, sparse=True),
    parameters={
        "length": Parameter(
            default=4,
            low=1,
            high=1_000_000,
            unit="tokens",
            whole=True,
            meaning={
                "en": "how long each document is, where none are given",
                "zh": "未给出文档编号时每篇文档的长度",
            },
        )
    },
    weights={
        "documents": Weight(
            axes="C",
            meaning={
                "en": "the number of each token's document",
                "zh": "每个词元所属文档的编号",
            },
            needed=False,
        )
    },
    cost=Cost(pairs="T * (minimum(length, S) + 1) / 2", tokens="minimum(length, S)"),
    limits=(
        Limit(given={"length": "S"}, equals="causal"),
        Limit(given={"length": 1}, equals="sliding_window", of={"window": 1}),
        Limit(given={"length": 3}, equals="block_local", of={"chunk": 3}),
    ),
)
