"""BigBird: a window of blocks, the first and the last block for all, and a few blocks at random.

Zaheer et al. 2020, arXiv:2007.14062 ("ITC"). Tokens are cut into blocks, counted from the first
key; the last may be shorter. A block sees itself and one block on either side; the first and the
last block see all and are seen by all; the others see `random` blocks more, drawn for each head
among those not yet seen (as many as there are, where there are fewer). The draw depends on nothing
but the seed, the number of blocks and the number of heads.
"""

from dataclasses import replace

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.masks.place import places
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import SEED, Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

RANDOM = Step(
    "random",
    "H T S",
    r"R_{hts} \in \{0, 1\}",
    kind="weight",
    words={
        "en": ("Random blocks", "1 where the key's block was drawn for the query's block."),
        "zh": ("随机块", "键所在的块被随机分给查询所在的块时为 1。"),
    },
)
BIGBIRD = Step(
    "allowed",
    "H T S",
    r"C_{hts} = [|b_t - b_s| \le 1] \lor [b_t \in \{0, b_{\max}\}] \lor "
    r"[b_s \in \{0, b_{\max}\}] \lor R_{hts}, \quad b_t = \lfloor t / b \rfloor",
    "0 < (abs((t + past) // block - s // block) <= 1)"
    " + ((t + past) // block == 0) + ((t + past) // block == last)"
    " + (s // block == 0) + (s // block == last) + random[h, t, s]",
    kind="weight",
    words={
        "en": (
            "Mask of blocks",
            "1 in the query's block and its neighbours, the first and last block, and those drawn.",
        ),
        "zh": ("分块掩码", "本块与相邻块、首块与末块以及随机抽到的块为 1，其余为 0。"),
    },
)


def bigbird(block: int, random: int, seed: int) -> Parts:
    """Parts that allow near blocks, the first and last one, and `random` more from the `seed`."""

    def allow(scores_BHTS: Tensor, rec: Recorder) -> Tensor:
        query_T1, key_S = places(scores_BHTS)
        past, last = len(key_S) - len(query_T1), (len(key_S) - 1) // block
        row_T1, column_S = query_T1 // block, key_S // block
        drawn_HNN = _drawn(scores_BHTS.shape[1], last, random, seed).to(scores_BHTS.device)
        drawn_BHTS = drawn_HNN[:, row_T1.clamp_min(0), column_S].expand_as(scores_BHTS)
        drawn_BHTS = rec.keep(RANDOM, drawn_BHTS)
        near_TS = (row_T1 - column_S).abs() <= 1
        ends_TS = (row_T1 == 0) | (row_T1 == last) | (column_S == 0) | (column_S == last)
        allowed_BHTS = drawn_BHTS | near_TS | ends_TS
        return rec.keep(BIGBIRD, allowed_BHTS, past=past, block=block, last=last, random=drawn_BHTS)

    return Parts(allow=allow)


def _drawn(n_heads: int, last: int, random: int, seed: int) -> Tensor:
    """For each head, True where a block of keys (columns 0 to `last`) is drawn for one of queries:
    `random` in a row, or as many as are not seen anyway."""
    place_N = torch.arange(last + 1)
    inner_N = (place_N > 0) & (place_N < last)
    far_NN = (place_N[:, None] - place_N).abs() > 1
    free_NN = inner_N[:, None] & inner_N & far_NN
    generator = torch.Generator().manual_seed(seed)
    lot_HNN = torch.rand(n_heads, last + 1, last + 1, generator=generator).where(free_NN, 2)
    return free_NN & (lot_HNN.argsort(-1).argsort(-1) < random)


VARIANT = Variant(
    name="bigbird",
    title={"en": "BigBird (window, global, random)", "zh": "BigBird（窗口、全局与随机块）"},
    words={
        "en": "Blocks see their neighbours, the first and the last block, and a few others drawn "
        "at random: few steps lead from any token to any other, at a cost that grows with length.",
        "zh": "每块看相邻块、首尾两块和几个随机块：几步之内即可从任一词元到达另一词元，"
        "计算量只随长度线性增长。",
    },
    paper="Zaheer et al. 2020, arXiv:2007.14062",
    formula=r"C_{hts} = [|b_t - b_s| \le 1] \lor [b_t \in \{0, b_{\max}\}] \lor "
    r"[b_s \in \{0, b_{\max}\}] \lor R_{hts}",
    parts=bigbird,
    oracle=Oracle(
        package="transformers",
        call="BigBirdBlockSparseAttention with the same random blocks",
        error=1e-13,
    ),
    properties=Properties(placed=True, growing=True, sparse=True),
    parameters={
        "block": Parameter(
            default=2,
            low=1,
            high=1_000_000,
            unit="tokens",
            whole=True,
            meaning={"en": "how long a block is", "zh": "每块的长度"},
        ),
        "random": Parameter(
            default=1,
            low=0,
            high=1_000_000,
            unit="blocks",
            whole=True,
            meaning={"en": "random blocks for each block", "zh": "每块的随机块数"},
        ),
        "seed": replace(SEED, meaning={"en": "seed of the random blocks", "zh": "随机块的种子"}),
    },
    cost=Cost(pairs="minimum(T * block * (5 + random) + 2 * block * S, T * S)"),
    limits=(
        Limit(given={"block": "S"}, equals="bidirectional"),
        Limit(given={"block": 1, "random": "S"}, equals="bidirectional"),
    ),
)
