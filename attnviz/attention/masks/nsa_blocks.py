"""What native sparse attention does with blocks of keys: the mean of each is looked at in place of
its keys, and the weights that the means get say which blocks are read in full.

Yuan et al. 2025, arXiv:2502.11089, sections 3.3.1 and 3.3.2; see `nsa`.
"""

import math

import torch
from torch import Tensor

from attnviz.attention.normalizers.softmax import softmax
from attnviz.attention.parts import shared
from attnviz.recorder import SILENT, Recorder, Step

PART = Step(
    "part",
    "H R S",
    r"P_{rs} = [\lfloor s / b \rfloor = r] / n_r",
    "(s // block == r) * allowed[h, last, s]"
    " / maximum(sum(j, (j // block == r) * allowed[h, last, j]), 1)",
    kind="weight",
    words={
        "en": ("A key's part in its block", "One over the number of keys in the block, else 0."),
        "zh": ("键在块中所占的份", "块内为块中键数的倒数，块外为 0。"),
    },
)
KEYS = Step(
    "pooled_keys",
    "H R K",
    r"\bar K = P K",
    "sum(s, part[h, r, s] * k[h // n_sharing, s, k])",
    words={
        "en": ("Keys of the blocks", "The mean of the keys of each block stands for all of them."),
        "zh": ("块的键", "用每块中键的平均值代表整块。"),
    },
)
VALUES = Step(
    "pooled_values",
    "H R E",
    r"\bar V = P V",
    "sum(s, part[h, r, s] * v[h // n_sharing, s, e])",
    words={
        "en": ("Values of the blocks", "The mean of the values of each block."),
        "zh": ("块的值", "每块中值的平均。"),
    },
)
SCORES = Step(
    "block_scores",
    "H T R",
    r"\bar S_{tr} = q_t^\top \bar k_r / \sqrt{d_{\mathrm{head}}}, \text{ or } -\infty",
    "where((r * block + block - 1 <= t + past) * (0 < sum(s, part[h, r, s])), "
    "sum(k, q[h, t, k] * pooled_keys[h, r, k]) / sqrt(d_head), -inf)",
    words={
        "en": ("Scores of the blocks", "Only blocks that are finished at the query's place count."),
        "zh": ("块的分数", "只计算在查询位置之前已经结束的块。"),
    },
)
WEIGHTS = Step(
    "block_weights",
    "H T R",
    r"A^{\mathrm{cmp}} = \mathrm{softmax}(\bar S)",
    "exp(block_scores[h, t, r]) / maximum(sum(n, exp(block_scores[h, t, n])), tiny)",
    kind="weight",
    words={
        "en": ("Weights of the blocks", "The compressed branch: a share for each finished block."),
        "zh": ("块的权重", "压缩分支：每个已结束的块各占一份。"),
    },
)
IMPORTANCE = Step(
    "importance",
    "H T R",
    r"I_{tr} = \frac{1}{n} \sum_{h \in g} A^{\mathrm{cmp}}_{htr} + 8 [r = r_t] + "
    r"4 [r = r_t - 1] + 2 [r = 0]",
    "sum(i, where(i // n_sharing == h // n_sharing, block_weights[i, t, r], 0)) / n_sharing"
    " + 8 * (r == (t + past) // block) + 4 * (r == (t + past) // block - 1) + 2 * (r == 0)",
    words={
        "en": (
            "How important a block is",
            "Its weight, averaged over the heads that share keys; the query's own block, the one "
            "before it and the first always come first.",
        ),
        "zh": (
            "块的重要程度",
            "共用键的各头的块权重取平均；查询所在的块、前一块和首块总是优先。",
        ),
    },
)
CHOSEN = Step(
    "chosen",
    "H T R",
    r"C^{\mathrm{slc}}_{tr} = [\mathrm{rank}(I_{tr}) \le n]",
    "(sum(n, (importance[h, t, r] < importance[h, t, n])"
    " + (importance[h, t, r] == importance[h, t, n]) * (n < r)) < selected)"
    " * (r <= (t + past) // block)",
    kind="weight",
    words={
        "en": ("Blocks chosen", "1 for the most important blocks, whose keys are read in full."),
        "zh": ("选中的块", "最重要的几块为 1，其中的键会被逐个读取。"),
    },
)


def pooled(
    k_BGSK: Tensor,
    v_BGSE: Tensor,
    allowed_BHTS: Tensor,
    seen_BHS: Tensor,
    block: int,
    rec: Recorder,
) -> tuple[Tensor, Tensor, Tensor]:
    """Each key's part in its block BHRS, and the means of keys BHRK and values BHRE of each block,
    of those keys that are `seen`."""
    s, n_sharing = k_BGSK.shape[2], allowed_BHTS.shape[1] // k_BGSK.shape[1]
    block_S = torch.arange(s, device=k_BGSK.device) // block
    rows_R1 = torch.arange(-(-s // block), device=k_BGSK.device)[:, None]
    inside_BHRS = (block_S == rows_R1) * seen_BHS[..., None, :].to(k_BGSK.dtype)
    part_BHRS = inside_BHRS / inside_BHRS.sum(-1, keepdim=True).clamp_min(1)
    last = allowed_BHTS.shape[2] - 1
    part_BHRS = rec.keep(PART, part_BHRS, allowed=allowed_BHTS, block=block, last=last)
    k_BHRK, v_BHRE = (part_BHRS @ shared(x, allowed_BHTS) for x in (k_BGSK, v_BGSE))
    k_BHRK = rec.keep(KEYS, k_BHRK, part=part_BHRS, k=k_BGSK, n_sharing=n_sharing)
    v_BHRE = rec.keep(VALUES, v_BHRE, part=part_BHRS, v=v_BGSE, n_sharing=n_sharing)
    return part_BHRS, k_BHRK, v_BHRE


def compressed(
    q_BHTK: Tensor, k_BHRK: Tensor, part_BHRS: Tensor, block: int, rec: Recorder
) -> Tensor:
    """Weights BHTR of the blocks that are finished at the query's place; none are, none at all."""
    (t, d_head), (r, s) = q_BHTK.shape[2:], part_BHRS.shape[2:]
    last_R = torch.arange(1, r + 1, device=q_BHTK.device) * block - 1
    place_T1 = torch.arange(s - t, s, device=q_BHTK.device)[:, None]
    there_BHTR = (last_R <= place_T1) & (part_BHRS > 0).any(-1)[..., None, :]
    scores_BHTR = (q_BHTK @ k_BHRK.mT * d_head**-0.5).where(there_BHTR, -math.inf)
    scores_BHTR = rec.keep(
        SCORES,
        scores_BHTR,
        q=q_BHTK,
        pooled_keys=k_BHRK,
        part=part_BHRS,
        block=block,
        past=s - t,
        d_head=d_head,
    )
    tiny = torch.finfo(q_BHTK.dtype).tiny
    weights_BHTR = softmax(scores_BHTR, SILENT)
    return rec.keep(WEIGHTS, weights_BHTR, block_scores=scores_BHTR, tiny=tiny)


def chosen(
    weights_BHTR: Tensor, n_groups: int, past: int, block: int, selected: int, rec: Recorder
) -> Tensor:
    """True BHTR for the `selected` blocks that are read in full, the same for all heads that share
    keys."""
    n_sharing = weights_BHTR.shape[1] // n_groups
    mean_BGTR = weights_BHTR.unflatten(1, (n_groups, n_sharing)).mean(2)
    block_R = torch.arange(weights_BHTR.shape[3], device=weights_BHTR.device)
    own_T1 = (torch.arange(weights_BHTR.shape[2], device=block_R.device)[:, None] + past) // block
    first_TR = 8 * (block_R == own_T1) + 4 * (block_R == own_T1 - 1) + 2 * (block_R == 0)
    importance_BHTR = rec.keep(
        IMPORTANCE,
        mean_BGTR.repeat_interleave(n_sharing, dim=1) + first_TR,
        block_weights=weights_BHTR,
        n_sharing=n_sharing,
        block=block,
        past=past,
    )
    rank_BHTR = importance_BHTR.sort(dim=-1, descending=True, stable=True).indices.argsort(-1)
    return rec.keep(
        CHOSEN,
        (rank_BHTR < selected) & (block_R <= own_T1),
        importance=importance_BHTR,
        selected=selected,
        block=block,
        past=past,
    )
