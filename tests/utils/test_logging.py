"""Progress bars and TensorBoard logging: what they show, and the errors without their packages."""

import io
import sys

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.utils.progress import progress
from tensorxp.utils.tensorboard import SummaryWriter


def test_progress():
    pytest.importorskip("tqdm")
    file = io.StringIO()
    assert list(progress(range(3), "loading", unit="batch", file=file)) == [0, 1, 2]
    assert "loading" in file.getvalue() and "3/3" in file.getvalue()
    file = io.StringIO()
    with progress(total=10, file=file) as bar:
        bar.update(4)
        bar.set_postfix(loss=0.5)
    assert "4/10" in file.getvalue() and "loss=0.5" in file.getvalue()
    file = io.StringIO()
    assert list(progress([1], quiet=True, file=file)) == [1] and not file.getvalue()


@pytest.mark.parametrize(
    ("call", "package", "extra"),
    [
        (lambda: progress([1]), "tqdm", "progress"),
        (lambda: SummaryWriter(), "tensorboardX", "tensorboard"),
    ],
)
def test_missing_packages_are_named(call, package, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, f"{package}.auto", None)
    with pytest.raises(ImportError, match=rf"{package} is missing.*tensorxp\[{extra}\]"):
        call()


@pytest.mark.filterwarnings("ignore")
def test_tensorboard(tmp_path, device):
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    x = xp.asarray(0.25, requires_grad=True, device=device)
    with SummaryWriter(tmp_path) as writer:
        assert writer.log_dir == str(tmp_path)
        writer.add_scalar("loss", x, 1)
        writer.add_scalars("both", {"train": x, "test": 1}, 1)
        writer.add_histogram("weights", xp.arange(10, dtype=xp.float32, device=device), 1)
        writer.add_image("image", xp.zeros((3, 4, 4), device=device), 1)
        writer.add_images("images", np.zeros((2, 3, 4, 4)), 1)
        writer.add_text("note", "**bold**", 1)
        writer.flush()
    content = b"".join(p.read_bytes() for p in tmp_path.rglob("*tfevents*"))
    assert all(tag in content for tag in (b"loss", b"weights", b"image", b"note"))
