"""Logging for TensorBoard, by tensorboardX, which the extra `tensorxp[tensorboard]` brings.

`SummaryWriter` has the methods of PyTorch's; Tensors, on any device, are taken where arrays are.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import tensorxp as xp
from tensorxp._backend.names import listing

__all__ = ["SummaryWriter"]
__dir__ = listing(globals())


def _plain(value: Any) -> Any:
    """Return `value` with Tensors as NumPy arrays, those of one element as numbers."""
    if isinstance(value, xp.Tensor):
        array = value.detach().cpu().numpy()
        return array.item() if array.ndim == 0 else array
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_plain(item) for item in value)
    return value


class SummaryWriter:
    """Writes events for TensorBoard; `with SummaryWriter() as writer:` closes it.

    Other methods of tensorboardX's writer are at `writer.backend`.

    Parameters
    ----------
    log_dir : path or None
        None: a new folder in `runs`.
    comment : str
        Ends the name of that folder.
    **options : any
        For tensorboardX.

    Raises
    ------
    ImportError
        tensorboardX is missing; the message names the extra that brings it.
    """

    backend: Any

    def __init__(self, log_dir: Any = None, comment: str = "", **options: Any) -> None:
        try:
            library = import_module("tensorboardX")
        except ImportError:
            raise ImportError(
                "SummaryWriter: the package tensorboardX is missing; `pip install "
                "'tensorxp[tensorboard]'` brings it"
            ) from None
        folder = None if log_dir is None else str(log_dir)
        self.backend = library.SummaryWriter(folder, comment=comment, **options)

    @property
    def log_dir(self) -> str:
        """The folder of the events."""
        return str(self.backend.logdir)

    def add_scalar(self, tag: str, value: Any, step: int | None = None) -> None:
        """Log the number `value`, or a Tensor of one element, as `tag` at `step`."""
        self.backend.add_scalar(tag, float(value), step)

    def add_scalars(self, tag: str, values: Mapping[str, Any], step: int | None = None) -> None:
        """Log several numbers, `values` by name, in one chart `tag` at `step`."""
        self.backend.add_scalars(tag, {key: float(v) for key, v in values.items()}, step)

    def add_histogram(
        self, tag: str, values: Any, step: int | None = None, bins: Any = "tensorflow"
    ) -> None:
        """Log the distribution of `values`, such as weights, as `tag` at `step`.

        `bins` are tensorboardX's.
        """
        self.backend.add_histogram(tag, _plain(values), step, bins)

    def add_image(
        self, tag: str, image: Any, step: int | None = None, dataformats: str = "CHW"
    ) -> None:
        """Log an `image`, floats in [0, 1] or uint8, as `tag` at `step`.

        `dataformats` names its axes.
        """
        self.backend.add_image(tag, _plain(image), step, dataformats=dataformats)

    def add_images(
        self, tag: str, images: Any, step: int | None = None, dataformats: str = "NCHW"
    ) -> None:
        """Log several `images` as a grid, as `tag` at `step`; `dataformats` names the axes."""
        self.backend.add_images(tag, _plain(images), step, dataformats=dataformats)

    def add_figure(self, tag: str, figure: Any, step: int | None = None) -> None:
        """Log a Matplotlib `figure` as `tag` at `step`."""
        self.backend.add_figure(tag, figure, step)

    def add_text(self, tag: str, text: str, step: int | None = None) -> None:
        """Log a `text`, in Markdown, as `tag` at `step`."""
        self.backend.add_text(tag, text, step)

    def add_hparams(self, hparams: Mapping[str, Any], metrics: Mapping[str, Any]) -> None:
        """Log hyperparameters, `hparams`, and the `metrics` that came of them."""
        self.backend.add_hparams(_plain(dict(hparams)), _plain(dict(metrics)))

    def flush(self) -> None:
        """Write all events to the disk."""
        self.backend.flush()

    def close(self) -> None:
        """Write all events and end."""
        self.backend.close()

    def __enter__(self) -> "SummaryWriter":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
