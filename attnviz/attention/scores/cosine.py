"""Cosine score: only the angle between query and key counts, not how long they are.

Henry et al. 2020, arXiv:2010.04245; Swin V2, arXiv:2111.09883. The cosine is divided by tau, and by
nothing else: no score is larger than 1 / tau. The range of tau ends where Swin V2 stops it, at
0.01. A vector shorter than 1e-12 is divided by 1e-12 instead of its length.
"""

import torch
from torch import Tensor
from torch.nn import functional

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts, shared
from attnviz.attention.variant import Limit, Oracle, Variant
from attnviz.recorder import Recorder, Step

TINY = 1e-12
UNIT_Q = Step(
    "unit_q",
    "H T K",
    r"\hat q_t = q_t / \lVert q_t \rVert",
    "q[h, t, k] / maximum(sqrt(sum(j, q[h, t, j] ** 2)), tiny)",
    words={
        "en": ("Queries of length 1", "Every query is divided by its length."),
        "zh": ("长度为 1 的查询", "每个查询除以自己的长度。"),
    },
)
UNIT_K = Step(
    "unit_k",
    "H S K",
    r"\hat k_s = k_s / \lVert k_s \rVert",
    "k[h // n_sharing, s, k] / maximum(sqrt(sum(j, k[h // n_sharing, s, j] ** 2)), tiny)",
    words={
        "en": ("Keys of length 1", "Every key is divided by its length."),
        "zh": ("长度为 1 的键", "每个键除以自己的长度。"),
    },
)
COSINE = Step(
    "cosine",
    "H T S",
    r"\cos_{ts} = \hat q_t^\top \hat k_s",
    "sum(k, unit_q[h, t, k] * unit_k[h, s, k])",
    words={
        "en": ("Cosine", "1 where query and key point the same way, 0 at a right angle."),
        "zh": ("余弦", "查询与键同向时为 1，垂直时为 0。"),
    },
)
SHARPENED = Step(
    "sharpened",
    "H T S",
    r"\cos_{ts} / \tau",
    "cosine[h, t, s] / tau",
    words={
        "en": ("Divide by tau", "Cosines are small: dividing them lets softmax tell them apart."),
        "zh": ("除以 τ", "余弦值很小，除以 τ 后 Softmax 才能拉开差距。"),
    },
)


def cosine(tau: float) -> Parts:
    """Parts that score by the cosine divided by `tau`."""

    def score(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> Tensor:
        n_sharing = q_BHTK.shape[1] // k_BGSK.shape[1]
        unit_q_BHTK = functional.normalize(q_BHTK, dim=-1, eps=TINY)
        unit_k_BHSK = functional.normalize(shared(k_BGSK, q_BHTK), dim=-1, eps=TINY)
        unit_q_BHTK = rec.keep(UNIT_Q, unit_q_BHTK, q=q_BHTK, tiny=TINY)
        unit_k_BHSK = rec.keep(UNIT_K, unit_k_BHSK, k=k_BGSK, n_sharing=n_sharing, tiny=TINY)
        cosine_BHTS = torch.matmul(unit_q_BHTK, unit_k_BHSK.mT)
        cosine_BHTS = rec.keep(COSINE, cosine_BHTS, unit_q=unit_q_BHTK, unit_k=unit_k_BHSK)
        return rec.keep(SHARPENED, cosine_BHTS / tau, cosine=cosine_BHTS, tau=tau)

    return Parts(score=score)


VARIANT = Variant(
    name="cosine",
    title={"en": "Cosine", "zh": "余弦"},
    words={
        "en": "Queries and keys are brought to length 1, so that no score can grow large however "
        "long they become in training.",
        "zh": "把查询和键都缩放到长度 1：训练中它们变得再长，分数也不会过大。",
    },
    paper="Henry et al. 2020, arXiv:2010.04245",
    formula=r"S_{ts} = \frac{1}{\tau} \frac{q_t^\top k_s}{\lVert q_t \rVert \lVert k_s \rVert}",
    parts=cosine,
    oracle=Oracle(package="x-transformers", call="l2norm, Attend(scale=1 / tau)", error=1e-13),
    parameters={
        "tau": Parameter(
            default=0.1,
            low=0.01,
            high=100.0,
            log=True,
            meaning={"en": "what the cosine is divided by", "zh": "余弦的除数"},
        )
    },
    cost=Cost(extra="2 * H * (T + S) * K"),
    limits=(
        Limit(given={"tau": "K ** -0.5"}, equals="qk_rmsnorm", of={"eps": 1e-12}, error=1e-10),
    ),
)
