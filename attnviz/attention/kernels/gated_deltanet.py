"""Gated DeltaNet: the delta rule on a state that also fades, by a gate that each token computes.

Yang, Kautz, Hatamizadeh 2024, arXiv:2412.06464; in Qwen3-Next. The gate is Mamba-2's:
alpha = exp(-rate A dt) with dt = softplus(w k), A as in "ssd". Everything else as in "deltanet":
queries and keys of length 1, no 1/sqrt(d) (published code divides by it), beta = factor x
sigmoid(w k) with the same weights. The state fades before it is read under the key. Causal by
itself; the last query stands at the last key. A hidden key has beta = 0 and dt = 0.
"""

import torch
from torch import Tensor

from attnviz.attention.core import Z
from attnviz.attention.cost import Cost
from attnviz.attention.kernels import deltanet
from attnviz.attention.kernels.hidden import held
from attnviz.attention.kernels.recurrence import recurrent
from attnviz.attention.kernels.ssd import rates, step_sizes
from attnviz.attention.normalizers.softmax import PATTERN
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts, shared
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

FORGET = Step(
    "forget",
    "H S",
    r"\alpha_s = e^{-A_h \Delta_s}",
    "exp(-rate * A[h] * dt[h, s])",
    kind="weight",
    words={
        "en": ("Forget gates", "How much of the state a token lets stay, one number a head."),
        "zh": ("遗忘门", "每个词元让状态保留多少，每个头一个数。"),
    },
)
_LEFT = "exp(sum(l, where((s < l) * (l <= {}), log(forget[h, l]), 0)))"
PATTERN_GATED = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A_{ts} = \beta_s \Bigl(\Gamma_{ts} \hat q_t^\top \hat k_s - \sum_{s < j \le t} A_{tj} \, "
    r"\Gamma_{js} \hat k_j^\top \hat k_s\Bigr), \quad \Gamma_{ts} = \prod_{l=s+1}^{t} \alpha_l",
    f"where(s <= t + past, beta[h, s] * ({_LEFT.format('t + past')} * "
    "sum(k, q_unit[h, t, k] * k_unit[h // n_sharing, s, k]) - "
    f"sum(j, where((s < j) * (j <= t + past), pattern[h, t, j] * {_LEFT.format('j')} * sum(k, "
    "k_unit[h // n_sharing, j, k] * k_unit[h // n_sharing, s, k]), 0))), 0)",
    words={
        "en": (
            "The matrix it amounts to",
            "The match with a key, faded, less what later tokens have overwritten of it.",
        ),
        "zh": ("等效权重矩阵", "与键的匹配程度经过衰减，再减去后来的词元覆盖掉的部分。"),
    },
)


def gated_deltanet(
    factor: float,
    rate: float,
    w_beta: Tensor,
    w_dt: Tensor,
    A: Tensor,
    beta: Tensor | None,
    dt: Tensor | None,
) -> Parts:
    """A path that writes differences into a state that fades by exp(-rate A dt)."""

    def whole(
        q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
    ) -> Tensor:
        h, past = q_BHTK.shape[1], k_BGSK.shape[2] - q_BHTK.shape[2]
        beta_BHS = deltanet.strengths(k_BGSK, h, factor, w_beta, beta, rec)
        beta_BHS = held("beta", beta_BHS, allowed, rec)
        dt_BHS = held("dt", step_sizes(k_BGSK, q_BHTK, w_dt, dt, rec), allowed, rec)
        forget_BHS = torch.exp(-rate * A[..., None] * dt_BHS)
        forget_BHS = rec.keep(FORGET, forget_BHS, rate=rate, A=A, dt=dt_BHS)
        q_BHTK, k_BGSK = deltanet.units(q_BHTK, k_BGSK, rec)
        k_BHSK, v_BHSE = shared(k_BGSK, q_BHTK), shared(v_BGSE, q_BHTK)
        n_sharing = h // k_BGSK.shape[1]

        def pattern() -> Tensor:
            return deltanet.closed(q_BHTK, k_BHSK, beta_BHS, forget_BHS)

        about = {"q_unit": q_BHTK, "k_unit": k_BGSK, "beta": beta_BHS, "forget": forget_BHS}
        about |= {"n_sharing": n_sharing, "past": past}
        rec.derive(PATTERN_GATED, pattern, **about, pattern=PATTERN_GATED)
        renew = deltanet.correcting(k_BHSK, v_BHSE, beta_BHS, forget_BHS)
        z_BHTE = recurrent(q_BHTK, k_BHSK, v_BHSE, renew, rec)
        return rec.keep(Z, z_BHTE, pattern=PATTERN_GATED, v=v_BGSE, n_sharing=n_sharing)

    return Parts(whole=whole)


VARIANT = Variant(
    name="gated_deltanet",
    title={"en": "Gated DeltaNet", "zh": "门控 DeltaNet"},
    words={
        "en": "DeltaNet with a gate: a token can replace one entry of the memory exactly, and can "
        "also let all of it fade at once.",
        "zh": "带门控的 DeltaNet：词元既能精确替换记忆中的一项，也能让全部记忆一起衰减。",
    },
    paper="Yang, Kautz, Hatamizadeh 2024, arXiv:2412.06464",
    formula=r"S_t = \alpha_t (I - \beta_t \hat k_t \hat k_t^\top) S_{t-1} + "
    r"\beta_t \hat k_t v_t^\top, \quad z_t = S_t^\top \hat q_t",
    parts=gated_deltanet,
    oracle=Oracle(
        package="transformers",
        call="qwen3_next.torch_recurrent_gated_delta_rule times sqrt(d)",
        error=1e-6,
    ),
    properties=Properties(placed=True, row_sum="any", negative=True, causal=True, sparse=True),
    parameters={
        "factor": deltanet.FACTOR,
        "rate": Parameter(
            default=1.0,
            low=0.0,
            high=16.0,
            meaning={"en": "factor on A: 0 forgets nothing", "zh": "A 的倍数：0 表示从不遗忘"},
        ),
    },
    weights={
        "w_beta": deltanet.W_BETA,
        "w_dt": Weight(
            axes="H K", meaning={"en": "makes the step size from the key", "zh": "由键算出步长"}
        ),
        "A": Weight(
            axes="H",
            meaning={"en": "how fast each head forgets", "zh": "每个头遗忘的快慢"},
            start=rates,
            drawn=False,
        ),
        "beta": deltanet.BETAS,
        "dt": Weight(
            axes="H S",
            meaning={"en": "the step sizes themselves", "zh": "直接给出的步长"},
            needed=False,
        ),
    },
    cost=Cost(
        operations="H * (7 * S * K * E + 5 * S * K + 2 * T * K * E)",
        numbers="H * K * E",
        tokens="1",
        width="H * K * E",
    ),
    limits=(Limit(given={"rate": 0.0}, equals="deltanet"),),
)
