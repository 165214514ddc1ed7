"""Tables that add up: what is written is the number, and nothing in a cell is taken for HTML."""

import math
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnviz.figures.arithmetic import FIRST, fixed, name, sum_table

HEAD = ["Token", "Term"]


class Table(HTMLParser):
    """The cells of every row, the classes of rows, and the order of tags."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.marked: list[bool] = []
        self.open: list[str] = []
        self.folded: list[bool] = []
        self.feed(source)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
            self.marked.append(("class", "marked") in attrs)
            self.folded.append("details" in self.open)
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] in (["td"], ["th"]):
            self.rows[-1][-1] += data


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        *((1.23456, 3, "1.235"), (-0.5, 2, "−0.50"), (0.0, 4, "0.0000"), (12.0, 0, "12")),
        *((math.inf, 3, "∞"), (-math.inf, 0, "−∞"), (math.nan, 2, "nan")),
    ],
)
def test_a_number_of_so_many_decimals(value: float, places: int, expected: str) -> None:
    assert fixed(value, places) == expected


@given(value=st.floats(-1e6, 1e6), places=st.integers(0, 12))
def test_what_is_written_is_within_half_of_the_last_place(value: float, places: int) -> None:
    text = fixed(value, places)
    assert "-" not in text
    written = Decimal(text.replace("−", "-"))
    assert abs(written - Decimal(value)) <= Decimal(1).scaleb(-places) / 2
    assert len(text.partition(".")[2]) == places


def test_the_name_of_a_cell_has_its_indices_below() -> None:
    assert name("q", ["h", "t"]) == "<var>q</var><sub>h,t</sub>"
    assert name("W_Q", ["d"]) == "<var>W</var><sup>Q</sup><sub>d</sub>"
    assert name("d_head", []) == "<var>d</var><sup>head</sup>"
    assert name("<b>", ["&"]) == "<var>&lt;b&gt;</var><sub>&amp;</sub>"


def rows(n: int) -> list[list[str]]:
    return [[f"token {i}", f"{i}.5"] for i in range(n)]


@pytest.mark.parametrize("n", [0, 1, FIRST, FIRST + 1, 300])
def test_every_row_is_in_the_table_once_and_the_first_stand_open(n: int) -> None:
    found = Table(sum_table(HEAD, rows(n), [("sum", "7")], "more"))
    body = [row for row in found.rows if row[0].startswith("token ")]
    assert body == rows(n)
    open_ = [r for r, folded in zip(found.rows, found.folded, strict=True) if not folded]
    assert open_ == [HEAD, *rows(n)[:FIRST], ["sum", "7"]]


def test_the_marked_row_alone_stands_out() -> None:
    for i in (0, 3, 11):
        found = Table(sum_table(HEAD, rows(12), [], "more", marked=i))
        assert [row for row, marked in zip(found.rows, found.marked, strict=True) if marked] == [
            rows(12)[i]
        ]
    assert not any(Table(sum_table(HEAD, rows(12), [], "more")).marked)


tricky = st.text(max_size=20).map(lambda text: text.replace("\r", "").replace("\x00", ""))


@given(st.lists(st.tuples(tricky, tricky), min_size=1, max_size=12), tricky)
def test_any_token_arrives_as_it_is(cells: list[tuple[str, str]], label: str) -> None:
    found = Table(sum_table(HEAD, cells, [(label, "<s>")], "more"))
    body = [row for row in found.rows if row != HEAD]
    assert body[: min(len(cells), FIRST)] == [list(row) for row in cells[:FIRST]]
    assert [label, "<s>"] in body
