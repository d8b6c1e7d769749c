"""The documentation as a site: it is built without a warning, its links lead somewhere, and it needs no network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import filelock
import onecurve
import pytest

ROOT = Path(__file__).resolve().parents[1]
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Page(HTMLParser):
    """What a page of the site links to, loads, and offers as anchors."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        said = {name: value or "" for name, value in attrs}
        self.anchors |= {said[name] for name in ("id", "name") if name in said}
        if tag == "a" and "href" in said:
            self.links.append(said["href"])
        elif tag == "link" and said.get("rel") not in ("index", "search", "next", "prev", "canonical"):
            self.loads.append(said.get("href", ""))
        elif "src" in said:
            self.loads.append(said["src"])


def build(source: Path, to: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "--builder", "html", "--fail-on-warning", "--keep-going", "--quiet"]
    command += ["--conf-dir", str(source / "docs"), "--doctree-dir", str(to / "doctrees"), *options]
    # The kernel that runs a page's code has another folder than this process.
    path = os.pathsep.join(str(Path(one).resolve()) for one in sys.path if one)
    return subprocess.run(
        [*command, str(source), str(to / "site")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path, "PYDEVD_DISABLE_FILE_VALIDATION": "1"},
    )


@pytest.fixture(scope="session")
def tools():
    """What the site is built with, or the reason to skip."""
    for package in ("sphinx", "myst_nb", "numpydoc", "furo"):
        pytest.importorskip(package)


@pytest.fixture(scope="module")
def site(tools, shared):
    """The site, built once for all processes. The notebook, which trains, is run by a test of its own."""
    to = shared("documentation")
    with filelock.FileLock(to / "lock"):
        if not (to / "site" / "index.html").exists():
            done = build(ROOT, to, "--tag", "untrained")
            assert done.returncode == 0, done.stdout + done.stderr
    return to / "site"


@pytest.fixture(scope="module")
def pages(site):
    return {path.relative_to(site).as_posix(): Page(path) for path in site.rglob("*.html")}


pytestmark = pytest.mark.slow


def test_every_link_and_anchor_leads_somewhere(site, pages):
    lost = []
    for name, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            there = (site / name).parent / unquote(parts.path) if parts.path else site / name
            key = os.path.relpath(there, site)
            known = pages[key].anchors if key in pages else set()
            if not there.exists() or (parts.fragment and unquote(parts.fragment) not in known):
                lost.append((name, link))
    assert not lost and len(pages) > 20


def test_nothing_is_loaded_from_elsewhere(site, pages):
    assert {load for page in pages.values() for load in page.loads if urlsplit(load).netloc} == set()
    for style in site.rglob("*.css"):
        assert "url(http" not in style.read_text() and "@import" not in style.read_text(), style


def test_the_reference_has_every_public_name(site, pages):
    text = (site / "docs" / "reference.html").read_text()
    missing = [name for name in onecurve.__all__ if f"onecurve.{name}" not in pages["docs/reference.html"].anchors]
    assert sorted(missing) == ["DATASETS", "FAMILIES"] and all(name in text for name in missing)


def test_a_parameter_is_explained_where_it_stands(site):
    text = (site / "docs" / "reference.html").read_text()
    assert "<dt><strong>irreducible_loss</strong></dt>" in text.replace("\n", "")


def test_the_gallery_shows_what_its_code_draws(pages):
    drawn = [load for load in pages["docs/gallery.html"].loads if load.endswith(".png")]
    source = (ROOT / "docs" / "gallery.md").read_text()
    assert len(drawn) == source.count(".plot(") >= 6


def test_a_dead_link_and_a_dead_anchor_fail_the_build(tools, tmp_path):
    source = tmp_path / "source"
    (source / "docs").mkdir(parents=True)
    shutil.copy(ROOT / "docs" / "conf.py", source / "docs")
    (source / "docs" / "index.md").write_text("# Index\n\n[lost](nowhere.md) [and](#nothing)\n")
    done = build(source, tmp_path)
    assert done.returncode != 0 and "nowhere.md" in done.stderr and "nothing" in done.stderr


@pytest.mark.skipif(BROWSER is None, reason="no browser (chromium) on this machine")
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_a_screen_without_an_error_or_a_request(site, width):
    sync_api = pytest.importorskip("playwright.sync_api")
    troubles: list[str] = []
    with sync_api.sync_playwright() as play:
        page = play.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"]).new_page(
            viewport={"width": width, "height": 900}
        )
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda asked: asked.url.startswith(("file:", "data:")) or troubles.append(asked.url))
        for name in ("index", "tutorial", "method", "reference", "command-line", "gallery", "howto/read-a-verdict"):
            page.goto((site / "docs" / f"{name}.html").as_uri())
            over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            troubles += [f"{name} is {over} px too wide"] if over > 0 else []
    assert not troubles
