"""A file of weights opens as the trace its arrays make, or is refused in one sentence."""

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor

import attnviz
from attnviz import matrix
from attnviz.analysis.block import blocks
from attnviz.error import InputError
from attnviz.pretrained import Bundle, LoadError
from attnviz.trace import Trace


def weights(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator).softmax(-1)


def npz(file: Path, **arrays: Any) -> Path:
    np.savez(file, **arrays)
    return file


def same(found: Trace, expected: Trace) -> None:
    assert list(found) == list(expected)
    assert (found.source, found.target) == (expected.source, expected.target)
    for path, kept in found.items():
        assert torch.equal(kept.value, expected[path].value), path


def refused(file: Path, message: str) -> None:
    with pytest.raises(LoadError, match=message) as caught:
        matrix.load(file)
    assert "\n" not in str(caught.value)


def test_a_file_of_numpy_opens_with_its_tokens(tmp_path: Path) -> None:
    found = weights(2, 3, 4, 6)
    rows, columns = ["今天", "很", "好", "</s>"], ["It", "is", "a", "nice", "day", "</s>"]
    file = npz(tmp_path / "a.npz", **{"decoder.cross": found, "tokens": columns, "target": rows})
    same(matrix.load(file), attnviz.explain(found, columns, rows))
    given = matrix.load(file, tokens="u v w x y z")
    same(given, attnviz.explain(found, "u v w x y z", rows))
    np.savez_compressed(file, attentions=found.numpy(), tokens=np.array(columns), target=rows)
    same(matrix.load(file), attnviz.explain(found, columns, rows))


def test_layers_may_stand_one_by_one(tmp_path: Path) -> None:
    layers = {f"encoder.{i}.self": weights(3, 5, 5, seed=i) for i in range(12)}
    expected = attnviz.explain(list(layers.values()))
    same(matrix.load(npz(tmp_path / "a.npz", **layers)), expected)
    save_file(layers, tmp_path / "a.safetensors")
    same(matrix.load(tmp_path / "a.safetensors"), expected)
    named = {f"attention_{i}": x[None] for i, x in enumerate(layers.values())}
    same(matrix.load(npz(tmp_path / "b.npz", **named)), expected)


def test_a_bare_array_is_enough(tmp_path: Path) -> None:
    found = weights(2, 3, 5, 7)
    np.save(tmp_path / "a.npy", np.asfortranarray(found.numpy()))
    same(matrix.load(tmp_path / "a.npy"), attnviz.explain(found))
    np.savez(tmp_path / "b.npz", found.numpy())
    same(matrix.load(tmp_path / "b.npz"), attnviz.explain(found))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_a_safetensors_file_tells_its_tokens_as_json(tmp_path: Path, dtype: torch.dtype) -> None:
    found, words = weights(2, 3, 4, 4).to(dtype), ["今天", "天气", "很", "好"]
    expected = attnviz.explain(found, words)
    said = json.dumps(words)
    save_file({"attentions": found}, tmp_path / "a.safetensors", {"tokens": said})
    same(matrix.load(tmp_path / "a.safetensors"), expected)
    data = torch.tensor(list(said.encode()), dtype=torch.uint8)
    save_file({"attentions": found, "tokens": data}, tmp_path / "b.safetensors")
    same(matrix.load(tmp_path / "b.safetensors"), expected)


def test_a_choice_says_which_attention_and_which_text(tmp_path: Path) -> None:
    found = weights(2, 2, 3, 4, 4)
    file = npz(tmp_path / "a.npz", attentions=found)
    expected = attnviz.explain(found[:, 1], block="decoder.self")
    same(matrix.load(file, index=1, block="decoder.self"), expected)
    with pytest.raises(InputError, match="batch of 2"):
        matrix.load(file)


@pytest.mark.parametrize("kind", ["encoder-decoder", "decoder-only", "encoder-only"])
def test_a_saved_trace_opens_with_every_step(tmp_path: Path, make_bundle: Any, kind: str) -> None:
    trace = attnviz.run(make_bundle(kind=kind), "I like green tea")
    trace.save(tmp_path / "a.npz")
    found = matrix.load(tmp_path / "a.npz")
    same(found, trace)
    assert blocks(found) == blocks(trace)
    assert found.facts["uneven"] == 0
    assert not found.facts["bare"]


def test_a_saved_attention_opens_without_tokens(tmp_path: Path) -> None:
    q, k = torch.randn(1, 3, 4, 8), torch.randn(1, 3, 6, 8)
    trace = attnviz.attend("alibi", q, k, k)
    trace.save(tmp_path / "a.npz")
    found = matrix.load(tmp_path / "a.npz")["decoder.0.cross.pattern"].value
    assert torch.equal(found, trace["pattern"].value.reshape(3, 4, 6))


def test_a_saved_trace_whose_tokens_were_changed_is_refused(tmp_path: Path, bundle: Bundle) -> None:
    attnviz.run(bundle, "I like green tea").save(tmp_path / "a.npz")
    arrays = dict(np.load(tmp_path / "a.npz"))
    about = json.loads(arrays["__trace__"].tobytes())

    def changed(**changes: Any) -> Path:
        said = np.frombuffer(json.dumps(about | changes).encode(), dtype=np.uint8)
        return npz(tmp_path / "b.npz", **{**arrays, "__trace__": said})

    source = about["source"]
    refused(changed(source=source | {"pieces": source["pieces"][1:]}), "tokens are not whole")
    shorter = {name: x if name == "text" else x[1:] for name, x in source.items()}
    with pytest.raises(InputError, match="source tokens for weights of"):
        matrix.load(changed(source=shorter))
    for wrong in ({"steps": []}, {"source": 3}, {"steps": {"a": {"name": "b"}}}):
        refused(changed(**wrong), "saved trace")
    refused(npz(tmp_path / "c.npz", __trace__=np.zeros(4, np.uint8)), "saved trace")


def test_pickled_arrays_are_refused_and_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    class Marks:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (mark,))

    array = np.array([Marks()], dtype=object)
    np.savez(tmp_path / "a.npz", attentions=array, allow_pickle=True)
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(Marks()))
    torch.save(Marks(), tmp_path / "a.pt")
    for file in ("a.npz", "a.npy"):
        refused(tmp_path / file, "pickled objects")
    for file in ("a.pkl", "a.pt"):
        refused(tmp_path / file, "pickle")
    assert not mark.exists()


def test_an_array_that_asks_for_more_than_there_is_takes_no_memory(tmp_path: Path) -> None:
    many = (9000,) * 1500  # a product of more digits than Python writes
    for shape in ((10**6, 10**6), (0, 10**40), (-1, -75), (3, 5, 4), (75, 1.0), ("75",), many):
        header = io.BytesIO()
        said = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(header, said)
        (tmp_path / "a.npy").write_bytes(header.getvalue() + bytes(4 * 75))
        refused(tmp_path / "a.npy", "its shape asks for|not an array")


def test_an_npz_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("attentions.npy", bytes(201_000_000))
    refused(tmp_path / "a.npz", "unpacks to 201000000 bytes, at most 200000000")
    with open(tmp_path / "b.npz", "wb") as file:
        file.truncate(200_000_001)
    refused(tmp_path / "b.npz", "200000001 bytes")


def test_tokens_that_are_no_list_of_texts_are_refused(tmp_path: Path) -> None:
    found = weights(3, 4, 4)
    for wrong in (b"{}", b"[1, 2, 3, 4]", b"[", b"[" * 100_000):
        data = np.frombuffer(wrong, dtype=np.uint8)
        refused(npz(tmp_path / "a.npz", attentions=found, tokens=data), "tokens")
    bytes_each = np.array(["今".encode(), b"b", b"c", b"d"])
    trace = matrix.load(npz(tmp_path / "a.npz", attentions=found, tokens=bytes_each))
    assert trace.source is not None
    assert trace.source.pieces[0] == "今"


def test_a_name_that_means_nothing_is_said_with_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'hidden' names no attention; known are encoder\.self"):
        matrix.load(npz(tmp_path / "a.npz", hidden=weights(3, 4, 4)))


@settings(max_examples=120)
@given(data=st.data(), kind=st.sampled_from(["npz", "npy", "safetensors", "noise"]))
def test_no_damaged_file_does_more_than_be_refused(
    data: st.DataObject, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    file, found = folder / f"a.{kind}", weights(1, 2, 2)
    if kind == "npz":
        np.savez(file, attentions=found.numpy(), tokens=["a", "b"])
    elif kind == "npy":
        np.save(file, found.numpy())
    elif kind == "safetensors":
        save_file({"attentions": found}, file, {"tokens": '["a", "b"]'})
    else:
        file.write_bytes(data.draw(st.binary(min_size=1)))
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(content)
    try:
        trace = matrix.load(file)
    except (LoadError, InputError):
        return
    assert blocks(trace)
