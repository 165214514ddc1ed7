"""Gaussian score: a key counts the more, the nearer it lies to the query.

Kim, Papamakarios, Mnih 2020, arXiv:2006.04710 (L2 attention; their maps of query and key are one
and the same, which is up to who makes q and k). gamma = 1 / sqrt(K) as there; 1 / (2 sigma^2) makes
the weights those of a Gaussian of width sigma. No score is above 0, and nothing changes when query
and keys move together.
"""

from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts, shared
from attnviz.attention.variant import Oracle, Variant
from attnviz.recorder import Recorder, Step

APART = Step(
    "apart",
    "H T S",
    r"\lVert q_t - k_s \rVert^2",
    "sum(k, (q[h, t, k] - k[h // n_sharing, s, k]) ** 2)",
    words={
        "en": ("Squared distance", "How far apart query and key lie, squared."),
        "zh": ("距离的平方", "查询与键之间距离的平方。"),
    },
)
GAUSSIAN = Step(
    "gaussian",
    "H T S",
    r"S_{ts} = -\gamma \lVert q_t - k_s \rVert^2",
    "-gamma * apart[h, t, s]",
    words={
        "en": ("Gaussian score", "0 where query and key are the same, else below 0."),
        "zh": ("高斯分数", "查询与键相同时为 0，否则小于 0。"),
    },
)


def gaussian(gamma: float) -> Parts:
    """Parts that score by minus `gamma` times the squared distance."""

    def score(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> Tensor:
        n_sharing = q_BHTK.shape[1] // k_BGSK.shape[1]
        between_BHTSK = q_BHTK[:, :, :, None] - shared(k_BGSK, q_BHTK)[:, :, None]
        apart_BHTS = between_BHTSK.square().sum(-1)
        apart_BHTS = rec.keep(APART, apart_BHTS, q=q_BHTK, k=k_BGSK, n_sharing=n_sharing)
        return rec.keep(GAUSSIAN, -gamma * apart_BHTS, apart=apart_BHTS, gamma=gamma)

    return Parts(score=score)


VARIANT = Variant(
    name="gaussian",
    title={"en": "Gaussian (L2 distance)", "zh": "高斯（L2 距离）"},
    words={
        "en": "A key counts the more, the nearer it lies to the query; unlike with a dot "
        "product, a long key cannot draw the weight of every query to itself.",
        "zh": "键离查询越近权重越大；与点积不同，很长的键无法吸走所有查询的权重。",
    },
    paper="Kim, Papamakarios, Mnih 2020, arXiv:2006.04710",
    formula=r"S_{ts} = -\gamma \lVert q_t - k_s \rVert^2",
    parts=gaussian,
    oracle=Oracle(package="x-transformers", call="Attend(l2_distance=True)", error=1e-12),
    parameters={
        "gamma": Parameter(
            default="K ** -0.5",
            low=0.001,
            high=100.0,
            log=True,
            meaning={"en": "factor on the squared distance", "zh": "距离平方的系数"},
        )
    },
    cost=Cost(extra="H * T * S * K"),
)
