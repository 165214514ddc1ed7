"""What a matrix of weights is like and how far it is from another: loops, and matrices whose
measures are known."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from attnviz.analysis.comparison import change, divergence, measures

T, S, E = 4, 7, 5
numbers = st.floats(-2, 2) | st.sampled_from([0.0, 1.0, -1.0, 1e-9, 1e-30])
seeds = st.integers(0, 2**32 - 1)


@st.composite
def matrices(draw: st.DrawFn, t: int = T, s: int = S) -> Tensor:
    """Weights of any sign, with rows that are empty and rows of one key."""
    cells = st.lists(numbers, min_size=s, max_size=s)
    lone = st.integers(0, s - 1).map(lambda i: [float(i == j) for j in range(s)])
    rows = st.lists(cells | lone | st.just([0.0] * s), min_size=t, max_size=t)
    return torch.tensor(draw(rows), dtype=torch.float64)


def softmaxed(seed: int, t: int = T, s: int = S) -> Tensor:
    make = torch.Generator().manual_seed(seed)
    return torch.randn(t, s, dtype=torch.float64, generator=make).softmax(-1)


def shares(row: list[float]) -> list[float]:
    total = math.fsum(map(abs, row))
    return [abs(x) / total if total else math.nan for x in row]


def jensen_shannon(one: list[float], other: list[float]) -> float:
    """The root of the mean of both divergences from the middle, in bits, term by term."""
    p, q = shares(one), shares(other)
    if math.isnan(p[0] + q[0]):
        return math.nan
    bits = 0.0
    for a, b in zip(p, q, strict=True):
        for x in (a, b):
            if x > 0:
                bits += x * math.log2(x / ((a + b) / 2)) / 2
    return math.sqrt(max(bits, 0.0))


def near(found: float, expected: float, close: float = 1e-12) -> bool:
    return found == pytest.approx(expected, abs=close, rel=close, nan_ok=True)


@given(matrices())
def test_sums_entropies_and_distances_are_those_of_loops_over_magnitudes(weights: Tensor) -> None:
    found = measures(weights)
    for t, row in enumerate(weights.tolist()):
        share = shares(row)
        place = t + S - T
        assert near(float(found.sums_T[t]), math.fsum(row))
        entropy = -math.fsum(p * math.log(p) for p in share if p != 0)
        assert near(float(found.entropy_T[t]), entropy, 1e-9)
        apart = math.fsum(p * abs(place - s) for s, p in enumerate(share))
        assert near(float(found.distance_T[t]), apart, 1e-9)


@given(matrices())
def test_density_and_extremes_are_those_of_loops(weights: Tensor) -> None:
    found = measures(weights)
    flat = [x for row in weights.tolist() for x in row]
    assert near(found.density, sum(abs(x) > 1e-12 for x in flat) / (T * S))
    assert (found.least, found.most) == (min(flat), max(flat))


def test_a_row_without_any_weight_has_no_entropy_and_no_distance_but_a_sum_of_zero() -> None:
    weights = softmaxed(1)
    weights[2] = 0
    found = measures(weights)
    for values in (found.entropy_T, found.distance_T):
        assert values.isnan().tolist() == [False, False, True, False]
    assert float(found.sums_T[2]) == 0


def test_the_last_query_stands_at_the_last_key() -> None:
    own = torch.zeros(T, S)
    for t in range(T):
        own[t, S - T + t] = 1
    assert measures(own).distance_T.tolist() == [0] * T
    first = torch.eye(S)[:1].repeat(T, 1)
    assert measures(first).distance_T.tolist() == [3, 4, 5, 6]


def test_a_row_that_sees_one_key_has_an_entropy_of_zero_that_is_written_without_a_sign() -> None:
    for value in measures(torch.eye(S)).entropy_T.tolist():
        assert value == 0
        assert math.copysign(1, value) == 1


@pytest.mark.parametrize("n", [2, 5, 16])
def test_a_row_that_is_spread_evenly_has_the_entropy_of_that_many_keys(n: int) -> None:
    found = measures(torch.full((3, n), 0.25))
    assert found.entropy_T.tolist() == pytest.approx([math.log(n)] * 3)
    assert found.sums_T.tolist() == [n / 4] * 3


def test_weights_of_both_signs_count_by_their_magnitude() -> None:
    weights = torch.tensor([[0.5, -0.5, 0.0], [2.0, -1.0, 0.0], [0.25, 0.25, 0.5]])
    found, plain = measures(weights), measures(weights.abs())
    assert found.sums_T.tolist() == [0, 1, 1]
    assert torch.equal(found.entropy_T, plain.entropy_T)
    assert torch.equal(found.distance_T, plain.distance_T)
    assert (found.least, found.most) == (-1, 2)
    assert found.density == pytest.approx(7 / 9)


# the rank


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rank", [1, 2, 3, 5])
@pytest.mark.parametrize(("t", "s"), [(6, 11), (13, 9), (24, 24)])
def test_a_product_of_thin_matrices_has_the_rank_of_the_thinner_side(
    rank: int, t: int, s: int, dtype: torch.dtype
) -> None:
    make = torch.Generator().manual_seed(rank)
    left, right = (torch.rand(*x, dtype=dtype, generator=make) for x in ((t, rank), (rank, s)))
    weights = left @ right
    assert measures(weights / weights.sum(-1, keepdim=True)).rank == rank


def test_the_rank_of_known_matrices() -> None:
    causal = torch.ones(S, S).tril()
    assert measures(torch.eye(S)).rank == S
    assert measures(causal / causal.sum(-1, keepdim=True)).rank == S
    assert measures(torch.full((T, S), 1 / S)).rank == 1
    assert measures(torch.zeros(T, S)).rank == 0
    assert measures(torch.eye(S)[[0, 0, 3, 3, 5]]).rank == 3
    blocks = torch.block_diag(torch.ones(2, 3), torch.ones(4, 2), -torch.ones(1, 5))
    assert measures(blocks).rank == 3


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_matrix_with_a_number_that_is_none_still_has_its_other_measures(bad: float) -> None:
    weights = softmaxed(2)
    whole = measures(weights)
    weights[1, 3] = bad
    found = measures(weights)
    assert found.rank == 0
    kept = [0, 2, 3]
    assert torch.equal(found.entropy_T[kept], whole.entropy_T[kept])
    assert torch.equal(found.sums_T[kept], whole.sums_T[kept])


# how far two are apart


@given(matrices(), matrices())
def test_the_distance_of_rows_is_that_of_plain_arithmetic(one: Tensor, other: Tensor) -> None:
    found = divergence(one, other).tolist()
    for t in range(T):
        expected = jensen_shannon(one[t].tolist(), other[t].tolist())
        assert near(found[t] ** 2, expected**2, 1e-9)  # the root of a rounding is no rounding


@given(matrices(), matrices())
def test_the_distance_of_rows_is_between_0_and_1_and_the_same_from_both_sides(
    one: Tensor, other: Tensor
) -> None:
    found, back = divergence(one, other), divergence(other, one)
    empty = (one == 0).all(-1) | (other == 0).all(-1)
    assert torch.equal(found.isnan(), empty)
    assert ((found >= 0) & (found <= 1))[~empty].all()
    torch.testing.assert_close(found, back, atol=1e-7, rtol=0, equal_nan=True)


@given(matrices(), st.floats(0.01, 100))
def test_a_row_is_no_distance_from_itself_whatever_its_sum_and_sign(
    weights: Tensor, scale: float
) -> None:
    real = ~(weights == 0).all(-1)
    assert (divergence(weights, weights)[real] == 0).all()
    torch.testing.assert_close(
        divergence(weights, weights * -scale)[real],
        torch.zeros(T).double()[real],
        atol=1e-7,
        rtol=0,
    )


def test_rows_without_a_key_in_common_are_as_far_apart_as_rows_can_be() -> None:
    left, right = softmaxed(3, T, S), softmaxed(4, T, S)
    left[:, 3:], right[:, :3] = 0, 0
    assert divergence(left, right).tolist() == pytest.approx([1] * T, abs=1e-12)


def test_a_weight_too_small_to_be_halved_moves_no_row() -> None:
    tiny = torch.tensor([[1.0, 5e-324, 0.0]], dtype=torch.float64)
    assert divergence(tiny, torch.tensor([[1.0, 0.0, 0.0]])).tolist() == [0]


def test_a_known_distance() -> None:
    one, other = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5, 0.5]])
    bits = (math.log2(4 / 3) + 0.5 * math.log2(2 / 3) + 0.5 * math.log2(2)) / 2
    assert float(divergence(one, other)) == pytest.approx(math.sqrt(bits), abs=1e-14)


@given(seeds, seeds, seeds)
def test_no_way_round_is_shorter(a: int, b: int, c: int) -> None:
    one, two, three = softmaxed(a), softmaxed(b), softmaxed(c)
    there = divergence(one, two) + divergence(two, three)
    assert (divergence(one, three) <= there + 1e-9).all()


# what changes


@given(matrices(), matrices(), matrices(T, E), matrices(T, E))
def test_a_change_is_that_of_loops(
    weights: Tensor, reference: Tensor, z: Tensor, reference_z: Tensor
) -> None:
    found = change(weights, z, reference, reference_z)
    cells = [(t, s) for t in range(T) for s in range(S)]
    apart = [float(weights[t, s]) - float(reference[t, s]) for t, s in cells]
    assert found.difference_TS.flatten().tolist() == apart
    assert found.largest == max(map(abs, apart))
    ours, theirs = ([float(x[t, e]) for t in range(T) for e in range(E)] for x in (z, reference_z))
    dot = math.fsum(a * b for a, b in zip(ours, theirs, strict=True))
    lengths = math.hypot(*ours), math.hypot(*theirs)
    if min(lengths) > 1e-20:
        assert near(found.cosine, dot / lengths[0] / lengths[1], 1e-9)
        assert near(found.norm, lengths[0] / lengths[1], 1e-9)
    assert torch.equal(found.divergence_T.isnan(), divergence(weights, reference).isnan())


def test_nothing_changes_from_an_attention_to_itself() -> None:
    weights, z = softmaxed(5), torch.randn(T, E, generator=torch.Generator().manual_seed(6))
    found = change(weights, z, weights, z)
    assert found.largest == 0
    assert found.divergence_T.tolist() == [0] * T
    assert (found.cosine, found.norm) == (pytest.approx(1, abs=1e-12), 1)


def test_the_sign_and_the_size_of_an_output_are_told_apart() -> None:
    weights, z = softmaxed(7), torch.randn(T, E, generator=torch.Generator().manual_seed(8))
    found = change(weights, -2.5 * z, weights, z)
    assert (found.cosine, found.norm) == (pytest.approx(-1), pytest.approx(2.5))


def test_an_output_of_zeros_has_no_direction() -> None:
    weights, z = softmaxed(9), torch.ones(T, E)
    none = torch.zeros(T, E)
    nothing, from_nothing = change(weights, none, weights, z), change(weights, z, weights, none)
    assert math.isnan(nothing.cosine)
    assert nothing.norm == 0
    assert math.isnan(from_nothing.cosine)
    assert math.isnan(from_nothing.norm)


def test_single_precision_is_measured_in_double() -> None:
    weights = softmaxed(10).float()
    found = measures(weights)
    assert found.sums_T.dtype == found.entropy_T.dtype == torch.float64
    assert torch.equal(found.sums_T, weights.double().sum(-1))
    assert change(weights, weights, weights, weights).difference_TS.dtype == torch.float64
