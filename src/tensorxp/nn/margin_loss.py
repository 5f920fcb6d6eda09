"""Losses with margins and rankings as modules; the functions are in `functional`."""

from collections.abc import Callable
from typing import Any

from tensorxp._backend.families import see
from tensorxp.nn import functional as F
from tensorxp.nn._families import loss_module, loss_of_batch
from tensorxp.nn.loss import Loss, WeightedLoss
from tensorxp.nn.shaping import PairwiseDistance


@loss_module.see("tensorxp.nn.functional.hinge_embedding_loss")
class HingeEmbeddingLoss(Loss):
    """x where y is 1, max(0, margin - x) where y is -1.

    Shape: input and target of one shape, or shapes that broadcast, to (), or the broadcast one
    with "none".

    >>> xp.nn.HingeEmbeddingLoss()(xp.asarray([0.5, 0.25]), xp.asarray([1.0, -1.0]))
    tensor(0.625)

    Parameters
    ----------
    margin : float
    """

    def __init__(
        self,
        margin: float = 1.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return F.hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


@loss_module.see("tensorxp.nn.functional.soft_margin_loss")
class SoftMarginLoss(Loss):
    """log(1 + exp(-y x)), y being 1 or -1.

    Shape: input and target of one shape, or shapes that broadcast, to (), or the broadcast one
    with "none".

    >>> xp.nn.SoftMarginLoss()(xp.asarray([0.0, 2.0]), xp.asarray([1.0, -1.0]))
    tensor(1.41)
    """

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return F.soft_margin_loss(input, target, reduction=self.reduction)


@loss_of_batch.see("tensorxp.nn.functional.multilabel_soft_margin_loss")
class MultiLabelSoftMarginLoss(WeightedLoss):
    """Binary cross-entropies with logits, averaged over the classes.

    Shape: (…, C) and 0 or 1 (…, C) to (), or (…) with "none". Buffer: `weight`.

    >>> xp.nn.MultiLabelSoftMarginLoss()(xp.zeros((1, 2)), xp.asarray([[1.0, 0.0]]))
    tensor(0.6931)

    Parameters
    ----------
    weight : Tensor or None
        Shape (C,).
    """

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return F.multilabel_soft_margin_loss(input, target, self.weight, reduction=self.reduction)


@loss_of_batch.see("tensorxp.nn.functional.multilabel_margin_loss")
class MultiLabelMarginLoss(Loss):
    """Σ max(0, 1 - (x[y_j] - x[i])) / C over targets y_j and classes i that are none.

    Shape: (N, C), or (C,), and integers of that shape, up to the first -1, to (), or (N,) with
    "none".

    >>> xp.nn.MultiLabelMarginLoss()(xp.asarray([[0.0, 0.5]]), xp.asarray([[1, -1]]))
    tensor(0.25)

    Raises
    ------
    IndexError
        In the call: a class index is outside [0, C).
    """

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


@see("tensorxp.nn.functional.multi_margin_loss")
class MultiMarginLoss(WeightedLoss):
    """Σ_i max(0, margin - x[y] + x[i])^p / C over the other classes i.

    Shape: (N, C) and integers (N,), or (C,) and (), to (), or (N,) with "none". Buffer: `weight`.

    >>> xp.nn.MultiMarginLoss()(xp.asarray([[0.0, 0.5]]), xp.asarray([1]))
    tensor(0.25)

    Parameters
    ----------
    p : int
        1 or 2.
    margin : float
    weight : Tensor or None
        Shape (C,), by target.
    size_average, reduce : bool or None
        Old forms of `reduction`; giving one is a DeprecationWarning.
    reduction : str
        "mean" over the batch, "sum", or "none": a loss per sample.

    Raises
    ------
    ValueError
        Another `p`; in the call: another `reduction`, or shapes that do not fit.
    IndexError
        In the call: a class index is outside [0, C).
    """

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Any = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        if p not in (1, 2):
            raise ValueError("only p == 1 and p == 2 supported")
        self.p = p
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return F.multi_margin_loss(
            input, target, self.p, self.margin, self.weight, reduction=self.reduction
        )


@loss_of_batch.see("tensorxp.nn.functional.cosine_embedding_loss")
class CosineEmbeddingLoss(Loss):
    """1 - cos where y is 1, max(0, cos - margin) where y is -1, for each pair of vectors.

    Shape: (N, D), (N, D) and (N,), or without N, to (), or (N,) with "none".

    >>> x1, x2 = xp.asarray([[1.0, 0.0]]), xp.asarray([[1.0, 1.0]])
    >>> xp.nn.CosineEmbeddingLoss()(x1, x2, xp.asarray([1.0]))
    tensor(0.2929)

    Parameters
    ----------
    margin : float
    """

    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Any:
        """Return the loss."""
        return F.cosine_embedding_loss(
            input1, input2, target, self.margin, reduction=self.reduction
        )


@loss_module.see("tensorxp.nn.functional.margin_ranking_loss")
class MarginRankingLoss(Loss):
    """max(0, -y (x1 - x2) + margin); y is 1 where x1 should be larger, else -1.

    Shape: three that broadcast, to (), or the broadcast one with "none".

    >>> xp.nn.MarginRankingLoss()(xp.asarray([1.0]), xp.asarray([3.0]), xp.asarray([1.0]))
    tensor(2.)

    Parameters
    ----------
    margin : float
    """

    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Any:
        """Return the loss."""
        return F.margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)


@see("tensorxp.nn.functional.triplet_margin_loss")
class TripletMarginLoss(Loss):
    """max(0, ‖a - p‖ - ‖a - n‖ + margin), distances by `PairwiseDistance` (Balntas, 2016).

    Shape: three of (N, D), or (D,), to (), or (N,) with "none".

    >>> xp.nn.TripletMarginLoss()(xp.asarray([[0.0]]), xp.asarray([[1.0]]), xp.asarray([[1.5]]))
    tensor(0.5)

    Parameters
    ----------
    margin : float
        Above 0.
    p, eps : float
        Of the distance.
    swap : bool
        Take the nearer of anchor and positive to the negative.
    size_average, reduce : bool or None
        Old forms of `reduction`; giving one is a DeprecationWarning.
    reduction : str
        "mean" over the batch, "sum", or "none": a loss per sample.

    Raises
    ------
    ValueError
        `margin` is not above 0; in the call: another `reduction`, or shapes that do not fit.
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        if margin <= 0:
            raise ValueError(
                f"TripletMarginLoss: expected margin to be greater than 0, got {margin} instead"
            )
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Any:
        """Return the loss."""
        return F.triplet_margin_loss(
            anchor,
            positive,
            negative,
            margin=self.margin,
            p=self.p,
            eps=self.eps,
            swap=self.swap,
            reduction=self.reduction,
        )


@see("tensorxp.nn.functional.triplet_margin_with_distance_loss")
class TripletMarginWithDistanceLoss(Loss):
    """max(0, d(a, p) - d(a, n) + margin) of a distance function d.

    Shape: three that d takes, to (), or that of the distances with "none".

    >>> a, p, n = xp.asarray([[0.0]]), xp.asarray([[1.0]]), xp.asarray([[1.5]])
    >>> xp.nn.TripletMarginWithDistanceLoss()(a, p, n)
    tensor(0.5)

    Parameters
    ----------
    distance_function : callable or None
        d(x1, x2); None: `PairwiseDistance()`.
    margin : float
        Above 0.
    swap : bool
        Take the nearer of anchor and positive to the negative.
    reduction : str
        "mean" over the batch, "sum", or "none": a loss per sample.

    Raises
    ------
    ValueError
        `margin` is not above 0; in the call: another `reduction`.
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Any, Any], Any] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        if margin <= 0:
            raise ValueError(
                "TripletMarginWithDistanceLoss: expected margin to be greater than 0, got "
                f"{margin} instead"
            )
        self.distance_function = distance_function or PairwiseDistance()
        self.margin = margin
        self.swap = swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Any:
        """Return the loss."""
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )
