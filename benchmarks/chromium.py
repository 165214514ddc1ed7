"""Debian's Chromium for benchmarks and browser tests: where it is, and how it starts offline."""

import shutil

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


def path() -> str | None:
    """The browser's file, None where there is none on the PATH."""
    return shutil.which("chromium") or shutil.which("chromium-browser")
