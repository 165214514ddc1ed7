"""Self-attentive pooling: a sentence is summed up by a few fixed looks at it; no query asks.

Lin et al. 2017, arXiv:1703.03130, equations 6 and 7: A = softmax(W_2 tanh(W_1 H^T)), one row for
each hop. Row t of the map is hop t % hops, since the map has as many rows as there are queries; q
is not read. The two matrices serve all heads, each on its own keys. There is no 1/sqrt(d). The
paper's penalty |A A^T - I|^2 belongs to the training; its sizes (350 units, 30 hops) are larger.
"""

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts, shared
from attnviz.attention.variant import Oracle, Variant
from attnviz.recorder import Recorder, Step

UNITS = Step(
    "units",
    "H S A",
    r"\tanh(W_1 k_s)",
    "tanh(sum(k, W_1[a, k] * k[h // n_sharing, s, k]))",
    words={
        "en": ("What is noticed of each key", "Each unit answers to one direction of the key."),
        "zh": ("从每个键中注意到的", "每个单元对键的一个方向作出反应。"),
    },
)
HOPS = Step(
    "hop_scores",
    "H T S",
    r"S_{ts} = w_{2,\, t \bmod r}^\top \tanh(W_1 k_s)",
    "sum(a, W_2[t % hops, a] * units[h, s, a])",
    words={
        "en": ("Scores of each look", "Rows take turns: row t is look t mod r at the sentence."),
        "zh": ("每次查看的分数", "各行轮流：第 t 行是第 t mod r 次查看。"),
    },
)


def self_attentive_pooling(hidden: int, hops: int, W_1: Tensor, W_2: Tensor) -> Parts:
    """Parts whose scores are W_2 tanh(W_1 k); W_1 is `hidden` x K, W_2 `hops` x `hidden`."""

    def score(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> Tensor:
        n_sharing = q_BHTK.shape[1] // k_BGSK.shape[1]
        units_BHSA = shared(torch.tanh(k_BGSK @ W_1[..., None, :, :].mT), q_BHTK)
        units_BHSA = rec.keep(UNITS, units_BHSA, W_1=W_1, k=k_BGSK, n_sharing=n_sharing)
        hop_T = torch.arange(q_BHTK.shape[2], device=q_BHTK.device) % hops
        scores_BHTS = W_2[..., None, hop_T, :] @ units_BHSA.mT
        return rec.keep(HOPS, scores_BHTS, W_2=W_2, units=units_BHSA, hops=hops)

    return Parts(score=score)


VARIANT = Variant(
    name="self_attentive_pooling",
    title={"en": "Self-attentive pooling", "zh": "自注意力池化"},
    words={
        "en": "No query asks: a few learned looks decide which tokens matter, and sum the sentence "
        "up in as many vectors.",
        "zh": "没有查询提问：由几组学得的关注（hop）决定哪些词元重要，并把句子概括成同样多个向量。",
    },
    paper="Lin et al. 2017, arXiv:1703.03130",
    formula=r"A = \mathrm{softmax}(W_2 \tanh(W_1 K^\top))",
    parts=self_attentive_pooling,
    oracle=Oracle(package="keras", call="layers.AdditiveAttention, zero query", error=1e-6),
    parameters={
        "hidden": Parameter(
            default=16,
            low=1,
            high=512,
            unit="features",
            whole=True,
            meaning={"en": "hidden units", "zh": "隐藏单元数"},
        ),
        "hops": Parameter(
            default=3,
            low=1,
            high=64,
            whole=True,
            meaning={"en": "how many looks there are", "zh": "查看的次数"},
        ),
    },
    weights={
        "W_1": Weight(
            axes="hidden K",
            meaning={"en": "what the units answer to", "zh": "各单元对什么作出反应"},
        ),
        "W_2": Weight(
            axes="hops hidden",
            meaning={"en": "what each look goes by", "zh": "每组关注依据什么"},
        ),
    },
    cost=Cost(
        operations="H * (2 * S * hidden * (K + hops) + hops * S * (2 * E + 5))",
        numbers="H * hops * S",
    ),
)
