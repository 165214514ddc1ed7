"""What a person sees and moves on the Compare page, in a real Chromium."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from playwright.sync_api import ConsoleMessage, Locator, Page, expect

import attnviz
from attnviz.app.spec import Chosen, parse
from attnviz.app.text import Text
from attnviz.figures.number import digits
from attnviz.pretrained import models

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif("en-zh" not in models(), reason="the built-in model is not there"),
]
PATIENCE = 30_000
EN = Text("en")
LINE = "softmax;entmax;hard;cog"
LINK = f"lang=en&vectors=random&compare={LINE}"
SHADES = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
}"""
"""How many colours there are on a canvas."""
DARK = """(canvas, [x, y]) => {
  const ratio = canvas.width / canvas.clientWidth;
  const { data } = canvas.getContext("2d").getImageData(x * ratio, y * ratio, 1, 1);
  return data[3] > 0 && data[0] + data[1] + data[2] < 384;
}"""
"""Whether a place of a canvas is painted in a dark colour."""


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """A reader in whose console nothing goes wrong."""
    found: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        known = "/_stcore/" in message.location.get("url", "") and "404" in message.text
        if message.type == "error" and not known:  # Streamlit asks for its own path under a page's
            found.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: found.append(str(error)))
    yield page
    assert found == []


def visit(page: Page, address: str, query: str = LINK) -> Locator:
    """Open the Compare page and wait for its pictures and its table."""
    page.goto(f"{address}/compare?{query}")
    figure = page.locator(".comparison")
    expect(figure).to_have_attribute("data-drawn", re.compile(r"\d+"), timeout=PATIENCE)
    expect(page.get_by_test_id("glide-cell-1-0").last).to_be_attached(timeout=PATIENCE)
    return figure


def patterns(many: list[Chosen], head: int = 0) -> list[np.ndarray]:
    """The weights of each on the page's random vectors, 12 tokens and seed 0."""
    make = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, 4, 12, 16, dtype=torch.float64, generator=make) for _ in "qkv")
    traces = [attnviz.attend(x.name, q, k, v, None, **dict(x.values)) for x in many]
    return [trace["pattern"].value[head].numpy() for trace in traces]


def shares(row: np.ndarray) -> np.ndarray:
    return np.abs(row) / np.abs(row).sum()


def nats(p: np.ndarray) -> float:
    return float(-(p[p > 0] * np.log(p[p > 0])).sum())


def filled(template: str, values: dict[str, float]) -> str:
    """A message with these numbers in it, as the browser rounds them: float32, four digits."""
    return re.sub(r"<(\w+)>", lambda name: digits(float(np.float32(values[name[1]]))), template)


def told(
    weights: list[np.ndarray], at: tuple[int, int], text: Text, reference: int = 0
) -> list[str]:
    """What stands under each matrix when a cell is pointed at."""
    row, column = at
    found, base = [], weights[reference]
    for i, one in enumerate(weights):
        p, q = shares(one[row]), shares(base[row])
        apart = (nats((p + q) / 2) - (nats(p) + nats(q)) / 2) / np.log(2)
        numbers = {
            "weight": one[row, column],
            "sum": one[row].sum(),
            "entropy": nats(p),
            "difference": one[row, column] - base[row, column],
            "divergence": max(apart, 0) ** 0.5,
        }
        said = filled(text("comparison-value"), numbers)
        found.append(said if i == reference else said + filled(text("comparison-change"), numbers))
    return found


def pointed(figure: Locator) -> tuple[int, int]:
    """The cell that is read out; random vectors' tokens are called by their numbers."""
    row, column = figure.locator(".readout .token").all_text_contents()
    return int(row), int(column)


def expect_values(figure: Locator, many: list[Chosen], text: Text = EN) -> None:
    """Every panel reads out its true numbers of the cell that is pointed at."""
    expected = told(patterns(many), pointed(figure), text)
    for value, said in zip(figure.locator(".value").all(), expected, strict=True):
        expect(value).to_have_text(said)


def is_within(page: Page, width: int) -> bool:
    """Whether nothing is wider than the window."""
    sizes = "['html', '.stMain'].map((x) => document.querySelector(x).scrollWidth)"
    return max(page.evaluate(sizes)) <= width


def test_every_matrix_is_painted_and_a_cell_is_read_out_in_all_of_them(page, address):
    figure, many = visit(page, address), parse(LINE)
    canvases = figure.locator(".stage canvas.base").all()
    assert len(canvases) == 4 + 3, "four matrices, three differences"
    assert min(canvas.evaluate(SHADES) for canvas in canvases) > 4
    assert is_within(page, 1440)
    stage = figure.locator(".panel").nth(2).locator(".stage").first  # hard: weights are 0 or 1
    box = stage.bounding_box()
    assert box
    weights = patterns(many)[2]
    seen = set()
    for down in (0.15, 0.3, 0.5, 0.7, 0.9):
        for right in (0.2, 0.4, 0.6, 0.8):
            place = box["width"] * right, box["height"] * down
            stage.hover(position={"x": place[0], "y": place[1]})
            at = pointed(figure)
            assert stage.locator("canvas.base").evaluate(DARK, place) == (weights[at] == 1), at
            seen.add((at, bool(weights[at])))
        expect_values(figure, many)
    assert len(seen) == 20
    assert {dark for _, dark in seen} == {True, False}, "both were pointed at"
    page.mouse.move(5, 5)
    expect(figure.locator(".value").first).to_have_text("")
    expect(figure.locator(".readout")).to_have_text(EN("comparison-hint"))


def test_arrow_keys_move_the_cell_and_stop_at_the_edge(page, address):
    figure, many = visit(page, address), parse(LINE)
    panels, frame = figure.locator(".panels"), figure.locator("canvas.marks").first
    assert frame.evaluate(SHADES) == 1
    panels.focus()
    for keys, at in (
        (("ArrowRight", "ArrowDown"), (1, 1)),
        (("ArrowDown", "ArrowDown", "ArrowLeft"), (3, 0)),
        (("ArrowLeft",), (3, 0)),
        (("ArrowUp",) * 5, (0, 0)),
        (("ArrowRight",) * 15, (0, 11)),
    ):
        for key in keys:
            panels.press(key)
        assert pointed(figure) == at
        expect_values(figure, many)
        assert frame.evaluate(SHADES) > 1, "the cell is framed"


def test_ten_moves_of_a_slider_end_with_pictures_and_table_of_the_last(page, address):
    figure = visit(page, address)
    figure.locator(".stage").first.hover()  # drawn anew, the cell is read out anew
    slider = page.get_by_role("slider", name="alpha")
    for keys, value in (
        (("ArrowRight",) * 10, 1.75),
        (("ArrowLeft",) * 4 + ("ArrowRight",) * 6, 1.8),
    ):
        slider.focus()
        for key in keys:
            page.keyboard.press(key)
        expect(slider).to_have_attribute("aria-valuetext", str(value))
        many = [one.put("alpha", value) if one.name == "entmax" else one for one in parse(LINE)]
        for _ in range(2):
            expect(figure.locator(".title").nth(1)).to_have_text(re.compile(rf"alpha {value}$"))
            figure.locator(".stage").first.hover()
            expect_values(figure, many)
            expect(page.get_by_test_id("glide-cell-0-1").last).to_have_text(
                re.compile(rf"alpha {value}$")
            )
            entropy = np.mean([nats(row) for row in patterns(many)[1]])
            shown = page.get_by_test_id("glide-cell-2-1").last.text_content() or ""
            assert float(shown) == pytest.approx(entropy, rel=1e-9)
            expect(page).to_have_url(re.compile(rf"entmax%28alpha%3D{value}%29"))
            page.wait_for_timeout(700)  # nothing that comes later takes it back


def test_a_slider_turns_one_attention_into_another(page, address):
    page.goto(f"{address}/compare?lang=en&vectors=random&laboratory=limits&limit=entmax.alpha")
    figure = page.locator(".comparison")
    expect(figure).to_have_attribute("data-drawn", re.compile(r"\d+"), timeout=PATIENCE)
    slider = page.get_by_role("slider", name="alpha")
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "2")
    expect(figure.locator(".title").nth(1)).to_have_text(re.compile("alpha 2$"), timeout=PATIENCE)
    figure.locator(".panel").nth(2).locator(".stage").first.hover()
    many = [Chosen("entmax", (("alpha", 2.0),)), Chosen("softmax"), Chosen("sparsemax")]
    now, softmax, sparsemax = told(patterns(many), pointed(figure), EN)
    for value, said in zip(figure.locator(".value").all(), (softmax, now, sparsemax), strict=True):
        expect(value).to_have_text(said)
    said = page.get_by_text(re.compile("Distance to Sparsemax: largest difference of a weight"))
    shown = re.findall(r"weight ([\d.e-]+),", said.text_content() or "")
    assert [float(x) < 1e-12 for x in shown] == [False, True]


def test_a_reference_that_cannot_be_computed_makes_none_of_the_others_one(page, address):
    query = "lang=en&vectors=random&causal=1&compare=nystrom;softmax;entmax"
    figure = visit(page, address, query)
    expect(figure.locator(".problem")).to_have_count(1)
    expect(figure.locator("canvas.base")).to_have_count(2)
    expect(figure.locator(".badge")).to_have_count(0)


@pytest.mark.parametrize("view", ["matrices", "cost", "limits"])
def test_on_a_telephone_nothing_is_wider_than_the_window(chromium, address, view):
    context = chromium.new_context(locale="zh-CN", viewport={"width": 390, "height": 844})
    page, text = context.new_page(), Text("zh")
    page.goto(f"{address}/compare?vectors=random&laboratory={view}")
    chosen = page.get_by_role("radio", name=text(f"laboratory-{view}"))
    expect(chosen).to_be_visible(timeout=PATIENCE)
    shown = page.locator(".js-plotly-plot" if view == "cost" else ".comparison canvas.base")
    expect(shown.first).to_be_visible(timeout=PATIENCE)
    page.wait_for_timeout(500)
    assert is_within(page, 390)
    if view == "matrices":
        figure = page.locator(".comparison")
        assert min(c.evaluate(SHADES) for c in figure.locator("canvas.base").all()) > 4
        assert figure.locator(".badge").text_content() == text("comparison-reference")
        figure.locator(".stage").first.hover()
        many = parse("softmax;entmax;sliding_window;linear")
        expect_values(figure, many, text)
    context.close()
