"""Losses as modules; the functions are in `functional`."""

from typing import Any

from tensorxp._backend.families import see
from tensorxp.nn import functional as F
from tensorxp.nn._families import loss_module
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


@loss_module.see("tensorxp.nn.functional.l1_loss")
class L1Loss(Loss):
    """|x - y|, averaged or summed; the gradient at 0 is 0.

    Shape: input and target of one shape, or shapes that broadcast, to (), or the broadcast one
    with "none".

    >>> xp.nn.L1Loss()(xp.asarray([1.0, 2.0]), xp.asarray([2.0, 5.0]))
    tensor(2.)
    """

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return F.l1_loss(input, target, reduction=self.reduction)


@loss_module.see("tensorxp.nn.functional.mse_loss")
class MSELoss(Loss):
    """(x - y)², averaged or summed.

    Shape: input and target of one shape, or shapes that broadcast, to (), or the broadcast one
    with "none".

    >>> xp.nn.MSELoss()(xp.asarray([1.0, 2.0]), xp.asarray([2.0, 5.0]))
    tensor(5.)
    """

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return F.mse_loss(input, target, reduction=self.reduction)


@loss_module.see("tensorxp.nn.functional.smooth_l1_loss")
class SmoothL1Loss(Loss):
    """d² / (2 beta) where |d| < beta, else |d| - beta / 2, d = x - y (Girshick, 2015).

    Shape: input and target of one shape, or shapes that broadcast, to (), or the broadcast one
    with "none".

    >>> xp.nn.SmoothL1Loss()(xp.asarray([0.0, 0.0]), xp.asarray([1.0, 3.0]))
    tensor(1.5)

    Parameters
    ----------
    beta : float
        At least 0.

    Raises
    ------
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


@loss_module.see("tensorxp.nn.functional.huber_loss")
class HuberLoss(Loss):
    """d² / 2 where |d| ≤ delta, else delta (|d| - delta / 2), d = x - y (Huber, 1964).

    Shape: input and target of one shape, or shapes that broadcast, to (), or the broadcast one
    with "none".

    >>> xp.nn.HuberLoss()(xp.asarray([0.0, 0.0]), xp.asarray([1.0, 3.0]))
    tensor(1.5)

    Parameters
    ----------
    delta : float
        Above 0.

    Raises
    ------
    RuntimeError
        In the call: `delta` is not positive.
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


@loss_module.see("tensorxp.nn.functional.nll_loss")
class NLLLoss(WeightedLoss):
    """-x[y], x log-probabilities, y classes.

    Shape: (N, C, …) and integers (N, …), or (C,) and (), to (), or (N, …) with "none". Buffer:
    `weight`.

    >>> xp.nn.NLLLoss()(xp.asarray([[-0.5, -1.0]]), xp.asarray([1]))
    tensor(1.)

    Parameters
    ----------
    weight : Tensor or None
        Shape (C,); the mean is over the weights of the targets.
    ignore_index : int
        Targets equal to it do not count.

    Raises
    ------
    TypeError
        In the call: targets are no integers.
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


@loss_module.see("tensorxp.nn.functional.cross_entropy")
class CrossEntropyLoss(WeightedLoss):
    """-log(softmax(x)[y]), or -Σ y log(softmax(x)) for probabilities y, over classes.

    Shape: (N, C, …) and integers (N, …), or probabilities (N, C, …), to (), or (N, …) with "none";
    N may be missing with (C,). Buffer: `weight`.

    >>> xp.nn.CrossEntropyLoss()(xp.zeros((2, 2)), xp.asarray([1, 0]))
    tensor(0.6931)

    Parameters
    ----------
    weight : Tensor or None
        Shape (C,); the mean is over the weights of the targets.
    ignore_index : int
        Targets equal to it do not count.
    label_smoothing : float
        In [0, 1]: this part of each target is spread over all classes.

    Raises
    ------
    TypeError
        In the call: the input is not floating-point.
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


@loss_module.see("tensorxp.nn.functional.binary_cross_entropy")
class BCELoss(WeightedLoss):
    """-(y log p + (1 - y) log(1 - p)); the logarithms are at least -100.

    Shape: probabilities and targets of one shape to (), or that with "none". Buffer: `weight`.

    >>> xp.nn.BCELoss()(xp.asarray([0.5, 0.5]), xp.asarray([0.0, 1.0]))
    tensor(0.6931)

    Parameters
    ----------
    weight : Tensor or None
        Factors that broadcast.

    Raises
    ------
    RuntimeError
        In the call: a probability is outside [0, 1].
    """

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return F.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


@loss_module.see("tensorxp.nn.functional.binary_cross_entropy_with_logits")
class BCEWithLogitsLoss(WeightedLoss):
    """The binary cross-entropy of sigmoid(x), without overflow.

    Shape: input and targets of one shape to (), or that with "none". Buffers: `weight`,
    `pos_weight`.

    >>> xp.nn.BCEWithLogitsLoss()(xp.asarray([0.0, 0.0]), xp.asarray([0.0, 1.0]))
    tensor(0.6931)

    Parameters
    ----------
    weight : Tensor or None
        Factors that broadcast.
    pos_weight : Tensor or None
        Factors of the positive part, that broadcast.
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


@loss_module.see("tensorxp.nn.functional.kl_div")
class KLDivLoss(Loss):
    """y (log y - x), x log-probabilities, y probabilities: the Kullback-Leibler divergence.

    Shape: input and target of one shape, or shapes that broadcast, to (), or the broadcast one
    with "none".

    >>> log_p = xp.log(xp.asarray([0.5, 0.5]))
    >>> xp.nn.KLDivLoss(reduction="sum")(log_p, xp.asarray([0.25, 0.75]))
    tensor(0.1308)

    Parameters
    ----------
    reduction : str
        "mean" over all elements, "batchmean" (the sum by the batch's size), "sum" or "none".
    log_target : bool
        The target is the logarithm.
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


@loss_module.see("tensorxp.nn.functional.poisson_nll_loss")
class PoissonNLLLoss(Loss):
    """exp(x) - y x, the negative log-likelihood of counts y but for constants.

    Shape: input and target of one shape, or shapes that broadcast, to (), or the broadcast one
    with "none".

    >>> xp.nn.PoissonNLLLoss()(xp.asarray([0.0]), xp.asarray([2.0]))
    tensor(1.)

    Parameters
    ----------
    log_input : bool
        False: x is the rate, the loss x - y log(x + eps).
    full : bool
        Add Stirling's y log y - y + log(2 π y) / 2 where y > 1.
    eps : float
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


@loss_module.see("tensorxp.nn.functional.gaussian_nll_loss")
class GaussianNLLLoss(Loss):
    """(log v + (x - y)² / v) / 2, v = max(var, eps): a negative log-likelihood.

    Shape: input, target and var of one shape (var with its last axis 1, or without it) to (), or
    that with "none".

    >>> xp.nn.GaussianNLLLoss()(xp.asarray([1.0]), xp.asarray([2.0]), xp.asarray([1.0]))
    tensor(0.5)

    Parameters
    ----------
    full : bool
        Add log(2 π) / 2.
    eps : float
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


@see("tensorxp.nn.functional.ctc_loss")
class CTCLoss(Loss):
    """-log of the probability of the targets over all alignments (Graves and others, 2006).

    Shape: log-probabilities (T, N, C), or (T, C), targets (N, S) or one row of all, and two
    sequences of N lengths, to (), or (N,) with "none".

    >>> log_probs = xp.log(xp.full((3, 1, 2), 0.5))
    >>> xp.nn.CTCLoss()(log_probs, xp.asarray([[1]]), (3,), (1,))
    tensor(0.2877)

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
