"""A matrix taken away as text comes back as the same matrix."""

import csv
import io

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnviz.figures.table import csv_text, latex_text, torch_text

ROWS = ('say "hi"', "a,b", "今天→天气")
COLUMNS = ("", "line\nbreak", "=1+1", "</s>")
numbers = st.floats(width=32, allow_nan=False)
rows_of_four = st.lists(st.lists(numbers, min_size=4, max_size=4), min_size=3, max_size=3)


@given(rows_of_four)
def test_a_csv_reads_back_with_every_bit_and_every_label(values):
    weights_TS = torch.tensor(values)
    header, *body = csv.reader(io.StringIO(csv_text(weights_TS, ROWS, COLUMNS), newline=""))
    assert header == ["", *COLUMNS]
    assert [row[0] for row in body] == list(ROWS)
    found_TS = torch.tensor([[float(x) for x in row[1:]] for row in body])
    assert torch.equal(found_TS, weights_TS)


def test_a_csv_has_no_digits_that_the_number_has_not():
    assert csv_text(torch.tensor([[0.1]]), ["r"], ["c"]) == ",c\r\nr,0.1\r\n"


@given(rows_of_four)
def test_the_python_text_is_the_same_tensor_bit_for_bit(values):
    weights_TS = torch.tensor(values)
    found_TS = eval(torch_text(weights_TS), {"torch": torch})
    assert found_TS.dtype == torch.float32
    assert torch.equal(found_TS.view(torch.int32), weights_TS.view(torch.int32))


def test_the_python_text_keeps_infinity_nan_and_double_precision():
    weights_TS = torch.tensor([[float("inf"), -torch.inf], [torch.nan, 0.1]], dtype=torch.float64)
    found_TS = eval(torch_text(weights_TS), {"torch": torch})
    assert found_TS.dtype == torch.float64
    assert torch.equal(found_TS.nan_to_num(7), weights_TS.nan_to_num(7))


def test_a_latex_table_has_four_decimals_and_no_live_commands():
    found = latex_text([[0.12345, 1.0], [np.nan, -np.inf]], ["50%", "a_b"], ["<s>", r"\x{}"])
    assert found == (
        "\\begin{tabular}{lrr}\n"
        " & \\textless{}s\\textgreater{} & \\textbackslash{}x\\{\\} \\\\ \\hline\n"
        "50\\% & 0.1235 & 1.0000 \\\\\n"
        "a\\_b & -- & $-\\infty$ \\\\\n"
        "\\end{tabular}\n"
    )


@pytest.mark.parametrize("write", [csv_text, latex_text])
def test_labels_and_weights_must_agree(write):
    with pytest.raises(ValueError, match=r"\(2, 3\) with 2 rows, 2 columns"):
        write(np.zeros((2, 3)), ["a", "b"], ["c", "d"])
