"""Losses as modules; the functions are in `functional`."""

from typing import Any

from tensorxp.nn import functional as F
from tensorxp.nn.functional._reduce import legacy
from tensorxp.nn.module import Module


class Loss(Module):
    """What losses share: how the losses of the elements are put together."""

    def __init__(
        self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__()
        self.reduction = legacy(reduction, size_average, reduce)


class WeightedLoss(Loss):
    """A loss with a weight per class or element, which is a buffer."""

    def __init__(
        self,
        weight: Any = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


class L1Loss(Loss):
    """|x - y|, averaged or summed; the gradient at 0 is 0.

    Shape: input and target of one shape, or shapes that broadcast, to (), or the broadcast one
    with "none".

    Parameters
    ----------
    size_average, reduce : bool or None
        Old forms of `reduction`; giving one is a DeprecationWarning.
    reduction : str
        "mean", "sum", or "none": a loss per element.

    Raises
    ------
    ValueError
        In the call: another `reduction`, or shapes that do not fit.
    """

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return F.l1_loss(input, target, reduction=self.reduction)


class MSELoss(Loss):
    """(x - y)², averaged or summed.

    Shape: input and target of one shape, or shapes that broadcast, to (), or the broadcast one
    with "none".

    Parameters
    ----------
    size_average, reduce : bool or None
        Old forms of `reduction`; giving one is a DeprecationWarning.
    reduction : str
        "mean", "sum", or "none": a loss per element.

    Raises
    ------
    ValueError
        In the call: another `reduction`, or shapes that do not fit.
    """

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return F.mse_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(Loss):
    """d² / (2 beta) where |d| < beta, else |d| - beta / 2, d = x - y (Girshick, 2015).

    Shape: input and target of one shape, or shapes that broadcast, to (), or the broadcast one
    with "none".

    Parameters
    ----------
    size_average, reduce : bool or None
        Old forms of `reduction`; giving one is a DeprecationWarning.
    reduction : str
        "mean", "sum", or "none": a loss per element.
    beta : float
        At least 0.

    Raises
    ------
    ValueError
        In the call: another `reduction`, or shapes that do not fit.
    RuntimeError
        In the call: `beta` is negative.
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        beta: float = 1.0,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(Loss):
    """d² / 2 where |d| ≤ delta, else delta (|d| - delta / 2), d = x - y (Huber, 1964).

    Shape: input and target of one shape, or shapes that broadcast, to (), or the broadcast one
    with "none".

    Parameters
    ----------
    reduction : str
        "mean", "sum", or "none": a loss per element.
    delta : float
        Above 0.

    Raises
    ------
    ValueError
        In the call: another `reduction`, or shapes that do not fit.
    RuntimeError
        In the call: `delta` is not positive.
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class NLLLoss(WeightedLoss):
    """-x[y], x log-probabilities, y classes.

    Shape: (N, C, …) and integers (N, …), or (C,) and (), to (), or (N, …) with "none". Buffer:
    `weight`.

    Parameters
    ----------
    weight : Tensor or None
        Shape (C,); the mean is over the weights of the targets.
    size_average, reduce : bool or None
        Old forms of `reduction`; giving one is a DeprecationWarning.
    ignore_index : int
        Targets equal to it do not count.
    reduction : str
        "mean", "sum", or "none": a loss per element.

    Raises
    ------
    TypeError
        In the call: targets are no integers.
    ValueError
        In the call: another `reduction`, or shapes that do not fit.
    IndexError
        In the call: a class index is outside [0, C).
    """

    def __init__(
        self,
        weight: Any = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return F.nll_loss(
            input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction
        )


class CrossEntropyLoss(WeightedLoss):
    """-log(softmax(x)[y]), or -Σ y log(softmax(x)) for probabilities y, over classes.

    Shape: (N, C, …) and integers (N, …), or probabilities (N, C, …), to (), or (N, …) with "none";
    N may be missing with (C,). Buffer: `weight`.

    Parameters
    ----------
    weight : Tensor or None
        Shape (C,); the mean is over the weights of the targets.
    size_average, reduce : bool or None
        Old forms of `reduction`; giving one is a DeprecationWarning.
    ignore_index : int
        Targets equal to it do not count.
    reduction : str
        "mean", "sum", or "none": a loss per element.
    label_smoothing : float
        In [0, 1]: this part of each target is spread over all classes.

    Raises
    ------
    TypeError
        In the call: the input is not floating-point.
    ValueError
        In the call: another `reduction`, or shapes that do not fit.
    IndexError
        In the call: a class index is outside [0, C).
    """

    def __init__(
        self,
        weight: Any = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return F.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class BCELoss(WeightedLoss):
    """-(y log p + (1 - y) log(1 - p)); the logarithms are at least -100.

    Shape: probabilities and targets of one shape to (), or that with "none". Buffer: `weight`.

    Parameters
    ----------
    weight : Tensor or None
        Factors that broadcast.
    size_average, reduce : bool or None
        Old forms of `reduction`; giving one is a DeprecationWarning.
    reduction : str
        "mean", "sum", or "none": a loss per element.

    Raises
    ------
    ValueError
        In the call: another `reduction`, or shapes that do not fit.
    RuntimeError
        In the call: a probability is outside [0, 1].
    """

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return F.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(WeightedLoss):
    """The binary cross-entropy of sigmoid(x), without overflow.

    Shape: input and targets of one shape to (), or that with "none". Buffers: `weight`,
    `pos_weight`.

    Parameters
    ----------
    weight : Tensor or None
        Factors that broadcast.
    size_average, reduce : bool or None
        Old forms of `reduction`; giving one is a DeprecationWarning.
    reduction : str
        "mean", "sum", or "none": a loss per element.
    pos_weight : Tensor or None
        Factors of the positive part, that broadcast.

    Raises
    ------
    ValueError
        In the call: another `reduction`, or shapes that do not fit.
    """

    def __init__(
        self,
        weight: Any = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Any = None,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


class KLDivLoss(Loss):
    """y (log y - x), x log-probabilities, y probabilities: the Kullback-Leibler divergence.

    Shape: input and target of one shape, or shapes that broadcast, to (), or the broadcast one
    with "none".

    Parameters
    ----------
    size_average, reduce : bool or None
        Old forms of `reduction`; giving one is a DeprecationWarning.
    reduction : str
        "mean" over all elements, "batchmean" (the sum by the batch's size), "sum" or "none".
    log_target : bool
        The target is the logarithm.

    Raises
    ------
    ValueError
        In the call: another `reduction`, or shapes that do not fit.
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        log_target: bool = False,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class PoissonNLLLoss(Loss):
    """exp(x) - y x, the negative log-likelihood of counts y but for constants.

    Shape: input and target of one shape, or shapes that broadcast, to (), or the broadcast one
    with "none".

    Parameters
    ----------
    log_input : bool
        False: x is the rate, the loss x - y log(x + eps).
    full : bool
        Add Stirling's y log y - y + log(2 π y) / 2 where y > 1.
    size_average, reduce : bool or None
        Old forms of `reduction`; giving one is a DeprecationWarning.
    eps : float
    reduction : str
        "mean", "sum", or "none": a loss per element.

    Raises
    ------
    ValueError
        In the call: another `reduction`, or shapes that do not fit.
    """

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: bool | None = None,
        eps: float = 1e-8,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return F.poisson_nll_loss(
            input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction
        )


class GaussianNLLLoss(Loss):
    """(log v + (x - y)² / v) / 2, v = max(var, eps): a negative log-likelihood.

    Shape: input, target and var of one shape (var with its last axis 1, or without it) to (), or
    that with "none".

    Parameters
    ----------
    full : bool
        Add log(2 π) / 2.
    eps : float
    reduction : str
        "mean", "sum", or "none": a loss per element.

    Raises
    ------
    ValueError
        In the call: another `reduction`, or shapes that do not fit.
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Any, target: Any, var: Any) -> Any:
        """Return the loss."""
        return F.gaussian_nll_loss(
            input, target, var, full=self.full, eps=self.eps, reduction=self.reduction
        )


class CTCLoss(Loss):
    """-log of the probability of the targets over all alignments (Graves and others, 2006).

    Shape: log-probabilities (T, N, C), or (T, C), targets (N, S) or one row of all, and two
    sequences of N lengths, to (), or (N,) with "none".

    Parameters
    ----------
    blank : int
        The class that separates.
    reduction : str
        "none", "sum", or "mean": over the batch, each divided by its target's length.
    zero_infinity : bool
        Losses of targets that are too long are 0, not infinite.

    Raises
    ------
    TypeError
        In the call: targets are no integers.
    ValueError
        In the call: another `reduction`, or shapes or lengths that do not fit.
    IndexError
        In the call: a target or `blank` is outside [0, C).
    """

    def __init__(
        self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False
    ) -> None:
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(self, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any) -> Any:
        """Return the loss."""
        return F.ctc_loss(
            log_probs,
            targets,
            input_lengths,
            target_lengths,
            self.blank,
            self.reduction,
            self.zero_infinity,
        )
