"""What the tests against published packages share: random inputs, and the claim to be held."""

import importlib.util
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import attnviz

Make = Callable[..., tuple[Tensor, Tensor, Tensor]]
Agree = Callable[[str, Tensor, Tensor], None]


def qkv(
    *,
    b: int = 2,
    h: int = 6,
    g: int = 6,
    t: int = 9,
    s: int = 9,
    k: int = 8,
    e: int = 8,
    seed: int = 0,
) -> tuple[Tensor, Tensor, Tensor]:
    """Normal q (B H T K), k (B G S K) and v (B G S E) in float64."""
    make = torch.Generator().manual_seed(seed)
    shapes = ((b, h, t, k), (b, g, s, k), (b, g, s, e))
    q, keys, v = (torch.randn(*x, dtype=torch.float64, generator=make) for x in shapes)
    return q, keys, v


@pytest.fixture(scope="session", name="qkv")
def _qkv() -> Make:
    return qkv


@pytest.fixture(scope="session")
def agree() -> Agree:
    """`agree(name, ours, theirs)`: they differ by at most what the variant's oracle claims."""

    def check(name: str, ours: Tensor, theirs: Tensor) -> None:
        claimed = attnviz.variants()[name].oracle
        assert claimed is not None
        assert ours.shape == theirs.shape
        torch.testing.assert_close(ours, theirs.to(ours.dtype), atol=claimed.error, rtol=0)

    return check


def package(name: str) -> Any:
    """A module of a published package; the test is skipped where it is not installed. Warnings that
    it makes when it is imported are its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason=f"{name} is in tests/requirements.txt")


def fla(path: str) -> Any:
    """A file of fla-core by its path within the package ("ops/retention/naive.py"): the packages
    around it need a GPU's compiler, which the plain PyTorch in it does not."""
    found = importlib.util.find_spec("fla")
    if found is None or not found.submodule_search_locations:
        pytest.skip("fla-core is in tests/requirements.txt")
    file = Path(next(iter(found.submodule_search_locations))) / path
    spec = importlib.util.spec_from_file_location(f"fla_{file.parent.name}_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session", name="package")
def _package() -> Callable[[str], Any]:
    return package


@pytest.fixture(scope="session", name="fla")
def _fla() -> Callable[[str], Any]:
    return fla
