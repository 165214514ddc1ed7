"""Retention (RetNet): no softmax; what a token wrote fades by the same factor at every step.

Sun et al. 2023, arXiv:2307.08621, the recurrent form beside the parallel one. Head h (from 0) has
gamma = 1 - 2^(-5-h); the scores are divided by the root of the head width, as in the authors' code.
Left out: the rotation of queries and keys (combine with "xpos"), and the group norm and the gate
that the authors put after it. Causal by itself; the last query stands at the last key. A hidden key
writes nothing, but the time it takes passes.
"""

import torch
from torch import Tensor

from attnviz.attention.core import Z
from attnviz.attention.cost import Cost
from attnviz.attention.kernels.hidden import zeroed
from attnviz.attention.kernels.recurrence import recurrent
from attnviz.attention.normalizers.softmax import PATTERN
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts, shared
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

DECAY = Step(
    "decay",
    "H T S",
    r"D_{ts} = \gamma_h^{\,t - s} \text{ for } s \le t, \text{ else } 0",
    "where(s <= t + past, gamma[h] ** (rate * (t + past - s)), 0)",
    kind="weight",
    words={
        "en": ("What is left", "The part of a token's entry that has not faded yet."),
        "zh": ("剩余比例", "词元写入的内容到此刻还剩下多少。"),
    },
)
PATTERN_RETENTION = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A_{ts} = D_{ts} \, q_t^\top k_s / \sqrt{d}",
    "sum(k, q[h, t, k] * k[h // n_sharing, s, k]) / sqrt(width) * decay[h, t, s]",
    words={
        "en": (
            "The matrix it amounts to",
            "The match of query and key, faded with the distance; negative where they disagree.",
        ),
        "zh": ("等效权重矩阵", "查询与键的匹配程度，随距离衰减；方向相反时为负。"),
    },
)


def gammas(shape: tuple[int, ...], _: torch.Generator) -> Tensor:
    """1 - 2^(-5-h) for each head h."""
    return 1 - 2.0 ** (-5 - torch.arange(shape[0], dtype=torch.float64))


def retention(rate: float, gamma: Tensor) -> Parts:
    """A path whose state fades by gamma (H, or B H) to the power of `rate` at each token."""

    def whole(
        q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
    ) -> Tensor:
        k_BGSK = zeroed(k_BGSK, q_BHTK, allowed, rec)
        k_BHSK, v_BHSE = shared(k_BGSK, q_BHTK), shared(v_BGSE, q_BHTK)
        (b, h, t, width), s = q_BHTK.shape, k_BGSK.shape[2]
        forget_BH11 = (gamma**rate)[..., None, None]

        def renew(state_BHKE: Tensor, place: int) -> Tensor:
            return (
                state_BHKE * forget_BH11 + k_BHSK[:, :, place, :, None] * v_BHSE[:, :, place, None]
            )

        def decay() -> Tensor:
            t_T1 = torch.arange(t, device=q_BHTK.device)[:, None] + s - t
            since_TS = (t_T1 - torch.arange(s, device=q_BHTK.device)).clamp_min(0).to(gamma.dtype)
            return (gamma[..., None, None] ** (rate * since_TS)).tril(s - t).expand(b, h, t, s)

        def pattern() -> Tensor:
            return q_BHTK @ k_BHSK.mT / width**0.5 * decay()

        rec.derive(DECAY, decay, gamma=gamma, rate=rate, past=s - t)
        about = {"q": q_BHTK, "k": k_BGSK, "n_sharing": h // k_BGSK.shape[1], "width": width}
        rec.derive(PATTERN_RETENTION, pattern, **about, decay=DECAY)
        z_BHTE = recurrent(q_BHTK / width**0.5, k_BHSK, v_BHSE, renew, rec)
        n_sharing = h // v_BGSE.shape[1]
        return rec.keep(Z, z_BHTE, pattern=PATTERN_RETENTION, v=v_BGSE, n_sharing=n_sharing)

    return Parts(whole=whole)


VARIANT = Variant(
    name="retention",
    title={"en": "Retention (RetNet)", "zh": "保留机制（RetNet）"},
    words={
        "en": "Softmax gives way to a fixed fading of what lies further back: the text is read "
        "token by token with a state that never grows.",
        "zh": "不用 Softmax，越早的内容按固定比例衰减：逐词元读取，状态大小始终不变。",
    },
    paper="Sun et al. 2023, arXiv:2307.08621",
    formula=r"S_t = \gamma_h S_{t-1} + k_t v_t^\top, \quad z_t = S_t^\top q_t / \sqrt{d}",
    parts=retention,
    oracle=Oracle(package="fla-core", call="ops.retention.naive.naive_retention", error=2e-6),
    properties=Properties(placed=True, row_sum="any", negative=True, causal=True, sparse=True),
    parameters={
        "rate": Parameter(
            default=1.0,
            low=0.0,
            high=64.0,
            meaning={
                "en": "exponent on every gamma: 0 forgets nothing, 1 is the paper's",
                "zh": "每个 γ 的指数：0 表示从不遗忘，1 为论文取值",
            },
        )
    },
    weights={
        "gamma": Weight(
            axes="H",
            meaning={"en": "what is left after one token", "zh": "经过一个词元后剩下的比例"},
            start=gammas,
            drawn=False,
        )
    },
    cost=Cost(
        operations="H * (4 * S * K * E + 2 * T * K * E)",
        numbers="H * K * E",
        tokens="1",
        width="H * K * E",
    ),
)
