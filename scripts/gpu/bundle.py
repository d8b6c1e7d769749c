"""The check as one file for a machine without network: ``python -m onecurve.scripts.gpu.bundle [--to FILE]``.

The file is a Python archive with the package in it: ``python onecurve-gpu-check.pyz --device cuda --out DIR`` there,
with any Python from 3.11 that has torch and numpy. Nothing else is needed, so no wheels are in it; families of timm and
torchvision are tried where these are installed, and said to be left out where not.
"""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_ROOMS = ("architectures", "benchmark", "datasets", "results", "scripts")
_MAIN = """import sys
from onecurve.scripts.gpu.check import main
sys.exit(main())
"""


def bundle(to: Path) -> int:
    """Write the archive; returns its bytes."""
    files = [*sorted(ROOT.glob("*.py")), *(path for room in _ROOMS for path in sorted((ROOT / room).rglob("*.py")))]
    to.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__main__.py", _MAIN)
        for path in files:
            archive.write(path, f"onecurve/{path.relative_to(ROOT)}")
        for room in _ROOMS:  # inside an archive Python finds no package without this file
            if not (ROOT / room / "__init__.py").exists():
                archive.writestr(f"onecurve/{room}/__init__.py", "")
    return to.stat().st_size


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--to", default="build/onecurve-gpu-check.pyz")
    to = Path(parser.parse_args().to)
    print(f"{to}: {bundle(to) / 1e6:.1f} MB. There: python {to.name} --device cuda --out gpu-check")


if __name__ == "__main__":
    main()
