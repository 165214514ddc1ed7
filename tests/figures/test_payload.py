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
from attnviz.figures.payload import WORDS, GridBlock, grid, lines, pack, walk
from attnviz.figures.picture import Picture, tensor

TEXT = {name: f"{name}: 词" for names in WORDS.values() for name in names}


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


def picture(**changes: Any) -> Picture:
    values = np.array([[1, -4, np.inf], [0.5, 2, np.nan]], dtype=np.float32)
    facts = {"title": "keys", "values": values, "rows": ("今", "b"), "columns": ("0", "1", "2")}
    return Picture(**(facts | changes))


def stages(*sizes: int) -> list[dict[str, Any]]:
    """One group with a row for each two stages."""
    firsts = [sum(sizes[:i]) for i in range(len(sizes))]
    each = [{"title": f"s{i}", "first": firsts[i], "n": n} for i, n in enumerate(sizes)]
    rows = [{"title": "Layer", "stages": each[i : i + 2]} for i in range(0, len(each), 2)]
    return [{"title": "Encoder", "rows": rows}]


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
    with pytest.raises(ValueError, match=r"rows: 3 given, 4 needed"):
        block(rows=("a", "b", "c"))
    with pytest.raises(ValueError, match=r"column_groups: 1 given, 5 needed"):
        block(column_groups=((0,),))
    with pytest.raises(ValueError, match=r"columns: 2 given, 7 needed"):
        lines(np.zeros((1, 7)), ["a"], ["b", "c"], TEXT)


def test_a_grid_without_blocks_or_words_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one block"):
        grid([], None, TEXT)
    with pytest.raises(ValueError, match="lacks the texts hint, rest"):
        grid([block()], None, {k: v for k, v in TEXT.items() if k not in ("hint", "rest")})


def test_a_tensor_carries_what_it_marks_and_a_scale_around_zero_for_finite_numbers() -> None:
    made, of = picture(row=1, row_title="token"), picture(scale="linear", column=2)
    data = tensor([made, of, picture(scale="none")], TEXT)
    first, second, third = header_of(data)["pictures"]
    assert (first["row"], first["column"], first["rowTitle"]) == (1, None, "token")
    assert (first["scale"]["low"], first["scale"]["high"]) == (-4, 4)
    assert first["scale"]["ticks"] == [0, 0.25, 0.5, 0.75, 1]
    assert (second["scale"]["low"], second["scale"]["high"], second["column"]) == (0, 1, 2)
    assert third["scale"] is None
    assert numbers_of(data, 0)[:3] == [1, -4, float("inf")]
    assert tensor([made], TEXT) == tensor([picture(row=1, row_title="token")], TEXT)


def test_the_end_of_a_diverging_scale_can_be_given() -> None:
    scale = header_of(tensor([picture(limit=2.0)], TEXT))["pictures"][0]["scale"]
    assert (scale["low"], scale["high"], scale["labels"][-1]) == (-2, 2, "2.000")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"values": np.zeros(3)}, "keys: a picture has 2 axes, not 1"),
        ({"rows": ("a",)}, "keys: rows: 1 given, 2 needed"),
        ({"columns": ("a",)}, "keys: columns: 1 given, 3 needed"),
        ({"row": 2}, "keys: row: 2 is not one of 2"),
        ({"column": -1}, "keys: column: -1 is not one of 3"),
        ({"scale": "row"}, "scale must be one of"),
    ],
)
def test_a_picture_whose_parts_do_not_agree_is_refused(
    changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        picture(**changes)


def test_a_tensor_without_a_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one picture"):
        tensor([], TEXT)


def test_a_walk_carries_its_stages_and_only_its_own_words() -> None:
    sent = walk(stages(2, 3, 1), 4, 6, TEXT)
    assert sent["groups"][0]["rows"][1]["stages"] == [{"title": "s2", "first": 5, "n": 1}]
    assert (sent["current"], sent["total"]) == (4, 6)
    assert sent["text"].keys() == WORDS["walk"]


@pytest.mark.parametrize(
    ("current", "total", "sizes", "complaint"),
    [
        (0, 7, (2, 4), "the stages end at 6, the walk at 7"),
        (0, 2, (2, 0), "s1: 0 steps from 2"),
        (6, 6, (2, 4), "current: 6 is not one of 6"),
    ],
)
def test_a_walk_with_a_gap_or_beyond_its_end_is_refused(
    current: int, total: int, sizes: tuple[int, ...], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        walk(stages(*sizes), current, total, TEXT)


@pytest.mark.parametrize(
    ("name", "words"),
    [("head_grid", "grid"), *((name, name) for name in ("lines", "chips", "tensor", "walk"))],
)
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
