"""How many sunspots will there be? An LSTM forecasts eight years, and how sure it is.

The yearly numbers of sunspots since 1700 ship with statsmodels. In 1927 Yule invented
autoregression for them, and a linear regression on the nine years before is still hard to beat.
A network of one LSTM layer reads the numbers year by year. After each year it gives three
quantiles (10 %, 50 % and 90 %) for each of the next eight years, trained by the quantile loss. It
learns on the years up to 1920, on random windows, and stops where the error of the years to 1950
is least. Five networks from different weights are averaged.

From 1951 on, the median must have a smaller error than the last value, the value of eleven years
before, and the mean. The linear regression is there for comparison.

Run `python docs/gallery/forecasting_lstm.py [folder for the picture]`.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from statsmodels.datasets import sunspots

import tensorxp as xp
from tensorxp import nn, optim
from tensorxp.utils.progress import progress

HORIZON, WINDOW, STEPS = 8, 64, 400
QUANTILES = (0.1, 0.5, 0.9)
FIRST, VALIDATION, TEST, END = 1700, 1921, 1951, 2009


class Forecaster(nn.Module):
    """Values (time, batch) to quantiles (time, batch, years ahead, 3) of the values that follow."""

    def __init__(self, hidden=48):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(hidden, HORIZON * len(QUANTILES))

    def forward(self, values):
        out, _ = self.lstm(values[..., None])
        out = self.head(self.dropout(out))
        return values[..., None, None] + xp.reshape(out, (*values.shape, HORIZON, len(QUANTILES)))


def quantile_loss(forecast, truth):
    """Return the mean of q (y - f) above a quantile and (1 - q) (f - y) below it."""
    error = truth[..., None] - forecast
    q = xp.asarray(QUANTILES, dtype=error.dtype)
    return xp.mean(xp.maximum(q * error, (q - 1) * error))


def following(values):
    """Return, for each year that has them, the next values (years, ahead)."""
    return np.lib.stride_tricks.sliding_window_view(values, HORIZON)[1:]


def train(values, seed, steps):
    """Return a trained model; `values` go to the last year that may be used for learning."""
    xp.random.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = Forecaster()
    optimizer = optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.05)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    split, stop = VALIDATION - FIRST, len(values) - HORIZON
    targets = following(values)
    history = xp.asarray(values[:stop])
    best, weights = np.inf, None
    for step in steps:
        starts = rng.integers(0, split - HORIZON - WINDOW, size=32)
        index = np.arange(WINDOW)[:, None] + starts
        model.train()
        loss = quantile_loss(model(xp.asarray(values[index])), xp.asarray(targets[index]))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 10 == 9:
            model.eval()
            with xp.no_grad():
                found = model(history[:, None])[split:, 0]
                error = float(quantile_loss(found, xp.asarray(targets[split:stop])))
            if error < best:
                best = error
                weights = {name: xp.asarray(x, copy=True) for name, x in model.state_dict().items()}
    model.load_state_dict(weights)
    return model.eval()


def linear(values, order=9):
    """Return forecasts (years, ahead) by a linear regression on the `order` years before."""
    rows = np.lib.stride_tricks.sliding_window_view(values, order)
    rows = np.column_stack([rows, np.ones(len(rows))])
    known = TEST - FIRST - order - HORIZON + 1
    targets = following(values)[order - 1 :]
    slopes, *_ = np.linalg.lstsq(rows[:known], targets[:known], rcond=None)
    return np.concatenate([np.zeros((order - 1, HORIZON)), rows @ slopes])


def draw(path, years, numbers, forecast, errors, counts):
    """Save the picture: forecasts from some years, and the error by how far they look ahead."""
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(13, 4.5), width_ratios=(2, 1), layout="constrained"
    )
    left.plot(years, numbers, ".-", color="grey", linewidth=0.8, markersize=3)
    left.axvspan(VALIDATION, TEST, alpha=0.1)
    left.axvline(TEST, color="black", linewidth=0.8)
    for year in range(TEST - 1, END - HORIZON, HORIZON):
        ahead = np.arange(1, HORIZON + 1) + year
        low, middle, high = forecast[year - FIRST].T
        (line,) = left.plot(ahead, middle)
        left.fill_between(ahead, low, high, alpha=0.25, color=line.get_color(), linewidth=0)
    left.set(xlim=(1880, END), xlabel="year", ylabel="number of sunspots")
    left.set_title(f"forecasts of {HORIZON} years, with their 80 % intervals ({counts})")
    for name, by_year in errors.items():
        right.plot(np.arange(1, HORIZON + 1), by_year, ".-", label=name)
    right.set(xlabel="years ahead", ylabel="root of the mean squared error, from 1951 on")
    right.legend(fontsize=8)
    figure.savefig(path, dpi=120)


def main(folder):
    data = sunspots.load_pandas().data
    years, numbers = data["YEAR"].to_numpy(), data["SUNACTIVITY"].to_numpy()
    assert years[0] == FIRST and years[-1] == END - 1
    # the root makes the spread of maxima and minima alike
    roots = np.sqrt(numbers)
    mean, spread = roots[: VALIDATION - FIRST].mean(), roots[: VALIDATION - FIRST].std()
    values = ((roots - mean) / spread).astype(np.float32)

    with progress(total=5 * STEPS, unit="step") as bar:
        models = []
        for seed in range(5):
            models.append(train(values[: TEST - FIRST], seed, range(STEPS)))
            bar.update(STEPS)
    with xp.no_grad():
        found = [model(xp.asarray(values[:, None]))[:, 0].numpy() for model in models]
    forecast = np.maximum(np.mean(found, axis=0) * spread + mean, 0) ** 2

    truth = following(numbers)
    tested = slice(TEST - FIRST - 1, len(truth))  # forecasts made at the end of 1950 and later
    places = np.arange(len(truth))[:, None] + np.arange(1, HORIZON + 1) - 11
    forecasts = {
        "LSTM": forecast[: len(truth), :, 1],
        "linear regression": linear(values)[: len(truth)],
        "last value": np.broadcast_to(numbers[: len(truth), None], truth.shape),
        "11 years before": numbers[places],
        "mean": np.full(truth.shape, numbers[: TEST - FIRST].mean()),
    }
    forecasts["linear regression"] = (forecasts["linear regression"] * spread + mean) ** 2
    errors = {
        name: np.sqrt(np.mean((f - truth)[tested] ** 2, axis=0)) for name, f in forecasts.items()
    }
    totals = {name: float(np.sqrt(np.mean(e**2))) for name, e in errors.items()}
    print("error over eight years:", ", ".join(f"{k} {v:.1f}" for k, v in totals.items()))
    low, high = forecast[: len(truth), :, 0][tested], forecast[: len(truth), :, 2][tested]
    inside = np.mean((truth[tested] >= low) & (truth[tested] <= high))
    print(f"{inside:.0%} lie between the quantiles of 10 and 90 %")
    assert totals["LSTM"] < min(totals[x] for x in ("last value", "11 years before", "mean"))

    counts = f"{inside:.0%} lie inside"
    draw(folder / "forecasting_lstm.png", years, numbers, forecast, errors, counts)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images"
    target.mkdir(parents=True, exist_ok=True)
    main(target)
