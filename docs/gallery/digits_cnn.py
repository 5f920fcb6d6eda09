"""A convolutional network reads handwritten digits, with PyTorch's way of training.

The 1,797 digits (8×8 pixels) ship with scikit-learn. A network of two convolutions learns on four
fifths of them, in batches from a `DataLoader`, by AdamW with a one-cycle learning rate. An
exponential moving average of the weights is what we test and save: `xp.save` writes a safetensors
file that PyTorch reads under the same names, and a second network that loads it gives the same
outputs, bit for bit. At the end the gradient by the input shows where the network looks.

Run `python docs/gallery/digits_cnn.py [folder for the picture]`. It runs on the GPU where there
is one.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import tensorxp as xp
from tensorxp import nn, optim
from tensorxp.nn import functional
from tensorxp.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tensorxp.utils.data import DataLoader, TensorDataset, random_split
from tensorxp.utils.progress import progress

EPOCHS = 20
GOAL = 0.985


def load():
    """Return a dataset of images (1, 8, 8) with values from 0 to 1, and labels."""
    digits = load_digits()
    images = xp.asarray(digits.images[:, None] / 16, dtype=xp.float32)
    return TensorDataset(images, xp.asarray(digits.target))


def network():
    """Return the network, from images (n, 1, 8, 8) to ten logits."""
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
    )


def train(model, data, device):
    """Train the model; return the average of its weights, and the loss of each batch."""
    loader = DataLoader(data, batch_size=64, shuffle=True, drop_last=True)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.98))
    optimizer = optim.AdamW(model.parameters())
    schedule = optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=4e-3, epochs=EPOCHS, steps_per_epoch=len(loader)
    )
    losses = []
    model.train()
    with progress(total=EPOCHS * len(loader), unit="batch") as bar:
        for epoch in range(EPOCHS):
            for images, labels in loader:
                optimizer.zero_grad()
                loss = functional.cross_entropy(model(images.to(device)), labels.to(device))
                loss.backward()
                optimizer.step()
                schedule.step()
                average.update_parameters(model)
                losses.append(loss.item())
                bar.update()
            bar.set_postfix(epoch=epoch + 1, loss=np.mean(losses[-len(loader) :]))
    return average.module, losses


def predict(model, data, device):
    """Return the logits of all images of a dataset, and their labels."""
    model.eval()
    with xp.no_grad():
        parts = [(model(images.to(device)), labels) for images, labels in DataLoader(data, 256)]
    return xp.concat([part[0] for part in parts]).cpu(), xp.concat([part[1] for part in parts])


def saliency(model, images, device):
    """Return the size of the gradient of the largest logit by each pixel."""
    x = images.detach().to(device).requires_grad_()
    xp.sum(xp.max(model(x), axis=1)).backward()
    return xp.abs(x.grad[:, 0]).cpu()


def main(folder):
    device = "cuda" if xp.cuda.is_available() else "cpu"
    xp.random.manual_seed(0)
    training, test = random_split(load(), [0.8, 0.2])
    model, losses = train(network().to(device), training, device)
    logits, labels = predict(model, test, device)

    # the weights go to a file and come back into another network
    xp.save(model.state_dict(), folder / "digits_cnn.safetensors")
    loaded = network().to(device)
    loaded.load_state_dict(xp.load(folder / "digits_cnn.safetensors"))
    assert xp.all(predict(loaded, test, device)[0] == logits)

    predicted = xp.argmax(logits, axis=1)
    accuracy = float(xp.mean(xp.astype(predicted == labels, xp.float64)))
    weights = sum(p.size for p in model.parameters())
    print(f"{weights:,} weights, accuracy on {len(test)} test digits {accuracy:.2%} on {device}")
    assert accuracy >= GOAL

    # those that the network is least sure of
    sure = xp.max(functional.softmax(logits, dim=1), axis=1)
    shown = xp.argsort(sure)[:12]
    images = xp.stack([test[int(i)][0] for i in shown])
    looks = saliency(loaded, images, device)
    figure = plt.figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.6))
    axis = left.subplots()
    axis.semilogy(losses, linewidth=0.7)
    axis.set(xlabel="batch", ylabel="cross-entropy", title=f"test accuracy {accuracy:.2%}")
    right.suptitle("least sure: digit, and size of the gradient of its logit by the pixels")
    axes = right.subplots(4, 6).reshape(-1, 2)
    for i, image, look, (digit, gradient) in zip(shown.tolist(), images, looks, axes, strict=True):
        read, truth = int(predicted[i]), int(labels[i])
        digit.imshow(image[0].numpy(), cmap="gray_r")
        digit.set_title(
            f"{read}, {float(sure[i]):.0%}" if read == truth else f"{read}, is {truth}",
            color="black" if read == truth else "red",
            fontsize=9,
        )
        gradient.imshow(look.numpy(), cmap="magma")
        digit.axis("off")
        gradient.axis("off")
    figure.savefig(folder / "digits_cnn.png", dpi=120)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images"
    target.mkdir(parents=True, exist_ok=True)
    main(target)
