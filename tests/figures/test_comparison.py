"""The matrices of a comparison come out of the payload as they went in, all on one scale."""

import json
import math
import re
import struct
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from attnviz.figures import asset
from attnviz.figures.colour import DIVERGING, SEQUENTIAL_DARK, SEQUENTIAL_LIGHT
from attnviz.figures.comparison import CommonScale, Panel, comparison
from attnviz.figures.payload import WORDS

T, S = 3, 5
ROWS, COLUMNS = ("今", "b", "c"), ("a", "b", "c", "d", "·e")
TEXT = {name: f"{name}: 词" for name in WORDS["comparison"]}
weights = arrays(np.float32, (T, S), elements=st.floats(0, 1, width=32))
differences = arrays(np.float32, (T, S), elements=st.floats(-9, 9, width=32))


def header_of(data: bytes) -> dict[str, Any]:
    (length,) = struct.unpack_from("<I", data)
    return json.loads(data[4 : 4 + length].decode("utf-8"))


def numbers_of(data: bytes, i: int) -> list[float]:
    """The values of array `i`, one by one, by the description in the header."""
    (length,) = struct.unpack_from("<I", data)
    described = header_of(data)["arrays"][i]
    count = int(np.prod(described["shape"]))
    return list(struct.unpack_from(f"<{count}f", data, 4 + length + described["offset"]))


def even(value: float = 1 / S) -> np.ndarray:
    return np.full((T, S), value, dtype=np.float32)


def sent(*panels: Panel, scale: CommonScale = "linear") -> bytes:
    return comparison(panels, ROWS, COLUMNS, TEXT, scale)


def scale_of(name: str, *panels: Panel, scale: CommonScale = "linear") -> dict[str, Any]:
    return header_of(sent(*panels, scale=scale))[name]


def painted(scale: dict[str, Any], value: float) -> float:
    """Where on the ramp 0..1 the browser puts a value."""
    shown = math.copysign(math.sqrt(abs(value)), value) if scale["root"] else value
    return (shown - scale["low"]) / (scale["high"] - scale["low"])


@given(weights, weights, differences, st.booleans())
def test_every_number_arrives_bit_for_bit_where_its_panel_says(
    one: np.ndarray, two: np.ndarray, apart: np.ndarray, as_tensor: bool
) -> None:
    wrap = torch.from_numpy if as_tensor else np.asarray
    sums, far, spread = one.sum(-1), np.abs(apart).max(-1), two.max(-1)
    data = sent(
        Panel("softmax", wrap(one), sums=wrap(sums), entropy=wrap(spread)),
        Panel("entmax", wrap(two), difference=wrap(apart), divergence=wrap(far)),
    )
    first, second = header_of(data)["panels"]
    assert (first["title"], second["title"]) == ("softmax", "entmax")
    assert (first["difference"], first["divergence"]) == (None, None)
    for panel, given_ in (
        (first, {"weights": one, "sums": sums, "entropy": spread}),
        (second, {"weights": two, "difference": apart, "divergence": far}),
    ):
        for name, array in given_.items():
            assert numbers_of(data, panel[name]) == array.ravel().tolist()


def test_a_panel_with_a_problem_sends_its_sentence_and_no_numbers() -> None:
    data = sent(
        Panel("softmax", even(), sums=even()[:, 0]), Panel("sinkhorn", problem="T 不等于 S。")
    )
    header = header_of(data)
    assert header["panels"][1] == {
        "title": "sinkhorn",
        "problem": "T 不等于 S。",
        **dict.fromkeys(("weights", "sums", "entropy", "difference", "divergence")),
    }
    assert len(header["arrays"]) == 2
    assert header["panels"][0]["problem"] == ""


def test_panels_of_problems_alone_are_still_a_picture() -> None:
    header = header_of(sent(Panel("a", problem="no"), Panel("b", problem="nor this")))
    assert (header["weights"]["low"], header["weights"]["high"]) == (0, 1)
    assert header["differences"]["shades"] == "diverging"


def test_labels_words_and_colours_are_sent_along() -> None:
    header = header_of(sent(Panel("softmax", even())))
    assert (header["rows"], header["columns"]) == (list(ROWS), list(COLUMNS))
    assert header["text"] == TEXT
    assert header["colours"] == {
        "light": list(SEQUENTIAL_LIGHT),
        "dark": list(SEQUENTIAL_DARK),
        "diverging": list(DIVERGING),
    }


def test_the_same_comparison_is_the_same_bytes() -> None:
    panel = Panel("softmax", even(), sums=even()[:, 0])
    again = comparison([panel], ROWS, COLUMNS, dict(reversed(TEXT.items())))
    assert sent(panel) == again


# one scale for all


@given(st.lists(weights, min_size=1, max_size=4))
def test_weights_between_0_and_1_have_the_same_colour_in_every_comparison(
    many: list[np.ndarray],
) -> None:
    scale = scale_of("weights", *(Panel(str(i), x) for i, x in enumerate(many)))
    assert (scale["shades"], scale["root"], scale["low"], scale["high"]) == ("linear", False, 0, 1)
    assert scale["ticks"] == [float(label) for label in scale["labels"]] == [0, 0.25, 0.5, 0.75, 1]


def test_a_weight_that_rounding_puts_above_1_does_not_change_the_colours() -> None:
    assert scale_of("weights", Panel("a", even(1 + 1e-7)))["shades"] == "linear"


@pytest.mark.parametrize(("value", "end"), [(-0.25, 0.25), (1.5, 1.5), (-3.0, 3.0), (-1e-9, 1e-9)])
def test_a_weight_below_0_or_above_1_in_one_panel_colours_all_around_0(
    value: float, end: float
) -> None:
    odd = np.zeros((T, S), dtype=np.float32)
    odd[1, 3] = value
    scale = scale_of("weights", Panel("softmax", odd * 0), Panel("cog", odd))
    assert (scale["shades"], scale["low"]) == ("diverging", -scale["high"])
    assert scale["high"] == pytest.approx(end)
    assert scale["ticks"] == [0, 0.25, 0.5, 0.75, 1]


def test_the_largest_magnitude_of_all_panels_is_the_end_of_the_scale() -> None:
    panels = [Panel("a", even(0.2)), Panel("b", even(-0.7)), Panel("c", even(0.9))]
    scale = scale_of("weights", *panels)
    assert (scale["low"], scale["high"]) == (pytest.approx(-0.9), pytest.approx(0.9))
    assert scale["labels"][-1] == "0.9000"


def test_a_number_that_is_none_hides_no_negative_weight_from_the_scale() -> None:
    odd = even(0.5)
    odd[0, 0], odd[2, 2] = math.nan, -0.5
    scale = scale_of("weights", Panel("naive", odd), Panel("none", even(math.nan)))
    assert (scale["shades"], scale["high"]) == ("diverging", 0.5)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["weights", "difference"])
def test_a_number_that_is_not_finite_leaves_a_finite_scale(name: str, bad: float) -> None:
    odd = even(0.5)
    odd[1, 1] = bad
    panel = Panel("a", odd) if name == "weights" else Panel("a", even(), difference=odd)
    for scale in ("linear", "sqrt"):
        header = header_of(sent(panel, scale=scale))
        for shown in (header["weights"], header["differences"]):
            assert all(map(math.isfinite, (shown["low"], shown["high"], *shown["ticks"])))


@given(st.lists(differences, min_size=1, max_size=3))
def test_differences_are_coloured_around_0_to_the_largest_of_all(many: list[np.ndarray]) -> None:
    panels = [Panel(str(i), even(), difference=x) for i, x in enumerate(many)]
    scale = scale_of("differences", *panels)
    most = max(float(np.abs(x).max()) for x in many) or 1.0
    assert scale["shades"] == "diverging"
    assert (scale["low"], scale["high"]) == (-most, most)
    assert painted(scale, 0.0) == 0.5


def test_differences_do_not_change_the_colours_of_the_weights() -> None:
    panel = Panel("a", even(), difference=even(-5))
    assert scale_of("weights", panel)["high"] == 1


# square roots


@given(weights)
def test_roots_of_weights_fill_the_scale_from_0_to_1(one: np.ndarray) -> None:
    scale = scale_of("weights", Panel("a", one), scale="sqrt")
    assert (scale["shades"], scale["root"], scale["low"], scale["high"]) == ("linear", True, 0, 1)
    for tick, label in zip(scale["ticks"], scale["labels"], strict=True):
        assert tick == pytest.approx(painted(scale, float(label)))


@pytest.mark.parametrize("name", ["weights", "differences"])
@pytest.mark.parametrize("most", [0.04, 1.0, 2.25, 9.0])
@pytest.mark.parametrize("scale", ["linear", "sqrt"])
def test_ticks_around_0_stand_where_their_numbers_are_painted(
    name: str, most: float, scale: CommonScale
) -> None:
    found = scale_of(name, Panel("a", even(-most), difference=even(most)), scale=scale)
    assert found["root"] == (scale == "sqrt")
    assert found["high"] == pytest.approx(most**0.5 if scale == "sqrt" else most, rel=1e-6)
    said = [float(label.replace("−", "-")) for label in found["labels"]]
    assert said == pytest.approx([-most, -most / 2, 0, most / 2, most], rel=1e-3)
    for tick, value in zip(found["ticks"], said, strict=True):
        assert tick == pytest.approx(painted(found, value), abs=1e-3)


# what is refused


@pytest.mark.parametrize(
    ("panel", "complaint"),
    [
        (Panel("a", np.zeros((T, S + 1))), "comparison: (3, 6) given, (3, 5) needed"),
        (Panel("a", np.zeros((S, T))), "comparison: (5, 3) given, (3, 5) needed"),
        (Panel("a", np.zeros((T - 1, S))), "comparison: (2, 5) given, (3, 5) needed"),
        (Panel("a", even(), sums=np.zeros(S)), "comparison: (5,) given, (3,) needed"),
        (Panel("a", even(), entropy=np.zeros(2)), "comparison: (2,) given, (3,) needed"),
        (Panel("a", even(), difference=np.zeros(T)), "comparison: (3,) given, (3, 5) needed"),
        (Panel("a", even(), divergence=even()), "comparison: (3, 5) given, (3,) needed"),
    ],
)
def test_shapes_that_do_not_agree_are_refused_with_both(panel: Panel, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        sent(panel)


def test_missing_words_are_named() -> None:
    said = {name: word for name, word in TEXT.items() if name not in ("same", "hint")}
    with pytest.raises(ValueError, match="the comparison lacks the texts hint, same"):
        comparison([Panel("a", even())], ROWS, COLUMNS, said)


def test_the_script_shows_exactly_the_words_it_is_sent() -> None:
    script = asset.script("comparison")
    used = set(re.findall(r"\btext\.(\w+)\b", script))
    for prefix in re.findall(r"\btext\[`(\w+-)\$", script):
        used |= {word for word in WORDS["comparison"] if word.startswith(prefix)}
    assert script.count("sayUnusual(") == 1  # it stands there, with words of its own, uncalled
    assert used - {"clipped", "gaps"} == WORDS["comparison"]
