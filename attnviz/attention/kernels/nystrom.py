"""Nyström attention (Nyströmformer): a few landmarks stand for all queries and keys, and the matrix
between the landmarks is inverted.

Xiong et al. 2021, arXiv:2102.03902. Landmarks are means of segments: token t of T belongs to
segment floor(t m / T), so segments are of nearly equal length where m does not
divide T, and of equal length where it does (packages fill the text up with zeros instead). A text
with fewer tokens than landmarks has one for each token. The pseudo-inverse is iterated from the
transpose over (largest column sum x largest row sum) of each matrix (one package takes the largest
of the whole batch). Landmarks hold tokens of the whole text: the mask may only leave keys out; a
segment of which no key is left gives no landmark. The convolution beside it is left out.
"""

from functools import partial

import torch
from torch import Tensor

from attnviz.attention.core import Z
from attnviz.attention.cost import Cost
from attnviz.attention.kernels.hidden import at_once, hidden
from attnviz.attention.kernels.landmark import (
    HIDDEN,
    K_LANDMARKS,
    Q_LANDMARKS,
    SEGMENT_K,
    SEGMENT_Q,
    means,
    pseudo_inverse,
    segments,
)
from attnviz.attention.normalizers.softmax import PATTERN, softmax
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts, shared
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import SILENT, Recorder, Step

_ALIKE = (
    "where(sum(s, segment_k[h, s] == {n}) > 0, exp(sum(k, {q} * k_landmarks[h, {n}, k]) / "
    "sqrt(width)), 0)"
)
TO_LANDMARKS = Step(
    "to_landmarks",
    "H T N",
    r"F = \mathrm{softmax}(Q \tilde K^\top / \sqrt{d})",
    " / ".join(
        (
            _ALIKE.format(q="q[h, t, k]", n="n"),
            f"sum(m, {_ALIKE.format(q='q[h, t, k]', n='m')})",
        )
    ),
    kind="weight",
    words={
        "en": ("Queries on landmarks", "Every query looks at the landmarks of the keys."),
        "zh": ("查询看地标", "每个查询看键的地标。"),
    },
)
CORE = Step(
    "core",
    "H R N",
    r"C = \mathrm{softmax}(\tilde Q \tilde K^\top / \sqrt{d})",
    " / ".join(
        (
            _ALIKE.format(q="q_landmarks[h, r, k]", n="n"),
            f"sum(m, {_ALIKE.format(q='q_landmarks[h, r, k]', n='m')})",
        )
    ),
    kind="weight",
    words={
        "en": ("Landmarks on landmarks", "The small matrix that has to be inverted."),
        "zh": ("地标看地标", "需要求逆的小矩阵。"),
    },
)
INVERSE = Step(
    "inverse",
    "H N R",
    r"C^+ \leftarrow \tfrac{1}{4} C^+ (13 I - C C^+ (15 I - C C^+ (7 I - C C^+)))",
    words={
        "en": ("The inverse, nearly", "Found by rounds of multiplying; more rounds, less error."),
        "zh": ("近似的逆矩阵", "由反复相乘逼近；轮数越多，误差越小。"),
    },
)
FROM_KEYS = Step(
    "from_keys",
    "H R S",
    r"B = \mathrm{softmax}(\tilde Q K^\top / \sqrt{d})",
    "where(0 <= segment_k[h, s], exp(sum(k, q_landmarks[h, r, k] * k[h // n_sharing, s, k]) / "
    "sqrt(width)), 0) / sum(l, where(0 <= segment_k[h, l], exp(sum(k, q_landmarks[h, r, k] * "
    "k[h // n_sharing, l, k]) / sqrt(width)), 0))",
    kind="weight",
    words={
        "en": ("Landmarks on keys", "The landmarks of the queries look at every key."),
        "zh": ("地标看键", "查询的地标看每一个键。"),
    },
)
PATTERN_NYSTROM = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A = F C^+ B",
    "sum(n, to_landmarks[h, t, n] * sum(r, inverse[h, n, r] * from_keys[h, r, s]))",
    words={
        "en": (
            "The matrix it amounts to",
            "Never written down by this method; some weights can be negative.",
        ),
        "zh": ("等效权重矩阵", "该方法从不真正写出它；其中有些权重可能为负。"),
    },
)
Z_NYSTROM = Step(
    Z.name,
    Z.axes,
    r"Z = (F C^+)(B V)",
    "sum(n, r, to_landmarks[h, t, n] * inverse[h, n, r] * "
    "sum(s, from_keys[h, r, s] * v[h // n_sharing, s, e]))",
    words={
        "en": ("Mix by way of the landmarks", "The landmarks mix the values, the queries those."),
        "zh": ("经由地标混合", "先由地标混合各个值，再由查询混合其结果。"),
    },
)


def alike(x_BHTK: Tensor, y_BHSK: Tensor, seen_BHS: Tensor) -> Tensor:
    """Softmax BHTS over those of `y` that are seen."""
    scores_BHTS = x_BHTK @ y_BHSK.mT / x_BHTK.shape[-1] ** 0.5
    return softmax(scores_BHTS.where(seen_BHS[:, :, None], -torch.inf), SILENT)


def nystrom(landmarks: int, rounds: int) -> Parts:
    """A path by way of `landmarks` means of queries and of keys."""

    def whole(
        q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
    ) -> Tensor:
        at_once("nystrom", allowed)
        (h, t, width), (g, s) = q_BHTK.shape[1:], k_BGSK.shape[1:3]
        n, n_sharing, k_BHSK = min(landmarks, t, s), h // g, shared(k_BGSK, q_BHTK)
        of_q, of_k, hidden_BHS = segments(q_BHTK, n), segments(k_BHSK, n), hidden(allowed)
        of_q = rec.keep(SEGMENT_Q, of_q, landmarks=n, n_tokens=t)
        of_k = rec.keep(SEGMENT_K, of_k, landmarks=n, n_tokens=s)
        if hidden_BHS is not None:
            seen = of_k.masked_fill(hidden_BHS, -1)
            of_k = rec.keep(HIDDEN, seen, segment=of_k, allowed=allowed, last=t - 1)
        q_BHRK, (k_BHNK, there_BHN) = means(q_BHTK, of_q, n)[0], means(k_BHSK, of_k, n)
        q_BHRK = rec.keep(Q_LANDMARKS, q_BHRK, q=q_BHTK, segment_q=of_q)
        k_BHNK = rec.keep(K_LANDMARKS, k_BHNK, k=k_BGSK, segment_k=of_k, n_sharing=n_sharing)

        keep = partial(rec.keep, again=None, segment_k=of_k, width=width)
        to_BHTN = alike(q_BHTK, k_BHNK, there_BHN)
        to_BHTN = keep(TO_LANDMARKS, to_BHTN, q=q_BHTK, k_landmarks=k_BHNK)
        core_BHRN = alike(q_BHRK, k_BHNK, there_BHN)
        core_BHRN = keep(CORE, core_BHRN, q_landmarks=q_BHRK, k_landmarks=k_BHNK)
        inverse_BHNR = rec.keep(INVERSE, pseudo_inverse(core_BHRN, rounds), core=core_BHRN)
        from_BHRS = alike(q_BHRK, k_BHSK, of_k >= 0)
        from_BHRS = keep(FROM_KEYS, from_BHRS, q_landmarks=q_BHRK, k=k_BGSK, n_sharing=n_sharing)
        about = {"to_landmarks": to_BHTN, "inverse": inverse_BHNR, "from_keys": from_BHRS}
        rec.derive(PATTERN_NYSTROM, lambda: to_BHTN @ inverse_BHNR @ from_BHRS, **about)
        z_BHTE = (to_BHTN @ inverse_BHNR) @ (from_BHRS @ shared(v_BGSE, q_BHTK))
        return rec.keep(Z_NYSTROM, z_BHTE, None, **about, v=v_BGSE, n_sharing=n_sharing)

    return Parts(whole=whole)


VARIANT = Variant(
    name="nystrom",
    title={"en": "Nyströmformer", "zh": "Nyströmformer（地标近似）"},
    words={
        "en": "A few landmarks, means of pieces of the text, stand for all queries and keys: the "
        "large matrix is put together from three small ones.",
        "zh": "用少数几个地标（文本各段的均值）代表全部查询和键：大矩阵由三个小矩阵拼成。",
    },
    paper="Xiong et al. 2021, arXiv:2102.03902",
    formula=r"A = \mathrm{softmax}(Q \tilde K^\top / \sqrt{d}) \, "
    r"\mathrm{softmax}(\tilde Q \tilde K^\top / \sqrt{d})^{+} \, "
    r"\mathrm{softmax}(\tilde Q K^\top / \sqrt{d})",
    parts=nystrom,
    oracle=Oracle(
        package="nystrom-attention", call="NystromAttention(return_attn=True)", error=1e-13
    ),
    properties=Properties(placed=True, row_sum="any", negative=True, maskable=False),
    parameters={
        "landmarks": Parameter(
            default="minimum(4, C)",
            low=1,
            high="C",
            whole=True,
            meaning={"en": "how many means stand for the text", "zh": "用几个均值代表全文"},
        ),
        "rounds": Parameter(
            default=6,
            low=0,
            high=60,
            unit="rounds",
            whole=True,
            meaning={"en": "rounds of the inverse", "zh": "求逆的迭代轮数"},
        ),
    },
    cost=Cost(
        operations="H * (landmarks * (T + S + landmarks) * (2 * K + 5) + rounds * 8 * landmarks "
        "** 3 + 2 * landmarks * (S * E + T * landmarks + T * E))",
        numbers="H * landmarks * (T + S + 2 * landmarks)",
    ),
    limits=(
        Limit(given={"landmarks": "S", "rounds": 40}, equals="softmax"),
        Limit(given={"landmarks": "S"}, equals="softmax", error=0.2),
    ),
)
