"""DeltaNet: a token first reads what the state holds under its key, then writes the difference.

Schlag, Irie, Schmidhuber 2021, arXiv:2102.11174, made parallel by Yang et al. 2024,
arXiv:2406.06484, whose normalisation stands here: queries and keys have length 1, so that a query
equal to a key gives back what was written there, and there is no 1/sqrt(d) (some packages divide by
it). beta = factor x sigmoid(w k); the paper computes it from the token's vector; up to 2 the state
cannot grow. Causal by itself; the last query stands at the last key. A hidden key has beta = 0.
"""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from attnviz.attention.core import Z
from attnviz.attention.cost import Cost
from attnviz.attention.kernels.hidden import held
from attnviz.attention.kernels.recurrence import Renew, products, recurrent
from attnviz.attention.normalizers.softmax import PATTERN
from attnviz.attention.parameter import Parameter, Weight, normal
from attnviz.attention.parts import Parts, shared
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

UNIT_Q = Step(
    "q_unit",
    "H T K",
    r"\hat q_t = q_t / \lVert q_t \rVert",
    "q[h, t, k] / sqrt(sum(j, q[h, t, j] ** 2))",
    words={
        "en": ("Queries of length 1", "Only the direction of a query counts."),
        "zh": ("单位长度的查询", "只保留查询的方向。"),
    },
)
UNIT_K = Step(
    "k_unit",
    "G S K",
    r"\hat k_s = k_s / \lVert k_s \rVert",
    "k[g, s, k] / sqrt(sum(j, k[g, s, j] ** 2))",
    words={
        "en": ("Keys of length 1", "Reading under a key then gives just what was written there."),
        "zh": ("单位长度的键", "这样，按某个键读取，得到的正是写在那里的内容。"),
    },
)
BETA = Step(
    "beta",
    "H S",
    r"\beta_s = c \, \sigma(w^\top k_s)",
    "factor * sigmoid(sum(k, w_beta[h, k] * k[h // n_sharing, s, k]))",
    words={
        "en": ("Writing strengths", "0 writes nothing, 1 replaces what the key held before."),
        "zh": ("写入强度", "0 表示不写入，1 表示完全替换该键原有的内容。"),
    },
)
PATTERN_DELTA = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A_{ts} = \beta_s \Bigl(\hat q_t^\top \hat k_s - \sum_{s < j \le t} A_{tj} \, "
    r"\hat k_j^\top \hat k_s\Bigr)",
    "where(s <= t + past, beta[h, s] * (sum(k, q_unit[h, t, k] * k_unit[h // n_sharing, s, k]) - "
    "sum(j, where((s < j) * (j <= t + past), pattern[h, t, j] * sum(k, "
    "k_unit[h // n_sharing, j, k] * k_unit[h // n_sharing, s, k]), 0))), 0)",
    words={
        "en": (
            "The matrix it amounts to",
            "The match with a key, less what later tokens have overwritten of it.",
        ),
        "zh": ("等效权重矩阵", "与键的匹配程度，减去后来的词元覆盖掉的部分。"),
    },
)


def fixed(shape: tuple[int, ...], _: torch.Generator) -> Tensor:
    """The same random numbers for every variant, so that two of them can be compared."""
    return normal(shape, torch.Generator().manual_seed(0))


FACTOR = Parameter(
    default=1.0,
    low=0.0,
    high=2.0,
    meaning={"en": "factor on all writing strengths", "zh": "所有写入强度的倍数"},
)
W_BETA = Weight(
    axes="H K",
    meaning={"en": "makes the writing strength from the key", "zh": "由键算出写入强度"},
    start=fixed,
    drawn=False,
)
BETAS = Weight(
    axes="H S",
    meaning={"en": "the writing strengths themselves", "zh": "直接给出的写入强度"},
    needed=False,
)


def units(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> tuple[Tensor, Tensor]:
    """Queries BHTK and keys BGSK of length 1; a zero vector stays."""
    unit_BHTK = rec.keep(UNIT_Q, functional.normalize(q_BHTK, dim=-1), q=q_BHTK)
    return unit_BHTK, rec.keep(UNIT_K, functional.normalize(k_BGSK, dim=-1), k=k_BGSK)


def strengths(
    k_BGSK: Tensor, n_heads: int, factor: float, w: Tensor, given: Tensor | None, rec: Recorder
) -> Tensor:
    """beta BHS: the given one (H S), else factor x sigmoid(w k)."""
    n_sharing = n_heads // k_BGSK.shape[1]
    k_BHSK = k_BGSK.repeat_interleave(n_sharing, dim=1)
    if given is not None:
        return rec.keep(replace(BETA, rule=""), given.expand(k_BHSK.shape[:3]))
    beta_BHS = factor * (k_BHSK * w[..., None, :]).sum(-1).sigmoid()
    return rec.keep(BETA, beta_BHS, factor=factor, w_beta=w, k=k_BGSK, n_sharing=n_sharing)


def correcting(k_BHSK: Tensor, v_BHSE: Tensor, beta_BHS: Tensor, forget_BHS: Tensor) -> Renew:
    """The delta rule: let the state fade, read it under the key, write the difference."""

    def renew(state_BHKE: Tensor, place: int) -> Tensor:
        state_BHKE = forget_BHS[:, :, place, None, None] * state_BHKE
        k_BHK = k_BHSK[:, :, place]
        missing_BHE = v_BHSE[:, :, place] - torch.einsum("bhk,bhke->bhe", k_BHK, state_BHKE)
        change_BHE = beta_BHS[:, :, place, None] * missing_BHE
        return state_BHKE + k_BHK[..., None] * change_BHE[:, :, None]

    return renew


def closed(q_BHTK: Tensor, k_BHSK: Tensor, beta_BHS: Tensor, forget_BHS: Tensor) -> Tensor:
    """The matrix BHTS of the whole recurrence: (q k^T) (I + beta k k^T below the diagonal)^-1 beta,
    both products faded."""
    (t, s), one_SS = (q_BHTK.shape[2], k_BHSK.shape[2]), torch.eye(k_BHSK.shape[2]).to(k_BHSK)
    match_BHTS = q_BHTK @ k_BHSK.mT * products(forget_BHS, t)
    overlap_BHSS = k_BHSK @ k_BHSK.mT * products(forget_BHS, s)
    system_BHSS = one_SS + (beta_BHS[..., None] * overlap_BHSS).tril(-1)
    solved_BHTS = torch.linalg.solve_triangular(system_BHSS, match_BHTS, upper=False, left=False)
    return solved_BHTS * beta_BHS[..., None, :]


def deltanet(factor: float, w_beta: Tensor, beta: Tensor | None) -> Parts:
    """A path that writes differences by the strengths `beta` (H S), else factor x sigmoid(w k)."""

    def whole(
        q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
    ) -> Tensor:
        h, past = q_BHTK.shape[1], k_BGSK.shape[2] - q_BHTK.shape[2]
        beta_BHS = strengths(k_BGSK, h, factor, w_beta, beta, rec)
        beta_BHS = held("beta", beta_BHS, allowed, rec)
        q_BHTK, k_BGSK = units(q_BHTK, k_BGSK, rec)
        k_BHSK, v_BHSE = shared(k_BGSK, q_BHTK), shared(v_BGSE, q_BHTK)
        n_sharing, forget_BHS = h // k_BGSK.shape[1], torch.ones_like(beta_BHS)

        def pattern() -> Tensor:
            return closed(q_BHTK, k_BHSK, beta_BHS, forget_BHS)

        about = {"q_unit": q_BHTK, "k_unit": k_BGSK, "beta": beta_BHS, "n_sharing": n_sharing}
        rec.derive(PATTERN_DELTA, pattern, **about, pattern=PATTERN_DELTA, past=past)
        renew = correcting(k_BHSK, v_BHSE, beta_BHS, forget_BHS)
        z_BHTE = recurrent(q_BHTK, k_BHSK, v_BHSE, renew, rec)
        return rec.keep(Z, z_BHTE, pattern=PATTERN_DELTA, v=v_BGSE, n_sharing=n_sharing)

    return Parts(whole=whole)


VARIANT = Variant(
    name="deltanet",
    title={"en": "DeltaNet", "zh": "DeltaNet（增量规则）"},
    words={
        "en": "A token first reads what the memory holds under its key and writes only the "
        "difference: an old value is replaced, not added to.",
        "zh": "词元先按自己的键读出记忆，再只写入差值：旧值被替换，而不是累加。",
    },
    paper="Yang et al. 2024, arXiv:2406.06484",
    formula=r"S_t = (I - \beta_t \hat k_t \hat k_t^\top) S_{t-1} + \beta_t \hat k_t v_t^\top, "
    r"\quad z_t = S_t^\top \hat q_t",
    parts=deltanet,
    oracle=Oracle(
        package="fla-core",
        call="ops.delta_rule.naive.delta_rule_recurrence of q and k of length 1, times sqrt(d)",
        error=1e-6,
    ),
    properties=Properties(placed=True, row_sum="any", negative=True, causal=True, sparse=True),
    parameters={"factor": FACTOR},
    weights={"w_beta": W_BETA, "beta": BETAS},
    cost=Cost(
        operations="H * (6 * S * K * E + 2 * S * K + 2 * T * K * E)",
        numbers="H * K * E",
        tokens="1",
        width="H * K * E",
    ),
)
