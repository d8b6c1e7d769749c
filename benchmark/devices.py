"""Where a pack trains: a processor or a GPU, what is set there so that equal trials give equal bits, and its graphs."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, Protocol

import torch
from torch import Tensor

from ..errors import InputError, unknown
from .choices import PRECISIONS, check_device
from .provenance import cpu_kind

# On a GPU a pack is always of one size, so that a trial's bits do not depend on how many were asked for: as many as
# these bytes hold, a power of two within the bounds. Small networks are bound by the number of kernels, not by them.
_PACK_BYTES = 4 * 2**30
FEWEST, MOST = 8, 256
BRANCHES = 16  # networks that do not pack and train beside each other on a GPU
WARM_UPS = 3  # runs before a capture: what libraries and torch make at first use may not be made inside it

# How torch, cuBLAS, cuDNN and the system say that memory is exhausted, in their older and newer words.
_NO_MEMORY = re.compile(
    r"out of memory|allocate memory|not enough memory|bad_alloc|ALLOC(ATION)?_FAILED|MemoryAllocation"
)
# How they say that a device, or what this process has of it, is beyond use. What is not supported is no such thing.
_BROKEN = re.compile(
    r"(CUDA|HIP)( driver)? error|ECC error|No (CUDA|HIP) GPUs|NVML|"
    r"(CUBLAS|CUDNN|CUSOLVER|CUSPARSE|HIPBLAS|ROCBLAS|MIOPEN)_STATUS_(?!NOT_SUPPORTED|INVALID_VALUE|BAD_PARAM)"
)

# Matrix products on a GPU are deterministic only with a workspace of a fixed size, read when torch first goes there.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


class HasState(Protocol):
    """Anything whose tensors a capture must put back."""

    def tensors(self) -> list[Tensor]:
        """All tensors that an update changes."""
        ...


@dataclasses.dataclass(frozen=True)
class Device:
    """A device that trains.

    Attributes
    ----------
    kind : ``cpu`` or ``cuda``. ROCm calls itself ``cuda``, too; `label` tells it apart.
    place : the torch device.
    """

    kind: Literal["cpu", "cuda"] = "cpu"
    place: torch.device = dataclasses.field(default_factory=lambda: torch.device("cpu"))

    @property
    def label(self) -> str:
        """What equal bits are promised for: the processor, or the GPU with the libraries that choose its kernels."""
        if self.kind == "cpu":
            return cpu_kind()
        seen = torch.cuda.get_device_properties(self.place)
        libraries = f"hip {torch.version.hip}" if torch.version.hip else f"cuda {torch.version.cuda}"
        return f"{seen.name} {seen.major}.{seen.minor}, {libraries}, cudnn {torch.backends.cudnn.version()}"

    def synchronise(self) -> None:
        """Wait until all that was started there has ended, so that a clock tells the truth."""
        if self.kind == "cuda":
            torch.cuda.synchronize(self.place)

    def check(self, precision: str) -> None:
        """Refuse a precision that the device does not have.

        Raises
        ------
        InputError
            ``tf32`` on a processor, ``tf32`` or ``bf16`` on a GPU older than Ampere.
        """
        if precision not in PRECISIONS:
            raise unknown("precision", precision, PRECISIONS)
        if precision == "tf32" and self.kind == "cpu":
            raise InputError("precision tf32 is a GPU's; a processor has float32, float64 and bf16")
        if precision in ("tf32", "bf16") and self.kind == "cuda" and not torch.version.hip:
            seen = torch.cuda.get_device_properties(self.place)
            if seen.major < 8:
                raise InputError(f"{seen.name} has no {precision}; it has float32 and float64")

    def release(self) -> None:
        """Give back memory that torch keeps for later: the next pack has other shapes."""
        if self.kind == "cuda":
            gc.collect()  # an error's frames hold tensors in a circle
            torch.cuda.empty_cache()

    def taken(self) -> str:
        """Who holds the memory, in a clause for messages; empty where the host's memory is used."""
        if self.kind == "cpu":
            return ""
        free, whole = torch.cuda.mem_get_info(self.place)
        ours = torch.cuda.memory_reserved(self.place)
        theirs = max(0, whole - free - ours)
        return (
            f"the GPU has {whole / 1e9:.1f} GB, of which {free / 1e9:.1f} GB are free, this process holds "
            f"{ours / 1e9:.1f} GB, and {theirs / 1e9:.1f} GB are with contexts and other processes"
        )


CPU = Device()


def device_of(name: str) -> Device:
    """The device of a name; ``auto`` is a GPU where there is one.

    Raises
    ------
    InputError
        An unknown name, a device that no test has run on, or a GPU that is not there.
    """
    check_device(name)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cpu":
        return CPU
    if not torch.cuda.is_available():
        raise InputError(f"device cuda was asked for, and torch {torch.__version__} sees no GPU here; use --device cpu")
    return Device("cuda", torch.device("cuda", torch.cuda.current_device()))


def memory_error(error: BaseException | None) -> BaseException | None:
    """The error, or one behind it, that says that memory was exhausted: the end of a capture hides the first."""
    while error is not None:
        if isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)):
            return error
        error = error.__cause__ or error.__context__
    return None


def device_error(error: BaseException) -> bool:
    """Whether an error says that the device broke: its process cannot be used any more, the trial is as good as new."""
    accelerator = getattr(torch, "AcceleratorError", ())
    return bool(accelerator) and isinstance(error, accelerator) or bool(_BROKEN.search(str(error)))


def libraries() -> dict[str, str]:
    """Versions of torch and of the libraries that choose a device's kernels, where they are known."""
    found = {"torch": torch.__version__, "cuda": torch.version.cuda, "hip": torch.version.hip}
    return {name: str(version) for name, version in found.items() if version}


def replicas_on_a_gpu(update_bytes: int) -> int:
    """How many networks one pack has on a GPU: a function of the bytes of one update of one network alone."""
    fit = _PACK_BYTES // max(1, update_bytes)
    return max(FEWEST, min(MOST, 2 ** max(0, fit.bit_length() - 1)))


@contextlib.contextmanager
def torch_settings(threads: int = 1, precision: str = "float32") -> Iterator[None]:
    """What torch keeps globally, set for one pack and put back: workers are reused.

    Everything that could make equal trials differ is fixed: threads, the default type and device, deterministic
    kernels, no autotuning of convolutions, and no arithmetic below float32 unless the precision asks for it.
    """
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    wanted = [
        (matmul, "allow_tf32", precision == "tf32"),
        (matmul, "allow_bf16_reduced_precision_reduction", False),
        (matmul, "allow_fp16_reduced_precision_reduction", False),
        (cudnn, "allow_tf32", precision == "tf32"),
        (cudnn, "benchmark", False),
        (torch.utils.deterministic, "fill_uninitialized_memory", False),
    ]
    before = (torch.get_num_threads(), torch.get_default_dtype(), torch.get_deterministic_debug_mode())
    kept = [(owner, name, getattr(owner, name)) for owner, name, _ in wanted]
    torch.set_num_threads(threads)
    torch.set_default_dtype(torch.float32)  # networks are drawn in float32 and widened, so both precisions start equal
    # What use_deterministic_algorithms does, but for its import of torch's compiler, which takes seconds.
    torch.set_deterministic_debug_mode("error")
    try:
        for owner, name, value in wanted:
            setattr(owner, name, value)
        # A user's file may have set another default; the mode costs each call some microseconds, so only then.
        home = torch.get_default_device().type == "cpu"
        with contextlib.nullcontext() if home else torch.device("cpu"):
            yield
    finally:
        for owner, name, value in kept:
            setattr(owner, name, value)
        torch.set_num_threads(before[0])
        torch.set_default_dtype(before[1])
        torch.set_deterministic_debug_mode(before[2])


def side_by_side(works: Sequence[Callable[[], None]], device: Device) -> Callable[[], None]:
    """One call that does all of the works: one after the other, on a GPU each on a stream of its own.

    Each work launches exactly the kernels that it launches alone, so its bits are those of a work that is alone.
    """
    if device.kind == "cpu" or len(works) == 1:

        def in_turn() -> None:
            for work in works:
                work()

        return in_turn
    streams = [torch.cuda.Stream(device.place) for _ in works]

    def at_once() -> None:
        here = torch.cuda.current_stream(device.place)
        # All of them first: torch gives out its streams in turns, so one of them may be the current one.
        for stream in streams:
            stream.wait_stream(here)
        for work, stream in zip(works, streams, strict=True):
            with torch.cuda.stream(stream):
                work()
        for stream in streams:
            here.wait_stream(stream)

    return at_once


def captured(work: Callable[[], None], states: Sequence[HasState], device: Device) -> Callable[[], None]:
    """The work as a graph that is replayed; without a GPU the work itself.

    Parameters
    ----------
    work : takes no argument and reads nothing back from the device. It is called `WARM_UPS` times before, and must be
        able to go on for so long.
    states : what the work changes: capturing runs it a few times, and puts everything back.
    """
    if device.kind == "cpu":
        return work
    kept = [[tensor.detach().clone() for tensor in state.tensors()] for state in states]
    here, side = torch.cuda.current_stream(device.place), torch.cuda.Stream(device.place)
    side.wait_stream(here)
    graph = torch.cuda.CUDAGraph()
    # One stream for both: libraries keep a handle and a workspace for each, and may not make them inside a capture.
    # The outer block puts the current stream back where a capture fails; torch's own does not if its end fails, too.
    with torch.cuda.stream(side):
        for _ in range(WARM_UPS):
            work()
        with torch.cuda.graph(graph, stream=side):
            work()
    here.wait_stream(side)
    with torch.no_grad():
        for state, before in zip(states, kept, strict=True):
            for tensor, value in zip(state.tensors(), before, strict=True):
                tensor.copy_(value)
    return graph.replay
