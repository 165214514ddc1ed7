"""What is drawn of a tensor is the tensor: every number at its place, and the marks at the cell."""

import random
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import attnviz
from attnviz import rule
from attnviz.analysis import slice as slices
from attnviz.analysis.derivation import Derivation, derivation
from attnviz.analysis.slice import Slice
from attnviz.pretrained import Bundle
from attnviz.rule import Index, Operand, Reduce
from attnviz.trace import Trace


def cells(trace: Trace) -> Iterator[Derivation]:
    """A cell of every step."""
    for path, kept in trace.items():
        letters = [x.lower() for x in kept.step.axes.split() if x != "1"]
        sizes = zip(letters, kept.value.shape, strict=False)
        yield derivation(trace, path, {x: random.Random(path + x).randrange(n) for x, n in sizes})


def shown_at(shown: Slice, found: Derivation) -> dict[str, int | np.ndarray]:
    """Where every index stands, of the letters that are drawn as rows down and columns across."""
    at: dict[str, int | np.ndarray] = dict(found.at)
    for letter, places, shape in zip(shown.axes, shown.places, ((-1, 1), (1, -1)), strict=True):
        if letter:
            at[letter] = places.reshape(shape)
    return at


def check_marks(shown: Slice, found: Derivation) -> None:
    for letter, places, mark in zip(
        shown.axes, shown.places, (shown.row, shown.column), strict=True
    ):
        if letter is None or letter not in found.at:
            assert mark is None
        else:
            assert mark is not None
            assert places[mark] == found.at[letter]


def operand(found: Derivation, name: str) -> Operand:
    nodes = rule.walk(found.node) if found.node else ()
    return next(n for n in nodes if isinstance(n, Operand) and n.name == name and n.at)


def check_part(shown: Slice, found: Derivation) -> None:
    """Each number of an operand is what the rule reads at that place."""
    node = operand(found, shown.name)
    assert {x for x in shown.axes if x} <= {i.letter for i in node.at if isinstance(i, Index)}
    expected = rule.value(node, shown_at(shown, found), found.given)
    np.testing.assert_array_equal(shown.values, np.broadcast_to(expected, shown.values.shape))


def test_a_step_is_drawn_with_its_own_numbers_around_the_cell(walk: Trace) -> None:
    for found in cells(walk):
        shown = slices.result(found, {})
        assert shown.name == found.kept.step.name
        sizes = [found.sizes[x] if x else 1 for x in shown.axes]
        assert list(shown.values.shape) == sizes
        recorded = found.kept.value.numpy().reshape(*found.sizes.values())
        place = tuple(shown_at(shown, found)[letter] for letter in found.at)
        np.testing.assert_array_equal(shown.values, recorded[place].reshape(sizes))
        check_marks(shown, found)


def test_heads_are_never_drawn_and_one_axis_is_a_column(walk: Trace) -> None:
    for found in cells(walk):
        shown = slices.result(found, {})
        drawn = tuple(x for x in shown.axes if x)
        assert drawn == slices.shown_letters(found)
        assert not set(drawn) & {"h", "g"}
        if len(drawn) == 1:
            assert shown.axes == (drawn[0], None)
            assert shown.values.shape[1] == 1


def test_an_operand_is_drawn_with_the_numbers_that_the_rule_reads(walk: Trace) -> None:
    for found in cells(walk):
        for shown in slices.parts(found, {}):
            check_part(shown, found)
            check_marks(shown, found)


def test_every_operand_of_more_than_one_number_is_drawn_once(walk: Trace) -> None:
    for found in cells(walk):
        names = [shown.name for shown in slices.parts(found, {})]
        assert len(names) == len(set(names))
        every = list(rule.walk(found.node)) if found.node else []
        drawn = set(slices.shown_letters(found))
        drawn |= {x for n in every if isinstance(n, Reduce) for x in n.letters}
        for node in (n for n in every if isinstance(n, Operand)):
            has_letter = any(isinstance(i, Index) and i.letter in drawn for i in node.at)
            assert (node.name in names) == has_letter, found.kept.path


@pytest.fixture(scope="module")
def tea(make_bundle: Callable[..., Bundle]) -> Trace:
    """A translation with six heads that share two groups of keys."""
    bundle = make_bundle(n_ctx=40, d_model=24, n_heads=6, n_kv_heads=2)
    return attnviz.run(bundle, "I like green tea", "我喜欢绿茶", to="zh")


def test_a_matrix_product_is_drawn_as_the_row_and_the_column_that_meet(tea: Trace) -> None:
    q, k = slices.parts(derivation(tea, "decoder.1.cross.raw", {"h": 4, "t": 2, "s": 1}), {})
    assert (q.name, q.axes, q.row, q.column) == ("q", ("t", "k"), 2, None)
    assert (k.name, k.axes, k.row, k.column) == ("k", ("s", "k"), 1, None)
    recorded = tea["decoder.1.cross.k"].value
    np.testing.assert_array_equal(k.values, recorded[1])  # head 4 reads the keys of group 4 // 3


def test_a_sum_over_heads_is_drawn_as_what_is_summed(tea: Trace) -> None:
    z, weight, bias = slices.parts(derivation(tea, "decoder.1.cross.out", {"t": 2, "d": 7}), {})
    np.testing.assert_array_equal(z.values, tea["decoder.1.cross.z"].value[:, 2])
    recorded = tea.weights["decoder.blocks.1.cross_attention.W_O"][:, :, 7]
    np.testing.assert_array_equal(weight.values, recorded)
    assert (bias.axes, bias.values.shape, bias.row, bias.column) == ((None, "d"), (1, 24), None, 7)


def test_a_window_says_which_columns_and_in_which_order(tea: Trace) -> None:
    found = derivation(tea, "logits", {"t": 1, "v": 300})
    window = {"v": np.array([320, 4, 300, 17])}
    shown = slices.result(found, window)
    np.testing.assert_array_equal(shown.values, tea["logits"].value[:, [320, 4, 300, 17]])
    assert shown.places[1].tolist() == [320, 4, 300, 17]
    assert (shown.row, shown.column) == (1, 2)
    x, table = slices.parts(found, window)
    assert x.values.shape[1] == 24
    np.testing.assert_array_equal(table.values, tea.weights["embed.W_E"][[320, 4, 300, 17]])
    assert (table.row, table.column) == (2, None)


def test_a_cell_outside_the_window_is_not_marked(tea: Trace) -> None:
    shown = slices.result(derivation(tea, "probs", {"t": 0, "v": 9}), {"v": np.array([8, 10])})
    assert (shown.row, shown.column) == (0, None)


def test_of_an_operand_that_is_too_large_only_the_row_in_use_is_drawn(
    tea: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = derivation(tea, "logits", {"t": 1, "v": 300})
    whole = slices.parts(found, {})[1]
    assert whole.values.shape == (321, 24)
    monkeypatch.setattr(slices, "MOST", 321 * 24 - 1)
    row = slices.parts(found, {})[1]
    assert (row.axes, row.row, row.column) == ((None, "d"), None, None)
    np.testing.assert_array_equal(row.values, whole.values[300:301])
    narrow = slices.parts(found, {"v": np.array([300, 2])})[1]
    np.testing.assert_array_equal(narrow.values, whole.values[[300, 2]])


def test_a_row_that_was_looked_up_is_drawn_alone(tea: Trace) -> None:
    table, ids = slices.parts(derivation(tea, "decoder.embed.token", {"t": 2, "d": 5}), {})
    i = int(tea["decoder.embed.ids"].value[2])
    np.testing.assert_array_equal(table.values, tea.weights["embed.W_E"][i : i + 1])
    assert (table.column, ids.name, ids.column) == (5, "ids", 2)


def test_what_has_no_rule_has_no_parts(walk: Trace) -> None:
    for found in cells(walk):
        assert found.node is not None or slices.parts(found, {}) == []
