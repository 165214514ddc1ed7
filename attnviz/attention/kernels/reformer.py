"""Reformer's hashed attention (LSH): tokens are sorted by the direction of their vector, and look
only at those that lie near them in that order.

Kitaev, Kaiser, Levskaya 2020, arXiv:2001.04451. Queries are the keys as well: the key of a token is
its query at length 1, the k that is given is not read. The score is q k without 1/sqrt(d), which
the authors' length of sqrt(d) cancels. A round of hashing: the bucket is the largest of [xR; -xR]
for random directions R; tokens are sorted by bucket, then by place, and cut into chunks; a token
looks at its own chunk and the one before (the first one's is the last, as in published code, which
the formula does not say), across buckets, and at itself only where there is no other. A key that
several rounds find counts once (the paper's log N; one package counts it each time). The order of
all tokens decides who meets whom, later ones too: the mask may only leave keys out, which are
sorted last. Needs T = S.
"""

import torch
from torch import Tensor
from torch.nn import functional

from attnviz.attention.core import Z
from attnviz.attention.cost import Cost
from attnviz.attention.kernels.hashing import MET, MET_SEEN, PLACES, hashes, meetings, rounds_joined
from attnviz.attention.kernels.hidden import at_once, hidden
from attnviz.attention.normalizers.softmax import PATTERN, softmax
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts, shared
from attnviz.attention.scores.dot import RAW
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import SILENT, Recorder, Step

KEYS = Step(
    "k_shared",
    "H S K",
    r"k_s = q_s / \lVert q_s \rVert",
    "q[h, s, k] / sqrt(sum(j, q[h, s, j] ** 2))",
    words={
        "en": ("Keys made of the queries", "A token's key is its own query at length 1."),
        "zh": ("由查询得到的键", "词元的键就是它自己的查询，长度归一。"),
    },
)
OTHERS = Step(
    "others",
    "H T S",
    r"[N_{ts} > 0][s \ne t]",
    "(met[h, t, s] > 0) * (1 - (s == t))",
    kind="weight",
    words={
        "en": ("Other tokens it met", "A query is always most like its own key: that is left out."),
        "zh": ("遇到的其他词元", "查询总是与自己的键最相似，所以先去掉自己。"),
    },
)
ALLOWED = Step(
    "allowed",
    "H T S",
    r"C_{ts} = [N_{ts} > 0][s \ne t \text{ or alone}]",
    "maximum(others[h, t, s], (met[h, t, s] > 0) * (s == t) * (sum(l, others[h, t, l]) == 0))",
    kind="weight",
    words={
        "en": ("Who may be looked at", "The tokens it met; itself only where it met no other."),
        "zh": ("可以看到谁", "遇到的词元；只有没遇到别人时才看自己。"),
    },
)
PATTERN_LSH = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A = \mathrm{softmax} \text{ over } C",
    "where(allowed[h, t, s], exp(raw[h, t, s]), 0) / "
    "sum(l, where(allowed[h, t, l], exp(raw[h, t, l]), 0))",
    kind="weight",
    words={
        "en": ("Attention weights", "Softmax over the tokens that were met; all others get 0."),
        "zh": ("注意力权重", "只对遇到的词元做 Softmax，其余为 0。"),
    },
)


def reformer(chunk: int, directions: int, rounds: int, rotations: Tensor) -> Parts:
    """A path of `rounds` hashings along `directions`, by `rotations` (H K rounds directions)."""

    def whole(
        q_BHTK: Tensor, _k: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
    ) -> Tensor:
        at_once("reformer", allowed)
        t, hidden_BHS = q_BHTK.shape[2], hidden(allowed)
        k_BHTK = rec.keep(KEYS, functional.normalize(q_BHTK, dim=-1), q=q_BHTK)
        buckets = hashes(q_BHTK, rotations, allowed, rec)
        order_BHNT = buckets.argsort(dim=-1, stable=True)
        place_BHNT = rec.keep(PLACES, order_BHNT.argsort(-1), buckets=buckets)
        met = meetings(place_BHNT, chunk)
        met = rec.keep(MET, met, place=place_BHNT, chunk=chunk, n_chunks=-(-t // chunk))
        if hidden_BHS is not None:
            seen = met * ~hidden_BHS[:, :, None]
            met = rec.keep(MET_SEEN, seen, met=met, allowed=allowed, last=t - 1)
        self_TT = torch.eye(t, dtype=torch.bool, device=met.device)
        others = rec.keep(OTHERS, (met > 0) & ~self_TT, met=met)
        may = others | (self_TT & (met > 0) & ~others.any(-1, keepdim=True))
        may = rec.keep(ALLOWED, may, others=others, met=met)

        def raw() -> Tensor:
            return q_BHTK @ k_BHTK.mT

        def pattern() -> Tensor:
            return softmax(raw().where(may, -torch.inf), SILENT)

        rec.derive(RAW, raw, q=q_BHTK, k=k_BHTK, n_sharing=1)
        rec.derive(PATTERN_LSH, pattern, raw=RAW, allowed=may)
        bias = (-met.clamp_min(1).to(q_BHTK.dtype).log()).where(may, -torch.inf)
        z_BHTE = rounds_joined(q_BHTK, k_BHTK, shared(v_BGSE, q_BHTK), bias, order_BHNT, chunk)
        n_sharing = q_BHTK.shape[1] // v_BGSE.shape[1]
        return rec.keep(Z, z_BHTE, pattern=PATTERN_LSH, v=v_BGSE, n_sharing=n_sharing)

    return Parts(whole=whole)


VARIANT = Variant(
    name="reformer",
    title={"en": "Reformer (LSH)", "zh": "Reformer（局部敏感哈希）"},
    words={
        "en": "Random directions sort the tokens so that alike ones come to stand together, and "
        "each looks only at its neighbours in that order.",
        "zh": "用随机方向给词元排序，相似的排在一起，每个词元只看排序后的邻居。",
    },
    paper="Kitaev, Kaiser, Levskaya 2020, arXiv:2001.04451",
    formula=r"A = \mathrm{softmax}_{s \,:\, \lfloor p_s / m \rfloor \in "
    r"\{\lfloor p_t / m \rfloor - 1, \lfloor p_t / m \rfloor\},\ s \ne t}"
    r"\left(q_t^\top q_s / \lVert q_s \rVert\right)",
    parts=reformer,
    oracle=Oracle(package="transformers", call="LSHSelfAttention, one hash", error=1e-13),
    properties=Properties(sparse=True, square=True, maskable=False),
    parameters={
        "chunk": Parameter(
            default=4,
            low=1,
            high=4096,
            unit="tokens",
            whole=True,
            log=True,
            meaning={"en": "tokens in a chunk", "zh": "每块的词元数"},
        ),
        "directions": Parameter(
            default=2,
            low=1,
            high=64,
            whole=True,
            log=True,
            meaning={
                "en": "random directions; buckets are twice as many",
                "zh": "随机方向数；桶数是它的两倍",
            },
        ),
        "rounds": Parameter(
            default=1,
            low=1,
            high=16,
            unit="rounds",
            whole=True,
            meaning={"en": "rounds of hashing", "zh": "哈希的轮数"},
        ),
    },
    weights={
        "rotations": Weight(
            axes="H K rounds directions",
            meaning={"en": "the random directions", "zh": "随机方向"},
        )
    },
    cost=Cost(
        operations="H * rounds * S * (2 * K * directions + log(S) + "
        "minimum(S, 2 * chunk) * (2 * K + 2 * E + 5))",
        numbers="H * rounds * S * minimum(S, 2 * chunk)",
        width="G * (K + E)",
    ),
)
