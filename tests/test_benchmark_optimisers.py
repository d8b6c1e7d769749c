"""Optimisers: agreement with references, old bits, replicas that do not mix, no reads of the device, bad input."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from onecurve.architectures.family import FAMILIES
from onecurve.architectures.parametrization import width_roles
from onecurve.benchmark.optimisers.adamw import timescale
from onecurve.benchmark.optimisers.muon import orthogonalised
from onecurve.benchmark.optimisers.optimiser import OPTIMISERS, Weight, optimiser_of
from onecurve.errors import InputError
from onecurve.own_files import sources
from onecurve.task import Ref, Task
from torch.func import functional_call, stack_module_state, vmap
from torch.optim.adam import adam
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

VECTOR = Task(kind="vector", shape=(3,), outputs=2, loss="squared_error")
IMAGE = Task(kind="image", shape=(1, 8, 8), outputs=2, loss="squared_error")
NAMES = OPTIMISERS.names()


class Clock:
    """The pace of a plain loop on the CPU: `rates` has a row an update and a column a replica."""

    def __init__(self, optimiser, rates, *, device="cpu", known=True):
        self.rates = torch.as_tensor(np.asarray(rates, dtype=float)).to(device)
        self.tables = {k: torch.from_numpy(v).to(device) for k, v in optimiser.tables(len(rates)).items()}
        self.now, self.known = 0, known and len(set(np.asarray(rates)[0])) == 1
        self.host = np.asarray(rates, dtype=float)

    @property
    def rate(self):
        return self.rates[self.now]

    @property
    def common(self):
        return float(self.host[self.now, 0]) if self.known else None

    def constant(self, name):
        return self.tables[name][self.now]


def network(seed, *, width=12, dtype=torch.float64, family="mlp", task=VECTOR):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return FAMILIES.make(family).build({"width": width}, task).to(dtype)


def batch(seed, step, task, dtype):
    generator = torch.Generator().manual_seed(1000 * seed + step)
    inputs = torch.randn(8, *task.shape, generator=generator).to(dtype)
    return inputs, torch.sin(2 * inputs.flatten(1)[:, :2])


def factor(name, role):
    """A multiplier that differs between weights."""
    return 1 / 3 if role in ("hidden", "output") else 1.0


def as_weights(optimiser, named, roles, stacked):
    weights = [Weight(n, p, stacked, factor(n, roles[n]), roles[n]) for n, p in named.items()]
    return weights, [{slot: torch.zeros_like(w.tensor) for slot in optimiser.slots(w)} for w in weights]


def train_single(optimiser, seed, rates, *, known=True, family="mlp", task=VECTOR, dtype=torch.float64):
    """Weights of one network after as many updates as there are rates."""
    net = network(seed, family=family, task=task, dtype=dtype)
    roles = width_roles(FAMILIES.make(family), {"width": 12}, task)
    named = dict(net.named_parameters())
    weights, state = as_weights(optimiser, {n: p.detach() for n, p in named.items()}, roles, False)
    clock = Clock(optimiser, np.asarray(rates)[:, None], known=known)
    for step in range(len(rates)):
        inputs, targets = batch(seed, step, task, dtype)
        grads = torch.autograd.grad((net(inputs) - targets).square().mean(), list(named.values()))
        clock.now = step
        optimiser.step(weights, grads, state, clock)
    return {n: p.detach() for n, p in named.items()}


def train_stacked(optimiser, seeds, rates, *, known=True, dtype=torch.float64, width=12, spoil=None):
    """Stacked weights after as many updates as there are rows of rates; ``spoil`` gives a replica NaN gradients."""
    nets = [network(seed, dtype=dtype, width=width) for seed in seeds]
    named, buffers = stack_module_state(nets)
    skeleton = copy.deepcopy(nets[0]).to("meta")
    call = vmap(lambda p, b, x: functional_call(skeleton, (p, b), (x,)))
    roles = width_roles(FAMILIES.make("mlp"), {"width": width}, VECTOR)
    weights, state = as_weights(optimiser, {n: p.detach() for n, p in named.items()}, roles, True)
    clock = Clock(optimiser, rates, known=known)
    for step in range(len(rates)):
        inputs, targets = (torch.stack(v) for v in zip(*(batch(s, step, VECTOR, dtype) for s in seeds), strict=True))
        losses = (call(named, buffers, inputs) - targets).square().mean((1, 2))
        grads = list(torch.autograd.grad(losses.sum(), list(named.values())))
        if spoil is not None:
            for grad in grads:
                grad[spoil] = math.nan
        clock.now = step
        optimiser.step(weights, grads, state, clock)
    return {n: p.detach() for n, p in named.items()}


def decayed(peak, updates):
    return peak * (1 - np.arange(updates) / updates)


# --- references: torch's own where it has the rule, else the authors' formulas


def torch_reference(make):
    """Trains one network by torch optimisers that ``make`` gives for the groups of weights."""

    def reference(optimiser, seed, rates):
        net = network(seed)
        roles = width_roles(FAMILIES.make("mlp"), {"width": 12}, VECTOR)
        groups = {}
        for name, p in net.named_parameters():
            groups.setdefault((factor(name, roles[name]), roles[name]), []).append(p)
        updaters = [(k, make(optimiser, params, k, role)) for (k, role), params in groups.items()]
        for step, rate in enumerate(rates):
            inputs, targets = batch(seed, step, VECTOR, torch.float64)
            net.zero_grad()
            (net(inputs) - targets).square().mean().backward()
            for k, updater in updaters:
                scale = optimiser.ratio if isinstance(updater, torch.optim.AdamW) and optimiser.name == "muon" else 1.0
                updater.param_groups[0]["lr"] = rate * k * scale
                updater.step()
        return {n: p.detach() for n, p in net.named_parameters()}

    return reference


def _adam(o, params, k, role):
    return torch.optim.Adam(params, betas=(o.beta1, o.beta2), eps=o.eps)


def _adamw(o, params, k, role, ratio=1.0):
    betas = (o.beta1, o.beta2)
    return torch.optim.AdamW(params, betas=betas, eps=o.eps, weight_decay=o.weight_decay / k / ratio)


def _sgd(o, params, k, role):
    return torch.optim.SGD(params, momentum=o.momentum, nesterov=o.nesterov, weight_decay=o.weight_decay / k)


def _muon(o, params, k, role):
    if role != "hidden":
        return _adamw(o, params, k, role, o.ratio)
    how = {"momentum": o.momentum, "nesterov": o.nesterov, "ns_steps": o.iterations, "weight_decay": o.weight_decay / k}
    return torch.optim.Muon(params, adjust_lr_fn="spectral_unclamped", **how)


def lion_reference(optimiser, seed, rates):
    """Algorithm 2 of Chen et al. 2023 in numbers, a weight at a time."""
    net = network(seed)
    roles = width_roles(FAMILIES.make("mlp"), {"width": 12}, VECTOR)
    momenta = {n: torch.zeros_like(p) for n, p in net.named_parameters()}
    for step, rate in enumerate(rates):
        inputs, targets = batch(seed, step, VECTOR, torch.float64)
        net.zero_grad()
        (net(inputs) - targets).square().mean().backward()
        with torch.no_grad():
            for name, p in net.named_parameters():
                m, g, k = momenta[name], p.grad, factor(name, roles[name])
                update = torch.sign(optimiser.beta1 * m + (1 - optimiser.beta1) * g)
                p.copy_(p - rate * k * (update + optimiser.weight_decay / k * p))
                momenta[name] = optimiser.beta2 * m + (1 - optimiser.beta2) * g
    return {n: p.detach() for n, p in net.named_parameters()}


CASES = [
    ("adam", {}, 0.01, torch_reference(_adam)),
    ("adam", {"beta1": 0.8, "beta2": 0.99, "eps": 1e-5}, 0.01, torch_reference(_adam)),
    ("adamw", {"weight_decay": 0.5}, 0.01, torch_reference(_adamw)),
    ("sgd", {}, 0.5, torch_reference(_sgd)),
    ("sgd", {"momentum": 0.9}, 0.02, torch_reference(_sgd)),
    ("sgd", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, 0.02, torch_reference(_sgd)),
    ("lion", {"weight_decay": 0.3}, 0.001, lion_reference),
    ("muon", {"weight_decay": 0.3}, 0.02, torch_reference(_muon)),
    ("muon", {"nesterov": False, "momentum": 0.8, "ratio": 0.3}, 0.02, torch_reference(_muon)),
]


@pytest.mark.parametrize(
    ("name", "params", "peak", "reference"), CASES, ids=[f"{name}-{i}" for i, (name, *_) in enumerate(CASES)]
)
def test_a_hundred_updates_agree_with_a_reference_alone_and_stacked(name, params, peak, reference, monkeypatch):
    # torch orthogonalises in bfloat16; the rule is to be compared, so it is made to stay in float64.
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda self: self.clone())
    optimiser = OPTIMISERS.make(name, params)
    peaks = [peak, peak / 2, peak / 7]
    rates = np.stack([decayed(each, 100) for each in peaks], axis=1)
    stacked = train_stacked(optimiser, [0, 1, 2], rates)
    for replica in range(3):
        wanted = reference(optimiser, replica, rates[:, replica])
        single = train_single(optimiser, replica, rates[:, replica])
        start = dict(network(replica).named_parameters())
        for key, value in wanted.items():
            assert (value - start[key]).abs().max() > 1e-3, "trained too little to tell"
            torch.testing.assert_close(single[key], value, rtol=1e-8, atol=1e-9)
            torch.testing.assert_close(stacked[key][replica], value, rtol=1e-8, atol=1e-9)


# --- old bits


def old_update(name, weights, grads, state, rate, step, packed):
    """What trials of protocol 1 were trained with: torch's adam, fused for a single network, or add_."""
    for weight, grad, slots in zip(weights, grads, state, strict=True):
        if name == "sgd":
            weight.tensor.add_(grad, alpha=-rate * weight.multiplier)
            continue
        how = {"foreach": False, "fused": not packed, "amsgrad": False, "maximize": False}
        numbers = {"beta1": 0.9, "beta2": 0.95, "eps": 1e-8, "weight_decay": 0.0, "lr": rate * weight.multiplier}
        slots.setdefault("steps", torch.tensor(0.0))
        rest = ([slots["first"]], [slots["second"]], [], [slots["steps"]])
        adam([weight.tensor], [grad], *rest, **how, **numbers)


class Old:
    """The old update behind the interface of an entry."""

    def __init__(self, name, packed):
        self.name, self.packed, self.entry = name, packed, OPTIMISERS.make(name)
        self.slots, self.tables = self.entry.slots, self.entry.tables

    @torch.no_grad()
    def step(self, weights, grads, state, pace):
        old_update(self.name, weights, grads, state, float(pace.rate[0]), pace.now, self.packed)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_old_recipes_keep_their_bits(name, dtype):
    peak = {"adam": 0.01, "sgd": 0.1}[name]
    rates, entry = decayed(peak, 50), OPTIMISERS.make(name)
    pack = np.tile(rates[:, None], (1, 4))
    old = train_stacked(Old(name, True), range(4), pack, dtype=dtype)
    for known in (True, False):
        new = train_stacked(entry, range(4), pack, dtype=dtype, known=known)
        assert all(torch.equal(old[key], new[key]) for key in old)
    how = {"family": "cnn", "task": IMAGE, "dtype": dtype}
    old = train_single(Old(name, False), 0, rates, **how)
    for known in (True, False):
        new = train_single(entry, 0, rates, known=known, **how)
        assert all(torch.equal(old[key], new[key]) for key in old)


# --- replicas do not mix


@pytest.mark.parametrize("name", NAMES)
def test_the_bits_of_a_replica_do_not_depend_on_its_pack(name):
    optimiser = OPTIMISERS.make(name, {"clip": 0.5})
    peak = {"sgd": 0.1, "lion": 1e-3}.get(name, 0.01)
    peaks = [peak * factor for factor in (1, 0.3, 2, 0.7, 0.1)]
    rates = np.stack([decayed(each, 30) for each in peaks], axis=1)
    whole = train_stacked(optimiser, range(5), rates, dtype=torch.float32)
    pair = train_stacked(optimiser, [3, 1], rates[:, [3, 1]], dtype=torch.float32)
    alike = train_stacked(optimiser, [2, 1], rates[:, [1, 1]], dtype=torch.float32)
    for key, value in whole.items():
        assert torch.equal(value[[3, 1]], pair[key])
        assert torch.equal(value[1], alike[key][1])


@pytest.mark.parametrize("name", NAMES)
def test_stacks_that_are_cut_into_parts_give_the_bits_of_small_ones(name):
    generator, optimiser = torch.Generator().manual_seed(0), OPTIMISERS.make(name, {"clip": 1.0})
    shapes = [(96, 90), (7,), (96, 3, 3)]
    big = [torch.randn(41, *shape, generator=generator) for shape in shapes]
    pushes = [torch.randn(41, *shape, generator=generator) for shape in shapes]
    clock = Clock(optimiser, [np.linspace(0.01, 0.02, 41)] * 3)

    def run(which):
        clock.rates = torch.linspace(0.01, 0.02, 41, dtype=torch.float64)[which].repeat(3, 1)
        tensors = [tensor[which].clone() for tensor in big]
        weights = [Weight(str(i), t, True, 0.5 + i, "hidden") for i, t in enumerate(tensors)]
        state = [{slot: torch.zeros_like(w.tensor) for slot in optimiser.slots(w)} for w in weights]
        for clock.now in range(3):
            optimiser.step(weights, [push[which] for push in pushes], state, clock)
        return tensors

    whole, few = run(torch.arange(41)), run(torch.tensor([40, 17]))
    assert big[0].numel() > 2**17
    assert all(torch.equal(value[[40, 17]], part) for value, part in zip(whole, few, strict=True))


# --- clipping


@pytest.mark.parametrize("name", NAMES)
def test_one_diverged_replica_leaves_the_others_alone(name):
    optimiser = OPTIMISERS.make(name, {"clip": 0.1})
    rates = np.full((10, 3), 0.01)
    sound = train_stacked(optimiser, range(3), rates, dtype=torch.float32)
    spoiled = train_stacked(optimiser, range(3), rates, dtype=torch.float32, spoil=1)
    for key, value in sound.items():
        assert torch.equal(value[[0, 2]], spoiled[key][[0, 2]])
        assert spoiled[key][1].isnan().all(), "a diverged replica looks sound"


@pytest.mark.parametrize("stacked", [True, False])
def test_a_gradient_is_shortened_to_the_limit_for_each_replica_over_all_its_weights(stacked):
    optimiser = OPTIMISERS.make("sgd", {"clip": 2.0})
    grads = [torch.tensor([[3.0, 0.0], [0.3, 0.0]]), torch.tensor([[[4.0]], [[0.4]]])]  # norms 5 and 0.5
    if not stacked:
        grads = [grad[0] for grad in grads]
    weights = [Weight(str(i), torch.zeros_like(g), stacked, 1.0, "hidden") for i, g in enumerate(grads)]
    before = [grad.clone() for grad in grads]
    optimiser.step(weights, grads, [{}, {}], Clock(optimiser, [[1.0] * (2 if stacked else 1)]))
    wanted = [torch.tensor([[-1.2, 0.0], [-0.3, 0.0]]), torch.tensor([[[-1.6]], [[-0.4]]])]
    for weight, value in zip(weights, wanted, strict=True):
        torch.testing.assert_close(weight.tensor, value if stacked else value[0])
    assert all(torch.equal(*pair) for pair in zip(before, grads, strict=True))


# --- the device is not read, and nothing is made elsewhere


class Watch(TorchDispatchMode):
    """Fails where a number is read back, and where a tensor lies on another device."""

    def __init__(self, device):
        super().__init__()
        self.device, self.calls = device, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert func is not torch.ops.aten._local_scalar_dense.default, "the host reads a number of the device"
        found = func(*args, **(kwargs or {}))
        self.calls += 1
        for leaf in tree_leaves((args, kwargs, found)):
            if isinstance(leaf, torch.Tensor):
                assert leaf.device.type == self.device, f"{func} has a tensor on {leaf.device}"
        return found


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("stacked", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_a_step_reads_nothing_back_and_stays_on_the_device(name, stacked, device):
    if device == "cpu" and not stacked and name in ("adam", "adamw", "muon"):
        pytest.skip("a single network on the CPU takes torch's fused kernel, which reads its step")
    optimiser = OPTIMISERS.make(name, {"clip": 1.0} | ({"momentum": 0.9} if name == "sgd" else {}))
    shapes = [(2, *shape) if stacked else shape for shape in [(4, 3), (5,), (4, 2, 3, 3)]]
    tensors, grads = ([torch.ones(shape, device=device) for shape in shapes] for _ in range(2))
    weights = [Weight(str(i), t, stacked, 0.5, ("hidden", "input")[i % 2]) for i, t in enumerate(tensors)]
    state = [{slot: torch.zeros_like(w.tensor) for slot in optimiser.slots(w)} for w in weights]
    clock = Clock(optimiser, [[0.1] * (2 if stacked else 1)], device=device, known=False)
    with Watch(device) as watch:
        optimiser.step(weights, grads, state, clock)
    assert watch.calls > 5


# --- identity


GOLDEN = {
    "adam": {"beta1": 0.9, "beta2": 0.95, "eps": 1e-8},
    "sgd": {},
    "adamw": {"beta1": 0.9, "beta2": 0.95, "eps": 1e-8, "weight_decay": 0.1},
    "lion": {"beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0},
    "muon": {
        "momentum": 0.95,
        "nesterov": True,
        "iterations": 5,
        "weight_decay": 0.1,
        "ratio": 0.1,
        "beta1": 0.9,
        "beta2": 0.95,
        "eps": 1e-8,
    },
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_references(name):
    assert OPTIMISERS.make(name).ref == Ref(name=name, params=GOLDEN[name])
    assert OPTIMISERS.make(name, {"clip": 1}).ref == Ref(name=name, params={**GOLDEN[name], "clip": 1.0})


def test_a_reference_is_read_back():
    for ref in (
        Ref(name="adam", params=GOLDEN["adam"]),
        Ref(name="sgd"),
        Ref(name="sgd", params={"momentum": 0.9, "nesterov": True}),
        Ref(name="muon", params={**GOLDEN["muon"], "clip": 2.0}),
    ):
        assert optimiser_of(ref).ref == ref
    assert OPTIMISERS.make("adam", {"eps": "1e-8", "beta1": 0}).ref.params == {"beta1": 0.0, "beta2": 0.95, "eps": 1e-8}
    with pytest.raises(InputError, match="optimiser 'adam' is at version 1 here, the trial was made with 2"):
        optimiser_of(Ref(name="adam", version="2"))


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("adma", {}, "unknown optimiser 'adma'. Did you mean 'adam'"),
        ("adam", {"bata1": 0.9}, "unknown parameter of the optimiser 'adam': 'bata1'. Did you mean 'beta1'"),
        ("adam", {"beta1": 1.0}, "`beta1` of the optimiser 'adam' is at least 0 and below 1, got 1.0"),
        ("adam", {"eps": 0}, "`eps` of the optimiser 'adam' is above 0, got 0.0"),
        ("adam", {"eps": "small"}, "`eps` of the optimiser 'adam' is a finite number, got 'small'"),
        ("adam", {"clip": 0}, "`clip` of the optimiser 'adam' is a norm above 0, or null for no clipping, got 0.0"),
        ("adamw", {"weight_decay": math.inf}, "`weight_decay` of the optimiser 'adamw' is a finite number, got inf"),
        ("sgd", {"nesterov": True}, "'sgd' has `nesterov` without a `momentum`"),
        ("sgd", {"nesterov": 1}, "`nesterov` of the optimiser 'sgd' is true or false, got 1"),
        ("muon", {"iterations": 2.5}, "`iterations` of the optimiser 'muon' is a whole number, got 2.5"),
        ("lion", {"weight_decay": -1}, "`weight_decay` of the optimiser 'lion' is at least 0, got -1.0"),
    ],
)
def test_bad_parameters_are_told_in_one_sentence(name, params, message):
    with pytest.raises(InputError, match=message):
        OPTIMISERS.make(name, params)


OWN = '''"""Mine."""
import dataclasses
import torch
from onecurve.benchmark.optimisers.arithmetic import columns
from onecurve.benchmark.optimisers.optimiser import Optimiser


@dataclasses.dataclass(frozen=True)
class SignDescent(Optimiser):
    """The sign of the gradient."""

    name = "signdescent"
    power: float = 1.0

    def update(self, weights, grads, state, pace):
        rates = columns(weights, lambda multiplier: -(pace.rate * multiplier))
        for weight, grad, rate in zip(weights, grads, rates):
            weight.tensor.addcmul_(grad.sign() * grad.abs() ** (self.power - 1), rate)
'''


def test_an_optimiser_in_a_users_file(tmp_path):
    path = tmp_path / "my_opt.py"
    path.write_text(OWN)
    mine = OPTIMISERS.make(f"{path}:SignDescent", {"power": 1, "clip": 0.5})
    assert mine.ref.name == "my_opt.py:SignDescent" and len(mine.ref.content) == 64
    assert mine.ref.params == {"power": 1.0, "clip": 0.5} and mine.ref.content in sources()
    path.unlink()
    assert optimiser_of(mine.ref).ref == mine.ref  # by value: the text that this process was sent
    trained = train_stacked(mine, range(3), np.full((3, 3), 0.01))
    assert all(value.isfinite().all() for value in trained.values())
    path.write_text(OWN.replace("def update", "def change"))
    with pytest.raises(InputError, match="my_opt.py:SignDescent cannot be made: TypeError.*update"):
        OPTIMISERS.make(f"{path}:SignDescent")
    path.write_text(OWN + "\nclass Other:\n    pass\n")
    with pytest.raises(InputError, match="my_opt.py:Other is no onecurve Optimiser"):
        OPTIMISERS.make(f"{path}:Other")
    with pytest.raises(InputError, match="the file '.*/nowhere.py' of an optimiser is not there"):
        OPTIMISERS.make(f"{tmp_path}/nowhere.py:SignDescent")


# --- numbers of single rules


def test_the_timescale_of_a_decay():
    found = timescale(0.01, 0.1, batch_size=64, examples=6400)
    assert (found.updates, found.passes) == (pytest.approx(1000), pytest.approx(10))
    assert timescale(0.01, 0.1).passes is None
    assert timescale(0.01, 0.0) is None


@pytest.mark.parametrize("shape", [(12, 12), (30, 10), (10, 30), (4, 12, 20)])
def test_the_iteration_brings_singular_values_near_one(shape):
    matrix = torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    before, after = torch.linalg.svdvals(matrix), torch.linalg.svdvals(orthogonalised(matrix, 5))
    assert (before.amax(-1) / before.amin(-1)).max() > 2
    assert after.min() > 0.6 and after.max() < 1.3
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    overlap = (orthogonalised(matrix, 5) * (u @ v)).sum((-2, -1)) / min(shape[-2:])
    assert overlap.min() > 0.8


def test_a_kernel_is_a_matrix_and_a_step_has_the_spectral_norm():
    optimiser = OPTIMISERS.make("muon", {"weight_decay": 0.0})
    kernel = torch.zeros(16, 8, 3, 3)
    grad = torch.randn(kernel.shape, generator=torch.Generator().manual_seed(0))
    weight = Weight("kernel", kernel, False, 1.0, "hidden")
    optimiser.step([weight], [grad], [{"momentum": torch.zeros_like(kernel)}], Clock(optimiser, [[1.0]]))
    values = torch.linalg.svdvals(kernel.flatten(1)) / math.sqrt(16 / 72)
    assert values.min() > 0.6 and values.max() < 1.3


@pytest.mark.parametrize("name", NAMES)
def test_a_step_of_no_weights_is_no_fault(name):
    optimiser = OPTIMISERS.make(name)
    optimiser.step([], [], [], Clock(optimiser, [[0.1]]))
