"""An LSTM forecasts the carbon dioxide in the air, one year ahead, and how sure it is.

The weekly measurements at Mauna Loa, Hawaii, from 1958 to 2001 ship with statsmodels; we take the
means of the months. A simple forecast is good here: the value of the same month one year before,
plus what the last twelve months have risen. A network of one LSTM layer reads these rises month
by month and corrects that forecast. Its last layer begins at zero, so that it begins with the
simple forecast. After each month it gives three quantiles (10 %, 50 % and 90 %) for each of the
next twelve, trained by the quantile loss on the years up to 1988.

From 1989 on, the median must have a smaller error than the simple forecast, than the same with
the mean rise of the last ten years, and than no rise at all. The years are unlike those before:
the rise has become faster, and the eruption of Pinatubo in 1991 held it up. So the network is too
sure of itself, and less than 80 % of the months lie between its outer quantiles.

Run `python docs/gallery/forecasting_lstm.py [folder for the picture]`.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from statsmodels.datasets import co2

import tensorxp as xp
from tensorxp import nn, optim
from tensorxp.utils.data import DataLoader, TensorDataset
from tensorxp.utils.progress import progress

HORIZON, WINDOW, EPOCHS = 12, 72, 30
QUANTILES = (0.1, 0.5, 0.9)
TEST = 1989


class Forecaster(nn.Module):
    """Rises (batch, months, 2) to corrections (batch, months, months ahead, 3)."""

    def __init__(self, hidden=48):
        super().__init__()
        self.lstm = nn.LSTM(2, hidden, batch_first=True)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(hidden, HORIZON * len(QUANTILES))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, rises):
        out, _ = self.lstm(rises)
        out = self.head(self.dropout(out))
        return xp.reshape(out, (*rises.shape[:2], HORIZON, len(QUANTILES)))


def quantile_loss(forecast, truth):
    """Return the mean of q (y - f) above a quantile and (1 - q) (f - y) below it."""
    error = truth[..., None] - forecast
    q = xp.asarray(QUANTILES, dtype=error.dtype)
    return xp.mean(xp.maximum(q * error, (q - 1) * error))


def load():
    """Return the time of each month in years, and the mean of its measurements in ppm."""
    monthly = co2.load_pandas().data["co2"].resample("MS").mean().interpolate()
    return monthly.index.year + (monthly.index.month - 0.5) / 12, monthly.to_numpy()


def seasonal(values, rise):
    """Return (months, ahead): the same months of the year before, plus a rise for each month."""
    same = np.lib.stride_tricks.sliding_window_view(values[13:], HORIZON)
    return same + rise[: len(same), None]


def mean_rise(rise, months=120):
    """Return the mean of the rises of the last months, of fewer at the beginning."""
    total = np.cumsum(np.concatenate([[0.0], rise]))
    end = np.arange(1, len(total))
    begin = np.maximum(end - months, 0)
    return (total[end] - total[begin]) / (end - begin)


def train(rises, targets):
    """Return a model, trained on all windows of the months, and the loss of each epoch."""
    windows = [
        np.lib.stride_tricks.sliding_window_view(x, WINDOW, axis=0)[::3] for x in (rises, targets)
    ]
    tensors = [xp.asarray(np.moveaxis(x, -1, 1).copy()) for x in windows]
    loader = DataLoader(TensorDataset(*tensors), batch_size=16, shuffle=True)
    model = Forecaster()
    optimizer = optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    losses = []
    with progress(range(EPOCHS), unit="epoch") as bar:
        for _ in bar:
            parts = []
            for x, y in loader:
                # the first year only fills the state
                loss = quantile_loss(model(x)[:, 12:], y[:, 12:])
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                parts.append(loss.item())
            schedule.step()
            losses.append(np.mean(parts))
            bar.set_postfix(loss=losses[-1])
    return model.eval(), losses


def draw(path, time, values, forecast, errors, inside):
    """Save the picture: forecasts from each December, and the error by how far they look ahead."""
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(13, 4.5), width_ratios=(2, 1), layout="constrained"
    )
    left.plot(time, values, ".", color="grey", markersize=3)
    start = int(np.searchsorted(time, TEST)) - 1
    for last in range(start, len(time) - HORIZON, HORIZON):
        ahead = slice(last + 1, last + 1 + HORIZON)
        low, middle, high = forecast[last - 24].T
        (line,) = left.plot(time[ahead], middle, linewidth=1)
        left.fill_between(time[ahead], low, high, alpha=0.3, color=line.get_color(), linewidth=0)
    left.set(xlim=(TEST - 4, 2002), ylim=(342, 377), xlabel="year", ylabel="carbon dioxide, ppm")
    left.set_title(f"forecasts of a year and their 80 % intervals: {inside:.0%} lie inside")
    for name, by_month in errors.items():
        right.plot(np.arange(1, HORIZON + 1), by_month, label=name)
    right.set(xlabel="months ahead", ylabel="root of the mean squared error, ppm")
    right.legend(fontsize=8)
    figure.savefig(path, dpi=120)


def main(folder):
    xp.random.manual_seed(0)
    time, values = load()
    rise = values[12:] - values[:-12]
    new = rise - mean_rise(rise)
    # the months from the 24th on have a year of rises behind them
    base = seasonal(values, rise[12:])
    features = np.stack([new[12:], new[12:] - new[11:-1]], axis=1).astype(np.float32)
    truth = np.lib.stride_tricks.sliding_window_view(values[25:], HORIZON)
    corrections = (truth - base[: len(truth)]).astype(np.float32)
    first = int(np.searchsorted(time, TEST)) - 25  # from here on, all that is forecast is tested
    known = first - HORIZON + 1  # and before here, nothing is

    model, _ = train(features[:known], corrections[:known])
    with xp.no_grad():
        forecast = base[..., None] + model(xp.asarray(features[None]))[0].numpy()

    others = {
        "plus the last rise": base,
        "plus the mean rise": seasonal(values, mean_rise(rise)[12:]),
        "a year before": seasonal(values, 0 * rise[12:]),
    }
    tested = slice(first, len(truth))
    inside = (forecast[tested, :, 0] <= truth[first:]) & (truth[first:] <= forecast[tested, :, 2])
    errors = {
        name: np.sqrt(np.mean((f[tested] - truth[first:]) ** 2, axis=0))
        for name, f in {"LSTM": forecast[..., 1], **others}.items()
    }
    totals = {name: float(np.sqrt(np.mean(e**2))) for name, e in errors.items()}
    print("error in ppm:", ", ".join(f"{name} {value:.3f}" for name, value in totals.items()))
    print(f"{np.mean(inside):.0%} lie between the quantiles of 10 and 90 %")
    assert totals["LSTM"] < min(totals[name] for name in others)
    draw(folder / "forecasting_lstm.png", time, values, forecast, errors, np.mean(inside))


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images"
    target.mkdir(parents=True, exist_ok=True)
    main(target)
