"""A saved picture is a file of its kind, has its words as text, and is the same every time."""

import warnings
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

from attnviz.figures import vector
from attnviz.figures.vector import cjk_font, picture

TEXT = {
    "rows": "查询",
    "columns": "键",
    "scale-linear": "attention weight",
    "scale-sqrt": "square root",
    "gap": "blank: masked",
    "clipped": "outside:",
}
ROWS = ("<s>→今天", "今天→$x^2$")
COLUMNS = ("The", "·ing", "</s>")
WEIGHTS_TS = np.array([[0.1, 0.2, 0.7], [0.05, 0.95, 0.0]])


def drawn(format: Any = "svg", weights_TS=WEIGHTS_TS, caption="Head 3\n你好", **choices):
    return picture(weights_TS, ROWS, COLUMNS, caption, format, text=TEXT, **choices)


def words(svg):
    return [
        "".join(e.itertext()) for e in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    ]


@pytest.mark.parametrize(
    ("format", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_a_file_is_of_its_kind_and_the_same_every_time(format, start):
    first = drawn(format)
    assert first.startswith(start)
    assert drawn(format) == first


def test_an_svg_has_labels_numbers_and_caption_as_text():
    found = words(drawn())
    for label in (*ROWS, *COLUMNS, "0.95", "attention weight", "查询", "键", "Head 3", "你好"):
        assert label in found


def test_a_png_grows_with_its_resolution():
    def size(data):
        return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])

    small, large = size(drawn("png", dpi=100)), size(drawn("png", dpi=200))
    assert large[0] == pytest.approx(2 * small[0], rel=0.03)


def test_what_no_font_has_is_a_box_and_nothing_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = words(drawn(caption="a\U000e0041b"))
    assert "a□b" in found


def test_without_a_chinese_font_it_is_boxes(monkeypatch):
    monkeypatch.setattr(vector, "cjk_font", lambda: None)
    assert "<s>→□□" in words(drawn())


def test_a_chinese_font_is_found_where_one_is_installed():
    assert cjk_font() is None or cjk_font() in vector.CJK


def test_blank_and_clipped_cells_are_said():
    found = words(drawn(weights_TS=np.array([[np.nan, 0.2, 1.7], [0.0, 0.0, 0.0]])))
    assert "blank: masked" in found
    assert "outside: 1" in found


def test_settings_of_the_notebook_stay_as_they_were():
    before = dict(mpl.rcParams)
    drawn("pdf")
    assert dict(mpl.rcParams) == before


def test_pyplot_is_never_loaded():
    assert "pyplot" not in vars(vector)
    assert not any(name.endswith("pyplot") for name in _imports(vector))


def _imports(module):
    import ast
    from pathlib import Path

    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield f"{node.module}"
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_threads_draw_what_one_draws():
    alone = [drawn(format) for format in ("svg", "png", "pdf")]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(drawn, ("svg", "png", "pdf") * 2))
    assert together == alone * 2


def test_an_unknown_format_and_a_wrong_number_of_labels_are_refused():
    with pytest.raises(ValueError, match="format must be one of"):
        drawn("gif")
    with pytest.raises(ValueError, match=r"\(3, 2\) with 2 rows, 3 columns"):
        drawn(weights_TS=WEIGHTS_TS.T)
