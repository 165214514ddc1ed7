"""Concat score: query and key are joined to one long vector, mapped, squashed and weighed.

Luong, Pham, Manning 2015, arXiv:1508.04025, "concat". The query comes first: of W = [W_left |
W_right], the left half reads the query and the right half the key, so that it is the additive score
without b. The halves are multiplied apart and added, which is the same and does not write down a
joined vector for every pair. All heads share W; nothing is divided by a root of the width.
"""

from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Weight
from attnviz.attention.parts import Parts, Score, shared
from attnviz.attention.scores.additive import EXTRA, HIDDEN, WEIGHTS, squashed
from attnviz.attention.variant import Oracle, Variant
from attnviz.recorder import Recorder, Step

FROM_Q = Step(
    "from_q",
    "H T A",
    r"W_{\mathrm{left}}\, q_t",
    "sum(k, W_left[a, k] * q[h, t, k])",
    words={
        "en": ("The query's part", "What the left half of W makes of the query."),
        "zh": ("查询的部分", "W 的左半部分作用于查询的结果。"),
    },
)
FROM_K = Step(
    "from_k",
    "H S A",
    r"W_{\mathrm{right}}\, k_s",
    "sum(k, W_right[a, k] * k[h // n_sharing, s, k])",
    words={
        "en": ("The key's part", "What the right half of W makes of the key."),
        "zh": ("键的部分", "W 的右半部分作用于键的结果。"),
    },
)
CONCAT = Step(
    "concat",
    "H T S",
    r"S_{ts} = v^\top \tanh(W [q_t; k_s])",
    "sum(a, v[a] * tanh(from_q[h, t, a] + from_k[h, s, a]))",
    words={
        "en": (
            "Concat score",
            "W times the joined vector is the sum of the two parts; tanh squashes it, and the "
            "vector v weighs its numbers.",
        ),
        "zh": ("拼接分数", "W 乘以拼接向量等于两部分之和；经 tanh 压缩后按向量 v 加权求和。"),
    },
)


def concat(W_left: Tensor, W_right: Tensor, v_a: Tensor) -> Score:
    """The score with the two halves of W (hidden x K each) and the vector v."""

    def score(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> Tensor:
        n_sharing = q_BHTK.shape[1] // k_BGSK.shape[1]
        q_BHTA = q_BHTK @ W_left[..., None, :, :].mT
        k_BHSA = shared(k_BGSK, q_BHTK) @ W_right[..., None, :, :].mT
        q_BHTA = rec.keep(FROM_Q, q_BHTA, q=q_BHTK, W_left=W_left)
        k_BHSA = rec.keep(FROM_K, k_BHSA, k=k_BGSK, W_right=W_right, n_sharing=n_sharing)
        scores_BHTS = squashed(q_BHTA, k_BHSA, v_a)
        return rec.keep(CONCAT, scores_BHTS, from_q=q_BHTA, from_k=k_BHSA, v=v_a)

    return score


VARIANT = Variant(
    name="concat",
    title={"en": "Concat", "zh": "拼接（concat）"},
    words={
        "en": "Query and key are joined to one vector, and a small network reads a score from it; "
        "it is the additive score, written another way.",
        "zh": "把查询与键拼接成一个向量，由小网络从中读出分数；它是加性分数的另一种写法。",
    },
    paper="Luong, Pham, Manning 2015, arXiv:1508.04025",
    formula=r"S_{ts} = v^\top \tanh(W [q_t; k_s])",
    parts=lambda hidden, **weights: Parts(score=concat(**weights)),
    oracle=Oracle(package="torch", call="nn.functional.linear of every joined pair", error=1e-13),
    parameters={"hidden": HIDDEN},
    weights={
        "W_left": Weight(
            axes="hidden K",
            meaning={"en": "the half of W that reads the query", "zh": "W 中读取查询的一半"},
        ),
        "W_right": Weight(
            axes="hidden K",
            meaning={"en": "the half of W that reads the key", "zh": "W 中读取键的一半"},
        ),
        "v_a": WEIGHTS["v_a"],
    },
    cost=Cost(extra=EXTRA, numbers="H * T * S * hidden"),
)
