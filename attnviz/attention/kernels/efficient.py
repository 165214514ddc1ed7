"""Efficient attention: two softmaxes apart, of the queries over their features and of the keys over
the positions, instead of one over the pairs.

Shen et al. 2018, arXiv:1812.01243. Their product already has rows that sum to 1, so there is no
1/sqrt(d) (the package that the tests compare with multiplies by it). The softmax over the positions
looks at all keys at once: the mask may only leave keys out.
"""

from torch import Tensor

from attnviz.attention.core import Z
from attnviz.attention.cost import Cost
from attnviz.attention.kernels.features import all_sums
from attnviz.attention.kernels.hidden import at_once, lowered
from attnviz.attention.normalizers.softmax import PATTERN, softmax
from attnviz.attention.parts import Parts, shared
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import SILENT, Recorder, Step

PHI_Q = Step(
    "phi_q",
    "H T K",
    r"\rho_q(Q) = \mathrm{softmax}_k(q_{tk})",
    "exp(q[h, t, k]) / sum(j, exp(q[h, t, j]))",
    kind="weight",
    words={
        "en": ("Softmax of each query", "How a query divides itself among the features."),
        "zh": ("每个查询的 Softmax", "查询在各个特征之间如何分配。"),
    },
)
PHI_K = Step(
    "phi_k",
    "H S K",
    r"\rho_k(K) = \mathrm{softmax}_s(k_{sk})",
    "exp(k[h // n_sharing, s, k]) / sum(l, exp(k[h // n_sharing, l, k]))",
    kind="weight",
    words={
        "en": (
            "Softmax of each feature",
            "Every feature is a map over the tokens: how it divides itself among the positions.",
        ),
        "zh": ("每个特征的 Softmax", "每个特征都是词元上的一张图：它在各位置之间如何分配。"),
    },
)
PATTERN_EFFICIENT = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A = \rho_q(Q) \, \rho_k(K)^\top",
    "sum(k, phi_q[h, t, k] * phi_k[h, s, k])",
    kind="weight",
    words={
        "en": (
            "The matrix it amounts to",
            "The features' maps in the proportions of the query; no more rows differ than there "
            "are features.",
        ),
        "zh": ("等效权重矩阵", "按查询的比例混合各特征的图；矩阵的秩不超过特征数。"),
    },
)
Z_EFFICIENT = Step(
    Z.name,
    Z.axes,
    r"Z = \rho_q(Q) \left(\rho_k(K)^\top V\right)",
    "sum(k, phi_q[h, t, k] * sum(s, phi_k[h, s, k] * v[h // n_sharing, s, e]))",
    words={
        "en": ("Read the features' means", "Each feature averages the values once for everybody."),
        "zh": ("读取各特征的均值", "每个特征只对值求一次加权平均，供所有查询使用。"),
    },
)


def efficient(
    q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
) -> Tensor:
    """z BHTE by way of one mean of the values for each feature."""
    at_once("efficient", allowed)
    n_sharing = q_BHTK.shape[1] // v_BGSE.shape[1]
    phi_q_BHTK = rec.keep(PHI_Q, q_BHTK.softmax(-1), q=q_BHTK)
    k_BGSK = lowered(k_BGSK, q_BHTK, allowed, rec)
    phi_k_BHSK = softmax(shared(k_BGSK, q_BHTK).mT, SILENT).mT
    n_keys = q_BHTK.shape[1] // k_BGSK.shape[1]
    phi_k_BHSK = rec.keep(PHI_K, phi_k_BHSK, k=k_BGSK, n_sharing=n_keys)
    rec.derive(
        PATTERN_EFFICIENT, lambda: phi_q_BHTK @ phi_k_BHSK.mT, phi_q=phi_q_BHTK, phi_k=phi_k_BHSK
    )
    z_BHTE = all_sums(phi_q_BHTK, phi_k_BHSK, shared(v_BGSE, q_BHTK))
    return rec.keep(
        Z_EFFICIENT, z_BHTE, phi_q=phi_q_BHTK, phi_k=phi_k_BHSK, v=v_BGSE, n_sharing=n_sharing
    )


VARIANT = Variant(
    name="efficient",
    title={"en": "Efficient attention", "zh": "高效注意力（Efficient）"},
    words={
        "en": "Softmax is taken of queries and keys apart: each feature becomes one map over the "
        "text, which all queries share, and the work grows with its length only.",
        "zh": "对查询和键分别做 Softmax：每个特征成为全文共享的一张图，计算量随长度线性增长。",
    },
    paper="Shen et al. 2018, arXiv:1812.01243",
    formula=r"Z = \mathrm{softmax}_k(Q) \left(\mathrm{softmax}_s(K)^\top V\right)",
    parts=Parts(whole=efficient),
    oracle=Oracle(package="linear-attention-transformer", call="linear_attn", error=1e-13),
    properties=Properties(maskable=False),
    cost=Cost(
        operations="H * (2 * S * K * E + 2 * T * K * E + 5 * (T + S) * K)",
        numbers="H * K * E",
        tokens="S",
    ),
)
