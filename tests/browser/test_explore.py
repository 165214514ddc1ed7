"""What a person sees and clicks on the Explore page, in a real Chromium."""

import re
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Locator, Page, expect

from attnviz.pretrained import models

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif("en-zh" not in models(), reason="the built-in model is not there"),
]
PATIENCE = 30_000


def visit(page: Page, address: str, query: str = "") -> Locator:
    """Open the app and wait for its grid."""
    page.goto(f"{address}/?{query}")
    grid = page.locator(".head-grid")
    expect(grid).to_have_attribute("data-drawn", re.compile(r"\d+"), timeout=PATIENCE)
    expect(page.locator(".js-plotly-plot, .lines, [data-testid=stDataFrame]").first).to_be_visible(
        timeout=PATIENCE
    )
    return grid


def drawn(grid: Locator) -> int:
    return int(grid.get_attribute("data-drawn") or 0)


def head_box(grid: Locator, layer: int, head: int) -> tuple[float, float]:
    """A point inside the head's picture, as a place in the stage (3 layers, 8 heads)."""
    box = grid.locator(".stage").bounding_box()
    assert box
    across, down = (box["width"] - 24) / 8, (box["height"] - 16) / 3
    return 24 + across * (head + 0.5), 16 + down * (layer + 0.5)


def type_sentence(page: Page, text: str) -> None:
    box = page.get_by_role("textbox").first
    box.fill(text)
    box.press("Enter")


def parameters(page: Page) -> dict[str, str]:
    return {k: v[0] for k, v in parse_qs(urlparse(page.url).query).items()}


def test_typing_a_sentence_shows_a_chinese_translation_and_all_heads(page, address):
    grid = visit(page, address, "lang=en")
    before = drawn(grid)
    type_sentence(page, "The cat sat on the mat.")
    chips = page.locator(".chips")
    expect(chips).to_contain_text("cat", timeout=PATIENCE)
    expect(chips).to_contain_text(re.compile(r"[一-鿿]"))
    expect(chips).to_contain_text("猫")
    expect(grid).not_to_have_attribute("data-drawn", str(before))
    assert grid.locator("canvas").count() >= 2


def test_hovering_names_row_column_and_weight_and_never_asks_the_server(page, address):
    sent: list[str] = []

    def listen(socket):
        socket.on("framesent", lambda payload: sent.append("frame"))

    page.on("websocket", listen)
    grid = visit(page, address, "lang=en")
    page.wait_for_timeout(1000)
    sent.clear()
    x, y = head_box(grid, 0, 2)
    grid.locator(".stage").hover(position={"x": x, "y": y})
    expect(grid.locator(".readout")).to_contain_text("layer 0, head 2")
    weight = (grid.locator(".readout .weight").text_content() or "").replace("−", "-")
    assert re.fullmatch(r"[01]\.\d{3,}|\d\.\d{3}e-\d\d|0|0\.0+\d{4}", weight), weight
    grid.get_by_role("tab", name="Encoder self-attention").click()
    grid.get_by_role("radio", name="Square root").click()
    grid.get_by_role("button", name="Enlarge").click()
    grid.get_by_role("button", name="Back").click()
    assert sent == []


def test_a_click_opens_the_head_and_reruns_the_fragment_alone(page, address):
    grid = visit(page, address, "lang=en")
    before = drawn(grid)
    x, y = head_box(grid, 2, 5)
    grid.locator(".stage").click(position={"x": x, "y": y})
    expect(page.get_by_role("heading", name="layer 2, head 5")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".js-plotly-plot")).to_be_visible()
    assert drawn(grid) == before, "the grid was sent again"
    page.wait_for_function("location.search.includes('head=5')")
    assert parameters(page)["layer"] == "2"


def plot_point(page: Page, chart: str, column: float, row: float) -> tuple[float, float]:
    """Where the middle of a cell of a Plotly chart is on the page."""
    return tuple(
        page.evaluate(
            """([chart, column, row]) => {
              const plot = document.querySelector(`.st-key-${chart} .js-plotly-plot`);
              const { left, top } = plot.getBoundingClientRect();
              const { xaxis, yaxis } = plot._fullLayout;
              const x = left + xaxis._offset + xaxis.d2p(column);
              return [x, top + yaxis._offset + yaxis.d2p(row)];
            }""",
            [chart, column, row],
        )
    )


def test_a_click_on_the_heatmap_opens_that_cell_and_marks_it_in_the_grid(page, address):
    grid = visit(page, address, "lang=en&text=I+read+a+book.&layer=1&head=2&row=0&col=1")
    before = drawn(grid)
    page.mouse.click(*plot_point(page, "heatmap", 3, 2))
    page.wait_for_function("location.search.includes('row=2')", timeout=PATIENCE)
    found = parameters(page)
    assert (found["layer"], found["head"], found["row"], found["col"]) == ("1", "2", "2", "3")
    expect(grid.locator(".readout")).to_contain_text("layer 1, head 2")
    assert drawn(grid) == before


def test_a_drag_on_the_heatmap_chooses_nothing(page, address):
    visit(page, address, "lang=en&text=I+read+a+book.&layer=1&head=2&row=0&col=1")
    page.mouse.move(*plot_point(page, "heatmap", 1, 1))
    page.mouse.down()
    page.mouse.move(*plot_point(page, "heatmap", 3, 3), steps=5)
    page.mouse.up()
    page.wait_for_timeout(1000)
    assert parameters(page)["row"] == "0"


def test_a_click_on_a_bar_opens_its_token(page, address):
    visit(page, address, "lang=en&text=I+read+a+book.&layer=1&head=2&row=1&col=0&view=bars")
    bar = "document.querySelector('.st-key-bars .js-plotly-plot').data[0].customdata[1]"
    column = page.evaluate(bar)
    page.mouse.click(*plot_point(page, "bars", 0.01, 1))
    page.wait_for_function(f"location.search.includes('col={column}')", timeout=PATIENCE)
    assert parameters(page)["row"] == "1"


@pytest.mark.parametrize("view", ["heatmap", "bars"])
def test_a_token_pointed_at_lights_up_in_the_chart_and_back(page, address, view):
    grid = visit(page, address, f"lang=en&text=I+read+a+book.&view={view}")
    lit = page.locator(f".st-key-{view} .attnviz-lit rect")
    expect(lit).to_have_count(0)
    page.locator(".chips .chip", has_text="book").first.hover()
    expect(lit).to_have_count(1)
    page.mouse.move(*plot_point(page, view, 0.4, 1))
    expect(lit).to_have_count(0)
    expect(page.locator(".chips .chip.lit").first).to_be_visible()
    expect(grid).to_be_visible()


def test_a_piece_pointed_at_lights_up_the_word_it_is_merged_into(page, address):
    grid = visit(page, address, "lang=en&text=Unbelievable,+I+read+books.&words=1")
    chips = page.locator(".chips .side").first.locator(".chip")
    last = chips.nth(chips.count() - 1)  # </s>: many pieces, fewer words
    last.hover()
    lit = page.locator(".st-key-heatmap .attnviz-lit rect")
    expect(lit).to_have_count(1)
    right = page.evaluate(
        """() => {
          const plot = document.querySelector('.st-key-heatmap .js-plotly-plot');
          const { xaxis } = plot._fullLayout;
          const box = plot.querySelector('.attnviz-lit rect').getBBox();
          return Math.abs(box.x + box.width - xaxis._offset - xaxis._length);
        }"""
    )
    assert right < 2, "the last column is framed"
    expect(grid).to_be_visible()


def test_the_end_of_the_translation_has_its_probability(page, address):
    visit(page, address, "lang=en")
    last = page.locator(".chips .side").nth(1).locator(".chip").last
    expect(last).to_contain_text("</s>")
    last.hover()
    expect(page.locator(".chips .card")).to_contain_text("%")


def test_the_colour_scale_outlives_the_other_views(page, address):
    grid = visit(page, address, "lang=en&scale=sqrt&view=lines")
    for layer, head in ((0, 1), (2, 5)):
        x, y = head_box(grid, layer, head)
        grid.locator(".stage").click(position={"x": x, "y": y})
        heading = page.get_by_role("heading", name=f"layer {layer}, head {head}")
        expect(heading).to_be_visible(timeout=PATIENCE)
    page.get_by_role("radio", name="Heatmap").click()
    expect(page.locator(".js-plotly-plot")).to_be_visible(timeout=PATIENCE)
    assert parameters(page)["scale"] == "sqrt"


def test_the_keyboard_alone_opens_a_head(page, address):
    grid = visit(page, address, "lang=en&block=decoder.cross&layer=0&head=0&row=0&col=0")
    stage = grid.locator(".stage")
    stage.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowRight", "Enter"):
        stage.press(key)
    expect(page.get_by_role("heading", name=re.compile(r"layer 1, head [12]"))).to_be_visible(
        timeout=PATIENCE
    )


def test_a_link_shows_the_same_picture_again(page, address):
    query = "lang=en&text=I+read+a+book.&block=encoder.self&layer=1&head=3&row=2&col=1&view=bars"
    visit(page, address, query)
    expect(page.get_by_role("heading", name="layer 1, head 3")).to_be_visible()
    expect(page.get_by_role("textbox").first).to_have_value("I read a book.")
    said = page.locator(".stMain").inner_text()
    again = page.url
    page.goto("about:blank")
    page.goto(again)
    expect(page.get_by_role("heading", name="layer 1, head 3")).to_be_visible(timeout=PATIENCE)
    page.wait_for_timeout(1500)
    assert page.locator(".stMain").inner_text() == said


def test_the_link_can_be_copied(page, address):
    visit(page, address, "lang=en")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Link copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


@pytest.mark.parametrize("ending", ["CSV", "LaTeX", "torch.tensor", "NPZ", "PNG", "SVG", "PDF"])
def test_everything_can_be_taken_away(page, address, ending, tmp_path):
    visit(page, address, "lang=en")
    page.get_by_role("button", name="Take away").click()
    with page.expect_download(timeout=PATIENCE) as started:
        page.get_by_role("button", name=ending).click()
    file = tmp_path / "file"
    started.value.save_as(file)
    assert file.stat().st_size > 100


def test_chinese_readers_get_chinese_words_without_choosing(chromium, address):
    context = chromium.new_context(locale="zh-CN", viewport={"width": 1440, "height": 900})
    page = context.new_page()
    visit(page, address)
    expect(page.get_by_role("tab", name="交叉注意力")).to_be_visible()
    expect(page.get_by_role("textbox").first).to_have_value("今天天气很好。")
    context.close()


def test_an_empty_sentence_keeps_the_picture_and_says_one_sentence(page, address):
    visit(page, address, "lang=en")
    type_sentence(page, "   ")
    expect(page.get_by_role("alert")).to_contain_text("The sentence is empty", timeout=PATIENCE)
    expect(page.locator(".head-grid")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_be_visible()


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_is_wider_than_the_window(page, address, width):
    page.set_viewport_size({"width": width, "height": 844})
    visit(page, address, "lang=en&text=When+I+was+a+child,+I+lived+in+a+small+village.")
    page.wait_for_timeout(500)
    wide = page.evaluate("document.querySelector('.stMain').scrollWidth")
    assert wide <= width
