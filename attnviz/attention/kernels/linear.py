"""Linear attention: softmax's exponential is replaced with a product of features, so that keys and
values can be summed once and the sum be read by every query.

Katharopoulos et al. 2020, arXiv:2006.16236, with the features elu(x) + 1 and without a scale. Under
a causal mask the sum grows token by token (their equation 9), which makes it a recurrent network. A
key that the mask hides from every query is left out of the sum.
"""

from torch import Tensor
from torch.nn import functional

from attnviz.attention.cost import Cost
from attnviz.attention.kernels.features import summed
from attnviz.attention.kernels.mask import visible
from attnviz.attention.parts import Parts, shared
from attnviz.attention.variant import Oracle, Variant
from attnviz.recorder import Recorder, Step

PHI_Q = Step(
    "phi_q",
    "H T K",
    r"\phi(q_t) = \mathrm{elu}(q_t) + 1",
    "where(q[h, t, k] > 0, q[h, t, k] + 1, exp(q[h, t, k]))",
    words={
        "en": ("Features of the queries", "Made positive, so that no weight can be negative."),
        "zh": ("查询的特征", "变成正数，使权重不会为负。"),
    },
)
PHI_K = Step(
    "phi_k",
    "H S K",
    r"\phi(k_s) = \mathrm{elu}(k_s) + 1",
    "where(k[h // n_sharing, s, k] > 0, k[h // n_sharing, s, k] + 1, exp(k[h // n_sharing, s, k]))",
    words={
        "en": ("Features of the keys", "Zero where the mask hides a key from every query."),
        "zh": ("键的特征", "掩码对所有查询隐藏的键，其特征为零。"),
    },
)
HIDDEN = Step(
    "hidden",
    "H S K",
    r"\phi(k_s) = 0 \text{ where hidden}",
    "phi_k[h, s, k] * allowed[h, last, s]",
    words={
        "en": ("Keys left out", "Features are 0 where the mask hides a key."),
        "zh": ("去掉的键", "掩码隐藏的键，特征为 0。"),
    },
)


def linear(
    q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
) -> Tensor:
    """z BHTE from summed features; causal where the mask is."""
    causal, keys_BHS = visible(allowed)
    n_sharing = q_BHTK.shape[1] // k_BGSK.shape[1]
    phi_q_BHTK = rec.keep(PHI_Q, functional.elu(q_BHTK) + 1, q=q_BHTK)
    phi_k_BHSK = functional.elu(shared(k_BGSK, q_BHTK)) + 1
    phi_k_BHSK = rec.keep(PHI_K, phi_k_BHSK, k=k_BGSK, n_sharing=n_sharing)
    if keys_BHS is not None:
        last, hidden_BHSK = q_BHTK.shape[2] - 1, phi_k_BHSK * keys_BHS[..., None]
        phi_k_BHSK = rec.keep(HIDDEN, hidden_BHSK, phi_k=phi_k_BHSK, allowed=allowed, last=last)
    return summed(phi_q_BHTK, phi_k_BHSK, v_BGSE, causal, rec)


VARIANT = Variant(
    name="linear",
    title={"en": "Linear attention (elu + 1)", "zh": "线性注意力（elu + 1）"},
    words={
        "en": "Features take the place of the exponential: keys and values are summed once, and "
        "the work grows with the length of the text, not with its square.",
        "zh": "用特征代替指数：键和值只需求和一次，计算量随文本长度线性增长。",
    },
    paper="Katharopoulos et al. 2020, arXiv:2006.16236",
    formula=r"z_t = \frac{\phi(q_t)^\top \sum_s \phi(k_s) v_s^\top}"
    r"{\phi(q_t)^\top \sum_s \phi(k_s)}, \quad \phi(x) = \mathrm{elu}(x) + 1",
    parts=Parts(whole=linear),
    oracle=Oracle(package="performer-pytorch", call="linear_attention", error=1e-13),
    cost=Cost(
        operations="H * (2 * S * K * (E + 1) + 2 * T * K * (E + 1))",
        numbers="H * K * (E + 1)",
        tokens="1",
        width="H * K * (E + 1)",
    ),
)
