"""State space duality (SSD, Mamba-2): one number a token says how much of the state stays.

Dao, Gu 2024, arXiv:2405.21060: A = L o (C B^T) with L_ts the product of a over the tokens after s
up to t, a = exp(-A dt), and the values multiplied by dt. Queries are their C, keys their B; there
is no 1/sqrt(d). dt = softplus(w k); the paper computes it from the token's vector. A is larger here
from head to head (1/H, 2/H, ... 1), for short texts, and `rate` multiplies it. The convolution, the
skip D x and the gate around it are left out. Causal by itself; the last query stands at the last
key. A hidden key has dt = 0: it neither writes nor makes the state forget.
"""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from attnviz.attention.core import Z
from attnviz.attention.cost import Cost
from attnviz.attention.kernels.hidden import held
from attnviz.attention.kernels.recurrence import products, recurrent
from attnviz.attention.normalizers.softmax import PATTERN
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts, shared
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

DT = Step(
    "dt",
    "H S",
    r"\Delta_s = \mathrm{softplus}(w^\top k_s)",
    "log(1 + exp(sum(k, w_dt[h, k] * k[h // n_sharing, s, k])))",
    words={
        "en": ("Step sizes", "How long a token lasts: a long one writes much and lets much fade."),
        "zh": ("步长", "词元持续多久：步长越大，写入越多，旧内容也衰减越多。"),
    },
)
FORGET = Step(
    "forget",
    "H S",
    r"a_s = e^{-A_h \Delta_s}",
    "exp(-rate * A[h] * dt[h, s])",
    kind="weight",
    words={
        "en": ("Forget gates", "How much of the state a token lets stay, one number a head."),
        "zh": ("遗忘门", "每个词元让状态保留多少，每个头一个数。"),
    },
)
DECAY = Step(
    "decay",
    "H T S",
    r"L_{ts} = \prod_{l=s+1}^{t} a_l",
    "(s <= t + past) * exp(sum(l, where((s < l) * (l <= t + past), log(forget[h, l]), 0)))",
    kind="weight",
    words={
        "en": ("What is left", "The product of the gates between the key and the query."),
        "zh": ("剩余比例", "键与查询之间所有门的乘积。"),
    },
)
PATTERN_SSD = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A_{ts} = L_{ts} \, q_t^\top k_s \, \Delta_s",
    "decay[h, t, s] * sum(k, q[h, t, k] * k[h // n_sharing, s, k]) * dt[h, s]",
    words={
        "en": (
            "The matrix it amounts to",
            "The match of query and key, times what is left of it, times the key's step size.",
        ),
        "zh": ("等效权重矩阵", "查询与键的匹配，乘以剩余比例，再乘以该键的步长。"),
    },
)


def rates(shape: tuple[int, ...], _: torch.Generator) -> Tensor:
    """1/H, 2/H, ... 1: the last head forgets fastest."""
    return torch.arange(1, shape[0] + 1, dtype=torch.float64) / shape[0]


def step_sizes(
    k_BGSK: Tensor, q_BHTK: Tensor, w_dt: Tensor, dt: Tensor | None, rec: Recorder
) -> Tensor:
    """dt BHS: the given one (H S), else softplus(w k)."""
    k_BHSK = shared(k_BGSK, q_BHTK)
    if dt is not None:
        return rec.keep(replace(DT, rule=""), dt.expand(k_BHSK.shape[:3]))
    dt_BHS = functional.softplus((k_BHSK * w_dt[..., None, :]).sum(-1), threshold=40)
    return rec.keep(DT, dt_BHS, w_dt=w_dt, k=k_BGSK, n_sharing=q_BHTK.shape[1] // k_BGSK.shape[1])


def ssd(rate: float, w_dt: Tensor, A: Tensor, dt: Tensor | None) -> Parts:
    """A path whose state fades by exp(-rate A dt); dt is given (H S) or made of the keys."""

    def whole(
        q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
    ) -> Tensor:
        dt_BHS = held("dt", step_sizes(k_BGSK, q_BHTK, w_dt, dt, rec), allowed, rec)
        forget_BHS = torch.exp(-rate * A[..., None] * dt_BHS)
        forget_BHS = rec.keep(FORGET, forget_BHS, rate=rate, A=A, dt=dt_BHS)
        k_BHSK, v_BHSE = shared(k_BGSK, q_BHTK), shared(v_BGSE, q_BHTK)
        t, past = q_BHTK.shape[2], k_BGSK.shape[2] - q_BHTK.shape[2]
        write_BHSK = dt_BHS[..., None] * k_BHSK

        def renew(state_BHKE: Tensor, place: int) -> Tensor:
            k_BHK1, v_BH1E = write_BHSK[:, :, place, :, None], v_BHSE[:, :, place, None]
            return forget_BHS[:, :, place, None, None] * state_BHKE + k_BHK1 * v_BH1E

        def decay() -> Tensor:
            return products(forget_BHS, t)

        def pattern() -> Tensor:
            return decay() * (q_BHTK @ k_BHSK.mT) * dt_BHS[..., None, :]

        rec.derive(DECAY, decay, forget=forget_BHS, past=past)
        n_sharing = q_BHTK.shape[1] // k_BGSK.shape[1]
        about = {"q": q_BHTK, "k": k_BGSK, "dt": dt_BHS, "n_sharing": n_sharing}
        rec.derive(PATTERN_SSD, pattern, **about, decay=DECAY)
        z_BHTE = recurrent(q_BHTK, k_BHSK, v_BHSE, renew, rec)
        return rec.keep(Z, z_BHTE, pattern=PATTERN_SSD, v=v_BGSE, n_sharing=n_sharing)

    return Parts(whole=whole)


VARIANT = Variant(
    name="ssd",
    title={"en": "State space duality (Mamba-2)", "zh": "状态空间对偶（Mamba-2）"},
    words={
        "en": "A state space model read as attention: each token says by one number how much of "
        "the memory stays and how strongly it writes itself.",
        "zh": "把状态空间模型看作注意力：每个词元用一个数决定记忆保留多少、自己写入多强。",
    },
    paper="Dao, Gu 2024, arXiv:2405.21060",
    formula=r"S_t = a_t S_{t-1} + \Delta_t k_t v_t^\top, \quad z_t = S_t^\top q_t, \quad "
    r"a_t = e^{-A_h \Delta_t}",
    parts=ssd,
    oracle=Oracle(package="transformers", call="mamba2.segment_sum, the decay matrix", error=1e-13),
    properties=Properties(placed=True, row_sum="any", negative=True, causal=True, sparse=True),
    parameters={
        "rate": Parameter(
            default=1.0,
            low=0.0,
            high=16.0,
            meaning={"en": "factor on A: 0 forgets nothing", "zh": "A 的倍数：0 表示从不遗忘"},
        )
    },
    weights={
        "w_dt": Weight(
            axes="H K", meaning={"en": "makes the step size from the key", "zh": "由键算出步长"}
        ),
        "A": Weight(
            axes="H",
            meaning={"en": "how fast each head forgets", "zh": "每个头遗忘的快慢"},
            start=rates,
            drawn=False,
        ),
        "dt": Weight(
            axes="H S",
            meaning={"en": "the step sizes themselves", "zh": "直接给出的步长"},
            needed=False,
        ),
    },
    cost=Cost(
        operations="H * (4 * S * K * E + 3 * S * K + 2 * T * K * E)",
        numbers="H * K * E",
        tokens="1",
        width="H * K * E",
    ),
)
