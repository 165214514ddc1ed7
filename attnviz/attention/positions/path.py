"""PaTH: the tokens between key and query turn the query, each along a direction of its own.

Yang et al. 2025, arXiv:2505.16381: between them stand the Householder-like matrices I - beta w w^T
of all tokens after the key, up to the query's own, the query's next to it. beta lies between 0 (no
turn) and 2 (a mirror). The paper makes w and beta from the tokens' vectors (with a short
convolution); here w is W k, of length 1, and beta is 2 sigmoid(w_beta k), or both are given, as
they are. Scaled by 1 / sqrt(d_head). Causal: a token that a mask hides turns nothing.
"""

from dataclasses import replace

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts, shared
from attnviz.attention.positions.seeing import seeing
from attnviz.attention.scores.scaled_dot import SCALED
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

TURN = Step(
    "turn",
    "H S K",
    r"\tilde{w}_s = W k_s",
    "sum(j, W[h, k, j] * k[h // n_sharing, s, j])",
    words={
        "en": ("Where each token turns", "A projection of the key, before its length is made 1."),
        "zh": ("每个词元的转动方向", "键的投影，长度尚未化为 1。"),
    },
)
DIRECTION = Step(
    "direction",
    "H S K",
    r"w_s = \tilde{w}_s / \|\tilde{w}_s\|",
    "turn[h, s, k] / sqrt(sum(j, turn[h, s, j] ** 2))",
    words={
        "en": ("The directions", "What each token turns the query along."),
        "zh": ("方向", "每个词元沿此方向转动查询。"),
    },
)
AMOUNT = Step(
    "turn_amount",
    "H S",
    r"\beta_s = 2 \lambda \, \sigma(w_\beta^\top k_s)",
    "2 * strength * sigmoid(sum(k, w_beta[h, k] * k[h // n_sharing, s, k]))",
    words={
        "en": ("How far each token turns", "0 does nothing, 1 wipes the direction out, 2 mirrors."),
        "zh": ("每个词元转动多少", "0 不变，1 抹去该方向，2 为镜像。"),
    },
)
PATH = Step(
    "path",
    "H T S",
    r"q_t^\top \prod_{l=s+1}^{t} (I - \beta_l w_l w_l^\top) \, k_s",
    words={
        "en": (
            "Compare along the path",
            "The query is turned by every token on its way back, then compared with the key.",
        ),
        "zh": ("沿路径比较", "查询往回走时被途经的每个词元转动，再与键作点积。"),
    },
)


def path(
    strength: float, W: Tensor, w_beta: Tensor, w: Tensor | None, beta: Tensor | None
) -> Parts:
    """Parts that turn the query along `w` (H S K) by `strength` x `beta` (H S), or by those made of
    the keys."""

    def inside(allowed: Tensor) -> Parts:
        def score(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> Tensor:
            b, n_heads, _, d_head = q_BHTK.shape
            about = {"k": k_BGSK, "n_sharing": n_heads // k_BGSK.shape[1]}
            k_BHSK = shared(k_BGSK, q_BHTK)
            if w is None:
                turn_BHSK = rec.keep(TURN, k_BHSK @ W.mT, None, W=W, **about)
                size_BHS1 = turn_BHSK.square().sum(-1, keepdim=True).clamp_min(1e-24).sqrt()
                w_BHSK = rec.keep(DIRECTION, turn_BHSK / size_BHS1, turn=turn_BHSK)
            else:
                given = replace(DIRECTION, formula="w_s", rule="w[h, s, k]")
                w_BHSK = rec.keep(given, w.expand(b, -1, -1, -1), w=w)
            if beta is None:
                beta_BHS = 2 * strength * (k_BHSK * w_beta[..., None, :]).sum(-1).sigmoid()
                about |= {"w_beta": w_beta, "strength": strength}
                beta_BHS = rec.keep(AMOUNT, beta_BHS, None, **about)
            else:
                given = replace(AMOUNT, formula=r"\lambda \beta_s", rule="strength * beta[h, s]")
                beta_BHS = strength * beta.expand(b, -1, -1)
                beta_BHS = rec.keep(given, beta_BHS, beta=beta, strength=strength)
            path_BHTS = rec.keep(PATH, walked(q_BHTK, k_BHSK, w_BHSK, beta_BHS, allowed))
            return rec.keep(SCALED, path_BHTS * d_head**-0.5, raw=path_BHTS, d_head=d_head)

        return Parts(score=score)

    return seeing(inside)


def walked(
    q_BHTK: Tensor, k_BHSK: Tensor, w_BHSK: Tensor, beta_BHS: Tensor, allowed: Tensor
) -> Tensor:
    """Every query with every key, BHTS: the queries walk back over the keys and are turned by each
    that they may see, after they have met it."""
    met: list[Tensor] = []
    for s in reversed(range(k_BHSK.shape[2])):
        w_BHK1 = w_BHSK[:, :, s, :, None]
        met.append(q_BHTK @ k_BHSK[:, :, s, :, None])
        turned_BHT1 = (q_BHTK @ w_BHK1) * beta_BHS[:, :, s, None, None] * allowed[..., s, None]
        q_BHTK = q_BHTK - turned_BHT1 * w_BHK1.mT
    return torch.cat(met[::-1], dim=-1)


VARIANT = Variant(
    name="path",
    title={"en": "PaTH", "zh": "PaTH（路径变换位置）"},
    words={
        "en": "The place of a key is the path to it: every token on the way back turns the query, "
        "in a direction that depends on what it says.",
        "zh": "键的位置就是通向它的路径：往回途经的每个词元都按自身内容转动查询。",
    },
    paper="Yang et al. 2025, arXiv:2505.16381",
    formula=r"S_{ts} = \frac{q_t^\top \prod_{l=s+1}^{t} (I - \beta_l w_l w_l^\top) \, k_s}"
    r"{\sqrt{d_{\mathrm{head}}}}",
    parts=path,
    oracle=Oracle(package="fla-core", call="naive_path_attn", error=1e-6),
    properties=Properties(placed=True, causal=True, sparse=True),
    parameters={
        "strength": Parameter(
            default=1.0,
            low=0.0,
            high=1.0,
            meaning={"en": "factor on all turns", "zh": "所有转动的倍数"},
        )
    },
    weights={
        "W": Weight(
            axes="H K K",
            meaning={"en": "makes the directions of the keys", "zh": "由键生成方向"},
        ),
        "w_beta": Weight(
            axes="H K",
            meaning={"en": "makes the amounts of the keys", "zh": "由键生成转动量"},
        ),
        "w": Weight(
            axes="H S K",
            meaning={"en": "directions, given as they are", "zh": "直接给出的方向"},
            needed=False,
        ),
        "beta": Weight(
            axes="H S",
            meaning={
                "en": "amounts from 0 to 2, given as they are",
                "zh": "直接给出的转动量（0 至 2）",
            },
            needed=False,
        ),
    },
    cost=Cost(
        pairs="T * (S + S - T + 1) / 2",
        extra="2 * H * T * (S + S - T + 1) * K",
    ),
    limits=(Limit(given={"strength": 0.0}, equals="causal"),),
)
