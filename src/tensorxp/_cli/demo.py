"""`python -m tensorxp demo`: a classifier of handwritten digits, trained with our autograd.

The 1,797 real digits (8×8 pixels) ship with scikit-learn. The run checks a gradient against
finite differences, takes one through an unmodified SciPy function, trains, and draws.
"""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

import tensorxp as xp

GOAL = 0.94


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


class Softmax:
    """Softmax regression: logits = x W + b."""

    def __init__(self, device: Any) -> None:
        self.weight = xp.zeros((64, 10), dtype=xp.float32, device=device, requires_grad=True)
        self.bias = xp.zeros((10,), dtype=xp.float32, device=device, requires_grad=True)

    def parameters(self) -> list[Any]:
        """Return the tensors to train."""
        return [self.weight, self.bias]

    def __call__(self, images: Any) -> Any:
        return xp.reshape(images, (-1, 64)) @ self.weight + self.bias


def cross_entropy(logits: Any, labels: Any) -> Any:
    """Return the mean of -log softmax(logits)[label]."""
    top = xp.max(logits, axis=1, keepdims=True)
    log_sum = xp.log(xp.sum(xp.exp(logits - top), axis=1)) + top[:, 0]
    picked = logits[xp.arange(labels.shape[0], device=labels.device), labels]
    return xp.mean(log_sum - picked)


def check_gradient(images: Any, labels: Any) -> float:
    """Return the relative error of a directional derivative against central differences."""
    x = xp.astype(xp.reshape(images[:64], (64, 64)), xp.float64)
    generator = np.random.default_rng(1)
    start = xp.asarray(generator.normal(size=(64, 10)) * 0.1, device=images.device)
    direction = xp.asarray(generator.normal(size=(64, 10)), device=images.device)

    def loss(weight: Any) -> Any:
        return cross_entropy(x @ weight, labels[:64])

    _, gradient = xp.autograd.value_and_grad(loss)(start)
    step = 1e-6
    difference = (loss(start + step * direction) - loss(start - step * direction)) / (2 * step)
    exact = xp.sum(gradient * direction)
    return float(abs(exact - difference) / abs(difference))


def scipy_gradient(images: Any) -> float:
    """Return the largest error of the gradient of SciPy's logsumexp, which is the softmax."""
    logsumexp = _require("scipy.special").logsumexp
    x = xp.tensor(images[0, 0], dtype=xp.float64, requires_grad=True)
    logsumexp(x).backward()
    exponents = xp.exp(x.detach())
    return float(xp.max(xp.abs(x.grad - exponents / xp.sum(exponents))))


def accuracy(model: Any, images: Any, labels: Any) -> tuple[float, Any]:
    """Return the share of right predictions, and the predictions."""
    with xp.no_grad():
        predicted = xp.argmax(model(images), axis=1)
    return float(xp.mean(xp.astype(predicted == labels, xp.float64))), predicted


def train(model: Any, data: tuple[Any, ...], epochs: int, seed: int, quiet: bool) -> dict[str, Any]:
    """Train by Adam on batches of 64; return the loss and the accuracy of each epoch."""
    images, labels, test_images, test_labels = data
    tqdm = _require("tqdm").tqdm
    generator = np.random.default_rng(seed)
    optimizer = _Adam(model.parameters(), lr=0.02)
    batches = len(labels) // 64
    history: dict[str, Any] = {"loss": [], "accuracy": []}
    with tqdm(total=epochs * batches, unit="batch", disable=quiet) as bar:
        for epoch in range(epochs):
            order = generator.permutation(len(labels))[: batches * 64].reshape(batches, 64)
            for batch in order:
                index = xp.asarray(batch, device=images.device)
                loss = cross_entropy(model(images[index]), labels[index])
                loss.backward()
                optimizer.step()
                history["loss"].append(loss.item())
                bar.update()
            score, _ = accuracy(model, test_images, test_labels)
            history["accuracy"].append(score)
            bar.set_description(f"epoch {epoch + 1}/{epochs}, test accuracy {score:.3f}")
    return history


class _Adam:
    """Adam (Kingma & Ba 2015), in place."""

    def __init__(self, parameters: list[Any], lr: float) -> None:
        self.state = [(p, xp.zeros_like(p), xp.zeros_like(p)) for p in parameters]
        self.lr, self.steps = lr, 0

    def step(self) -> None:
        """Move the parameters by their gradients, and forget these."""
        self.steps += 1
        correction = (1 - 0.999**self.steps) ** 0.5 / (1 - 0.9**self.steps)
        with xp.no_grad():
            for p, m, v in self.state:
                m += 0.1 * (p.grad - m)
                v += 0.001 * (p.grad * p.grad - v)
                p -= self.lr * correction * m / (xp.sqrt(v) + 1e-8)
                p.grad = None


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
    lower.set(xlabel="epoch", ylabel="test accuracy", title=f"{history['accuracy'][-1]:.1%} at the end")
    right.suptitle("test digits and predictions (red: wrong)")
    for axes, i in zip(right.subplots(4, 6).flat, shown, strict=False):
        axes.imshow(host[0][i, 0], cmap="gray_r")
        axes.set_title(str(host[2][i]), color="red" if i in wrong else "black", fontsize=9)
        axes.axis("off")
    temporary = path.with_name(path.name + ".part")
    figure.savefig(temporary, format=path.suffix.lstrip(".") or "png", dpi=110)
    plt.close(figure)
    os.replace(temporary, path)


def run(
    device: str, epochs: int, seed: int, picture: Path | None, quiet: bool = False
) -> dict[str, Any]:
    """Run the demo and return its figures; `passed` says whether all checks held."""
    os.environ.setdefault("SCIPY_ARRAY_API", "1")  # SciPy reads it once, at its import
    place = xp.device(device)
    say = (lambda *words: None) if quiet else print
    data = load(seed, place)
    say(f"digits: {len(data[1])} to train on, {len(data[3])} to test, on {place}")
    finite = check_gradient(data[0], data[1])
    say(f"gradient against finite differences: relative error {finite:.1e}")
    through = scipy_gradient(data[0])
    say(f"gradient through scipy.special.logsumexp: largest error {through:.1e}")
    model = Softmax(place)
    start = time.perf_counter()
    history = train(model, data, epochs, seed, quiet)
    seconds = time.perf_counter() - start
    score, predicted = accuracy(model, data[2], data[3])
    say(f"test accuracy {score:.2%} after {epochs} epochs in {seconds:.1f} s (goal {GOAL:.0%})")
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
        "passed": bool(score >= GOAL and finite < 1e-6 and through < 1e-12),
    }
