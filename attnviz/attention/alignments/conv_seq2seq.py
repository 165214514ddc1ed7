"""Attention of the convolutional sequence-to-sequence model: the values are not the keys alone.

Gehring et al. 2017, arXiv:1705.03122, section 3.3. The state of the decoder is mapped, the
embedding g of the target word is added, and the sum is multiplied by sqrt(0.5) (section 3.4, as the
authors' code does it). The dot product with the keys is not scaled. The values get the embedding e
of their source word: keys tell in which surroundings a word stands, values also which word it is. g
and e are tables over places here, from the first token on, on both sides; W, b, g and e are shared
by all heads.
"""

from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Weight
from attnviz.attention.parts import Parts
from attnviz.attention.scores.dot import dot
from attnviz.attention.variant import Oracle, Variant
from attnviz.recorder import Recorder, Step

SUMMARY = Step(
    "summary",
    "H T K",
    r"d_t = \sqrt{0.5}\, (W q_t + b + g_t)",
    "sqrt(0.5) * (sum(j, W[k, j] * q[h, t, j]) + b[k] + g[t, k])",
    words={
        "en": ("State of the decoder", "The mapped query, with the target word's embedding added."),
        "zh": ("解码器状态", "映射后的查询加上目标词的嵌入。"),
    },
)
VALUES = Step(
    "values",
    "G S E",
    r"v_s + e_s",
    "v[g, s, e] + e[s, e]",
    words={
        "en": ("Values with embeddings", "Each value, with its source word's embedding added."),
        "zh": ("带嵌入的值", "每个值加上其源词的嵌入。"),
    },
)


def conv_seq2seq(W: Tensor, b: Tensor, g: Tensor, e: Tensor) -> Parts:
    """Parts with the map W (K x K) and b (K), and the tables g (places x K) and e (places x E)."""

    def share(
        q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, rec: Recorder
    ) -> tuple[Tensor, Tensor, Tensor]:
        t, s = q_BHTK.shape[2], k_BGSK.shape[2]
        mapped_BHTK = q_BHTK @ W[..., None, :, :].mT + b[..., None, None, :]
        summary_BHTK = 0.5**0.5 * (mapped_BHTK + g[..., None, :t, :])
        summary_BHTK = rec.keep(SUMMARY, summary_BHTK, q=q_BHTK, W=W, b=b, g=g)
        values_BGSE = v_BGSE + e[..., None, :s, :]
        return summary_BHTK, k_BGSK, rec.keep(VALUES, values_BGSE, v=v_BGSE, e=e)

    return Parts(share=share, score=dot)


VARIANT = Variant(
    name="conv_seq2seq",
    title={"en": "Convolutional seq2seq", "zh": "卷积序列到序列"},
    words={
        "en": "The query is the decoder's state with the word written last; the values carry both "
        "the surroundings of a source word and the word itself.",
        "zh": "查询是解码器状态加上刚写出的词；值同时带有源词的上下文与源词本身。",
    },
    paper="Gehring et al. 2017, arXiv:1705.03122",
    formula=r"z_t = \sum_s A_{ts} (v_s + e_s), \quad "
    r"A = \mathrm{softmax}(d_t^\top k_s), \quad d_t = \sqrt{0.5}\, (W q_t + b + g_t)",
    parts=conv_seq2seq,
    oracle=Oracle(
        package="torch", call="F.linear, F.scaled_dot_product_attention(scale=1)", error=1e-13
    ),
    weights={
        "W": Weight(axes="K K", meaning={"en": "map of the query", "zh": "查询的映射"}),
        "b": Weight(axes="K", meaning={"en": "bias of the map", "zh": "映射的偏置"}),
        "g": Weight(axes="C K", meaning={"en": "embeddings of the target", "zh": "目标侧的嵌入"}),
        "e": Weight(axes="C E", meaning={"en": "embeddings of the source", "zh": "源侧的嵌入"}),
    },
    cost=Cost(extra="2 * H * T * K * (K + 1) + G * S * E"),
)
