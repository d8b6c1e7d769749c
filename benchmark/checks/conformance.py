"""What every family promises, one function a promise: for `onecurve check-family`, for our own tests, and for authors.

In tests of an author::

    @pytest.mark.parametrize("promise", PROMISES)
    def test_my_family_keeps(promise):
        family = MyFamily()
        promise(family, home(family))

Each promise takes a family and a task that it fits, says in a clause what it saw, and raises `Broken` where the family
breaks it. Everything runs on small random inputs, in seconds for a small network.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from ...architectures.depth import depth_factors
from ...architectures.draws import secluded
from ...architectures.exponents import ADAM
from ...architectures.family import Family, Rung
from ...architectures.flops import count, example_inputs, n_params
from ...architectures.operations import uncounted, undetermined
from ...errors import InputError
from ...task import Task
from ..devices import torch_settings
from .packing import differs_from_a_loop, notices_the_pack
from .rehearsal import Rehearsal
from .tasks import easy_batch, fitting

Promise = Callable[[Family, Task], str]

FEWEST_RUNGS = 5
LEAST, MOST = 1.79, 2.31  # growth of the parameters a rung: 1.8 to 2.3, to two digits
STEEPEST = 0.35  # allowed slope of the log step of the outputs against log width; 1 without maximal update
_RATES = (1e-2, 3e-3, 1e-3)
_SEEDS = 3


class Broken(AssertionError):
    """A promise that a family does not keep, in one sentence."""


def builds(family: Family, task: Task) -> str:
    """The smallest rung gives finite outputs of the right shape for every task that it claims to fit."""
    tasks = list(dict.fromkeys([task, *fitting(family)]))
    for each in tasks:
        with secluded(0), torch.no_grad():
            outputs = family.build(family.ladder[0], each)(example_inputs(each, 3))
        shape = (3, *(each.shape if each.kind == "tokens" else ()), each.outputs)
        _hold(outputs.shape == shape, f"for {each} outputs are {tuple(outputs.shape)}, not {shape}")
        _hold(bool(torch.isfinite(outputs).all()), f"for {each} outputs are not finite")
    return f"{len(tasks)} tasks"


def climbs(family: Family, task: Task) -> str:
    """Five rungs or more, each with 1.8 to 2.3 times the parameters of the one before, and more FLOPs."""
    rungs = [count(family, rung, task) for rung in family.ladder]
    sizes = [rung.n_params for rung in rungs]
    _hold(len(sizes) >= FEWEST_RUNGS, f"{len(sizes)} rungs, a ladder has at least {FEWEST_RUNGS}")
    steps = [b / a for a, b in zip(sizes, sizes[1:], strict=False)]
    for rung, step in zip(family.ladder[1:], steps, strict=True):
        _hold(LEAST <= step <= MOST, f"rung {dict(rung)} has {step:.2f} times the parameters before it, not 1.8 to 2.3")
    costs = [rung.training for rung in rungs]
    _hold(costs == sorted(set(costs)), f"FLOPs do not rise with the rungs: {costs}")
    return f"{len(sizes)} rungs, {sizes[0]:,} to {sizes[-1]:,} parameters, x {min(steps):.2f} to {max(steps):.2f}"


def refuses(family: Family, task: Task) -> str:
    """A rung without, with other or with impossible knobs is an `InputError`."""
    knob = next(iter(family.ladder[0]))
    wrong = [{**family.ladder[0], knob: value} for value in (0, -4, 24.0, True, "24")]
    for rung in (*wrong, {}, {"breadth": 24}, {**family.ladder[0], "breadth": 2}):
        try:
            family.build(rung, task)  # pyright: ignore[reportArgumentType]
        except InputError:
            continue
        except Exception as error:
            raise Broken(f"rung {rung} ends in {type(error).__name__}: {error}, not in an InputError") from error
        raise Broken(f"rung {rung} was built. Let check_rung refuse it")
    return "wrong rungs"


def repeats(family: Family, task: Task) -> str:
    """A seed names the weights; what a step draws, it draws from torch's generator, which is seeded, and only while it
    trains; statistics run along only where that is declared."""
    first, again, other = (Rehearsal.of(family, family.ladder[0], task, seed).net for seed in (7, 7, 8))
    a, b, c = (list(net.state_dict().values()) for net in (first, again, other))
    _hold(all(map(torch.equal, a, b)), "the same seed draws other weights")
    starts_at_zero = not any(p.any() for p in first.parameters())
    _hold(starts_at_zero or not all(map(torch.equal, a, c)), "another seed draws the same weights")
    inputs, _ = easy_batch(task, 8)
    buffers = [value.clone() for value in first.buffers()]
    outputs, drew = zip(*(_drawn(net, inputs) for net in (first, again)), strict=True)
    _hold(not drew[0] or not family.packable, "a step draws random numbers (dropout?): set packable = False")
    _hold(not _drawn(copy.deepcopy(first).eval(), inputs)[1], "random numbers are drawn in evaluation, too")
    _hold(torch.equal(*outputs), "equal networks give different outputs")
    ran = not all(map(torch.equal, buffers, first.buffers()))
    _hold(ran or not family.running_statistics, "running_statistics is True, but no buffer moves in training")
    _hold(not ran or family.running_statistics, "buffers move in training: set running_statistics = True")
    kept = "statistics run along" if ran else "no state but its weights"
    return f"{kept}; draws by seed and step" if drew[0] else kept


def _drawn(net: nn.Module, inputs: Tensor) -> tuple[Tensor, bool]:
    """Outputs under a fixed seed, and whether torch's generator moved."""
    with secluded(0), torch.no_grad():
        before = torch.get_rng_state()
        return net(inputs), not torch.equal(before, torch.get_rng_state())


def reaches(family: Family, task: Task) -> str:
    """Gradients reach every parameter within three steps: what starts at zero holds back the first ones."""
    rehearsal = Rehearsal.of(family, family.ladder[0], task, 0)
    rehearsal.train(steps=3, lr=1e-2)
    dead = [name for name, p in rehearsal.trained() if p.grad is None or not p.grad.any()]
    _hold(not dead, f"no gradient reaches {', '.join(dead)}")
    return f"{len(rehearsal.trained())} parameter tensors"


def learns(family: Family, task: Task) -> str:
    """The loss on an easy batch halves within 60 steps of Adam at one of three rates."""
    for lr in _RATES:
        losses = Rehearsal.of(family, family.ladder[0], task, 0).train(steps=60, lr=lr, until=0.5)
        if losses[-1] < 0.5 * losses[0]:
            return f"loss {losses[0]:.2f} to {losses[-1]:.2f} in {len(losses) - 1} steps at {lr:g}"
    raise Broken(
        f"the loss of an easy batch does not halve in 60 steps of Adam at any of {', '.join(map(str, _RATES))}"
    )


def is_counted(family: Family, task: Task) -> str:
    """Every large product is one that the FLOP counter sees."""
    hidden = uncounted(Rehearsal.of(family, family.ladder[0], task, 0).net, task)
    _hold(not hidden, f"not counted: {', '.join(hidden)}. Write attention and recurrences as plain products")
    return f"{count(family, family.ladder[0], task).forward:,} FLOPs forward at the smallest rung"


def is_determined(family: Family, task: Task) -> str:
    """Every operation has a deterministic version on a GPU, too."""
    left = undetermined(Rehearsal.of(family, family.ladder[0], task, 0).net, task)
    _hold(not left, f"torch has no deterministic version of {', '.join(left)} on a GPU: it trains on processors alone")
    return "every operation repeats on a GPU, too"


def packs(family: Family, task: Task) -> str:
    """A pack computes what a loop computes, and a replica's bits do not depend on the size of its pack."""
    if not family.packable:
        return "declared not packable"
    for rung in (family.ladder[0], family.ladder[min(2, len(family.ladder) - 1)]):
        for check, flaw in ((differs_from_a_loop, "a pack is no loop"), (notices_the_pack, "bits depend on the pack")):
            try:
                wrong = check(family, rung, task)
            except RuntimeError as error:
                raise Broken(f"it does not run packed: {error}. Set packable = False") from error
            _hold(not wrong, f"{flaw} at {dict(rung)}: {wrong}. Set packable = False")
    return "as a loop, bit for bit at any size"


def deepens(family: Family, task: Task) -> str:
    """Where depth is a knob, parameters grow with it, and blocks that end in ``branch_ends`` grow in proportion."""
    base = family.base_depth
    if base is None:
        return "depth is no knob"
    rungs = [{**family.ladder[0], "depth": n * base} for n in (1, 2, 4)]
    nets = [family.build(rung, task) for rung in rungs]
    sizes = [n_params(net) for net in nets]
    _hold(sizes == sorted(set(sizes)), f"twice the depth has no more parameters: {sizes}")
    twice, four_times = (_blocks(family, rung, net) for rung, net in zip(rungs[1:], nets[1:], strict=True))
    _hold(2 * twice == four_times, f"branch_ends find {twice} blocks at depth {2 * base}, {four_times} at {4 * base}")
    return f"base depth {base}, {twice // 2} blocks"


def _blocks(family: Family, rung: Rung, net: nn.Module) -> int:
    factors = depth_factors(family, rung, [name for name, _ in net.named_modules() if name], exponents=ADAM)
    return sum(factor == (1.0, 1.0) for factor in factors.values())


def moves_evenly(family: Family, task: Task) -> str:
    """A coordinate check of the outputs alone: under maximal update three steps of Adam move them alike at any width.

    The slope of their log change against log width, between the first and the fourth rung; `check-family` has it for
    every layer, with intervals. The square root of the parameters stands for the width.
    """
    rungs = family.ladder[0], family.ladder[min(3, len(family.ladder) - 1)]
    small, large = (count(family, rung, task).n_params for rung in rungs)
    _hold(large > small, "there is one size only")
    moves = [
        [Rehearsal.of(family, rung, task, seed).move(steps=3, lr=1e-3) for seed in range(_SEEDS)] for rung in rungs
    ]
    before, after = (sum(map(math.log, each)) / _SEEDS for each in moves)
    slope = (after - before) / math.log((large / small) ** 0.5)
    _hold(abs(slope) <= STEEPEST, f"outputs move with the power {slope:.2f} of the width, not 0")
    return f"slope {slope:+.2f}"


PROMISES: tuple[Promise, ...] = (
    builds,
    climbs,
    refuses,
    repeats,
    reaches,
    learns,
    is_counted,
    is_determined,
    packs,
    deepens,
    moves_evenly,
)
OF_LADDERS: tuple[Promise, ...] = (climbs, moves_evenly)  # those that ask for a ladder of the family's own


def _hold(kept: bool, otherwise: str) -> None:
    if not kept:
        raise Broken(otherwise)


@dataclasses.dataclass(frozen=True)
class Kept:
    """What became of a promise: whether it is kept, and in a clause what was seen."""

    promise: str
    kept: bool
    clause: str
    seconds: float


def keeping(family: Family, task: Task, promises: Sequence[Promise] = PROMISES) -> Iterator[Kept]:
    """Try one promise after the other, under the trainer's settings of torch, on one thread."""
    for promise in promises:
        start = time.perf_counter()
        with torch_settings():
            try:
                kept, clause = True, promise(family, task)
            except Broken as broken:
                kept, clause = False, str(broken)
            except Exception as error:  # an author's code may raise anything, and the others are still worth a look
                kept, clause = False, f"{type(error).__name__}: {error}"
        yield Kept(promise.__name__, kept, clause, time.perf_counter() - start)
