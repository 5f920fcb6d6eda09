"""`python -m tensorxp demo`: a classifier of handwritten digits, trained with our autograd.

The 1,797 real digits (8×8 pixels) ship with scikit-learn. The run checks a gradient against
finite differences, takes one through an unmodified SciPy function, trains, and draws.
"""

import io
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

import tensorxp as xp
from tensorxp import nn, optim
from tensorxp._backend.files import write_file
from tensorxp.nn import functional

#: Test accuracy that the run must reach.
GOAL = 0.97


def _require(module: str) -> Any:
    """Import an optional package; ImportError names the extra that brings it."""
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"the demo needs {module.partition('.')[0]} ({error}); "
            "install it with: pip install 'tensorxp[demo]'"
        ) from None


def load(seed: int, device: Any) -> tuple[Any, Any, Any, Any]:
    """Return training and test images (n, 1, 8, 8) in [0, 1] and labels, split 80 : 20."""
    digits = _require("sklearn.datasets").load_digits()
    order = np.random.default_rng(seed).permutation(len(digits.target))
    images = (digits.images[order, None] / 16.0).astype(np.float32)
    labels = digits.target[order].astype(np.int64)
    n = len(labels) * 4 // 5
    parts = (images[:n], labels[:n], images[n:], labels[n:])
    return tuple(xp.asarray(part, device=device) for part in parts)  # type: ignore[return-value]


def network(device: Any) -> Any:
    """Return a small convolutional network, from images (n, 1, 8, 8) to ten logits."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(64 * 4 * 4, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
    ).to(device)


def check_gradient(images: Any, labels: Any) -> float:
    """Return the relative error of a directional derivative against central differences.

    The derivative of the network's loss along a random direction of all its parameters, in
    float64.
    """
    model = network(images.device).double().eval()
    x, y = xp.astype(images[:16], xp.float64), labels[:16]
    generator = np.random.default_rng(1)
    directions = [
        xp.asarray(generator.normal(size=p.shape), device=p.device) for p in model.parameters()
    ]

    def loss_at(step: float) -> float:
        with xp.no_grad():
            for p, direction in zip(model.parameters(), directions, strict=True):
                p += step * direction
            value = float(functional.cross_entropy(model(x), y))
            for p, direction in zip(model.parameters(), directions, strict=True):
                p -= step * direction
        return value

    functional.cross_entropy(model(x), y).backward()
    pairs = zip(model.parameters(), directions, strict=True)
    exact = sum(float(xp.sum(p.grad * direction)) for p, direction in pairs)
    step = 1e-8  # so small that few ReLUs and maxima change sides on the way
    difference = (loss_at(step) - loss_at(-step)) / (2 * step)
    return abs(exact - difference) / abs(difference)


def scipy_gradient(images: Any) -> float:
    """Return the largest error of the gradient of SciPy's logsumexp, which is the softmax."""
    logsumexp = _require("scipy.special").logsumexp
    x = xp.tensor(images[0, 0], dtype=xp.float64, requires_grad=True)
    logsumexp(x).backward()
    exponents = xp.exp(x.detach())
    return float(xp.max(xp.abs(x.grad - exponents / xp.sum(exponents))))


def accuracy(model: Any, images: Any, labels: Any) -> tuple[float, Any]:
    """Return the share of right predictions, and the predictions."""
    model.eval()
    with xp.no_grad():
        predicted = xp.argmax(model(images), axis=1)
    model.train()
    return float(xp.mean(xp.astype(predicted == labels, xp.float64))), predicted


def train(model: Any, data: tuple[Any, ...], epochs: int, seed: int, quiet: bool) -> dict[str, Any]:
    """Train by Adam on batches of 64; return the loss of each batch, the accuracy of each epoch."""
    images, labels, test_images, test_labels = data
    tqdm = _require("tqdm").tqdm
    generator = np.random.default_rng(seed)
    batches = len(labels) // 64
    optimizer = optim.Adam(model.parameters(), lr=2e-3)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * batches)
    history: dict[str, Any] = {"loss": [], "accuracy": []}
    with tqdm(total=epochs * batches, unit="batch", disable=quiet) as bar:
        for epoch in range(epochs):
            order = generator.permutation(len(labels))[: batches * 64].reshape(batches, 64)
            for batch in order:
                index = xp.asarray(batch, device=images.device)
                optimizer.zero_grad()
                loss = functional.cross_entropy(model(images[index]), labels[index])
                loss.backward()
                optimizer.step()
                schedule.step()
                history["loss"].append(loss.item())
                bar.update()
            score, _ = accuracy(model, test_images, test_labels)
            history["accuracy"].append(score)
            bar.set_description(f"epoch {epoch + 1}/{epochs}, test accuracy {score:.3f}")
    return history


def check_picture(path: Path) -> None:
    """Raise ValueError for a picture that could not be drawn, before the training."""
    kinds = _require("matplotlib.backend_bases").FigureCanvasBase.get_supported_filetypes()
    if path.suffix and path.suffix[1:].lower() not in kinds:
        raise ValueError(
            f"--output is {path}; allowed suffixes are {', '.join(f'.{kind}' for kind in kinds)}"
        )


def draw(path: Path, history: dict[str, Any], images: Any, labels: Any, predicted: Any) -> None:
    """Write a picture of loss, accuracy, and digits with their predictions (red: wrong)."""
    matplotlib = _require("matplotlib")
    matplotlib.use("Agg")
    plt = _require("matplotlib.pyplot")
    host = [xp.to_device(x, "cpu").numpy() for x in (images, labels, predicted)]
    wrong = np.flatnonzero(host[1] != host[2])[:8]
    shown = np.concatenate([wrong, np.flatnonzero(host[1] == host[2])])[:24]
    figure = plt.figure(figsize=(11, 5.5), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1.2, 1))
    upper, lower = left.subplots(2, 1)
    upper.plot(history["loss"], lw=0.8)
    upper.set(xlabel="batch", ylabel="cross-entropy", yscale="log", title="training loss")
    epochs = range(1, len(history["accuracy"]) + 1)
    lower.plot(epochs, history["accuracy"], marker="o", ms=3)
    lower.set(
        xlabel="epoch", ylabel="test accuracy", title=f"{history['accuracy'][-1]:.1%} at the end"
    )
    right.suptitle("test digits and predictions (red: wrong)")
    for axes, i in zip(right.subplots(4, 6).flat, shown, strict=False):
        axes.imshow(host[0][i, 0], cmap="gray_r")
        axes.set_title(str(host[2][i]), color="red" if i in wrong else "black", fontsize=9)
        axes.axis("off")
    content = io.BytesIO()
    figure.savefig(content, format=path.suffix.lstrip(".") or "png", dpi=110)
    plt.close(figure)
    write_file(path, [content.getvalue()])


def run(
    device: str, epochs: int, seed: int, picture: Path | None, quiet: bool = False
) -> dict[str, Any]:
    """Run the demo and return its figures; `passed` says whether all checks held."""
    os.environ.setdefault("SCIPY_ARRAY_API", "1")  # SciPy reads it once, at its import
    place = xp.device(device)
    say = (lambda *words: None) if quiet else print
    if picture is not None:
        check_picture(picture)
    data = load(seed, place)
    say(f"digits: {len(data[1])} to train on, {len(data[3])} to test, on {place}")
    finite = check_gradient(data[0], data[1])
    say(f"gradient against finite differences: relative error {finite:.1e}")
    through = scipy_gradient(data[0])
    say(f"gradient through scipy.special.logsumexp: largest error {through:.1e}")
    xp.random.manual_seed(seed)
    model = network(place)
    weights = sum(p.size for p in model.parameters())
    say(f"network: {len(list(model.parameters()))} parameters with {weights:,} weights")
    start = time.perf_counter()
    history = train(model, data, epochs, seed, quiet)
    seconds = time.perf_counter() - start
    score, predicted = accuracy(model, data[2], data[3])
    passes = f"{epochs} epoch{'s' * (epochs != 1)}"
    say(f"test accuracy {score:.2%} after {passes} in {seconds:.1f} s (goal {GOAL:.0%})")
    if picture is not None:
        draw(picture, history, data[2], data[3], predicted)
        say(f"picture: {picture.resolve()}")
    return {
        "device": str(place),
        "test_accuracy": score,
        "goal": GOAL,
        "seconds": seconds,
        "finite_difference_error": finite,
        "scipy_gradient_error": through,
        "picture": None if picture is None else str(picture.resolve()),
        "passed": bool(score >= GOAL and finite < 1e-5 and through < 1e-12),
    }
