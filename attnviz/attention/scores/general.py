"""General ("bilinear") score: a matrix says which dimensions of query and key are compared.

Luong, Pham, Manning 2015, arXiv:1508.04025, "general". With the identity it is the dot product.
"""

from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Weight
from attnviz.attention.parts import Parts, Score, shared
from attnviz.attention.variant import Oracle, Variant
from attnviz.recorder import Recorder, Step

GENERAL = Step(
    "bilinear",
    "H T S",
    r"S_{ts} = k_s^\top M q_t",
    "sum(j, k, k[h // n_sharing, s, j] * M[j, k] * q[h, t, k])",
)


def general(M_KK: Tensor) -> Score:
    """The score with the matrix M (key width x query width, or B of them)."""

    def score(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> Tensor:
        compared_BHTJ = q_BHTK @ M_KK[..., None, :, :].mT
        scores_BHTS = compared_BHTJ @ shared(k_BGSK, q_BHTK).mT
        n_sharing = q_BHTK.shape[1] // k_BGSK.shape[1]
        return rec.keep(GENERAL, scores_BHTS, q=q_BHTK, k=k_BGSK, M=M_KK, n_sharing=n_sharing)

    return score


VARIANT = Variant(
    name="general",
    title={"en": "General (bilinear)", "zh": "双线性（general）"},
    words={
        "en": "A learned matrix stands between query and key and says which of their dimensions "
        "are compared.",
        "zh": "查询与键之间隔着一个可学习的矩阵，由它决定比较哪些维度。",
    },
    paper="Luong, Pham, Manning 2015, arXiv:1508.04025",
    formula=r"S_{ts} = k_s^\top M q_t",
    parts=lambda M: Parts(score=general(M)),
    oracle=Oracle(package="torch", call="F.bilinear", error=1e-13),
    weights={
        "M": Weight(
            axes="K K",
            meaning={"en": "which dimensions are compared", "zh": "比较哪些维度"},
        )
    },
    cost=Cost(extra="2 * H * T * K * K"),
)
