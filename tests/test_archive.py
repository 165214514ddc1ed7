"""A packed model loads as it was sent; whatever else a zip can be is refused in one sentence, and
nothing is written or run."""

import io
import json
import os
import pickle
import stat
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import attnviz
from attnviz import archive, pretrained
from attnviz.model.transformer import Transformer
from attnviz.pretrained import LoadError

FILES = ("config.json", "model.safetensors", "tokenizer.model")
Pack = Callable[..., bytes]


@pytest.fixture(scope="module")
def folder(
    make_model: Callable[..., Transformer],
    tokenizer_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("sent") / "mine"
    pretrained.save(folder, make_model(d_vocab=321).float(), tokenizer_file)
    (folder / "card.md").write_text("# Mine 我的", encoding="utf-8")
    return folder


def zipped(files: Mapping[Any, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", kind) as packed:
        warnings.simplefilter("ignore")  # a name that comes twice
        for name, data in files.items():
            packed.writestr(name, data, kind)
    return file.getvalue()


@pytest.fixture(scope="module")
def model(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the model would go: two folders below the place that nothing may leave."""
    return tmp_path / "inner" / "deep" / "model"


def refused(data: bytes, place: Path, message: str) -> None:
    with pytest.raises(LoadError, match=message) as caught:
        archive.unpack(data, place)
    assert "\n" not in str(caught.value)
    assert written(place.parents[2]) == []


def written(top: Path) -> list[Path]:
    return [path for path in top.rglob("*") if not path.is_dir()]


@pytest.mark.parametrize("inside", ["", "mine/"])
def test_a_packed_model_gives_the_same_answers(
    model: dict[str, bytes], folder: Path, place: Path, inside: str
) -> None:
    others = {"recipe.py": b"raise SystemExit", "__MACOSX/._config.json": b"x", ".DS_Store": b"x"}
    files = {f"{inside}{name}": data for name, data in model.items()} | others
    archive.unpack(zipped({"mine/": b""} | files if inside else files), place)
    assert {path.name for path in place.iterdir()} == {*FILES, "card.md"}
    assert {path.read_bytes() for path in place.iterdir()} == {*model.values()}
    first, second = attnviz.load(folder, "cpu"), attnviz.load(place, "cpu")
    assert second.card == "# Mine 我的"
    expected = attnviz.run(first, "I like green tea", to="zh")
    found = attnviz.run(second, "I like green tea", to="zh")
    assert found.output == expected.output
    assert torch.equal(found["logits"].value, expected["logits"].value)
    assert os.listdir(place.parent) == ["model"]


def test_a_model_that_is_there_already_stays(model: dict[str, bytes], place: Path) -> None:
    archive.unpack(zipped(model), place)
    archive.unpack(zipped(model | {"card.md": b"other"}), place)
    assert (place / "card.md").read_bytes() == model["card.md"]


@pytest.mark.parametrize(
    "name",
    [
        "../card.md",
        "../../../../card.md",
        "mine/../../card.md",
        "/tmp/card.md",
        "./card.md",
        "mine//card.md",
        "..\\card.md",
        "C:card.md",
        "c:/card.md",
        "\\\\server\\card.md",
        "card.md\0.txt",
        "x" * 300 + "/card.md",
    ],
)
def test_a_name_that_climbs_out_writes_nothing(
    model: dict[str, bytes], place: Path, name: str
) -> None:
    entry = zipfile.ZipInfo("card.md")
    entry.filename = name
    refused(zipped({**model, entry: b"out"}), place, "name")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_a_link_or_a_device_is_not_made(model: dict[str, bytes], place: Path, kind: int) -> None:
    entry = zipfile.ZipInfo("card.md")
    entry.external_attr = (kind | 0o777) << 16
    refused(zipped({**model, entry: b"/etc/passwd"}), place, "link or a device")


def test_a_zip_bomb_is_refused_before_it_is_read(model: dict[str, bytes], place: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in FILES:
            packed.writestr(name, model[name])
        with packed.open("card.md", "w", force_zip64=True) as card:
            for _ in range(1024):
                card.write(bytes(1 << 20))
    data = file.getvalue()
    assert len(data) < 3_000_000
    with taking_at_most(30_000_000):
        refused(data, place, "unpacks to 10737")


def test_a_zip_bomb_that_lies_about_its_size_is_stopped(
    model: dict[str, bytes], place: Path
) -> None:
    honest = zipped({**model, "card.md": bytes(300_000_000)})
    size = (300_000_000).to_bytes(4, "little")
    assert honest.count(size) == 2
    for said in (0, 7, 900_000, 2_000_000):
        with taking_at_most(30_000_000):
            lying = honest.replace(size, said.to_bytes(4, "little"))
            refused(lying, place, "damaged|more than|declared")


class taking_at_most:
    """A block that may take so many bytes of memory."""

    def __init__(self, most: int) -> None:
        self.most = most

    def __enter__(self) -> None:
        tracemalloc.start()

    def __exit__(self, *_: object) -> None:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < self.most


@pytest.mark.parametrize("name", ["card.md", "CARD.MD", "mine/card.md"])
def test_a_file_that_is_there_twice_is_refused(
    model: dict[str, bytes], place: Path, name: str
) -> None:
    refused(zipped({**model, zipfile.ZipInfo(name): b"second"}), place, "twice")


def test_files_in_different_folders_are_refused(model: dict[str, bytes], place: Path) -> None:
    apart = {("a/" if name == "config.json" else "b/") + name: x for name, x in model.items()}
    refused(zipped(apart), place, "different folders")
    refused(zipped({f"a/b/{name}": x for name, x in model.items()}), place, "too deep")


@pytest.mark.parametrize("missing", FILES)
def test_a_file_that_is_missing_is_named(
    model: dict[str, bytes], place: Path, missing: str
) -> None:
    refused(zipped({name: x for name, x in model.items() if name != missing}), place, missing)


def test_a_zip_within_the_zip_is_refused(model: dict[str, bytes], place: Path) -> None:
    refused(zipped({**model, "more.zip": zipped(model)}), place, "packed once more")
    refused(zipped({**model, "more.tar.GZ": b""}), place, "packed once more")


def test_an_encrypted_zip_is_refused(model: dict[str, bytes], place: Path) -> None:
    data = bytearray(zipped(model))
    for start, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(start) + flags] |= 1
    refused(bytes(data), place, "encrypted")


def test_only_deflate_is_unpacked(model: dict[str, bytes], place: Path) -> None:
    for kind in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        refused(zipped(model, kind), place, "only deflate")


def test_a_zip_of_very_many_files_is_refused_unread(place: Path) -> None:
    many = zipped({f"{i}": b"" for i in range(5000)})
    refused(many, place, "more than 4096 files")


class Marks:
    """What leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.mark,))


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_is_refused_and_not_run(
    model: dict[str, bytes], place: Path, tmp_path: Path, protocol: int
) -> None:
    mark = tmp_path / "mark"
    pickled = pickle.dumps(Marks(mark), protocol)
    with pytest.raises(LoadError, match="pickle" if protocol > 1 else "not a zip"):
        archive.unpack(pickled, place)
    saved = io.BytesIO()
    torch.save({"weights": Marks(mark)}, saved)
    refused(saved.getvalue(), place, "pickle")
    for name in ("weights.pkl", "pytorch_model.bin", "a.PT"):
        refused(zipped({**model, name: pickled}), place, "pickle")
    archive.unpack(zipped({**model, "model.safetensors": pickled}), place)
    with pytest.raises(LoadError, match="never opened"):
        attnviz.load(place, "cpu")
    assert not mark.exists()
    pickle.loads(pickled)
    assert mark.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_layers": 10**9}, "n_layers is 1000000000, at most 256"),
        ({"n_ctx": 10**8}, "n_ctx is 100000000, at most 1000000"),
        ({"n_ctx": 10**6, "d_model": 10**5}, "n_ctx x d_model is 100000000000"),
        ({"d_model": 1e300}, "d_model is 1e\\+300"),
        ({"d_model": float("nan")}, "d_model is nan"),
    ],
)
def test_a_configuration_that_asks_for_too_much_is_refused(
    model: dict[str, bytes], place: Path, changes: dict[str, Any], message: str
) -> None:
    config = json.dumps(json.loads(model["config.json"]) | changes).encode()
    refused(zipped({**model, "config.json": config}), place, message)


@pytest.mark.parametrize("config", [b"[" * 50_000, b"{", b"\xff", b"[1]", b"{" * 200_000])
def test_a_configuration_that_is_no_json_object_is_refused(
    model: dict[str, bytes], place: Path, config: bytes
) -> None:
    refused(zipped({**model, "config.json": config}), place, "config.json")


def test_a_wrong_shape_is_refused_when_the_folder_is_loaded(
    model: dict[str, bytes], place: Path
) -> None:
    config = json.loads(model["config.json"]) | {"d_mlp": 21}
    archive.unpack(zipped({**model, "config.json": json.dumps(config).encode()}), place)
    with pytest.raises(LoadError, match=r"has shape .*20.*, but the model needs .*21"):
        attnviz.load(place, "cpu")


def test_what_is_no_zip_is_refused(place: Path, model: dict[str, bytes]) -> None:
    refused(b"", place, "not a zip")
    refused(b"PK\x03\x04", place, "damaged")
    refused(zipped(model)[:-30], place, "damaged")
    refused(zipped({}), place, "not a zip")
    assert not archive.holds_model(b"hello")
    assert archive.holds_model(zipped(model))
    assert not archive.holds_model(zipped({"encoder.self.npy": b""}))


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workshop")


@settings(max_examples=150)
@given(data=st.data())
def test_no_damaged_zip_does_more_than_be_refused(data: st.DataObject, workshop: Path) -> None:
    small = {"config.json": b"{}", "model.safetensors": b"weights", "tokenizer.model": b"pieces"}
    packed = bytearray(zipped({**small}))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(packed) - 1))
        packed[at] = data.draw(st.integers(0, 255))
    place = workshop / "a" / "model"
    try:
        archive.unpack(bytes(packed), place)
    except LoadError:
        assert written(workshop) == []
    else:
        assert {path.name for path in written(workshop)} <= {*archive.WANTED}
        for path in written(workshop):
            assert path.parent == place
            path.unlink()
        place.rmdir()
