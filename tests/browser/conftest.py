"""A running app and a real Chromium; required where ATTNVIZ_BROWSER=required, else skipped."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks import chromium as browser
from benchmarks.server import ROOT, server


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = browser.path()
    if path is None:
        if os.environ.get("ATTNVIZ_BROWSER") == "required":
            pytest.fail("browser tests are required, but there is no chromium on the PATH")
        pytest.skip("there is no chromium on the PATH")
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=path, args=browser.FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """The address of the app, served for the whole session."""
    with server(ROOT / "streamlit_app.py") as running:
        yield running.url


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A fresh English-speaking reader at 1440x900; anything from another host is an error."""
    context = chromium.new_context(
        viewport={"width": 1440, "height": 900},
        locale="en-GB",
        permissions=["clipboard-read", "clipboard-write"],
    )
    page = context.new_page()
    foreign: list[str] = []
    page.on(
        "request",
        lambda r: (
            foreign.append(r.url)
            if not r.url.startswith(("http://localhost", "ws://localhost", "data:", "blob:"))
            else None
        ),
    )
    yield page
    context.close()
    assert not foreign, f"the page asked other hosts: {foreign}"
