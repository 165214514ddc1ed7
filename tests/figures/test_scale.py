"""Colours mean the same in every picture, and text on them can be read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnviz.figures.scale import INK, coloured, colours, inks

WEIGHTS_TS = [[0.01, 0.09, 0.9], [0.25, 0.5, 0.25]]


def test_linear_colours_are_the_weights_from_nothing_to_one():
    paint = coloured([[0.2, 0.3]], "linear")
    assert paint.z.tolist() == [[0.2, 0.3]]
    assert (paint.low, paint.high, paint.clipped) == (0, 1, 0)


def test_row_colours_are_shares_of_the_row_s_largest():
    expected = [[1 / 90, 0.1, 1], [0.5, 1, 0.5]]
    assert coloured(WEIGHTS_TS, "row").z.tolist() == [pytest.approx(row) for row in expected]


def test_a_row_of_zeros_stays_zero():
    assert coloured([[0.0, 0.0]], "row").z.tolist() == [[0, 0]]


def test_square_root_ticks_stand_where_their_weight_is():
    paint = coloured(WEIGHTS_TS, "sqrt")
    assert paint.z[0].tolist() == [pytest.approx(w**0.5) for w in WEIGHTS_TS[0]]
    assert [tick**2 for tick in paint.ticks] == [pytest.approx(float(x)) for x in paint.tick_labels]


def test_diverging_colours_have_zero_in_the_middle():
    paint = coloured([[-3.0, 1.0, -np.inf]], "diverging")
    assert (paint.low, paint.high) == (-3, 3)
    assert np.isnan(paint.z[0, 2])
    assert paint.tick_labels == ("−3.000", "−1.500", "0", "1.500", "3.000")


@pytest.mark.parametrize("scale", ["linear", "row", "sqrt", "diverging"])
def test_numbers_past_the_ends_are_counted(scale):
    values = [[-0.2, 0.5, 0.7]] if scale != "diverging" else [[-3.0, 1.0, 0.0]]
    assert coloured(values, scale, limit=2.0).clipped == 1


def test_rounding_is_not_clipping():
    assert coloured([[1.0000001, 0.0]], "linear").clipped == 0


def test_an_unknown_scale_is_refused():
    with pytest.raises(ValueError, match="scale must be one of"):
        coloured([[1.0]], "log")  # type: ignore[arg-type]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("scale", ["linear", "diverging"])
@given(part=st.floats(0, 1))
def test_text_on_a_colour_has_a_contrast_that_can_be_read(scale, dark, part):
    ramp = colours(scale, dark)
    ends = (0, 1) if scale == "linear" else (-1, 1)
    value = ends[0] + part * (ends[1] - ends[0])
    ink = inks(coloured([[value]], scale, limit=1), ramp)[0][0]
    at = part * (len(ramp) - 1)
    colour = [np.interp(at, range(len(ramp)), [_rgb(hex_)[i] for hex_ in ramp]) for i in range(3)]
    lights = sorted((_luminance(colour), _luminance(_rgb(ink))))
    assert (lights[1] + 0.05) / (lights[0] + 0.05) >= 3.9


def _rgb(hex_):
    return [int(hex_[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def _luminance(rgb):
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def test_a_blank_cell_has_an_ink_too():
    assert inks(coloured([[np.nan]], "linear"), ["#ffffff", "#000000"]) == [[INK]]
