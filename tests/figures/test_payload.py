"""What is packed for the browser comes out as the same numbers and the same words."""

import json
import re
import struct
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from attnviz.figures import asset, payload
from attnviz.figures.payload import WORDS, GridBlock, grid, lines, pack

TEXT = {name: f"{name}: 词" for name in WORDS["grid"] | WORDS["lines"]}


def header_of(data: bytes) -> dict[str, Any]:
    (length,) = struct.unpack_from("<I", data)
    return json.loads(data[4 : 4 + length].decode("utf-8"))


def numbers_of(data: bytes, i: int) -> list[float]:
    """The values of array `i`, one by one, by the description in the header."""
    (length,) = struct.unpack_from("<I", data)
    described = header_of(data)["arrays"][i]
    count = int(np.prod(described["shape"]))
    return list(struct.unpack_from(f"<{count}f", data, 4 + length + described["offset"]))


def block(**changes: Any) -> GridBlock:
    weights_LHTS = torch.softmax(torch.randn(2, 3, 4, 5), dim=-1)
    facts = {
        "id": "decoder.cross",
        "title": "Cross",
        "weights": weights_LHTS,
        "rows": ("今", "b", "c", "d"),
        "columns": ("a", "b", "c", "d", "·e"),
    }
    return GridBlock(**(facts | changes))


@given(
    st.lists(arrays(np.float32, array_shapes(min_dims=1, max_dims=4)), max_size=4),
    st.dictionaries(st.text(), st.text()),
)
def test_every_float32_arrives_bit_for_bit(values: list[np.ndarray], words: dict) -> None:
    data = pack({"words": words}, values)
    assert header_of(data)["words"] == words
    for i, array in enumerate(values):
        assert header_of(data)["arrays"][i]["shape"] == list(array.shape)
        arrived = np.array(numbers_of(data, i), dtype=np.float32)
        assert np.array_equal(arrived, array.ravel(), equal_nan=True)


@pytest.mark.parametrize("word", ["", "a", "ab", "abc", "注意力", "é"])
def test_arrays_start_at_a_multiple_of_four(word: str) -> None:
    data = pack({"word": word}, [np.ones(3, np.float32), np.zeros((2, 5), np.float32)])
    (length,) = struct.unpack_from("<I", data)
    assert (4 + length) % 4 == 0
    assert all(described["offset"] % 4 == 0 for described in header_of(data)["arrays"])
    assert len(data) == 4 + length + 4 * (3 + 10)


def test_half_precision_and_strided_tensors_keep_their_values() -> None:
    half = torch.randn(3, 4).to(torch.bfloat16).T
    data = pack({}, [half, half.to(torch.float64)])
    flat = [float(x) for x in half.flatten()]
    assert numbers_of(data, 0) == flat
    assert numbers_of(data, 1) == flat


def test_a_header_without_a_finite_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        pack({"x": float("nan")}, [])


def test_the_grid_carries_labels_weights_selection_and_colour_scales() -> None:
    cross, other = block(), block(id="encoder.self", column_groups=((0,), (2, 3), (4,), (5,), (6,)))
    chosen = {"block": "decoder.cross", "layer": 1, "head": 2, "row": 3, "col": 4}
    data = grid([cross, other], chosen, TEXT)
    header = header_of(data)
    assert header["selection"] == chosen
    assert header["blocks"][0]["rows"] == ["今", "b", "c", "d"]
    assert header["blocks"][0]["rowGroups"] == [[0], [1], [2], [3]]
    assert header["blocks"][1]["columnGroups"][1] == [2, 3]
    assert header["scales"]["sqrt"]["ticks"][-1] == 1
    assert numbers_of(data, 1) == [float(x) for x in torch.as_tensor(other.weights).flatten()]


def test_the_same_grid_is_the_same_bytes() -> None:
    same = block()
    assert grid([same], None, TEXT) == grid([same], None, dict(reversed(TEXT.items())))


def test_labels_that_do_not_fit_the_weights_are_refused_with_both_numbers() -> None:
    with pytest.raises(ValueError, match=r"rows: 3 given, but the weights have 4"):
        block(rows=("a", "b", "c"))
    with pytest.raises(ValueError, match=r"column_groups: 1 given, but the weights have 5"):
        block(column_groups=((0,),))
    with pytest.raises(ValueError, match=r"columns: 2 given, but the weights have 7"):
        lines(np.zeros((1, 7)), ["a"], ["b", "c"], TEXT)


def test_a_grid_without_blocks_or_words_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one block"):
        grid([], None, TEXT)
    with pytest.raises(ValueError, match="lacks the texts hint, rest"):
        grid([block()], None, {k: v for k, v in TEXT.items() if k not in ("hint", "rest")})


@pytest.mark.parametrize(("name", "words"), [("head_grid", "grid"), ("lines",) * 2, ("chips",) * 2])
def test_a_script_shows_exactly_the_words_it_is_sent(name: str, words: str) -> None:
    script = asset.script(name)
    used = set(re.findall(r"\btext\.(\w+)\b", script))
    for prefix in re.findall(r"\btext\[`(\w+-)\$", script):
        used |= {word for word in WORDS[words] if word.startswith(prefix)}
    if name == "chips":
        used |= {"source", "target"}
    assert used == WORDS[words]


@pytest.mark.parametrize("name", asset.SCRIPTS)
def test_a_component_is_one_module_with_one_default_export(name: str) -> None:
    script = asset.script(name)
    assert len(re.findall(r"^export default function", script, re.MULTILINE)) == 1
    assert not re.search(r"^import ", script, re.MULTILINE)
    functions = re.findall(r"^(?:async )?function (\w+)", script, re.MULTILINE)
    assert len(functions) == len(set(functions))


def test_words_of_a_component_come_without_others() -> None:
    assert payload.words("lines", TEXT).keys() == WORDS["lines"]
