"""The n-gram model against the sums of the paper, written as loops over plain tuples."""

import math
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnviz.training.ngram import NGram

START = "start"
TEXT = (
    "the cat sat on the mat and the dog sat on the cat while the rat ate the oat that the cat had "
    "and a dog and a cat ran to the mat to eat the fat rat that sat on a hat in the sun at ten"
)
SEQUENCES = [[*(ord(c) - 96 if c != " " else 0 for c in line), 27] for line in TEXT.split(" and ")]
SIZE = 29


class Loops:
    """Modified Kneser-Ney of Chen and Goodman 1998, equations 24 to 26, a dictionary a count."""

    def __init__(self, sequences: list[list[int]], n: int, size: int) -> None:
        self.n, self.size = n, size
        rows = [(START, *sequence) for sequence in sequences]
        spans = [(i, i + k) for k in range(1, n + 1) for i in range(max(map(len, rows)))]
        grams = {row[i:j]: 0 for row in rows for i, j in spans if j <= len(row)}
        for row in rows:
            for gram in grams:
                grams[gram] += sum(row[i : i + len(gram)] == gram for i in range(len(row)))
        self.counts = {}
        for gram, count in grams.items():
            before = sum(other[1:] == gram for other in grams)
            plain = len(gram) == n or gram[0] == START
            self.counts[gram] = count if plain else before
        self.counts.pop((START,))

    def discount(self, gram: tuple) -> Fraction:
        levels = Counter(c for other, c in self.counts.items() if len(other) == len(gram))
        n1, n2, n3, n4 = (levels[i] for i in (1, 2, 3, 4))
        j = min(self.counts[gram], 3)
        few = [Fraction(1, 2), Fraction(1), Fraction(3, 2)]
        if not (n1 and n2 and n3):
            return few[j - 1]
        y = Fraction(n1, n1 + 2 * n2)
        found = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
        return found[j - 1] if min(found) > 0 else few[j - 1]

    def p(self, symbol: int, context: tuple) -> Fraction:
        lower = self.p(symbol, context[1:]) if context else Fraction(1, self.size)
        after = {g: c for g, c in self.counts.items() if g[:-1] == context}
        total = sum(after.values())
        if not total:
            return lower
        gram = (*context, symbol)
        own = self.counts[gram] - self.discount(gram) if gram in self.counts else Fraction(0)
        return (own + sum(map(self.discount, after)) * lower) / total

    def of(self, sequence: list[int]) -> list[float]:
        row = (START, *sequence)
        return [
            float(self.p(sequence[i], row[max(0, i + 2 - self.n) : i + 1] if self.n > 1 else ()))
            for i in range(len(sequence))
        ]


def test_a_discount_that_would_raise_a_count_is_not_used() -> None:
    """One symbol once, one twice, nine three times: D2 would be 2 - 3 * 1/3 * 9 = -7."""
    sequences = [[0], [1], [1], *([i] for i in range(2, 11) for _ in range(3))]
    model, loops = NGram(sequences, n=1, size=13), Loops(sequences, 1, 13)
    for symbol in (0, 1, 10, 12):
        assert model.probabilities([symbol]) == pytest.approx(loops.of([symbol]), rel=1e-12)
    assert model.probabilities([1])[0] == pytest.approx((2 - 1 + (0.5 + 1 + 9 * 1.5) / 13) / 30)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_probabilities_are_those_of_the_papers_sums(n: int) -> None:
    loops, model = Loops(SEQUENCES, n, SIZE), NGram(SEQUENCES, n=n, size=SIZE)
    for sequence in (SEQUENCES[1], [3, 1, 20, 0, 19, 1, 20, 27], [20, 8, 28, 20, 8, 5, 26, 27]):
        expected = loops.of(sequence)
        assert model.probabilities(sequence) == pytest.approx(expected, rel=1e-12)
        assert model.bits(sequence) == pytest.approx(-math.fsum(map(math.log2, expected)))


def test_the_sums_compared_use_both_estimated_and_fixed_discounts() -> None:
    few = {Fraction(1, 2), Fraction(1), Fraction(3, 2)}
    loops = Loops(SEQUENCES, 5, SIZE)
    used = [{loops.discount(g) for g in loops.counts if len(g) == k} <= few for k in range(1, 6)]
    assert any(used)
    assert not all(used)


symbols = st.integers(0, 4)
texts = st.lists(st.lists(symbols, max_size=9), min_size=1, max_size=7)


@given(texts.filter(any), st.lists(symbols, max_size=6), st.integers(1, 4))
def test_what_may_follow_any_context_has_probability_one_in_all(
    sequences: list[list[int]], context: list[int], n: int
) -> None:
    model = NGram(sequences, n=n, size=6)
    found = [model.probabilities([*context, symbol])[-1] for symbol in range(6)]
    assert math.fsum(found) == pytest.approx(1, abs=1e-12)
    assert min(found) > 0


def test_a_longer_context_is_used_where_it_helps() -> None:
    held_out = [*SEQUENCES[0][:12], 27]
    bits = [NGram(SEQUENCES, n=n, size=SIZE).bits(held_out) for n in (1, 2, 4)]
    assert bits == sorted(bits, reverse=True)


def test_a_word_seen_after_many_words_is_likelier_than_one_as_frequent_after_one() -> None:
    """Kneser and Ney's San Francisco: 1 follows only 0, as often as 5 follows 2, 3 and 4."""
    sequences = [[0, 1, 6]] * 6 + [[2, 5, 6], [3, 5, 6], [4, 5, 6]] * 2
    model = NGram(sequences, n=2, size=8)
    after_unseen = [model.probabilities([7, symbol])[-1] for symbol in (1, 5)]
    assert after_unseen[0] < after_unseen[1]


def test_bad_sizes_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="at least 1 symbol, not 0"):
        NGram([[1]], n=0, size=3)
    with pytest.raises(ValueError, match="no sequences"):
        NGram([[]], n=2, size=3)
    with pytest.raises(ValueError, match=r"symbol 3 is not one of 0 \.\. 2"):
        NGram([[1, 3]], n=2, size=3)
    with pytest.raises(ValueError, match="symbol -1"):
        NGram([[1]], n=2, size=3).bits([-1])
