"""Learned positions: every place has a vector of its own, learned, which is added to what stands
there.

Devlin et al. 2019 (BERT), arXiv:1810.04805; also GPT-2. They add the vector to the tokens' vectors
before the projections; here it is added to q and k, which is the same where the projections are the
identity. The table has a row for each of the C places there may be and knows nothing beyond. The
last query stands at the last key, and the first token of all at place 0.
"""

from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Weight
from attnviz.attention.parts import Parts
from attnviz.attention.positions import sinusoidal
from attnviz.attention.positions.relative import STRENGTH
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

LEARNED_Q = Step(
    sinusoidal.PLACED_Q.name,
    sinusoidal.PLACED_Q.axes,
    r"q_t + \lambda E_t",
    "q[h, t, k] + strength * place_table[t + first, k]",
    words=sinusoidal.PLACED_Q.words,
)
LEARNED_K = Step(
    sinusoidal.PLACED_K.name,
    sinusoidal.PLACED_K.axes,
    r"k_s + \lambda E_s",
    "k[g, s, k] + strength * place_table[s + first, k]",
    words=sinusoidal.PLACED_K.words,
)


def learned(strength: float, place_table: Tensor) -> Parts:
    """Parts that add `strength` x the row of the `place_table` (C K, or B C K) to q and k."""

    def place(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> tuple[Tensor, Tensor]:
        t, s = q_BHTK.shape[2], k_BGSK.shape[2]
        first_q, first_k = sinusoidal.firsts(t, s)
        rows_TK = place_table[..., None, first_q : first_q + t, :]
        rows_SK = place_table[..., None, first_k : first_k + s, :]
        placed_BHTK, placed_BGSK = q_BHTK + strength * rows_TK, k_BGSK + strength * rows_SK
        about = {"place_table": place_table, "strength": strength}
        return (
            rec.keep(LEARNED_Q, placed_BHTK, None, q=q_BHTK, first=first_q, **about),
            rec.keep(LEARNED_K, placed_BGSK, None, k=k_BGSK, first=first_k, **about),
        )

    return Parts(place=place)


VARIANT = Variant(
    name="learned",
    title={"en": "Learned positions", "zh": "可学习的位置编码"},
    words={
        "en": "Every place has a learned vector, which is added to the query and the key that "
        "stand there; beyond the table there is none.",
        "zh": "每个位置有一个学到的向量，加到该处的查询和键上；超出表的位置没有向量。",
    },
    paper="Devlin et al. 2019, arXiv:1810.04805",
    formula=r"q_t + E_t, \; k_s + E_s",
    parts=learned,
    oracle=Oracle(
        package="torch", call="nn.Embedding, F.scaled_dot_product_attention", error=1e-13
    ),
    properties=Properties(placed=True),
    parameters={"strength": STRENGTH},
    weights={
        "place_table": Weight(
            axes="C K",
            meaning={"en": "a vector for each place", "zh": "每个位置一个向量"},
        )
    },
    cost=Cost(extra="(H * T + G * S) * K"),
    limits=(Limit(given={"strength": 0.0}, equals="nope"),),
)
