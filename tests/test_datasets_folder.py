"""The user's own data under the data root, in small folders of the real formats; and what is said when they are bad."""

import hashlib
import os
import pickle
import shutil
import struct
import types

import numpy as np
import pytest
import torch
from onecurve.datasets import finite, hub, subwords
from onecurve.datasets.data_root import MissingData
from onecurve.datasets.dataset import DATASETS
from onecurve.datasets.standard import Cifar10, Cifar100, FashionMnist, MnistFull, Standard, Svhn
from onecurve.errors import InputError
from PIL import Image

STANDARD = [Cifar10, Cifar100, FashionMnist, MnistFull, Svhn]


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("ONECURVE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ONECURVE_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def pixels(count, *shape):
    return np.random.default_rng(len(shape) + count).integers(0, 256, (count, *shape), dtype=np.uint8)


def write_batch(path, images, labels, key):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pickle.dumps({"data": images.reshape(len(images), -1), key: list(labels)}))


def declare(monkeypatch, reader, path, listed):
    """Let torchvision expect the files that a test wrote."""
    sums = [[each.name, hashlib.md5(each.read_bytes()).hexdigest()] for each in listed]
    monkeypatch.setattr(reader, "train_list", sums[:-2])
    monkeypatch.setattr(reader, "test_list", sums[-2:-1])
    monkeypatch.setattr(reader, "meta", {"filename": sums[-1][0], "key": "names", "md5": sums[-1][1]})


@pytest.fixture
def cifar10(root, monkeypatch):
    import torchvision.datasets

    place = root / "cifar-10-batches-py"
    files = [place / name.split("/")[1] for name in Cifar10.files]
    images, labels = pixels(60, 3, 32, 32), np.arange(60) % 10
    for i, file in enumerate(files):
        write_batch(file, images[10 * i : 10 * i + 10], labels[10 * i : 10 * i + 10], "labels")
    (place / "batches.meta").write_bytes(pickle.dumps({"names": list("abcdefghij")}))
    declare(monkeypatch, torchvision.datasets.CIFAR10, place, [*files, place / "batches.meta"])
    monkeypatch.setattr(Cifar10, "train_rows", 50)
    return images, labels


def test_cifar_images_keep_their_pixels_labels_and_scale(cifar10):
    images, labels = cifar10
    data = DATASETS.make("cifar10", {"test_size": 10})
    inputs, targets = data.stream(0).batch(0, 50)
    train = images[:50] / 255.0
    mean, deviation = train.mean((0, 2, 3)), train.std((0, 2, 3))
    assert inputs.mean((0, 2, 3)).abs().max() < 1e-4
    back = inputs.numpy() * deviation[:, None, None] + mean[:, None, None]
    for image, target in zip(back, targets, strict=True):
        (same,) = np.flatnonzero(np.abs(train - image).max((1, 2, 3)) < 1e-4)
        assert labels[same] == target
    assert sorted(data.test_set().targets.tolist()) == list(range(10))
    assert data.task.shape == (3, 32, 32) and len(data.content()) == 64


def test_identity_is_what_was_read_and_not_where(cifar10, root, tmp_path, monkeypatch):
    before = DATASETS.make("cifar10", {"test_size": 10}).ref
    shutil.move(root, tmp_path / "elsewhere")
    monkeypatch.setenv("ONECURVE_DATA", str(tmp_path / "elsewhere"))
    assert DATASETS.make("cifar10", {"test_size": 10}).ref == before
    (tmp_path / "elsewhere" / Cifar10.files[0]).write_bytes(b"other")
    assert DATASETS.make("cifar10", {"test_size": 10}).content() != before.content


def test_a_wrong_checksum_is_refused(cifar10, root):
    path = root / Cifar10.files[1]
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="cifar10 in .* is damaged: .*corrupted"):
        DATASETS.make("cifar10").prepare()


def test_cifar100_reads_its_fine_labels(root, monkeypatch):
    import torchvision.datasets

    place = root / "cifar100" / "cifar-100-python"  # in the folder of its name
    place.parent.mkdir()
    write_batch(place / "train", pixels(40, 3, 32, 32), np.arange(40) % 100, "fine_labels")
    write_batch(place / "test", pixels(20, 3, 32, 32), np.arange(20) + 80, "fine_labels")
    (place / "meta").write_bytes(pickle.dumps({"fine_label_names": [str(i) for i in range(100)]}))
    reader = torchvision.datasets.CIFAR100
    declare(monkeypatch, reader, place, [place / "train", place / "test", place / "meta"])
    monkeypatch.setattr(reader, "meta", reader.meta | {"key": "fine_label_names"})
    monkeypatch.setattr(Cifar100, "train_rows", 40)
    test = DATASETS.make("cifar100", {"test_size": 20}).test_set()
    assert sorted(test.targets.tolist()) == list(range(80, 100))


def write_idx(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes())


@pytest.mark.parametrize("kind", [MnistFull, FashionMnist])
def test_idx_files_are_read(root, monkeypatch, kind):
    arrays = [
        pixels(30, 28, 28),
        np.arange(30, dtype=np.uint8) % 10,
        pixels(20, 28, 28),
        np.arange(20, dtype=np.uint8) % 10,
    ]
    for name, array in zip(kind.files, arrays, strict=True):
        write_idx(root / name, array)
    monkeypatch.setattr(kind, "train_rows", 30)
    data = DATASETS.make(kind.name, {"test_size": 20})
    inputs, targets = data.stream(0).batch(0, 30)
    assert inputs.shape == (30, 1, 28, 28) and inputs.std() == pytest.approx(1, abs=1e-2)
    assert torch.bincount(targets).tolist() == [3] * 10
    (root / kind.files[0]).write_bytes(b"\0\0\x08\x03 damaged")
    with pytest.raises(InputError, match=f"{kind.name} in .* is damaged"):
        DATASETS.make(kind.name).prepare()


def test_svhn_digits_are_read(root, monkeypatch):
    import torchvision.datasets
    from scipy.io import savemat

    sums = {}
    for split, count in (("train", 30), ("test", 10)):
        images = pixels(count, 32, 32, 3).transpose(1, 2, 3, 0)
        savemat(root / f"{split}_32x32.mat", {"X": images, "y": np.arange(1, count + 1)[:, None] % 10 + 1})
        file = root / f"{split}_32x32.mat"
        sums[split] = ["", file.name, hashlib.md5(file.read_bytes()).hexdigest()]
    monkeypatch.setattr(torchvision.datasets.SVHN, "split_list", sums)
    monkeypatch.setattr(Svhn, "train_rows", 30)
    data = DATASETS.make("svhn", {"test_size": 10})
    inputs, targets = data.stream(0).batch(0, 30)
    assert inputs.shape == (30, 3, 32, 32) and torch.bincount(targets).tolist() == [3] * 10


@pytest.mark.parametrize("kind", STANDARD)
def test_missing_sets_say_where_they_were_looked_for_and_how_to_get_them(root, kind):
    with pytest.raises(MissingData, match="download=True") as said:
        DATASETS.make(kind.name).prepare()
    assert str(root) in str(said.value) and "\n" not in str(said.value)
    assert issubclass(kind, Standard) and DATASETS.make(kind.name).pool_size == kind.train_rows


def fill(place, count, colour, size=(20, 12)):
    place.mkdir(parents=True)
    for i in range(count):
        Image.new("RGB", size, (colour, 255 - colour, 10 * i)).save(place / f"{i}.png")


def test_a_folder_of_images_is_cut_by_class_and_scaled(root):
    for name, colour in (("cats", 40), ("dogs", 200)):
        fill(root / "pets" / name, 20, colour)
    data = DATASETS.make("image-folder", {"folder": "pets", "classes": 2, "pixels": 8, "test_size": 4})
    inputs, targets = data.stream(0).batch(0, 36)
    assert data.pool_size == 36 and inputs.shape == (36, 3, 8, 8)
    assert torch.bincount(targets).tolist() == [18, 18]
    assert torch.equal(inputs[:, 0].mean((1, 2)) > 0, targets == 1)  # dogs are red
    test = data.test_set()
    assert torch.equal(test.inputs[:, 0].mean((1, 2)) > 0, test.targets == 1)
    assert torch.bincount(test.targets).tolist() == [2, 2]
    assert data.class_shares().tolist() == [0.5, 0.5]


def test_a_folder_with_its_own_split_keeps_it_and_takes_some_of_each_class(root):
    for part, count in (("train", 6), ("val", 3)):
        for name, colour in (("a", 0), ("b", 255)):
            fill(root / "imagenet" / part / name, count, colour)
    data = DATASETS.make("imagenet", {"classes": 2, "pixels": 4, "test_size": 6, "per_class": 4})
    assert (data.pool_size, data.test_set().size) == (8, 6)
    whole = DATASETS.make("imagenet", {"classes": 2, "pixels": 4, "test_size": 6})
    assert whole.pool_size == 12 and whole.content() != data.content()


def test_grey_images_and_other_shapes_become_what_was_asked(root):
    gradient = np.tile(np.arange(30, dtype=np.uint8) * 8, (10, 1))
    for name in ("a", "b"):
        (root / "grey" / name).mkdir(parents=True)
        for i in range(3):
            Image.fromarray(gradient + i).save(root / "grey" / name / f"{i}.png")
    data = DATASETS.make("image-folder", {"folder": "grey", "classes": 2, "pixels": 5, "channels": 1, "test_size": 2})
    rows = data._rows("train")["x"]
    assert rows.shape == (4, 1, 5, 5)
    middle = gradient[0, 10:20].reshape(5, 2).mean(1)
    assert np.abs(np.sort(rows[:, 0, 0] - middle, axis=0) - np.array([0, 0, 1, 1])[:, None]).max() <= 2


def test_a_folder_too_large_for_memory_is_made_on_disk(root, monkeypatch):
    for name, colour in (("cats", 40), ("dogs", 200)):
        fill(root / "pets" / name, 20, colour)
    given = {"folder": "pets", "classes": 2, "pixels": 8, "test_size": 4}
    expected = DATASETS.make("image-folder", given).stream(0).batch(0, 36)
    monkeypatch.setattr(finite, "IN_MEMORY", 0)
    assert isinstance(finite.empty_records(3, np.dtype(np.uint8), (2,)), np.memmap)
    monkeypatch.setenv("ONECURVE_CACHE", str(root / "other"))
    found = DATASETS.make("image-folder", given).stream(0).batch(0, 36)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def bad_class(root):
    fill(root / "x" / "a", 3, 0)
    (root / "x" / "b").mkdir()
    (root / "x" / "b" / "notes.txt").touch()


def bad_image(root):
    for name in ("a", "b"):
        fill(root / "x" / name, 3, 0)
    (root / "x" / "b" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")


def cut_image(root):
    for name in ("a", "b"):
        fill(root / "x" / name, 3, 0)
    whole = (root / "x" / "b" / "1.png").read_bytes()
    (root / "x" / "b" / "1.png").write_bytes(whole[: len(whole) // 2])


def three_classes(root):
    for name in "abc":
        fill(root / "x" / name, 3, 0)


def one_image(root):
    fill(root / "x" / "a", 3, 0)
    fill(root / "x" / "b", 1, 0)


BAD_FOLDERS = {
    bad_class: "the class folder .*b holds no images",
    bad_image: "1.png cannot be read as an image",
    cut_image: "1.png cannot be read as an image",
    three_classes: "holds 3 class folders; the data set's parameter classes is 2",
    one_image: "b holds 1 image",
}


@pytest.mark.parametrize("make", BAD_FOLDERS, ids=lambda make: make.__name__)
def test_bad_folders_of_images(root, make):
    make(root)
    with pytest.raises(InputError, match=BAD_FOLDERS[make]) as said:
        DATASETS.make("image-folder", {"folder": "x", "classes": 2, "pixels": 8}).prepare()
    assert "\n" not in str(said.value)


def test_a_data_root_that_is_not_set_or_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv("ONECURVE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(MissingData, match="nowhere' is not a folder"):
        DATASETS.make("cifar10").prepare()
    monkeypatch.delenv("ONECURVE_DATA")
    with pytest.raises(MissingData, match="no data root is set: let --data-root or ONECURVE_DATA"):
        DATASETS.make("text-file", {"path": "a.txt"}).prepare()


@pytest.mark.parametrize("name", ["/etc/passwd", "../secrets"])
def test_names_stay_under_the_root(name):
    with pytest.raises(InputError, match="a name under the data root"):
        DATASETS.make("text-file", {"path": name}).prepare()


def test_names_that_are_not_there(root):
    with pytest.raises(MissingData, match="looked for .*novel.txt"):
        DATASETS.make("text-file", {"path": "novel.txt"}).prepare()
    with pytest.raises(MissingData, match="image-folder needs folder"):
        DATASETS.make("image-folder").prepare()
    with pytest.raises(InputError, match="Did you mean 'cifar10'"):
        DATASETS.make("cifar01")


TALE = " ".join(f"The {i}th of {i * i} houses." for i in range(3000)).encode()


def test_a_text_is_cut_into_disjoint_parts_that_are_all_of_it(root):
    (root / "tale.txt").write_bytes(TALE)
    data = DATASETS.make("text-file", {"path": "tale.txt", "test_size": 32})
    train, test = (data._tokens(part) for part in ("train", "test"))
    size = len(TALE) // 10
    assert bytes(test[:size].astype(np.uint8)) == TALE[9 * size : 10 * size]
    assert bytes(train[:size].astype(np.uint8)) == TALE[:size]
    assert (train == 256).sum() + (test == 256).sum() == len(range(0, len(TALE), size))
    assert len(train) + len(test) == len(TALE) + len(range(0, len(TALE), size))
    inputs, targets = data.stream(0).batch(0, 4)
    assert torch.equal(inputs[:, 1:], targets[:, :-1])


def test_a_text_in_bytes_tells_its_classes_apart(root):
    (root / "tale.txt").write_bytes(TALE.replace(b"houses", "häuser".encode()))
    data = DATASETS.make("text-file", {"path": "tale.txt", "test_size": 64})
    test = data.test_set()
    view = data.views(test)
    classes = {"letters", "digits", "whitespace", "punctuation", "beyond ASCII"}
    assert classes <= set(view.names) <= classes | {"end of block"}
    place = view.names.index("digits")
    digits = (test.targets >= ord("0")) & (test.targets <= ord("9"))
    np.testing.assert_array_equal(view.classes == place, digits.numpy())
    assert DATASETS.make("text-file", {"path": "tale.txt", "vocabulary": 300}).views(test) is None


def test_byte_pairs_of_a_text_say_the_same_in_fewer_tokens(root):
    (root / "tales").mkdir()
    for i in range(2):
        (root / "tales" / f"{i}.txt").write_bytes(TALE)
    data = DATASETS.make("text-file", {"path": "tales", "test_size": 8, "vocabulary": 300})
    whole = TALE + b"\0" + TALE
    size = min(2**14, len(whole) // 10)
    blocks = [whole[start : start + size] for start in range(0, len(whole), size)]
    learned = subwords.learn([block.decode() for i, block in enumerate(blocks) if i % 10 != 9], 300)
    tokens = data._tokens("test")
    assert len(tokens) < 0.8 * len(blocks[9]) and tokens.max() < 300
    said = "".join(learned.id_to_token(int(token)) for token in tokens[:-1]).replace("Ġ", " ")
    assert said == blocks[9].decode()
    assert data.content() != DATASETS.make("text-file", {"path": "tales"}).content()


@pytest.mark.parametrize("text", [b"", b"   \n\n", b"too short"])
def test_an_empty_text_is_refused(root, text):
    (root / "empty.txt").write_bytes(text)
    with pytest.raises(InputError, match="is empty, or too short"):
        DATASETS.make("text-file", {"path": "empty.txt"}).prepare()


def test_a_folder_without_texts_and_windows_longer_than_the_text(root):
    (root / "none").mkdir()
    with pytest.raises(MissingData, match="holds no .txt files"):
        DATASETS.make("text-file", {"path": "none"}).prepare()
    (root / "short.txt").write_bytes(TALE[:500])
    with pytest.raises(InputError, match="holds 4.. tokens"):
        DATASETS.make("text-file", {"path": "short.txt", "length": 2000}).stream(0)


class Table:
    """As much of a table of Hugging Face's as is used."""

    def __init__(self, columns):
        self.columns, self.column_names = columns, list(columns)

    def __len__(self):
        return len(next(iter(self.columns.values())))

    def __getitem__(self, column):
        return self.columns[column]


@pytest.fixture
def saved(root, monkeypatch):
    """Lets the package `datasets` load what a test gives, without the package."""
    (root / "saved").mkdir()
    (root / "saved" / "data.arrow").write_bytes(b"rows")

    def load(tables):
        module = types.SimpleNamespace(
            load_from_disk=lambda path: tables if os.path.basename(path) == "saved" else None
        )
        monkeypatch.setattr(hub.importlib, "import_module", lambda name: {"datasets": module}[name])

    return load


def test_saved_images_with_and_without_a_split(saved):
    images = [Image.new("L", (9, 9), 10 * i) for i in range(20)]
    table = Table({"img": images, "label": [i % 2 for i in range(20)]})
    saved(table)
    given = {"folder": "saved", "image": "img", "classes": 2, "pixels": 8, "channels": 1, "test_size": 2}
    data = DATASETS.make("hub-images", given)
    assert (data.pool_size, data.test_set().size) == (18, 2)
    rows = data._rows("train")
    assert (rows["x"][:, 0, 0, 0] // 10 % 2 == rows["y"]).all()
    saved({"train": table, "test": Table({"img": images[:4], "label": [0, 1, 0, 1]})})
    assert DATASETS.make("hub-images", given | {"pixels": 6}).pool_size == 20
    with pytest.raises(InputError, match="Did you mean 'img'"):
        DATASETS.make("hub-images", given | {"image": "imgs"}).prepare()
    saved(Table({"img": images, "label": [2] * 20}))
    with pytest.raises(InputError, match="label 2 in saved; the data set's parameter classes is 2"):
        DATASETS.make("hub-images", given | {"pixels": 5}).prepare()


def test_saved_text_is_joined(saved):
    saved({"train": Table({"text": [TALE.decode()] * 2})})
    tokens = DATASETS.make("hub-text", {"folder": "saved"})._tokens("train")
    assert bytes(tokens[:100].astype(np.uint8)) == TALE[:100]


def test_what_was_not_saved_says_how(root):
    with pytest.raises(MissingData, match=r"save_to_disk\("):
        DATASETS.make("hub-text", {"folder": "wikitext"}).prepare()


def test_saving_and_loading_with_the_package_itself(root):
    package = pytest.importorskip("datasets")
    if not hasattr(package, "Dataset"):
        pytest.skip("Hugging Face's datasets is not installed")
    package.Dataset.from_dict({"text": [TALE.decode()]}).save_to_disk(str(root / "tale"))
    data = DATASETS.make("hub-text", {"folder": "tale", "test_size": 8})
    assert data.test_set().size == 8 and len(data.content()) == 64
