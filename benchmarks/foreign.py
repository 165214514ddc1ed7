"""How long from choosing another library's model to the picture of all its heads, and what then?

The app is asked for the folder as a reader would ask: its name typed, Load pressed. A time ends
when the grid of all heads has been painted. The second sentence is compared with the same in an
empty Streamlit app, in turn, in the same browser; memory is that of the server's process.

    python -m benchmarks.foreign FOLDER
"""

import argparse
import statistics
import time
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

from benchmarks import chromium
from benchmarks.latency import WATCH, enter, sentence
from benchmarks.server import ROOT, Server, server

WORDS = (
    "The quick brown fox jumps over the lazy dog and then runs home to its {} because it is hungry"
    " now"
)
"""Twenty words."""
STILL = 15_000
"""Milliseconds without a change after which the model counts as loaded and drawn."""
PLACES = ("den", "wood", "hole", "field", "farm", "hill", "lake")


def opened(page: Page, app: Server, folder: str) -> tuple[float, float]:
    """Seconds from Load to the grid, and the server's peak memory in megabytes."""
    page.goto(f"{app.url}/?lang=en&text={WORDS.format('cave')}")
    page.locator(".head-grid[data-drawn]").wait_for()
    page.get_by_text("Open another model").click()
    page.get_by_role("textbox", name="Directory or Hugging Face id").fill(folder)
    button = page.get_by_role("button", name="Load")
    button.focus()
    page.evaluate(f"void (window.result = ({WATCH})({STILL}))")
    button.press("Enter")
    seconds = page.evaluate("window.result")["grid"] / 1000
    page.get_by_text(f"/{Path(folder).name} (").wait_for()  # it is this model's grid
    page.get_by_text("Open another model").click()  # the sentence is the first box again
    return seconds, app.peak()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = str(parser.parse_args().folder.resolve())
    with ExitStack() as stack:
        app = stack.enter_context(server(ROOT / "streamlit_app.py"))
        empty = stack.enter_context(server(ROOT / "benchmarks/apps/empty.py"))
        play = stack.enter_context(sync_playwright())
        browser = play.chromium.launch(executable_path=chromium.path(), args=chromium.FLAGS)
        size = ViewportSize(width=1440, height=900)
        page, blank = (browser.new_page(viewport=size) for _ in range(2))
        blank.goto(empty.url)
        blank.get_by_role("textbox").first.wait_for()
        seconds, peak = opened(page, app, folder)
        print(f"from Load to the grid: {seconds:.1f} s, peak memory of the server {peak:.0f} MB")
        time.sleep(2)
        ours, theirs = [], []
        for turn, place in enumerate(PLACES):
            ours.append(enter(page, WORDS.format(place)))
            theirs.append(enter(blank, sentence(20, turn))["page"])
        base = statistics.median(theirs[2:])
        for name in ("grid", "page"):
            took = statistics.median(seen[name] for seen in ours[2:])
            print(f"another sentence, {name}: {took:.0f} ms, {took / base:.2f} empty reruns")
        browser.close()


if __name__ == "__main__":
    main()
