"""One head of several attentions on the same tokens: what each matrix is like, and how far it is
from another."""

from dataclasses import dataclass

import torch
from torch import Tensor

TINY = 1e-12
"""A weight below is counted as none: what is left of a zero after rounding."""


@dataclass(frozen=True, eq=False)
class Measures:
    """What a T x S matrix of weights is like, in float64; nan for a row without any weight.

    `sums_T` are the rows' sums. `entropy_T` in nats and `distance_T`, the mean distance |t - s| in
    tokens, are of the rows' magnitudes divided by their sum: a row whose weights do not sum to 1,
    or are negative, has none otherwise. The last query stands at the last key. `density` is the
    share of cells that are not zero, `rank` the numerical rank, `least` and `most` the extreme
    weights.
    """

    sums_T: Tensor
    entropy_T: Tensor
    distance_T: Tensor
    density: float
    rank: int
    least: float
    most: float


@dataclass(frozen=True, eq=False)
class Change:
    """How far one attention is from a reference on the same tokens.

    `difference_TS` is its weights less the reference's. `divergence_T` is the Jensen-Shannon
    distance of each row, 0 (the same) to 1 (no key in common), of magnitudes as in `Measures`.
    `cosine` of the two outputs, all rows together, and `norm`, the length of the output divided by
    that of the reference's; nan where a length is 0.
    """

    difference_TS: Tensor
    divergence_T: Tensor
    cosine: float
    norm: float

    @property
    def largest(self) -> float:
        """The largest difference of a weight."""
        return float(self.difference_TS.abs().max())


def measures(pattern_TS: Tensor) -> Measures:
    """The measures of one head's weights."""
    weights_TS = pattern_TS.double()
    shares_TS = _shares(weights_TS)
    t, s = weights_TS.shape
    finite = weights_TS.isfinite().all()
    rounding = max(t, s) * torch.finfo(pattern_TS.dtype).eps
    place_T1 = torch.arange(t)[:, None] + s - t
    apart_TS = (place_T1 - torch.arange(s)).abs().double()
    return Measures(
        sums_T=weights_TS.sum(-1),
        entropy_T=torch.special.entr(shares_TS).sum(-1),
        distance_T=(shares_TS * apart_TS).sum(-1),
        density=float((weights_TS.abs() > TINY).double().mean()),
        rank=int(torch.linalg.matrix_rank(weights_TS, rtol=rounding)) if finite else 0,
        least=float(weights_TS.min()),
        most=float(weights_TS.max()),
    )


def change(pattern_TS: Tensor, z_TE: Tensor, reference_TS: Tensor, reference_TE: Tensor) -> Change:
    """What changes from the reference's weights and output to these."""
    ours, theirs = z_TE.double().flatten(), reference_TE.double().flatten()
    lengths = float(ours.norm()), float(theirs.norm())
    nan = float("nan")
    return Change(
        difference_TS=pattern_TS.double() - reference_TS.double(),
        divergence_T=divergence(pattern_TS, reference_TS),
        cosine=float(ours @ theirs) / (lengths[0] * lengths[1]) if min(lengths) else nan,
        norm=lengths[0] / lengths[1] if lengths[1] else nan,
    )


def divergence(one_TS: Tensor, other_TS: Tensor) -> Tensor:
    """Jensen-Shannon distance T of the rows (Lin 1991; Endres, Schindelin 2003), its logarithm to
    base 2."""
    p_TS, q_TS = _shares(one_TS.double()), _shares(other_TS.double())
    middle_TS = ((p_TS + q_TS) / 2).clamp_min(torch.finfo(torch.float64).tiny)

    def apart(x_TS: Tensor) -> Tensor:
        return (torch.special.xlogy(x_TS, x_TS) - torch.special.xlogy(x_TS, middle_TS)).sum(-1)

    bits_T = (apart(p_TS) + apart(q_TS)) / 2 / torch.log(torch.tensor(2.0, dtype=torch.float64))
    return bits_T.clamp(0, 1).sqrt()


def _shares(weights_TS: Tensor) -> Tensor:
    """Magnitudes as shares of their row; nan in a row without any."""
    size_TS = weights_TS.abs()
    return size_TS / size_TS.sum(-1, keepdim=True)
