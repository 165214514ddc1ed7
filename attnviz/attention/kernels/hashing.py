"""Hashing by random directions: which tokens come to stand together, and attention within chunks of
that order.

Kitaev, Kaiser, Levskaya 2020, arXiv:2001.04451, sections 2 and 3.
"""

import torch
from torch import Tensor
from torch.nn import functional

from attnviz.attention.kernels.hidden import hidden
from attnviz.recorder import Recorder, Step

HASHED = Step(
    "hashed",
    "H N T R",
    r"[q_t R; -q_t R]",
    "where(r < directions, 1, -1) * sum(k, q[h, t, k] * rotations[h, k, n, r % directions])",
    words={
        "en": (
            "Along random directions",
            "How far a query points along each direction, and against it.",
        ),
        "zh": ("在随机方向上的投影", "查询沿每个方向及其反方向各指向多远。"),
    },
)


BUCKETS = Step(
    "buckets",
    "H N T",
    r"b_t = \arg\max \, [q_t R; -q_t R]",
    "argmax(r, hashed[h, n, t, r])",
    kind="id",
    words={
        "en": ("Buckets", "The direction it points along most; alike vectors tend to share it."),
        "zh": ("桶", "它最偏向的方向；相似的向量往往落入同一个桶。"),
    },
)


HIDDEN = Step(
    "hidden",
    "H N T",
    r"b_t = \text{a bucket of their own, where hidden}",
    "where(allowed[h, last, t], buckets[h, n, t], 2 * directions)",
    kind="id",
    words={
        "en": ("Keys left out", "Tokens that the mask hides go into a bucket of their own, last."),
        "zh": ("去掉的键", "被掩码隐藏的词元单独放进最后一个桶。"),
    },
)


PLACES = Step(
    "place",
    "H N T",
    r"p_t",
    "sum(l, buckets[h, n, l] < buckets[h, n, t]) + "
    "sum(l, (buckets[h, n, l] == buckets[h, n, t]) * (l < t))",
    kind="id",
    words={
        "en": ("Place in the sorted order", "How many tokens stand before it, sorted by bucket."),
        "zh": ("排序后的位置", "按桶排序后，它前面有多少个词元。"),
    },
)


MET = Step(
    "met",
    "H T S",
    r"N_{ts}",
    "sum(n, maximum(place[h, n, s] // chunk == place[h, n, t] // chunk, "
    "place[h, n, s] // chunk == (place[h, n, t] // chunk + n_chunks - 1) % n_chunks))",
    words={
        "en": (
            "Rounds in which they meet",
            "In how many rounds the key lies in the query's chunk or in the one before.",
        ),
        "zh": ("相遇的轮数", "有多少轮中，键落在查询所在的块或前一块里。"),
    },
)


MET_SEEN = Step(
    "met_seen",
    "H T S",
    r"N_{ts} = 0 \text{ where hidden}",
    "met[h, t, s] * allowed[h, last, s]",
    words={
        "en": ("Rounds, without hidden keys", "A key that the mask hides is met in no round."),
        "zh": ("去掉隐藏键的轮数", "被掩码隐藏的键不与任何查询相遇。"),
    },
)


def meetings(place_BHNT: Tensor, chunk: int) -> Tensor:
    """In how many rounds each key lies in the query's chunk or in the one before, BHTS."""
    mine_BHNT, n_chunks = place_BHNT // chunk, -(-place_BHNT.shape[-1] // chunk)
    before_BHNT = (mine_BHNT + n_chunks - 1) % n_chunks
    theirs_BHN1S = mine_BHNT[..., None, :]
    met = (theirs_BHN1S == mine_BHNT[..., None]) | (theirs_BHN1S == before_BHNT[..., None])
    return met.sum(2)


def chunked(
    q_BHTK: Tensor, k_BHTK: Tensor, v_BHTE: Tensor, bias: Tensor, order_BHT: Tensor, chunk: int
) -> tuple[Tensor, Tensor]:
    """One round: the output BHTE and the logarithm of its sum BHT1, both in sorted order. `bias`
    BHTS is added to the scores; chunks are of `chunk` tokens, the last one may be shorter."""
    t = order_BHT.shape[-1]
    own_BHNC = functional.pad(order_BHT, (0, -t % chunk), value=-1).unflatten(-1, (-1, chunk))
    near = [own_BHNC] if own_BHNC.shape[2] == 1 else [own_BHNC, own_BHNC.roll(1, 2)]
    near_BHNS = torch.cat(near, dim=-1)
    b, h = (torch.arange(n, device=q_BHTK.device) for n in q_BHTK.shape[:2])
    b, h = b[:, None, None, None], h[:, None, None]
    scores = q_BHTK[b, h, own_BHNC] @ k_BHTK[b, h, near_BHNS].mT
    scores = scores + bias[b[..., None], h[..., None], own_BHNC[..., None], near_BHNS[..., None, :]]
    scores = scores.masked_fill(near_BHNS[..., None, :] < 0, -torch.inf)
    limit = torch.finfo(scores.dtype)
    most = scores.amax(-1, keepdim=True).clamp_min(limit.min)
    exp = torch.exp(scores - most)
    total = exp.sum(-1, keepdim=True).clamp_min(limit.tiny)
    z, log_total = exp @ v_BHTE[b, h, near_BHNS] / total, most + total.log()
    return z.flatten(2, 3)[:, :, :t], log_total.flatten(2, 3)[:, :, :t]


def rounds_joined(
    q_BHTK: Tensor, k_BHTK: Tensor, v_BHTE: Tensor, bias: Tensor, order_BHNT: Tensor, chunk: int
) -> Tensor:
    """The output BHTE of all rounds, each in the proportion of its sum."""
    outputs, logs = [], []
    for order_BHT in order_BHNT.unbind(2):
        z, log_total = chunked(q_BHTK, k_BHTK, v_BHTE, bias, order_BHT, chunk)
        back_BHT1 = order_BHT.argsort(-1)[..., None]
        outputs.append(z.gather(2, back_BHT1.expand_as(z)))
        logs.append(log_total.gather(2, back_BHT1))
    share = torch.stack(logs).softmax(0)
    return (share * torch.stack(outputs)).sum(0)


def hashes(q_BHTK: Tensor, rotations: Tensor, allowed: Tensor | None, rec: Recorder) -> Tensor:
    """The bucket of each token in each round, BHNT; tokens that are hidden have the last one."""
    directions = rotations.shape[-1]
    along_BHNTR = q_BHTK.detach()[:, :, None] @ rotations.movedim(-2, -3)
    hashed = torch.cat((along_BHNTR, -along_BHNTR), dim=-1)
    hashed = rec.keep(HASHED, hashed, q=q_BHTK, rotations=rotations, directions=directions)
    buckets, hidden_BHS = rec.keep(BUCKETS, hashed.argmax(-1), hashed=hashed), hidden(allowed)
    if hidden_BHS is None:
        return buckets
    moved, last = buckets.masked_fill(hidden_BHS[:, :, None], 2 * directions), q_BHTK.shape[2] - 1
    return rec.keep(
        HIDDEN, moved, buckets=buckets, allowed=allowed, directions=directions, last=last
    )
