"""A variational autoencoder finds a plane of handwritten digits.

The encoder gives for each of the 1,797 digits of scikit-learn a normal distribution over two
coordinates, and the decoder draws a digit from two coordinates. Both are trained together to
maximise the evidence lower bound: the log-likelihood of the pixels, less the divergence of the
distribution from the prior, a standard normal. The gradient passes through the sampling, because
a sample is the mean plus the standard deviation times noise that does not depend on the weights.

On digits that it has not seen, the two coordinates must tell more than two principal components
do. The picture shows the plane, which one draws from by choosing a point.

Run `python docs/gallery/digits_vae.py [folder for the picture]`. It runs on the GPU where there
is one.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

import tensorxp as xp
from tensorxp import nn, optim
from tensorxp.nn import functional
from tensorxp.utils.data import DataLoader, TensorDataset
from tensorxp.utils.progress import progress

EPOCHS = 150


class Autoencoder(nn.Module):
    """Images (n, 64) with values from 0 to 1, to two coordinates and back."""

    def __init__(self, hidden=256):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(64, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(),
            nn.Linear(hidden, 4),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(2, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(),
            nn.Linear(hidden, 64),
        )  # fmt: skip

    def encode(self, images):
        """Return mean and logarithm of the variance, each (n, 2)."""
        code = self.encoder(images)
        return code[:, :2], code[:, 2:]

    def decode(self, z):
        """Return the images (n, 64) at points (n, 2)."""
        return functional.sigmoid(self.decoder(z))

    def forward(self, images):
        """Return -log p(images | z) at one sample z, and the divergence from the prior."""
        mean, log_variance = self.encode(images)
        z = mean + xp.exp(log_variance / 2) * xp.random.randn_like(mean)
        # a grey value is the probability that the pixel is black
        likelihood = functional.binary_cross_entropy_with_logits(
            self.decoder(z), images, reduction="sum"
        )
        divergence = xp.sum(mean**2 + xp.exp(log_variance) - 1 - log_variance) / 2
        return likelihood / len(images), divergence / len(images)


def train(model, images):
    """Train the model; return the two terms of the bound, a row for each epoch."""
    loader = DataLoader(TensorDataset(images), batch_size=128, shuffle=True, drop_last=True)
    optimizer = optim.Adam(model.parameters(), lr=2e-3)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    history = []
    model.train()
    with progress(range(EPOCHS), unit="epoch") as bar:
        for _ in bar:
            terms = []
            for (batch,) in loader:
                optimizer.zero_grad()
                likelihood, divergence = model(batch)
                (likelihood + divergence).backward()
                optimizer.step()
                terms.append((likelihood.item(), divergence.item()))
            schedule.step()
            history.append(np.mean(terms, axis=0))
            bar.set_postfix(likelihood=history[-1][0], divergence=history[-1][1])
    return np.array(history)


def draw(path, history, codes, labels, plane, pairs):
    """Save the picture: the bound, where the digits lie, the plane, and reconstructions."""
    figure, axes = plt.subplots(2, 2, figsize=(11, 10), layout="constrained")
    (bound, map_), (prior, both) = axes
    bound.plot(history[:, 0], label="-log-likelihood of the pixels")
    bound.plot(history[:, 1], label="divergence from the prior")
    bound.set(xlabel="epoch", ylabel="nats for each digit", title="the bound")
    bound.legend()
    points = map_.scatter(
        codes[:, 0], codes[:, 1], c=labels, s=8, cmap="tab10", vmin=-0.5, vmax=9.5
    )
    map_.set(title="where the unseen digits lie", aspect="equal")
    figure.colorbar(points, ax=map_, ticks=range(10))
    prior.imshow(plane, cmap="gray_r")
    prior.set_title("the plane, in quantiles of the prior")
    both.imshow(pairs, cmap="gray_r")
    both.set_title("unseen digits, and below each row: drawn from its two numbers")
    prior.axis("off")
    both.axis("off")
    figure.savefig(path, dpi=120)


def mosaic(images, columns):
    """Return images (rows * columns, 64) as one, in rows, with white between them."""
    tiles = np.pad(images.reshape(-1, columns, 8, 8), ((0, 0), (0, 0), (1, 1), (1, 1)))
    return tiles.transpose(0, 2, 1, 3).reshape(len(tiles) * 10, columns * 10)


def main(folder):
    device = "cuda" if xp.cuda.is_available() else "cpu"
    xp.random.manual_seed(0)
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    known, unseen = np.split((digits.data[order] / 16).astype(np.float32), [1400])
    model = Autoencoder().to(device)
    history = train(model, xp.asarray(known, device=device))

    model.eval()
    with xp.no_grad():
        codes, _ = model.encode(xp.asarray(unseen, device=device))
        again = model.decode(codes).cpu().numpy()
        quantiles = norm.ppf((np.arange(15) + 0.5) / 15).astype(np.float32)
        grid = np.stack(np.meshgrid(quantiles, -quantiles), axis=-1).reshape(-1, 2)
        plane = model.decode(xp.asarray(grid, device=device)).cpu().numpy()

    components = PCA(2).fit(known)
    linear = components.inverse_transform(components.transform(unseen))
    errors = [float(np.sqrt(np.mean((x - unseen) ** 2))) for x in (again, linear)]
    print(f"error of a pixel {errors[0]:.4f}, by two principal components {errors[1]:.4f}")
    print(f"bound {history[-1].sum():.2f} nats, of which divergence {history[-1, 1]:.2f}")
    assert errors[0] < 0.9 * errors[1]
    assert np.all(np.isfinite(history)) and history[-1, 1] > 1  # the code is used

    rows = np.concatenate([unseen[:60].reshape(6, 10, 64), again[:60].reshape(6, 10, 64)], axis=1)
    pairs = mosaic(rows.reshape(-1, 64), 10)
    labels = digits.target[order][1400:]
    draw(folder / "digits_vae.png", history, codes.cpu().numpy(), labels, mosaic(plane, 15), pairs)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images"
    target.mkdir(parents=True, exist_ok=True)
    main(target)
