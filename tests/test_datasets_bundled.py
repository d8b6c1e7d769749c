"""Glyphs, the MNIST subset, Python source, and what scikit-learn, mnist1d and tokenizers give."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from onecurve.datasets import subwords, text
from onecurve.datasets.dataset import DATASETS
from onecurve.datasets.images import LETTERS, Glyphs, Mnist
from onecurve.datasets.table import Windows
from onecurve.datasets.text import END_OF_FILE, NEWLINE, OTHER, PythonSource
from onecurve.errors import InputError


@pytest.fixture(scope="module", autouse=True)
def _cache(catalogue_cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONECURVE_CACHE", str(catalogue_cache))
        yield


def test_every_letter_is_drawn_in_every_font_and_in_its_own_way():
    bitmaps = Glyphs(classes=26)._bitmaps
    assert bitmaps.shape == (22, 26, 32, 32)
    assert bitmaps.flatten(2).amax(2).min() > 0.8
    assert len({bitmap.numpy().tobytes() for bitmap in bitmaps.flatten(0, 1)}) == 22 * 26
    ink = bitmaps.sum(dim=(2, 3))
    middle = (bitmaps.sum(2) * torch.arange(32)).sum(-1) / ink
    assert (middle - 15.5).abs().max() < 5


def test_glyph_classes_are_balanced_and_pixels_are_normalised():
    images, labels = Glyphs().stream(0).batch(0, 20_000)
    counts = torch.bincount(labels, minlength=10).double()
    assert ((counts - 2000) ** 2 / 2000).sum() < 33  # chi-square with 9 degrees of freedom, p = .0001
    assert abs(float(images.mean())) < 0.05
    assert float(images.std()) == pytest.approx(1, abs=0.05)


def test_glyphs_depend_on_what_decides_them():
    assert Glyphs().content() != Glyphs(classes=11).content() != Glyphs(pixels=20, classes=11).content()
    assert Glyphs().content() == Glyphs(test_size=100).content()
    assert len(LETTERS) == 26


def test_a_small_convolutional_network_beats_a_linear_model_on_glyphs():
    test = Glyphs(test_size=2000).test_set()
    torch.manual_seed(0)
    linear = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, 10))
    convolve = [torch.nn.Conv2d(1, 8, 3, 2, 1), torch.nn.ReLU(), torch.nn.Conv2d(8, 32, 3, 2, 1), torch.nn.ReLU()]
    network = torch.nn.Sequential(*convolve, torch.nn.Flatten(), torch.nn.Linear(512, 10))
    accuracy = []
    for model in (linear, network):
        optimizer, stream = torch.optim.Adam(model.parameters(), 3e-3), Glyphs().stream(0)
        for step in range(400):
            inputs, targets = stream.batch(step, 128)
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(inputs), targets).backward()
            optimizer.step()
        accuracy.append(float((model(test.inputs).argmax(1) == test.targets).float().mean()))
    assert 0.3 < accuracy[0] < 0.7
    assert accuracy[1] > accuracy[0] + 0.1


def test_mnist_is_split_evenly_over_the_digits_and_all_of_it_is_used():
    data = Mnist()
    test = data.test_set()
    assert torch.bincount(test.targets).tolist() == [100] * 10
    images, labels = data.stream(0).batch(0, 4000)
    assert torch.bincount(labels).tolist() == [400] * 10
    both = torch.cat([images, test.inputs])
    assert float(both.mean()) == pytest.approx(0, abs=0.05)
    assert float(both.std()) == pytest.approx(1, abs=0.05)
    assert len({image.numpy().tobytes() for image in both}) == 5000
    assert DATASETS.make("mnist").repeats(40_000) == 10


def test_mnist_images_keep_their_labels():
    images, labels = Mnist().stream(0).batch(0, 4000)
    means = torch.stack([images[labels == digit].mean(0).flatten() for digit in range(10)])
    test = Mnist().test_set()
    nearest = torch.cdist(test.inputs.flatten(1), means).argmin(1)
    assert (nearest == test.targets).float().mean() > 0.7


def decode(tokens) -> str:
    special = {NEWLINE: "\n", OTHER: "?", END_OF_FILE: "\0"}
    return "".join(special.get(int(token), chr(int(token) + 32)) for token in tokens)


def test_text_windows_are_python_and_targets_are_the_next_characters():
    inputs, targets = PythonSource(length=200).stream(0).batch(0, 64)
    assert torch.equal(inputs[:, 1:], targets[:, :-1])
    written = "".join(decode(row) for row in inputs)
    assert "self" in written and "return" in written and "def " in written


def test_the_text_is_the_library_and_test_files_are_apart():
    train, held_out = (decode(PythonSource()._tokens(part)).split("\0") for part in ("train", "test"))
    sources = {path: (Path(os.__file__).parent / path).read_text("utf-8", errors="replace") for path in text._files()}
    known = ["dataclasses.py", "ast.py", "json/decoder.py", "heapq.py", "random.py", "textwrap.py", "bisect.py"]
    for name in known:
        assert (sources[Path(name)] in train) != (sources[Path(name)] in held_out) or not sources[Path(name)].isascii()
    assert len(train) + len(held_out) == len(sources) + 2
    assert 0.05 < len(held_out) / len(sources) < 0.15
    assert not any({"test", "tests", "site-packages"} & set(path.parts) for path in sources)


def test_one_pass_predicts_each_character_once():
    data = PythonSource()
    tokens = data._tokens("train")
    stream = data.stream(5)
    size = data.pool_size // 20
    targets = torch.cat([stream.batch(step, size)[1] for step in range(20)]).flatten()
    seen = np.bincount(targets.numpy(), minlength=98)
    assert np.abs(seen - np.bincount(tokens, minlength=98)).sum() < 25 * 32 + 64
    assert not torch.equal(data.stream(5).batch(0, 8)[0], data.stream(6).batch(0, 8)[0])


def test_windows_reach_the_end_and_no_further():
    tokens = np.arange(101, dtype=np.uint8)
    for first in range(10):
        starts = first + 10 * torch.arange(text._windows(tokens, 10))
        windows = Windows(torch.from_numpy(tokens), 10)
        inputs, targets = windows.gather(windows.tensors(), starts)
        assert targets.max() <= 100 and inputs[0, 0] == first
    assert targets.max() >= 99


@pytest.mark.parametrize(("name", "train", "test"), [("digits", 1437, 360), ("breast-cancer", 455, 114)])
def test_small_sets_of_scikit_learn_are_all_there_and_split_by_class(name, train, test):
    data = DATASETS.make(name)
    inputs, targets = data.stream(0).batch(0, train)
    held_out = data.test_set()
    assert (data.pool_size, held_out.size) == (train, test)
    rows = {row.numpy().tobytes() for row in torch.cat([inputs, held_out.inputs])}
    assert len(rows) == train + test
    shares = torch.bincount(targets) / train
    assert (torch.bincount(held_out.targets) / test - shares).abs().max() < 0.01
    assert data.class_shares() == pytest.approx(shares.numpy())
    means = torch.stack([inputs[targets == label].mean(0).flatten() for label in range(len(shares))])
    nearest = torch.cdist(held_out.inputs.flatten(1), means).argmin(1)
    assert (nearest == held_out.targets).float().mean() > 0.85


def test_a_photo_is_its_pixels():
    from sklearn.datasets import load_sample_image

    picture = load_sample_image("china.jpg").reshape(-1, 3) / 255.0
    data = DATASETS.make("photo", {"test_size": 27_328})
    rows = np.concatenate([data._rows("train"), data._rows("test")])
    assert np.array_equal(rows["y"][np.lexsort(rows["x"].T[::-1])] / 255, picture.astype(np.float32))
    inputs, colours = data.stream(0).batch(0, data.pool_size)
    assert inputs.mean(0).abs().max() < 1e-3 and (inputs.std(0) - 1).abs().max() < 1e-3
    assert (colours.std(0) - 1).abs().max() < 1e-3
    tested = data.test_set()
    assert (tested.targets.var(0) - 1).abs().max() < 0.03  # the mean colour has the loss 1
    with pytest.raises(InputError, match="Allowed: china, flower"):
        DATASETS.make("photo", {"image": "chian"})


def test_mnist_1d_is_the_packages_own_and_leaves_chance_alone():
    pytest.importorskip("mnist1d")
    np.random.seed(3)  # noqa: NPY002
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    data = DATASETS.make("mnist-1d", {"pool": 3000})
    test = data.test_set()
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    inputs, targets = data.stream(0).batch(0, 3000)
    assert torch.bincount(targets).tolist() == [300] * 10 and torch.bincount(test.targets).tolist() == [400] * 10
    assert float(inputs.mean()) == pytest.approx(0, abs=1e-4) and float(inputs.std()) == pytest.approx(1, abs=1e-3)
    rows = {row.numpy().tobytes() for row in torch.cat([inputs, test.inputs])}
    assert len(rows) == 7000
    design = torch.cat([inputs, torch.ones(3000, 1)], 1)
    weights = torch.linalg.lstsq(design, torch.nn.functional.one_hot(targets, 10).float()).solution
    right = (torch.cat([test.inputs, torch.ones(4000, 1)], 1) @ weights).argmax(1) == test.targets
    assert 0.2 < right.float().mean() < 0.45  # a linear model has about .32 (Greydanus 2020)


def test_byte_pairs_give_the_source_back_and_come_from_training_files(monkeypatch):
    pytest.importorskip("tokenizers")
    paths = text._files()[:60]
    monkeypatch.setattr(text, "_files", lambda: paths)
    learned = subwords.learn(text._texts("train"), 300)
    assert learned.to_str() == subwords.learn(text._texts("train"), 300).to_str()
    tokens = subwords.encode(text._texts("test"), learned)
    assert tokens.max() < 300 and (tokens == learned.token_to_id("<end>")).sum() == len(text._texts("test"))
    letters = {"\u0120": " ", "\u010a": "\n", "<end>": ""}
    said = "".join(learned.id_to_token(int(token)) for token in tokens)
    for written, meant in letters.items():
        said = said.replace(written, meant)
    assert said.isascii() and said == "".join(text._texts("test"))
    assert len(tokens) < 0.75 * len(said)


def test_byte_pairs_are_another_data_set_for_another_library(monkeypatch):
    tokenizers = pytest.importorskip("tokenizers")
    data = DATASETS.make("pysource-bpe")
    before = data.content()
    monkeypatch.setattr(tokenizers, "__version__", "0.0")
    assert data.content() != before != DATASETS.make("pysource").content()
    with pytest.raises(InputError, match="vocabulary"):
        DATASETS.make("pysource-bpe", {"vocabulary": 256})
