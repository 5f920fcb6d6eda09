"""Dropout layers: active in training, the identity in evaluation."""

from typing import Any

from tensorxp.nn import functional as F
from tensorxp.nn.module import Module


class _Dropout(Module):
    """What dropout layers share."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Sets elements to zero with probability p, and divides the others by 1 - p."""

    def forward(self, input: Any) -> Any:
        """Return the input with elements dropped."""
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """Sets whole channels of (N, C, L) to zero with probability p."""

    def forward(self, input: Any) -> Any:
        """Return the input with channels dropped."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """Sets whole channels of (N, C, H, W) to zero with probability p."""

    def forward(self, input: Any) -> Any:
        """Return the input with channels dropped."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_Dropout):
    """Sets whole channels of (N, C, D, H, W) to zero with probability p."""

    def forward(self, input: Any) -> Any:
        """Return the input with channels dropped."""
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    """Dropout that keeps the mean and variance of `SELU` networks."""

    def forward(self, input: Any) -> Any:
        """Return the input with elements dropped."""
        return F.alpha_dropout(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole channels."""

    def forward(self, input: Any) -> Any:
        """Return the input with channels dropped."""
        return F.feature_alpha_dropout(input, self.p, self.training, self.inplace)
