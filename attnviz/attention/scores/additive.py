"""Additive score: query and key are mapped to hidden units, added, squashed, and weighed by a
vector.

Bahdanau, Cho, Bengio 2015, arXiv:1409.0473, section A.1.2. All heads share the maps. The bias b,
which the paper leaves out, is added to the mapped query. Nothing is divided by a root of the width:
no score is larger than the sum of |v|. `additive` is the score of queries and keys that are mapped
already.
"""

from dataclasses import replace

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts, Score, shared
from attnviz.attention.variant import Oracle, Variant
from attnviz.recorder import Recorder, Step

MAPPED_Q = Step(
    "mapped_q",
    "H T A",
    r"W_Q q_t + b",
    "sum(k, W_Q[a, k] * q[h, t, k]) + b[a]",
    words={
        "en": ("Map the queries", "A learned map turns every query into hidden units."),
        "zh": ("映射查询", "用可学习的映射把每个查询变成隐藏单元。"),
    },
)
MAPPED_K = Step(
    "mapped_k",
    "H S A",
    r"W_K k_s",
    "sum(k, W_K[a, k] * k[h // n_sharing, s, k])",
    words={
        "en": ("Map the keys", "Another learned map turns every key into as many hidden units."),
        "zh": ("映射键", "用另一个可学习的映射把每个键变成同样多的隐藏单元。"),
    },
)
ADDITIVE = Step(
    "additive",
    "H T S",
    r"S_{ts} = v^\top \tanh(W_K k_s + W_Q q_t + b)",
    "sum(a, v[a] * tanh(mapped_k[h, s, a] + mapped_q[h, t, a]))",
    words={
        "en": (
            "Additive score",
            "The mapped query and key are added, squashed by tanh into the range from -1 to 1, and "
            "weighed by the vector v.",
        ),
        "zh": (
            "加性分数",
            "把映射后的查询与键相加，用 tanh 压到 -1 与 1 之间，再按向量 v 加权求和。",
        ),
    },
)


def squashed(q_BHTA: Tensor, k_BHSA: Tensor, v_A: Tensor) -> Tensor:
    """Scores BHTS = v^T tanh(k + q)."""
    hidden_BHTSA = torch.tanh(k_BHSA[:, :, None] + q_BHTA[:, :, :, None])
    return (hidden_BHTSA @ v_A[..., None, None, :, None])[..., 0]


def additive(v_K: Tensor) -> Score:
    """The score with the weight vector v (width of query and key), for queries and keys that are
    mapped already."""
    rule = "sum(k, v[k] * tanh(k[h // n_sharing, s, k] + q[h, t, k]))"
    step = replace(ADDITIVE, formula=r"S_{ts} = v^\top \tanh(k_s + q_t)", rule=rule, words={})

    def score(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> Tensor:
        scores_BHTS = squashed(q_BHTK, shared(k_BGSK, q_BHTK), v_K)
        n_sharing = q_BHTK.shape[1] // k_BGSK.shape[1]
        return rec.keep(step, scores_BHTS, q=q_BHTK, k=k_BGSK, v=v_K, n_sharing=n_sharing)

    return score


def mapped(
    q_BHTK: Tensor, k_BGSK: Tensor, W_Q: Tensor, W_K: Tensor, b: Tensor, rec: Recorder
) -> tuple[Tensor, Tensor]:
    """W_Q q + b (BHTA) and W_K k (BHSA); both maps are hidden x K."""
    n_sharing = q_BHTK.shape[1] // k_BGSK.shape[1]
    q_BHTA = q_BHTK @ W_Q[..., None, :, :].mT + b[..., None, None, :]
    k_BHSA = shared(k_BGSK, q_BHTK) @ W_K[..., None, :, :].mT
    q_BHTA = rec.keep(MAPPED_Q, q_BHTA, q=q_BHTK, W_Q=W_Q, b=b)
    return q_BHTA, rec.keep(MAPPED_K, k_BHSA, k=k_BGSK, W_K=W_K, n_sharing=n_sharing)


def learned(W_Q: Tensor, W_K: Tensor, b: Tensor, v_a: Tensor) -> Score:
    """The score with its maps."""

    def score(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> Tensor:
        q_BHTA, k_BHSA = mapped(q_BHTK, k_BGSK, W_Q, W_K, b, rec)
        scores_BHTS = squashed(q_BHTA, k_BHSA, v_a)
        return rec.keep(ADDITIVE, scores_BHTS, mapped_q=q_BHTA, mapped_k=k_BHSA, v=v_a)

    return score


HIDDEN = Parameter(
    default="K",
    low=1,
    high=4096,
    whole=True,
    meaning={"en": "hidden units of the score", "zh": "分数的隐藏单元数"},
)
WEIGHTS = {
    "W_Q": Weight(axes="hidden K", meaning={"en": "map of the queries", "zh": "查询的映射"}),
    "W_K": Weight(axes="hidden K", meaning={"en": "map of the keys", "zh": "键的映射"}),
    "b": Weight(axes="hidden", meaning={"en": "bias of the hidden units", "zh": "隐藏单元的偏置"}),
    "v_a": Weight(
        axes="hidden", meaning={"en": "how much each hidden unit counts", "zh": "各隐藏单元的权重"}
    ),
}
EXTRA = "2 * H * (T + S) * K * hidden + H * T * S * (4 * hidden - 2 * K)"

VARIANT = Variant(
    name="additive",
    title={"en": "Additive (Bahdanau)", "zh": "加性（Bahdanau）"},
    words={
        "en": "The first attention of all: instead of multiplying query and key, a small network "
        "adds them, squashes the sum and reads one score from it.",
        "zh": "最早的注意力：不把查询与键相乘，而是用一个小网络将二者相加、压缩，再读出一个分数。",
    },
    paper="Bahdanau, Cho, Bengio 2015, arXiv:1409.0473",
    formula=r"S_{ts} = v^\top \tanh(W_Q q_t + W_K k_s + b)",
    parts=lambda hidden, **weights: Parts(score=learned(**weights)),
    oracle=Oracle(package="keras", call="layers.AdditiveAttention", error=1e-14),
    parameters={"hidden": HIDDEN},
    weights=WEIGHTS,
    cost=Cost(extra=EXTRA, numbers="H * T * S * hidden"),
)
