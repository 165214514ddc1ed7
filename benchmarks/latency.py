"""How long from the Enter key to the pixels of the new picture?

Three apps in one browser, interleaved: (a) an empty Streamlit app, (b) Explore, (c) the same heads
as Plotly subplots. The target is forced, so (b) and (c) run one forward pass and no decoding. A
time ends at the second animation frame after the last change that belongs to the picture: for
"grid" the canvas of all heads (or of a comparison), for "page" everything on the page.

    python -m benchmarks.latency --repeats 9
"""

import argparse
import random
import statistics
import time
from contextlib import ExitStack
from urllib.parse import urlencode

from playwright.sync_api import Page, ViewportSize, sync_playwright

from benchmarks import chromium
from benchmarks.server import ROOT, server

SIZES = (16, 32, 64, 128)
QUIET = 700
"""Milliseconds without a change after which the page counts as finished."""

WATCH = """
(quiet, key = "Enter") => new Promise((resolve) => {
  const seen = {};
  let start = 0, timer = 0;
  const hostOf = (node) => {
    const root = node.getRootNode();
    if (root instanceof ShadowRoot) return root.host;
    return node instanceof Element ? node : node.parentElement ?? document.body;
  };
  const frames = (then) => requestAnimationFrame(() => requestAnimationFrame(then));
  const note = (name) => frames(() => { seen[name] = performance.now() - start; });
  const unseen = (node) =>
    !node.isConnected || getComputedStyle(hostOf(node)).visibility === "hidden";
  const changed = (every) => {
    const records = every.filter((r) => !unseen(r.target));
    if (!start || !records.length) return;
    const isGrid = ({ attributeName, target }) =>
      attributeName && target.matches(".head-grid, .comparison");
    if (records.some(isGrid)) note("grid");
    note("page");
    clearTimeout(timer);
    timer = setTimeout(() => { observers.forEach((o) => o.disconnect()); resolve(seen); }, quiet);
  };
  const observers = [];
  const watch = (root) => {
    const observer = new MutationObserver(changed);
    observer.observe(root, {subtree: true, childList: true, characterData: true,
                            attributes: true, attributeFilter: ["data-drawn", "d", "href"]});
    observers.push(observer);
    root.querySelectorAll("*").forEach((e) => { if (e.shadowRoot) watch(e.shadowRoot); });
  };
  watch(document);
  document.addEventListener("keydown", (event) => {
    if (event.key === key) start = performance.now();
  }, {capture: true, once: true});
  window.armed = true;
})
"""


def sentence(n_tokens: int, turn: int) -> str:
    """About `n_tokens` tokens of English; another sentence every `turn`, so that nothing is in a
    cache."""
    words = ["the", "old", "man", "and", "his", "dog", "like", "to", "read"]
    return " ".join(random.Random(turn).choices(words, k=n_tokens - 3)) + "."


def target(n_tokens: int) -> str:
    """`n_tokens` - 1 tokens of Chinese, each a piece of its own."""
    return "".join("我你他"[i % 3] for i in range(n_tokens - 2)) + "。"


def enter(page: Page, text: str) -> dict[str, float]:
    """Type `text`, press Enter, and return milliseconds until "grid" and "page" stood still."""
    box = page.get_by_role("textbox").first
    box.fill(text)
    page.evaluate(f"void (window.result = ({WATCH})({QUIET}))")
    box.press("Enter")
    return page.evaluate("window.result")


def median(values: list[float]) -> str:
    return f"{statistics.median(values):7.0f}"


def row(pages: dict[str, Page], size: int, repeats: int) -> None:
    """Measure one T, the three apps in turn, and print its line."""
    found: dict[str, list[float]] = {"a": [], "b grid": [], "b page": [], "c": []}
    for turn in range(repeats + 2):
        for name, page in pages.items():
            seen = enter(page, sentence(size, turn + 100 * size))
            if turn < 2:
                continue  # warm-up
            if name == "b":
                found["b grid"].append(seen["grid"])
            found["b page" if name == "b" else name].append(seen["page"])
    a, grid, page, c = (statistics.median(values) for values in found.values())
    print(
        f"{size:>4}" + "".join(median(v) for v in found.values()),
        f"{grid / a:8.2f} {page / a:8.2f} {c / grid:8.1f}",
        flush=True,
    )


def decoding(page: Page, address: str) -> float:
    """Milliseconds from Enter to the grid for a 12-word sentence that the model translates."""
    page.goto(address)
    page.locator("[data-drawn]").first.wait_for()
    times = []
    for name in ("Anna", "Mary", "Peter", "Paul"):
        seen = enter(page, f"I think that {name} will come home late because the train is full.")
        times.append(seen["grid"])
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    scripts = {
        "a": ROOT / "benchmarks/apps/empty.py",
        "b": ROOT / "streamlit_app.py",
        "c": ROOT / "benchmarks/apps/subplots.py",
    }
    with ExitStack() as stack:
        servers = {name: stack.enter_context(server(path)) for name, path in scripts.items()}
        play = stack.enter_context(sync_playwright())
        browser = play.chromium.launch(executable_path=chromium.path(), args=chromium.FLAGS)
        size = ViewportSize(width=1440, height=900)
        pages = {name: browser.new_page(viewport=size) for name in servers}
        print("median milliseconds; a empty app, b Explore, c Plotly subplots")
        print("   T      a b grid b page      c   grid/a   page/a   c/grid")
        for n in SIZES:
            query = urlencode({"target": target(n), "to": "zh", "lang": "en"})
            for name, page in pages.items():
                page.goto(f"{servers[name].url}/?{query}")
                page.get_by_role("textbox").first.wait_for()
                time.sleep(2)
            row(pages, n, repeats)
        took = decoding(pages["b"], f"{servers['b'].url}/?lang=en&to=zh")
        print(f"greedy decoding of a 12-word sentence, Enter to grid: {took:.0f} ms")
        browser.close()


if __name__ == "__main__":
    main()
