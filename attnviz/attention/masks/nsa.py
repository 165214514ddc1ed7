"""Native sparse attention: three views of the past, each with a gate: means of blocks, the keys of
the blocks that matter most, and a window.

Yuan et al. 2025, arXiv:2502.11089. A block's mean stands for it (the paper learns a small network);
blocks do not overlap, are counted from the first key and are the same for means and choice; all
branches read the same keys and values. A mean is seen once its block is finished at the query's
place. The query's own block, the one before it and the first are always chosen, first of all and in
this order; heads that share keys choose together, by their mean weight. The window counts the token
itself. The weights do not sum to 1: the gates say how much of each branch is taken. The output
jumps where two blocks are equally important and their order changes; elsewhere it is smooth. A
further mask may hide keys from every query.
"""

from torch import Tensor

from attnviz.attention.core import Z
from attnviz.attention.cost import Cost
from attnviz.attention.kernels.mask import visible
from attnviz.attention.masks.causal import causal
from attnviz.attention.masks.nsa_blocks import chosen, compressed, pooled
from attnviz.attention.masks.nsa_gates import BIASES, WEIGHTS, gates
from attnviz.attention.masks.nsa_tokens import selected_weights, window_weights
from attnviz.attention.normalizers.softmax import PATTERN
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts, shared
from attnviz.attention.scores.scaled_dot import scaled_dot
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

PATTERN_NSA = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A = g^{\mathrm{cmp}} A^{\mathrm{cmp}} P + g^{\mathrm{slc}} A^{\mathrm{slc}}"
    r" + g^{\mathrm{win}} A^{\mathrm{win}}",
    "compressed_gate[h, t] * sum(r, block_weights[h, t, r] * part[h, r, s])"
    " + selected_gate[h, t] * selected_weights[h, t, s]"
    " + window_gate[h, t] * window_weights[h, t, s]",
    words={
        "en": (
            "The matrix it amounts to",
            "The three branches together, as their gates say; a row need not sum to 1.",
        ),
        "zh": ("等效权重矩阵", "三个分支按各自的门控相加；一行之和不一定为 1。"),
    },
)
Z_NSA = Step(
    Z.name,
    Z.axes,
    r"Z = g^{\mathrm{cmp}} A^{\mathrm{cmp}} \bar V + g^{\mathrm{slc}} A^{\mathrm{slc}} V"
    r" + g^{\mathrm{win}} A^{\mathrm{win}} V",
    "compressed_gate[h, t] * sum(r, block_weights[h, t, r] * pooled_values[h, r, e])"
    " + sum(s, (selected_gate[h, t] * selected_weights[h, t, s]"
    " + window_gate[h, t] * window_weights[h, t, s]) * v[h // n_sharing, s, e])",
    words={
        "en": ("Gated sum of the branches", "What each branch reads, times its gate."),
        "zh": ("各分支的门控之和", "各分支读到的内容乘以门控后相加。"),
    },
)


def nsa(block: int, selected: int, window: int, **gating: float | Tensor | None) -> Parts:
    """Parts with means of `block` keys, the `selected` most important blocks and the last `window`
    keys; `gating` holds the biases and weights of the gates."""

    def whole(
        q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
    ) -> Tensor:
        assert allowed is not None, "the past is all that is seen"
        _, seen_BHS = visible(allowed)
        assert seen_BHS is not None
        part, keys, values = pooled(k_BGSK, v_BGSE, allowed, seen_BHS, block, rec)
        weights = compressed(q_BHTK, keys, part, block, rec)
        past = k_BGSK.shape[2] - q_BHTK.shape[2]
        chosen_BHTR = chosen(weights, k_BGSK.shape[1], past, block, selected, rec)
        scaled_BHTS = scaled_dot(q_BHTK, k_BGSK, rec)
        slc = selected_weights(scaled_BHTS, allowed, chosen_BHTR, block, rec)
        win = window_weights(scaled_BHTS, allowed, window, rec)
        c, s, w = gates(q_BHTK, past, gating, rec)
        n_sharing = q_BHTK.shape[1] // k_BGSK.shape[1]
        near_BHTS = s * slc + w * win
        about = {"compressed_gate": c, "selected_gate": s, "window_gate": w}
        about |= {"block_weights": weights, "selected_weights": slc, "window_weights": win}
        rec.derive(PATTERN_NSA, lambda: c * (weights @ part) + near_BHTS, **about, part=part)
        z_BHTE = c * (weights @ values) + near_BHTS @ shared(v_BGSE, q_BHTK)
        own = {"pooled_values": values, "v": v_BGSE, "n_sharing": n_sharing}
        return rec.keep(Z_NSA, z_BHTE, None, **about, **own)

    return Parts(allow=causal, whole=whole)


VARIANT = Variant(
    name="nsa",
    title={"en": "Native sparse attention (NSA)", "zh": "原生稀疏注意力（NSA）"},
    words={
        "en": "The far past is read as means of blocks, the blocks that matter most are read in "
        "full, and so is what is near; a gate for each says how much of it is taken.",
        "zh": "远处的内容按块取平均来读，最重要的几块和近处的内容逐个细读；三者各有门控，"
        "决定采用多少。",
    },
    paper="Yuan et al. 2025, arXiv:2502.11089",
    formula=r"A = g^{\mathrm{cmp}} A^{\mathrm{cmp}} P + g^{\mathrm{slc}} A^{\mathrm{slc}}"
    r" + g^{\mathrm{win}} A^{\mathrm{win}}",
    parts=nsa,
    oracle=Oracle(
        package="fla-core",
        call="ops.nsa.naive: compression, topk, selection; naive_parallel_attn",
        error=1e-6,
    ),
    properties=Properties(placed=True, row_sum="any", causal=True, sparse=True),
    parameters={
        "block": Parameter(
            default=2,
            low=1,
            high=1_000_000,
            unit="tokens",
            whole=True,
            meaning={"en": "how long a block is", "zh": "每块的长度"},
        ),
        "selected": Parameter(
            default=4,
            low=1,
            high=1_000_000,
            unit="blocks",
            whole=True,
            meaning={"en": "how many blocks are read in full", "zh": "逐个细读的块数"},
        ),
        "window": Parameter(
            default=3,
            low=1,
            high=1_000_000,
            unit="tokens",
            whole=True,
            meaning={"en": "how many tokens are near, itself included", "zh": "近处词元数，含自身"},
        ),
        **BIASES,
    },
    weights=WEIGHTS,
    cost=Cost(
        pairs="T * (S / block + minimum(selected * block, S) + minimum(window, S))",
        extra="H * S * (K + E) + 6 * H * T * K",
        tokens="S + S / block",
    ),
    limits=(
        Limit(
            given={"bias_compressed": -40, "bias_selected": -40, "bias_window": 40},
            equals="sliding_window",
            of={"window": 3},
        ),
        Limit(
            given={
                "bias_compressed": -40,
                "bias_selected": 40,
                "bias_window": -40,
                "selected": "S",
            },
            equals="causal",
        ),
        Limit(
            given={"bias_compressed": 40, "bias_selected": -40, "bias_window": -40, "block": 1},
            equals="causal",
        ),
    ),
)
