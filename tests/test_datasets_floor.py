"""Stated irreducible losses against estimates that take another way."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from onecurve.datasets.dataset import DATASETS
from onecurve.datasets.floor import KnownFloor, KnownPosterior, entropies
from onecurve.datasets.images import letter_bitmaps
from onecurve.datasets.language import HiddenMarkovText, MarkovText
from onecurve.datasets.letters import INK_MEAN, LettersInNoise
from onecurve.datasets.manifold_images import ManifoldImages
from onecurve.datasets.mixtures import GaussianMixture
from onecurve.datasets.teachers import ManifoldTeacher, NoisyFourier, NoisyTeacher
from onecurve.scripts.publish import floor_estimates

WAVES = {"modes": 200, "pool": 5000, "test_size": 256}
SMALL = dict.fromkeys(("fourier", "noisy-fourier", "manifold-teacher", "manifold-images"), WAVES)
SMALL["letters-in-noise"] = {"classes": 3, "noise": 0.5}
KNOWN = [name for name in DATASETS.names() if isinstance(DATASETS.make(name), KnownFloor)]
POSTERIORS = [name for name in KNOWN if isinstance(DATASETS.make(name), KnownPosterior)]
CLASSES = ["gaussian-mixture", "modular-addition", "noisy-teacher", "random-hierarchy", "sparse-parity"]


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # many small operations: a second thread costs more than it brings
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONECURVE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
    torch.set_num_threads(threads)


def made(name):
    return DATASETS.make(name, SMALL.get(name))


def test_at_least_eight_are_known():
    assert len(KNOWN) >= 8 and len(POSTERIORS) == 5


@pytest.mark.parametrize("name", KNOWN)
def test_the_floor_of_the_test_set_is_that_of_the_population_but_for_chance(name):
    data = made(name)
    floor = data.floor()
    assert (floor.test, floor.se) == (data.irreducible_loss, data.irreducible_loss_se)
    assert (floor.population, floor.population_se) == (data.population_loss, data.population_loss_se)
    assert floor.se == 0 and floor.how and floor.population_se < 0.0025
    if name not in POSTERIORS:
        assert floor.z is None and floor.test == floor.population and floor.sampling_se == 0
    else:
        assert 0.001 < floor.sampling_se < 0.01 and floor.z is not None and abs(floor.z) < 3


@pytest.mark.parametrize("name", KNOWN)
def test_an_estimate_by_another_way_confirms_the_stated_floor(name):
    data = made(name)
    found = floor_estimates.estimate(data)
    z = found.z(data)
    if z is None:
        assert data.population_loss == 0 and 0 <= found.value < 1e-9
    else:
        assert abs(z) < 3.5 and 0 < found.se < 0.01
        wrong = dataclasses.replace(found, value=found.value + 0.05)
        assert wrong.z(data) > 3.5  # precise enough to see an error of .05
    assert found.way in floor_estimates.row(data, name)


def test_labels_that_no_rule_gives_are_a_floor():
    labels = np.arange(1000) % 2
    unsure = floor_estimates._told(np.zeros(1000, int), labels, 2, "guessing")
    assert unsure.value == pytest.approx(math.log(2)) and unsure.way == "guessing: 500 of 1,000 wrong"
    seen = [dataclasses.replace(NoisyFourier(**WAVES), noise=noise) for noise in (0.5, 0.6)]
    assert floor_estimates.estimate(seen[1]).z(seen[0]) > 3.5


@pytest.mark.parametrize("name", POSTERIORS)
def test_labels_cost_the_stated_entropy(name):
    """The stream's labels, drawn by the generator, under the stated probabilities, input by input."""
    data = made(name)
    inputs, labels = data.stream(11).batch(0, 20_000)
    if isinstance(data, MarkovText):
        spread = torch.tensor(data.transitions)[inputs[:, :-1] * 16 + inputs[:, 1:]]
        labels = labels[:, 1:]
    elif isinstance(data, HiddenMarkovText):
        spread, labels = data.predictions(inputs)[:, 16:], labels[:, 16:]
    else:
        spread = data.posterior(inputs).double()
    losses = -spread.gather(-1, labels[..., None])[..., 0].log().flatten(1 if labels.ndim > 1 else 0)
    each = losses.mean(1) if losses.ndim > 1 else losses
    surprise = each - entropies(spread)  # the same inputs on both sides
    error = float(surprise.std()) / math.sqrt(len(surprise))
    assert abs(float(surprise.mean())) < 3.5 * error < 0.021


@pytest.mark.parametrize("name", CLASSES)
def test_classes_come_as_often_in_training_as_in_the_test_and_none_is_rare(name):
    data = made(name)
    classes = data.task.outputs
    labels = torch.cat([data.stream(seed).batch(0, min(20_000, data.pool_size or 20_000))[1] for seed in range(2)])
    trained = torch.bincount(labels, minlength=classes) / len(labels)
    test = data.test_set()
    soft = test.targets if test.targets.is_floating_point() else torch.eye(classes)[test.targets]
    shares = soft.mean(0)
    assert float(trained.min()) > 0.4 / classes and float(trained.max()) < 2.5 / classes
    both = (shares + trained) / 2
    error = (both * (1 - both) * (1 / test.size + 1 / len(labels))).sqrt()
    assert float(((trained - shares).abs() / error).max()) < 4


def test_markov_entropy_rate_is_that_of_long_text():
    """Counted on one long text, with the plug-in estimate's bias taken off (Miller and Madow)."""
    data = MarkovText(order=1, vocabulary=6)
    inputs, targets = data.stream(0).batch(0, 20_000)
    counts = np.zeros((6, 6))
    np.add.at(counts, (inputs.numpy().ravel(), targets.numpy().ravel()), 1)
    joint = counts / counts.sum()
    plug_in = -(joint[joint > 0] * np.log(joint[joint > 0])).sum() + (joint.sum(1) * np.log(joint.sum(1))).sum()
    assert plug_in + 30 / (2 * counts.sum()) == pytest.approx(data.population_loss, abs=0.005)
    assert np.abs(joint.sum(1) - data.stationary).max() < 0.003
    assert np.abs(data.stationary @ data.transitions - data.stationary).max() < 1e-12


@pytest.mark.parametrize("order", [1, 2, 3])
def test_markov_text_scores_full_contexts_alone(order):
    data = MarkovText(order=order, vocabulary=5, length=8, test_size=64)
    test = data.test_set()
    scored = test.targets.sum(-1) > 0
    assert not scored[:, : order - 1].any() and scored[:, order - 1 :].all()
    row, place = 17, 6
    context = test.inputs[row, place - order + 1 : place + 1].tolist()
    number = sum(token * 5 ** (order - 1 - i) for i, token in enumerate(context))
    np.testing.assert_allclose(test.targets[row, place], data.transitions[number], atol=1e-7)
    counted = np.bincount((data.stream(0).batch(0, 100_000)[0][:, 0]).numpy(), minlength=5) / 100_000
    first = data.stationary.reshape(5, -1).sum(1)  # windows start in the stationary distribution
    assert np.abs(counted - first).max() < 0.006


def test_forward_algorithm_agrees_with_a_sum_over_all_hidden_paths():
    data = HiddenMarkovText(states=3, vocabulary=4, length=5, stay=0.6)
    moves, emits, start = data.tables
    assert np.abs(start @ moves - start).max() < 1e-12
    tokens = [2, 0, 1, 3, 0]
    seen, following = 0.0, np.zeros(4)
    for path in itertools.product(range(3), repeat=6):
        chance = start[path[0]] * math.prod(moves[a, b] for a, b in itertools.pairwise(path))
        chance *= math.prod(emits[state, token] for state, token in zip(path[:5], tokens, strict=True))
        seen += chance
        following += chance * emits[path[5]]
    np.testing.assert_allclose(data.predictions(torch.tensor([tokens]))[0, -1], following / seen, rtol=1e-10)


def test_hidden_markov_floor_lies_just_above_the_entropy_rate():
    data = HiddenMarkovText()
    assert 0 <= data.rate_gap(windows=512) < 0.001
    scored = data.test_set().targets.sum(-1) > 0
    assert not scored[:, :16].any() and scored[:, 16:].all()


def test_mixture_floor_agrees_with_an_integral():
    data = GaussianMixture(classes=3, components=2, inputs=2, separation=1.5)
    scale, centres = np.sqrt(data.variances), data.centres
    axes = [np.linspace(-9, 9, 601) * s for s in scale]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 1, 2)
    density = np.exp(-(((grid - centres) / scale) ** 2).sum(-1) / 2).reshape(-1, 3, 2).sum(-1)
    truth = density / density.sum(1, keepdims=True)
    entropy = -np.where(truth > 0, truth * np.log(np.maximum(truth, 1e-300)), 0).sum(1)
    exact = (entropy * density.sum(1)).sum() / density.sum()
    assert abs(data.population_loss - exact) < 3.5 * data.population_loss_se < 0.01
    np.testing.assert_allclose(
        data.posterior(torch.tensor(grid[:5000, 0], dtype=torch.float32)), truth[:5000], atol=1e-5
    )
    assert data.variances.sum() == pytest.approx(2)


def test_noisy_teacher_draws_from_its_softmax():
    cold, warm = NoisyTeacher(temperature=1e-3), NoisyTeacher(temperature=50.0)
    assert cold.population_loss < 0.02
    assert warm.population_loss == pytest.approx(math.log(10), abs=0.01)
    inputs, labels = cold.stream(0).batch(0, 500)
    assert (cold.posterior(inputs).argmax(1) == labels).float().mean() > 0.98
    whole = NoisyTeacher(temperature=1.0, test_size=200_000).test_set()
    logs = whole.targets.double().log()
    logits = logs - logs.mean(1, keepdim=True)  # known up to a constant an example: compare centred spreads
    assert 0.6 < float(logits.std()) < 1.3


def test_noise_is_new_at_each_visit_and_of_the_stated_size():
    data = NoisyFourier(**WAVES, noise=0.3)
    clean, noisy = data.teacher.stream(4), data.stream(4)
    errors = []
    for step in (0, 20):  # two passes over the pool
        inputs, targets = noisy.batch(step, 5000)
        same, truth = clean.batch(step, 5000)
        assert torch.equal(inputs, same)
        errors.append((targets - truth)[torch.from_numpy(np.lexsort(inputs.numpy().T))])
    assert all(float(e.std()) == pytest.approx(0.3, rel=0.05) for e in errors)
    assert abs(float(torch.corrcoef(torch.cat(errors, 1).T)[0, 1])) < 0.05
    test = data.test_set()
    assert test.offset == data.irreducible_loss == pytest.approx(0.09)
    assert torch.equal(test.targets, data.teacher.test_set().targets)


def test_images_of_a_manifold_are_its_points_row_by_row():
    data = ManifoldImages(**WAVES, pixels=3)
    points, targets = data.teacher.stream(2).batch(1, 50)
    images, same = data.stream(2).batch(1, 50)
    assert torch.equal(images[:, 0, 1, 2], points[:, 5]) and torch.equal(targets, same)
    assert torch.equal(data.test_set().inputs[:, 0, 2, 0], data.teacher.test_set().inputs[:, 6])


def test_letters_are_moved_and_their_probabilities_are_those_of_bayes():
    data = LettersInNoise(classes=3, shift=1, noise=0.5)
    middle = LettersInNoise(classes=3, shift=0).clean.view(3, -1, 8, 8)
    assert torch.equal(middle.transpose(0, 1), letter_bitmaps(8, 3) - INK_MEAN)  # first by letter, then by font
    moved = data.clean.view(3, -1, 9, 8, 8)  # places: rows of three
    assert torch.equal(moved[:, :, 4], middle)
    assert torch.equal(moved[:, :, 5, :, :-1], middle[..., 1:])  # the window a pixel to the right
    assert torch.equal(moved[:, :, 1, 1:, :], middle[..., :-1, :])
    images, labels = data.stream(0).batch(0, 4000)
    truth = data.posterior(images)
    # Among images that are a letter with probability near .7, seven of ten are that letter.
    near = (truth > 0.6) & (truth < 0.8)
    right = torch.nn.functional.one_hot(labels, 3).bool()
    expected, error = float(truth[near].mean()), 0.5 / math.sqrt(int(near.sum()))
    assert int(near.sum()) > 30 and float(right[near].double().mean()) == pytest.approx(expected, abs=4 * error)
    assert float(images.mean()) == pytest.approx(0, abs=0.2) and float(images.std()) == pytest.approx(1, abs=0.15)


def test_manifold_has_the_stated_dimension_and_can_be_undone():
    data = ManifoldTeacher(**WAVES, dimension=3, ambient=10)
    inputs, targets = data.stream(0).batch(0, 1000)
    points, same = data.teacher.stream(0).batch(0, 1000)
    assert torch.equal(targets, same)
    back, *_ = torch.linalg.lstsq(inputs[:500], points[:500])  # linear: the bends are at right angles to it
    np.testing.assert_allclose(inputs[500:] @ back, points[500:], atol=1e-4)
    slope = torch.func.jacrev(lambda u: data.lift(u[None])[0])(points[0])
    assert int((torch.linalg.svdvals(slope) > 0.1).sum()) == 3
    spread = np.linalg.svd(inputs.numpy() - inputs.numpy().mean(0), compute_uv=False)
    assert (spread / spread[0] > 0.05).sum() > 6  # it bends out of any three directions
