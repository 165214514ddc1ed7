"""Gated linear attention (GLA): each token decides, for every channel, how much of the state stays.

Yang et al. 2023, arXiv:2312.06635. A gate is sigmoid(W k)^(1/tau) with tau = 16; the paper computes
it from the token's vector by a low-rank map, here it is one matrix a head on the key. Scores are
divided by the root of the head width, as in the authors' code; their gate on the output is left
out. Causal by itself; the last query stands at the last key. A hidden key writes nothing and its
gate is 1: the state stays as it was.
"""

from dataclasses import replace

from torch import Tensor

from attnviz.attention.core import Z
from attnviz.attention.cost import Cost
from attnviz.attention.kernels.hidden import hidden, zeroed
from attnviz.attention.kernels.recurrence import products, recurrent
from attnviz.attention.normalizers.softmax import PATTERN
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts, shared
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

FORGET = Step(
    "forget",
    "H S K",
    r"\alpha_s = \sigma(W k_s)^{1 / \tau}",
    "sigmoid(sum(j, w_forget[h, k, j] * k[h // n_sharing, s, j])) ** (1 / tau)",
    kind="weight",
    words={
        "en": ("Forget gates", "How much of each row of the state a token lets stay."),
        "zh": ("遗忘门", "每个词元让状态的每一行保留多少。"),
    },
)
FORGET_SEEN = Step(
    "forget_seen",
    "H S K",
    r"\alpha_s = 1 \text{ where hidden}",
    "where(allowed[h, last, s], forget[h, s, k], 1)",
    kind="weight",
    words={
        "en": ("Hidden tokens forget nothing", "The gate is 1 where the mask hides a token."),
        "zh": ("隐藏的词元不触发遗忘", "被掩码隐藏的词元，其门为 1。"),
    },
)
PATTERN_GLA = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A_{ts} = \frac{1}{\sqrt{d}} \sum_k q_{tk} k_{sk} \prod_{l=s+1}^{t} \alpha_{lk}",
    "where(s <= t + past, sum(k, q[h, t, k] * k[h // n_sharing, s, k] * exp(sum(l, "
    "where((s < l) * (l <= t + past), log(forget[h, l, k]), 0)))) / sqrt(width), 0)",
    words={
        "en": (
            "The matrix it amounts to",
            "Query times key, each channel faded by all the gates that came after the key.",
        ),
        "zh": ("等效权重矩阵", "查询乘键，每个通道再乘以该键之后所有的门。"),
    },
)


def computed(k_BGSK: Tensor, q_BHTK: Tensor, tau: float, w: Tensor, rec: Recorder) -> Tensor:
    """The gates sigmoid(W k)^(1/tau), BHSK."""
    n_sharing = q_BHTK.shape[1] // k_BGSK.shape[1]
    forget_BHSK = (shared(k_BGSK, q_BHTK) @ w.mT).sigmoid() ** (1 / tau)
    return rec.keep(FORGET, forget_BHSK, w_forget=w, k=k_BGSK, n_sharing=n_sharing, tau=tau)


def seen(forget_BHSK: Tensor, allowed: Tensor | None, rec: Recorder) -> Tensor:
    """The gates, 1 for hidden tokens."""
    hidden_BHS = hidden(allowed)
    if hidden_BHS is None or allowed is None:
        return forget_BHSK
    seen_BHSK, last = forget_BHSK.masked_fill(hidden_BHS[..., None], 1), allowed.shape[2] - 1
    return rec.keep(FORGET_SEEN, seen_BHSK, forget=forget_BHSK, allowed=allowed, last=last)


def gla(tau: float, w_forget: Tensor, forget: Tensor | None) -> Parts:
    """A path whose state fades by gates: `forget` (H S K), else sigmoid(W k)^(1/tau)."""

    def whole(
        q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
    ) -> Tensor:
        if forget is None:
            forget_BHSK = computed(k_BGSK, q_BHTK, tau, w_forget, rec)
        else:
            given_BHSK = forget.expand_as(shared(k_BGSK, q_BHTK))
            forget_BHSK = rec.keep(replace(FORGET, rule=""), given_BHSK)
        forget_BHSK = seen(forget_BHSK, allowed, rec)
        k_BGSK = zeroed(k_BGSK, q_BHTK, allowed, rec)
        k_BHSK, v_BHSE = shared(k_BGSK, q_BHTK), shared(v_BGSE, q_BHTK)
        (h, t, width), s = q_BHTK.shape[1:], k_BGSK.shape[2]

        def renew(state_BHKE: Tensor, place: int) -> Tensor:
            k_BHK1, v_BH1E = k_BHSK[:, :, place, :, None], v_BHSE[:, :, place, None]
            return state_BHKE * forget_BHSK[:, :, place, :, None] + k_BHK1 * v_BH1E

        def pattern() -> Tensor:
            left_BHTSK = products(forget_BHSK.mT, t).movedim(2, -1)
            product_BHTSK = q_BHTK[:, :, :, None] * k_BHSK[:, :, None] * left_BHTSK
            return product_BHTSK.sum(-1) / width**0.5

        about = {"q": q_BHTK, "k": k_BGSK, "forget": forget_BHSK, "past": s - t, "width": width}
        rec.derive(PATTERN_GLA, pattern, **about, n_sharing=h // k_BGSK.shape[1])
        z_BHTE = recurrent(q_BHTK / width**0.5, k_BHSK, v_BHSE, renew, rec)
        n_sharing = h // v_BGSE.shape[1]
        return rec.keep(Z, z_BHTE, pattern=PATTERN_GLA, v=v_BGSE, n_sharing=n_sharing)

    return Parts(whole=whole)


VARIANT = Variant(
    name="gla",
    title={"en": "Gated linear attention (GLA)", "zh": "门控线性注意力（GLA）"},
    words={
        "en": "Each token says for every channel how much of the memory stays: what is forgotten "
        "depends on what is read, not on the distance alone.",
        "zh": "每个词元为每个通道决定记忆保留多少：遗忘取决于读到的内容，而不只是距离。",
    },
    paper="Yang et al. 2023, arXiv:2312.06635",
    formula=r"S_t = \mathrm{diag}(\alpha_t) S_{t-1} + k_t v_t^\top, \quad "
    r"z_t = S_t^\top q_t / \sqrt{d}",
    parts=gla,
    oracle=Oracle(package="fla-core", call="ops.gla.naive.naive_recurrent_gla", error=1e-6),
    properties=Properties(placed=True, row_sum="any", negative=True, causal=True, sparse=True),
    parameters={
        "tau": Parameter(
            default=16.0,
            low=1.0,
            high=1024.0,
            log=True,
            meaning={
                "en": "the larger, the slower it forgets",
                "zh": "越大遗忘越慢",
            },
        )
    },
    weights={
        "w_forget": Weight(
            axes="H K K",
            meaning={"en": "makes the gates from the key", "zh": "由键算出遗忘门"},
        ),
        "forget": Weight(
            axes="H S K",
            meaning={"en": "the gates themselves, 0 to 1", "zh": "直接给出的遗忘门，0 到 1"},
            needed=False,
        ),
    },
    cost=Cost(
        operations="H * (4 * S * K * E + 2 * S * K * K + 2 * T * K * E)",
        numbers="H * K * E",
        tokens="1",
        width="H * K * E",
    ),
    limits=(Limit(given={"tau": 1024.0}, equals="retention", of={"rate": 0.0}, error=0.02),),
)
