"""Every variant keeps its promises; `attend` refuses what does not belong together."""

import math
import pkgutil
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import attnviz
from attnviz import attention
from attnviz.attention import catalogue
from attnviz.error import InputError

H, G, T, S, K, E = 4, 2, 5, 7, 3, 6


def qkv(n_batch: int = 1, h: int = H, g: int = G) -> tuple[Tensor, Tensor, Tensor]:
    make = torch.Generator().manual_seed(0)
    shapes = ((n_batch, h, T, K), (n_batch, g, S, K), (n_batch, g, S, E))
    q, k, v = (torch.randn(*shape, dtype=torch.float64, generator=make) for shape in shapes)
    return q, k, v


def test_every_file_that_declares_a_variant_is_found_once() -> None:
    folder = Path(attention.__file__).parent
    declaring = [f for f in folder.glob("*/*.py") if "\nVARIANT = " in f.read_text("utf-8")]
    assert len(attnviz.variants()) == len(declaring)
    assert {"scaled_dot", "softmax", "causal", "bidirectional"} <= attnviz.variants().keys()


def test_a_name_belongs_to_the_declaration_it_finds() -> None:
    assert all(name == variant.name for name, variant in attnviz.variants().items())


def test_two_files_with_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = list(pkgutil.walk_packages(attention.__path__, "attnviz.attention."))
    monkeypatch.setattr(pkgutil, "walk_packages", lambda *_: found * 2)
    with pytest.raises(ValueError, match="two variants are called"):
        catalogue._declared.__wrapped__()  # type: ignore[attr-defined]


def test_the_table_of_variants_cannot_be_written_to() -> None:
    with pytest.raises(TypeError):
        attnviz.variants()["mine"] = None  # type: ignore[index]


def test_attend_gives_torchs_numbers_and_the_callers_own_q_k_v() -> None:
    q, k, v = qkv(n_batch=2)
    trace = attnviz.attend("scaled_dot", q, k, v)
    expected = F.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    torch.testing.assert_close(trace["z"].value, expected, atol=1e-12, rtol=1e-12)
    for name, value in zip("qkv", (q, k, v), strict=True):
        assert torch.equal(trace[name].value, value)
    assert trace.facts["variant"] == "scaled_dot"


def test_a_trace_stays_when_the_callers_tensors_change() -> None:
    q, k, v = qkv()
    trace = attnviz.attend("softmax", q, k, v)
    for x in (q, k, v):
        x.zero_()
    scaled = trace["raw"].value * K**-0.5
    torch.testing.assert_close(scaled, trace["scaled"].value, rtol=0, atol=0)
    assert trace["q"].value.abs().min() > 0


def test_a_mask_is_true_where_attention_is_allowed() -> None:
    q, k, v = qkv()
    mask = torch.arange(S) != 3
    pattern = attnviz.attend("softmax", q, k, v, mask)["pattern"].value
    assert (pattern[:, :, 3] == 0).all()
    assert (pattern[:, :, mask] > 0).all()


def test_a_batch_of_one_is_dropped_and_a_larger_one_is_kept() -> None:
    assert attnviz.attend("causal", *qkv(1))["pattern"].axes == "H T S"
    assert attnviz.attend("causal", *qkv(2))["pattern"].axes == "B H T S"


def test_attend_leaves_no_graph_behind() -> None:
    q, k, v = (x.requires_grad_() for x in qkv())
    trace = attnviz.attend("softmax", q, k, v)
    assert not any(kept.value.requires_grad for kept in trace.values())


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no variant 'sofmax'.*softmax.*causal"):
        attnviz.attend("sofmax", *qkv())


def wrong(**changes: Tensor) -> dict[str, Tensor]:
    q, k, v = qkv()
    return {"q": q, "k": k, "v": v} | changes


X = torch.zeros


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (wrong(q=X(T, K).double()), r"q needs 4 axes .*not 2"),
        (wrong(k=X(1, G, S, 9).double()), r"q \(1, 4, 5, 3\) and k \(1, 2, 7, 9\)"),
        (wrong(k=X(1, 3, S, K).double()), r"q \(1, 4, 5, 3\) and k \(1, 3, 7, 3\)"),
        (wrong(k=X(8, G, S, K).double()), r"q \(1, 4, 5, 3\) and k \(8, 2, 7, 3\)"),
        (wrong(v=X(1, G, 8, E).double()), r"k \(1, 2, 7, 3\) and v \(1, 2, 8, 6\)"),
        (wrong(q=X(1, H, T, K)), "float32.*float64"),
        (wrong(q=X(1, H, 0, K).double()), r"q .*\(1, 4, 0, 3\).*empty"),
        (wrong(mask=X(T, S)), "boolean.*float32"),
        (wrong(mask=X(T, 9).bool()), r"mask \(5, 9\).*\(1, 4, 5, 7\)"),
        (wrong(mask=X(3, 1, T, S).bool()), r"mask \(3, 1, 5, 7\).*\(1, 4, 5, 7\)"),
    ],
)
def test_inputs_that_do_not_belong_together_are_refused_with_their_shapes(
    inputs: dict[str, Tensor], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        attnviz.attend("softmax", **inputs)


@pytest.mark.parametrize("name", ["q", "k", "v"])
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused(name: str, number: float) -> None:
    inputs = wrong()
    inputs[name][0, 1, 2, 0] = number
    with pytest.raises(ValueError, match=f"{name} holds a number that is not finite"):
        attnviz.attend("softmax", **inputs)


def test_whole_numbers_are_refused() -> None:
    ones = {name: X(1, 1, 2, 2, dtype=torch.long) for name in "qkv"}
    with pytest.raises(ValueError, match=r"floating.*int64"):
        attnviz.attend("softmax", **ones)


# what a variant takes


def test_a_square_variant_refuses_another_number_of_queries_than_of_keys() -> None:
    q, k, v = qkv(g=H)
    with pytest.raises(InputError) as caught:
        attnviz.attend("selective", q, k, v)
    expected = f"selective needs as many queries as keys, not T = {T} and S = {S}"
    assert str(caught.value) == expected
    assert caught.value.code == "square"
    assert caught.value.facts == {"variant": "selective", "t": T, "s": S}
    square = q.repeat(1, 1, 2, 1)[:, :, :S]
    assert attnviz.attend("selective", square, k, v)["z"].value.shape == (H, S, E)


KEYS = torch.arange(S) != 3
PAST = torch.ones(T, S, dtype=torch.bool).tril(S - T)


@pytest.mark.parametrize(
    "mask",
    [None, KEYS, KEYS[None], KEYS.expand(T, S), KEYS.expand(1, H, T, S), torch.tensor(True)],
    ids=["none", "keys", "row", "matrix", "heads", "one"],
)
def test_a_variant_on_all_tokens_at_once_takes_a_mask_that_is_the_same_for_every_query(
    mask: Tensor | None,
) -> None:
    pattern = attnviz.attend("efficient", *qkv(g=H), mask)["pattern"].value
    hidden = mask is not None and mask.ndim > 0
    assert (pattern[..., 3] == 0).all() == hidden


@pytest.mark.parametrize("mask", [PAST, PAST.expand(1, H, T, S)], ids=["matrix", "heads"])
def test_a_variant_on_all_tokens_at_once_refuses_a_mask_that_differs_between_queries(
    mask: Tensor,
) -> None:
    said = r"^efficient works on all tokens at once: its mask may hide a key from every query, not"
    with pytest.raises(InputError, match=said) as caught:
        attnviz.attend("efficient", *qkv(g=H), mask)
    assert caught.value.code == "maskable"
    assert caught.value.facts == {"variant": "efficient"}


def test_joined_variants_take_what_both_take() -> None:
    for name in ("rope+efficient", "efficient+rope"):
        with pytest.raises(InputError, match="works on all tokens at once"):
            catalogue.fits(catalogue.find(name), T, S, PAST)
        catalogue.fits(catalogue.find(name), T, S, KEYS)
    catalogue.fits(catalogue.find("rope+entmax"), T, S, PAST)


# what is worth knowing about a run


@pytest.mark.parametrize("n_batch", [1, 3])
@pytest.mark.parametrize("empty", [(), (2,), (0, 3, 4)])
def test_queries_that_may_look_at_nothing_are_counted_in_a_note(
    n_batch: int, empty: tuple[int, ...]
) -> None:
    mask = torch.ones(T, S, dtype=torch.bool)
    mask[list(empty)] = False
    notes = attnviz.attend("softmax", *qkv(n_batch), mask).facts["notes"]
    count = n_batch * len(empty)
    said = f"{count} queries may look at nothing: their weights and outputs are zero"
    assert notes == ([said] if empty else [])


def test_a_variants_own_mask_and_the_callers_leave_rows_empty_together() -> None:
    late = torch.arange(S) >= S - 2
    trace = attnviz.attend("causal", *qkv(), late)
    rows = [t for t in range(T) if not any(late[: t + S - T + 1])]
    assert trace.facts["notes"] == [
        f"{len(rows)} queries may look at nothing: their weights and outputs are zero"
    ]
    assert trace.facts["variant"] == "causal"


def test_without_a_mask_there_is_nothing_to_note() -> None:
    assert attnviz.attend("softmax", *qkv()).facts["notes"] == []
    assert attnviz.attend("causal", *qkv()).facts["notes"] == []


# where a variant stands


def test_a_variant_stands_in_the_group_and_the_file_that_declare_it() -> None:
    root = Path(attnviz.__file__).parent.parent
    for name in attnviz.variants():
        file = root / catalogue.code(name)
        source = file.read_text("utf-8")
        assert "\nVARIANT = " in source
        assert re.search(rf'^    name="{name}",$', source, re.MULTILINE), name
        assert file.parent.name == catalogue.group(name)


def test_variants_are_listed_group_by_group() -> None:
    groups = [catalogue.group(name) for name in attnviz.variants()]
    assert list(dict.fromkeys(groups)) == [g for g in catalogue.GROUPS if g in groups]
    assert groups == sorted(groups, key=catalogue.GROUPS.index)
    folder = Path(attention.__file__).parent
    assert {f.name for f in folder.iterdir() if (f / "__init__.py").exists()} == {*catalogue.GROUPS}


def test_there_is_no_group_of_a_variant_that_there_is_not() -> None:
    with pytest.raises(KeyError):
        catalogue.group("sofmax")
