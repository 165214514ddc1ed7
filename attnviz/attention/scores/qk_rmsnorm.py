"""QK-norm: queries and keys are normalised before they are compared, so that scores stay bounded.

Dehghani et al. 2023, arXiv:2302.05442 (there with layer norm); with RMS norm as in Qwen3,
arXiv:2505.09388. A gain for each of the K dimensions, shared by all heads, then q k^T / sqrt(K):
with gains of 1 no score is larger than sqrt(K). eps is added to the mean square, under the root.
The norm belongs to the score: a rotation by position is done before it here, in Qwen3 after it,
which is the same as long as all gains are equal.
"""

from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Parameter, Weight, ones
from attnviz.attention.parts import Parts, shared
from attnviz.attention.scores.scaled_dot import scaled_dot
from attnviz.attention.variant import Oracle, Variant
from attnviz.recorder import Recorder, Step

NORMED_Q = Step(
    "normed_q",
    "H T K",
    r"\hat q_t = g_q \odot q_t / \mathrm{rms}(q_t)",
    "gain_q[k] * q[h, t, k] / sqrt(mean(j, q[h, t, j] ** 2) + eps)",
    words={
        "en": ("Normalised queries", "Divided by the root of the mean square, times the gain."),
        "zh": ("归一化的查询", "除以均方根，再乘以增益。"),
    },
)
NORMED_K = Step(
    "normed_k",
    "H S K",
    r"\hat k_s = g_k \odot k_s / \mathrm{rms}(k_s)",
    "gain_k[k] * k[h // n_sharing, s, k] / sqrt(mean(j, k[h // n_sharing, s, j] ** 2) + eps)",
    words={
        "en": ("Normalised keys", "Divided by the root of the mean square, times the gain."),
        "zh": ("归一化的键", "除以均方根，再乘以增益。"),
    },
)


def qk_rmsnorm(eps: float, gain_q: Tensor, gain_k: Tensor) -> Parts:
    """Parts that score RMS-normalised queries and keys."""

    def normed(x_BHTK: Tensor, gain_K: Tensor) -> Tensor:
        mean_square_BHT1 = x_BHTK.square().mean(-1, keepdim=True)
        return gain_K[..., None, None, :] * x_BHTK * (mean_square_BHT1 + eps).rsqrt()

    def score(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> Tensor:
        n_sharing = q_BHTK.shape[1] // k_BGSK.shape[1]
        normed_q_BHTK = normed(q_BHTK, gain_q)
        normed_k_BHSK = normed(shared(k_BGSK, q_BHTK), gain_k)
        normed_q_BHTK = rec.keep(NORMED_Q, normed_q_BHTK, q=q_BHTK, gain_q=gain_q, eps=eps)
        normed_k_BHSK = rec.keep(
            NORMED_K, normed_k_BHSK, k=k_BGSK, gain_k=gain_k, n_sharing=n_sharing, eps=eps
        )
        return scaled_dot(normed_q_BHTK, normed_k_BHSK, rec)

    return Parts(score=score)


VARIANT = Variant(
    name="qk_rmsnorm",
    title={"en": "QK-norm (RMS)", "zh": "QK 归一化（RMS）"},
    words={
        "en": "Queries and keys are normalised before they are compared: scores cannot grow "
        "without bound, which keeps the training of large models stable.",
        "zh": "先把查询和键归一化再比较：分数不会无限增大，大模型的训练更稳定。",
    },
    paper="Dehghani et al. 2023, arXiv:2302.05442",
    formula=r"S = \frac{\hat Q \hat K^\top}{\sqrt{d}}, \quad "
    r"\hat x = g \odot \frac{x}{\sqrt{\mathrm{mean}(x^2) + \epsilon}}",
    parts=qk_rmsnorm,
    oracle=Oracle(package="torch", call="nn.functional.rms_norm, its kernel", error=1e-14),
    parameters={
        "eps": Parameter(
            default=1e-6,
            low=1e-12,
            high=1.0,
            log=True,
            meaning={"en": "added to the mean square", "zh": "加在均方上的小数"},
        )
    },
    weights={
        "gain_q": Weight(
            axes="K",
            meaning={"en": "gain of the queries", "zh": "查询的增益"},
            start=ones,
            drawn=False,
        ),
        "gain_k": Weight(
            axes="K",
            meaning={"en": "gain of the keys", "zh": "键的增益"},
            start=ones,
            drawn=False,
        ),
    },
    cost=Cost(extra="4 * H * (T + S) * K"),
)
