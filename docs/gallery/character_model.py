"""An LSTM learns to write like Python's reference manual, letter by letter.

The text is what `help` shows on the topics of the language: about 350,000 letters that come with
Python. The model reads it in 32 parallel streams, and after each letter tells the probabilities
of the next one. Its state is carried from one piece of the text to the next without its graph:
truncated backpropagation through time.

Perplexity says between how many letters the model hesitates on average. On chapters that it has
not read, it must be lower than what counting reaches: for each of the last one to five letters,
how often each letter followed. The picture shows what the model writes, and by which letters of
an unseen chapter it was surprised.

Run `python docs/gallery/character_model.py [folder for the picture]`. It runs on the GPU where
there is one.
"""

import sys
import textwrap
from collections import Counter
from pathlib import Path
from pydoc_data.topics import topics

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

import tensorxp as xp
from tensorxp import nn, optim
from tensorxp.nn import functional
from tensorxp.utils.progress import progress

STREAMS, LENGTH, STEPS = 32, 32, 1200


class Writer(nn.Module):
    """Letters (time, streams) to logits of the letters that follow, with a state."""

    def __init__(self, letters, hidden=128):
        super().__init__()
        self.embedding = nn.Embedding(letters, 32)
        self.lstm = nn.LSTM(32, hidden)
        self.logits = nn.Linear(hidden, letters)

    def forward(self, text, state=None):
        out, state = self.lstm(self.embedding(text), state)
        return self.logits(out), state


def load():
    """Return the text to learn from, the text to test with, as numbers, and the alphabet.

    Every tenth chapter is for the test. Chapters quote each other: a paragraph counts once.
    """
    chapters = [topics[name].split("\n\n") for name in sorted(topics)]
    learnt = dict.fromkeys(x for i, chapter in enumerate(chapters) if i % 10 for x in chapter)
    tested = dict.fromkeys(x for chapter in chapters[::10] for x in chapter if x not in learnt)
    known, unseen = "\n\n".join(learnt), "\n\n".join(tested)
    alphabet = sorted(letter for letter, n in Counter(known).items() if n > 10)
    place = {letter: i for i, letter in enumerate(alphabet)}
    # the few letters that are rarer are left out
    parts = [np.array([place[x] for x in part if x in place]) for part in (known, unseen)]
    return *parts, "".join(alphabet)


def counting(known, unseen, letters, order):
    """Return the perplexity of counting what follows `order` letters.

    Each context is mixed with the next shorter one, with the weight of Witten and Bell: the
    number of different letters that followed it.
    """
    probability = np.full(len(unseen) - order, 1 / letters)
    truth = unseen[order:].tolist()
    for n in range(order + 1):
        # a context is one number, with the letters as its digits
        keys = [
            sum(text[order - k : len(text) - k] * letters ** (k - 1) for k in range(1, n + 1))
            + np.zeros(len(text) - order, dtype=int)
            for text in (known, unseen)
        ]
        pairs = Counter(zip(keys[0].tolist(), known[order:].tolist(), strict=True))
        total, different = Counter(keys[0].tolist()), Counter(context for context, _ in pairs)
        contexts = keys[1].tolist()
        seen = np.array([pairs[pair] for pair in zip(contexts, truth, strict=True)])
        new = np.array([different[context] for context in contexts])
        all_of = np.array([total[context] for context in contexts])
        mixed = (seen + new * probability) / np.maximum(all_of + new, 1)
        probability = np.where(all_of > 0, mixed, probability)
    return float(np.exp(-np.mean(np.log(probability))))


def train(model, known, device):
    """Train the model; return the loss of each step."""
    width = len(known) // STREAMS
    streams = xp.asarray(known[: width * STREAMS].reshape(STREAMS, width).T, device=device)
    optimizer = optim.Adam(model.parameters())
    schedule = optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1e-2, total_steps=STEPS, pct_start=0.15
    )
    state, start, losses = None, 0, []
    with progress(range(STEPS), unit="step") as bar:
        for _ in bar:
            if start + LENGTH >= width:
                state, start = None, 0
            text = streams[start : start + LENGTH + 1]
            logits, state = model(text[:-1], state)
            loss = functional.cross_entropy(xp.permute_dims(logits, (0, 2, 1)), text[1:])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            state = tuple(part.detach() for part in state)
            start += LENGTH
            losses.append(loss.item())
            bar.set_postfix(perplexity=np.exp(np.mean(losses[-50:])))
    return losses


def surprise(model, text, device):
    """Return -log of the probability of each letter of a text but the first."""
    model.eval()
    with xp.no_grad():
        numbers = xp.asarray(text, device=device)
        logits, _ = model(numbers[:-1, None])
        return functional.cross_entropy(logits[:, 0], numbers[1:], reduction="none").cpu().numpy()


def write(model, start, length, device, temperature=0.7):
    """Return the numbers of letters that the model writes after some given ones."""
    text, state = list(start), None
    new = xp.asarray(start, device=device)
    with xp.no_grad():
        for _ in range(length):
            logits, state = model(new[:, None], state)
            new = xp.random.multinomial(functional.softmax(logits[-1, 0] / temperature, dim=0), 1)
            text.append(int(new[0]))
    return text


def draw(path, losses, perplexity, counted, sample, letters, surprises):
    """Save the picture: learning, what was written, and the surprise of each letter of a text."""
    figure, axes = plt.subplots(1, 3, figsize=(16, 5), width_ratios=(1, 1.1, 1.3))
    mean = np.convolve(losses, np.ones(20) / 20, mode="valid")
    axes[0].semilogy(np.arange(len(mean)) + 20, np.exp(mean), label="LSTM, learning")
    axes[0].axhline(perplexity, color="C0", linestyle="--", label="LSTM, unseen chapters")
    for order, value in counted.items():
        axes[0].axhline(value, color=f"C{order}", linewidth=0.8, label=f"counting after {order}")
    axes[0].set(xlabel="step", ylabel="perplexity")
    axes[0].legend(fontsize=8)
    plain = {"family": "monospace", "fontsize": 7, "va": "top", "parse_math": False}
    lines = [piece for line in sample.split("\n") for piece in textwrap.wrap(line, 62) or [""]]
    axes[1].set_title("what the model writes", fontsize=10)
    axes[1].text(0, 1, "\n".join(lines[:36]), **plain)
    axes[2].set_title("an unseen chapter; red: a surprise", fontsize=10)
    row = column = 0
    for letter, value in zip(letters, surprises, strict=True):
        if letter == "\n" or column == 76:
            row, column = row + 1, 0
        if letter != "\n":
            colour = plt.colormaps["coolwarm"](min(value / 5, 1.0))
            axes[2].text(column / 76, 1 - row / 36, letter, color=colour, **plain)
            column += 1
        if row == 36:
            break
    for axis in axes[1:]:
        axis.axis("off")
    figure.savefig(path, dpi=120, bbox_inches="tight")


def main(folder):
    device = "cuda" if xp.cuda.is_available() else "cpu"
    xp.random.manual_seed(0)
    known, unseen, alphabet = load()
    counted = {n: counting(known, unseen, len(alphabet), n) for n in range(1, 6)}
    print(f"{len(known):,} letters to learn from, {len(unseen):,} to test, {len(alphabet)} kinds")
    model = Writer(len(alphabet)).to(device)
    losses = train(model, known, device)

    surprises = surprise(model, unseen, device)
    perplexity = float(np.exp(np.mean(surprises)))
    print(f"perplexity {perplexity:.2f}; by counting what follows n letters:", end=" ")
    print(", ".join(f"{n}: {value:.2f}" for n, value in counted.items()))
    assert perplexity < min(counted.values())

    start = [alphabet.index(letter) for letter in "The function "]
    sample = "".join(alphabet[i] for i in write(model, start, 1200, device))
    print(sample[:300])
    shown = "".join(alphabet[i] for i in unseen[1:2400])
    draw(
        folder / "character_model.png", losses, perplexity, counted, sample, shown, surprises[:2399]
    )


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images"
    target.mkdir(parents=True, exist_ok=True)
    main(target)
