"""What every data set promises, checked over the whole catalogue."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from onecurve.datasets.data_root import MissingData
from onecurve.datasets.dataset import DATASETS
from onecurve.errors import InputError
from PIL import Image

WAVES = {"modes": 200, "pool": 5000, "test_size": 256}
SMALL = {
    "fourier": WAVES,
    "noisy-fourier": WAVES,
    "manifold-teacher": WAVES,
    "manifold-images": WAVES,
    "glyphs": {"test_size": 512},
    "letters-in-noise": {"classes": 3, "test_size": 512},
    "mnist-1d": {"pool": 3000},
    "image-folder": {"folder": "pets", "classes": 2, "pixels": 8, "test_size": 50},
    "text-file": {"path": "tale.txt", "test_size": 64},
}


def write_own(root: Path) -> None:
    """What a user might have: images of two classes, and a text."""
    rng = np.random.default_rng(0)
    for place, colour in ((root / "pets" / "cats", 40), (root / "pets" / "dogs", 200)):
        place.mkdir(parents=True)
        for i in range(300):
            Image.fromarray(rng.integers(0, 55, (8, 8, 3), dtype=np.uint8) + np.uint8(colour)).save(place / f"{i}.bmp")
    (root / "tale.txt").write_text(" ".join(f"The {i}th of {i * i} houses." for i in range(20_000)))


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory, catalogue_cache):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONECURVE_CACHE", str(catalogue_cache))
        write_own(root := tmp_path_factory.mktemp("data"))
        patch.setenv("ONECURVE_DATA", str(root))
        yield
    torch.set_num_threads(threads)


@pytest.fixture(params=DATASETS.names())
def data(request):
    made = DATASETS.make(request.param, SMALL.get(request.param))
    try:
        made.prepare()
    except MissingData as missing:
        pytest.skip(str(missing))
    return made


def same(first, second) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def check_examples(task, inputs, targets, size):
    assert inputs.shape == (size, *task.shape)
    assert inputs.dtype == (torch.int64 if task.kind == "tokens" else torch.float32)
    if task.loss == "squared_error":
        assert targets.shape == (size, task.outputs) and targets.dtype == torch.float32
        return
    places = (size, *task.shape) if task.kind == "tokens" else (size,)
    if targets.is_floating_point():  # a test set that knows the true probabilities
        assert targets.shape == (*places, task.outputs) and float(targets.min()) >= 0
        whole = targets.sum(-1)
        assert ((whole - 1).abs() < 1e-5).logical_or(whole == 0).all()
    else:
        assert targets.shape == places and targets.dtype == torch.int64
        assert int(targets.min()) >= 0 and int(targets.max()) < task.outputs
    if task.kind == "tokens":
        assert int(inputs.min()) >= 0 and int(inputs.max()) < task.vocabulary


def test_batches_and_test_set_have_the_shapes_and_types_of_the_task(data):
    inputs, targets = data.stream(0).batch(3, 24)
    check_examples(data.task, inputs, targets, 24)
    assert targets.is_floating_point() == (data.task.loss == "squared_error")
    test = data.test_set()
    check_examples(data.task, test.inputs, test.targets, test.size)
    assert torch.isfinite(inputs.float()).all() and torch.isfinite(test.inputs.float()).all()


def test_a_batch_depends_on_seed_step_and_size_alone(data):
    fresh = [data.stream(7).batch(step, 32) for step in (0, 1, 70, 2)]
    used = data.stream(7)
    used.batch(500, 8)
    for step, expected in zip((0, 1, 70, 2), fresh, strict=True):
        used.batch(step, 16)
        used.batch(step + 200, 32)
        assert same(used.batch(step, 32), expected), step
        used.batch(step + 200, 32)
        assert same(used.batch(step, 32), expected), step


def test_another_object_with_equal_parameters_gives_the_same_bits(data):
    twin = pickle.loads(pickle.dumps(data))
    assert twin == data and twin.ref == data.ref
    assert same(twin.stream(1).batch(0, 16), data.stream(1).batch(0, 16))
    assert same([twin.test_set().inputs, twin.test_set().targets], [data.test_set().inputs, data.test_set().targets])


def test_global_random_state_neither_matters_nor_changes(data):
    torch.manual_seed(1)
    expected = data.stream(0).batch(0, 8)
    state = torch.get_rng_state()
    assert same(data.stream(0).batch(0, 8), expected)
    data.test_set()
    assert torch.equal(torch.get_rng_state(), state)


def test_seeds_and_steps_differ(data):
    batches = [data.stream(seed).batch(step, 64)[0] for seed in (0, 1) for step in (0, 1)]
    for i, first in enumerate(batches):
        for second in batches[:i]:
            assert not torch.equal(first, second)
            assert (first == second).flatten(1).all(dim=1).float().mean() < 0.1  # nor are they in step


def test_training_examples_are_not_in_the_test_set(data):
    stream = data.stream(0)
    inputs = torch.cat([stream.batch(step, 500)[0] for step in range(8)])
    trained = {row.numpy().tobytes() for row in inputs}
    tested = [row.numpy().tobytes() for row in data.test_set().inputs]
    shared = sum(row in trained for row in tested) / len(tested)
    assert shared <= (0.01 if data.task.kind == "tokens" else 0)  # a licence's header stands in many files


def test_one_pass_over_a_pool_sees_each_example_once(data):
    if data.pool_size is None or data.pool_size > 10_000:
        pytest.skip("new draws, or a large pool")
    stream = data.stream(3)
    passes = [[row.numpy().tobytes() for row in stream.batch(step, data.pool_size)[0]] for step in (0, 1)]
    assert sorted(passes[0]) == sorted(passes[1])
    assert passes[0] != passes[1]
    assert len(set(passes[0])) >= 0.99 * data.pool_size


def test_repeats_and_share_of_the_pool(data):
    if data.pool_size is None:
        assert (data.pool_fraction(10**9), data.repeats(10**9)) == (0, 1)
        return
    pool = data.pool_size
    assert data.pool_fraction(pool // 2) == pytest.approx(pool // 2 / pool)
    assert (data.repeats(pool // 2), data.repeats(3 * pool), data.pool_fraction(3 * pool)) == (1, 3, 1)


def test_identity_has_the_content_of_read_data_and_all_parameters(data):
    read = data.irreducible_loss is None or data.name == "letters-in-noise"
    assert len(data.content()) == (64 if read else 0)
    assert data.summary and "\n" not in data.summary
    assert data.ref.name == data.name


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("fourier", {"modes": 0}),
        ("fourier", {"pool": -1}),
        ("fourier", {"alpha": 0.5}),
        ("fourier", {"test_size": 1.5}),
        ("fourier", {"pool": True}),
        ("power-law-regression", {"b": 1}),
        ("power-law-regression", {"a": float("nan")}),
        ("power-law-regression", {"features": "many"}),
        ("glyphs", {"pixels": 4}),
        ("glyphs", {"classes": 27}),
        ("pysource", {"length": 0}),
        ("noisy-fourier", {"noise": 0}),
        ("noisy-fourier", {"modes": 0}),
        ("manifold-teacher", {"ambient": 3}),
        ("manifold-images", {"pixels": 1}),
        ("manifold-images", {"dimension": 0}),
        ("letters-in-noise", {"pixels": 7}),
        ("letters-in-noise", {"shift": 5}),
        ("letters-in-noise", {"noise": 0}),
        ("noisy-teacher", {"temperature": 0}),
        ("gaussian-mixture", {"classes": 1}),
        ("markov-text", {"order": 6}),
        ("markov-text", {"length": 1}),
        ("hidden-markov-text", {"stay": 1}),
        ("random-hierarchy", {"synonyms": 9}),
        ("random-hierarchy", {"levels": 13}),
        ("random-hierarchy", {"symbols": 1000, "branching": 3}),
        ("random-hierarchy", {"test_size": 64, "levels": 1}),
        ("random-hierarchy", {"view": "picture"}),
        ("sparse-parity", {"relevant": 41}),
        ("sparse-parity", {"test_size": 16, "bits": 4}),
        ("modular-addition", {"fraction": 1.0}),
        ("modular-addition", {"modulus": 2}),
        ("linear-modes", {"modes": 9}),
        ("point-pairs", {"inputs": 1}),
        ("point-pairs", {"test_size": 1}),
        ("point-pairs", {"distance": 0}),
        ("point-pairs", {"gain": 0}),
        ("peaked-softmax", {"inputs": 1}),
        ("half-space", {"test_size": 0}),
    ],
)
def test_bad_parameters_are_named_and_what_is_allowed_is_said(name, params):
    with pytest.raises(InputError, match=next(iter(params))):
        DATASETS.make(name, params)


def test_a_teacher_without_waves_is_refused():
    with pytest.raises(InputError, match="more modes"):
        DATASETS.make("fourier", {"inputs": 64, "modes": 1, "alpha": 50.0}).test_set()


def test_a_test_set_larger_than_the_text_is_refused():
    with pytest.raises(InputError, match="windows"):
        DATASETS.make("pysource", {"test_size": 10**7}).test_set()
