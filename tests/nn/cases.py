"""One call or more of every function of `nn.functional` and every module of `nn`.

Sweeps over all of `nn` start here; nothing in this file needs PyTorch. A case holds NumPy arrays
and calls the same function or module in either library:

    for case in CASES:
        out = case.call(xp)(*[xp.asarray(a) for a in case.free])

`free` are the arrays that have a gradient, `fixed` the other ones: targets, indices, statistics.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np

from tensorxp.autograd.testing import Sampler, integers, nonzero, normal, spaced, uniform


@dataclass(frozen=True)
class Case:
    """A call: what, with which arrays, and what holds for it."""

    id: str
    #: In `nn.functional`, or a class of `nn` if `init` is given.
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    #: Arguments of the class; a function of the library where they are modules.
    init: tuple[Any, ...] | Callable[[Any], tuple[Any, ...]] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    #: Places of arguments without a gradient, beside those of integers.
    constant: tuple[int, ...] = ()
    #: Places of arguments whose first axis counts independent samples, as that of the output does.
    samples: tuple[int, ...] = (0,)
    #: Draws random numbers: seeded anew before each call.
    draws: bool = False
    #: Writes over its first argument, which is copied before each call.
    writes: bool = False
    training: bool = True
    differentiable: bool = True
    order2: bool = True
    #: PyTorch gives the same: it has no draws in common with us, has its hardsigmoid's 1/6 in
    #: single precision, and takes the log-probabilities of a CTC loss as normalised.
    torch: bool = True

    @property
    def places(self) -> tuple[int, ...]:
        """Return which arguments are arrays with a gradient."""
        return tuple(
            i for i, a in enumerate(self.args)
            if isinstance(a, np.ndarray) and a.dtype.kind == "f" and i not in self.constant
        )  # fmt: skip

    @property
    def free(self) -> list[np.ndarray]:
        """Return the arrays that have a gradient, in float64."""
        return [self.args[i].copy() for i in self.places]

    def call(
        self, lib: Any, dtype: str = "float64", rounded: str = "float64"
    ) -> Callable[..., Any]:
        """Return a function of Tensors of `lib` in place of `free`; other floats get `dtype`.

        A module has the same parameters at each call of it. All are numbers of dtype `rounded`.
        """
        target = self.target(lib, dtype, rounded)
        args = [_brought(lib, a, dtype, rounded) for a in self.args]
        kwargs = {k: _brought(lib, v, dtype, rounded) for k, v in self.kwargs.items()}

        def run(*free: Any) -> Any:
            given = [_copied(a) for a in args]
            for i, x in zip(self.places, free, strict=True):
                given[i] = x.clone() if self.writes and i == 0 else x
            if self.draws:
                (lib.random if hasattr(lib.random, "shuffle") else lib).manual_seed(0)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # PyTorch's advice and deprecations
                return target(*given, **kwargs)

        return run

    def target(self, lib: Any, dtype: str, rounded: str) -> Any:
        """Return the function, or the module with its parameters filled."""
        if self.init is None:
            return getattr(lib.nn.functional, self.name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            init = self.init(lib) if callable(self.init) else self.init
            module = getattr(lib.nn, self.name)(*init, **self.options)
        module.to(getattr(lib, dtype)).train(self.training)
        for name, parameter in module.named_parameters():
            rng = np.random.default_rng(crc32(name.encode()))
            values = rng.uniform(0.3, 1.0, tuple(parameter.shape))
            values = np.asarray(values * rng.choice([-1.0, 1.0], values.shape))
            with lib.no_grad():
                parameter[...] = _brought(lib, values, dtype, rounded)
        return module


def _brought(lib: Any, value: Any, dtype: str, rounded: str) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.kind != "f":
        return lib.asarray(value.copy())
    return lib.asarray(value.astype(rounded).astype(dtype))


def _copied(value: Any) -> Any:
    return value.clone() if hasattr(value, "clone") else value


def _drawn(id: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
    rng = np.random.default_rng(crc32(id.encode()))
    return tuple(np.asarray(a(rng)) if callable(a) else a for a in args)


def case(name: str, *args: Any, label: str = "", **kwargs: Any) -> Case:
    """Return a case of a function; arguments may be samplers, and fields of `Case` keywords."""
    fields = {k: kwargs.pop(k) for k in list(kwargs) if k in Case.__dataclass_fields__}
    id = f"{name} {label}".strip()
    return Case(id, name, _drawn(id, args), kwargs, **fields)


def module(name: str, init: Any, *args: Any, label: str = "", **options: Any) -> Case:
    """Return a case of a module of `nn`, made with `init` and `options`."""
    fields = {k: options.pop(k) for k in list(options) if k in Case.__dataclass_fields__}
    id = f"{name} {label}".strip()
    return Case(id, name, _drawn(id, args), init=init, options=options, **fields)


SIZES = {1: (8,), 2: (6, 5), 3: (4, 4, 5)}


def image(ndim: int, sampler: Any = normal, channels: int = 4) -> Sampler:
    """Return a sampler of two images (2, channels, *S)."""
    found: Sampler = sampler(2, channels, *SIZES[ndim])
    return found


def probabilities(*shape: int) -> Sampler:
    return uniform(0.1, 0.9, *shape)


def signs(*shape: int) -> Sampler:
    return lambda rng: rng.choice([-1.0, 1.0], shape)


def positive(*shape: int) -> Sampler:
    return uniform(0.5, 2.0, *shape)


def _unpool_places(ndim: int) -> np.ndarray:
    """Return an index for each of 2 × 2 × ... windows of 2, in images of 4 × 4 × ..."""
    rng = np.random.default_rng(0)
    corner = np.indices((2,) * ndim) * 2
    places = corner[None, None] + rng.integers(0, 2, (2, 2, *corner.shape))
    steps = 4 ** np.arange(ndim)[::-1].reshape(-1, *(1,) * ndim)
    return np.asarray(np.sum(places * steps, axis=2))


X, LABELS = normal(5, 4), integers(0, 4, 5)
MARGIN_TARGETS = np.array([[1, 2, -1, 0], [0, -1, 2, 3], [3, 2, 1, 0], [-1, 0, 1, 2]])
EACH = {"reduction": "none"}

ACTIVATIONS: list[tuple[str, dict[str, Any]]] = [
    ("celu", {"alpha": 0.5}), ("elu", {}), ("gelu", {}), ("gelu", {"approximate": "tanh"}),
    ("hardshrink", {}), ("hardsigmoid", {}), ("hardswish", {}), ("hardtanh", {}),
    ("leaky_relu", {}), ("logsigmoid", {}), ("mish", {}), ("relu", {}), ("relu6", {}),
    ("rrelu", {}), ("selu", {}), ("sigmoid", {}), ("silu", {}), ("softplus", {"beta": 2.0}),
    ("softshrink", {}), ("softsign", {}), ("tanh", {}), ("tanhshrink", {}),
    ("threshold", {"threshold": 0.1, "value": 20.0}),
    ("glu", {"dim": 1}), ("softmax", {"dim": 1}), ("softmin", {"dim": 1}),
    ("log_softmax", {"dim": 1}),
]  # fmt: skip
INPLACE: list[tuple[str, dict[str, Any]]] = [
    ("celu_", {}), ("elu_", {}), ("hardtanh_", {}), ("leaky_relu_", {}), ("relu_", {}),
    ("rrelu_", {}), ("selu_", {}), ("threshold_", {"threshold": 0.1, "value": 2.0}),
    ("hardsigmoid", {"inplace": True}), ("hardswish", {"inplace": True}),
    ("mish", {"inplace": True}), ("relu6", {"inplace": True}), ("silu", {"inplace": True}),
]  # fmt: skip
DROPOUTS = [
    ("alpha_dropout", (4, 5)), ("dropout", (4, 5)), ("dropout1d", (2, 4, 5)),
    ("dropout2d", (2, 4, 3, 2)), ("dropout3d", (2, 4, 2, 3, 2)),
    ("feature_alpha_dropout", (2, 4, 3)),
]  # fmt: skip

FUNCTIONS = [
    *(case(name, nonzero(3, 4), **kwargs, label=" ".join(map(str, kwargs.values())),
           torch=name != "hardsigmoid") for name, kwargs in ACTIVATIONS),
    *(case(name, nonzero(3, 4), **kwargs, writes=True, label="in place",
           torch=name != "hardsigmoid") for name, kwargs in INPLACE),
    case("prelu", nonzero(2, 3, 4), nonzero(3)),
    case("gumbel_softmax", X, tau=0.7, draws=True, torch=False),
    *(case(name, normal(*shape), p=0.4, training=True, draws=True, torch=False)
      for name, shape in DROPOUTS),
    case("rrelu", nonzero(3, 4), training=True, draws=True, torch=False, label="training"),

    *(case(f"adaptive_avg_pool{n}d", image(n), output_size=s, label=str(s))
      for n in (1, 2, 3) for s in (1, 2, 3)),
    *(case(f"adaptive_max_pool{n}d", image(n, spaced), output_size=s, label=str(s))
      for n in (1, 2, 3) for s in (1, 2, 3)),
    *(case(f"avg_pool{n}d", image(n), kernel_size=3, stride=2, padding=1,
           count_include_pad=n == 1) for n in (1, 2, 3)),
    *(case(f"lp_pool{n}d", image(n, positive), 2.0, 2) for n in (1, 2, 3)),
    *(case(f"max_pool{n}d", image(n, spaced), 2) for n in (1, 2, 3)),
    *(case(f"max_pool{n}d", image(n, spaced), 3, 2, 1, label="overlapping") for n in (1, 2, 3)),
    *(case(f"max_unpool{n}d", normal(2, 2, *(2,) * n), _unpool_places(n), 2, samples=(0, 1))
      for n in (1, 2, 3)),

    *(case(f"conv{n}d", image(n), normal(6, 2, *(3,) * n), normal(6), stride=2, padding=1,
           groups=2) for n in (1, 2, 3)),
    *(case(f"conv_transpose{n}d", image(n), normal(4, 2, *(3,) * n), normal(4), stride=2,
           padding=1, groups=2, output_padding=1) for n in (1, 2, 3)),
    case("fold", normal(2, 12, 12), output_size=(4, 5), kernel_size=2),
    case("unfold", image(2), kernel_size=(2, 3), padding=1, stride=2),
    case("linear", normal(2, 3), normal(4, 3), normal(4)),
    case("bilinear", normal(5, 3), normal(5, 4), normal(2, 3, 4), normal(2), samples=(0, 1)),
    case("embedding", integers(0, 7, 4, 5), normal(7, 3)),
    case("embedding_bag", integers(0, 7, 4, 5), normal(7, 3)),
    case("embedding_bag", integers(0, 7, 9), normal(7, 3), np.array([0, 2, 2, 6]), mode="sum",
         samples=(), label="sum"),
    case("embedding_bag", integers(0, 7, 4, 5), normal(7, 3), mode="max", label="max"),
    case("one_hot", integers(0, 3, 4), 3, differentiable=False),

    case("batch_norm", normal(4, 3, 2), None, None, normal(3), normal(3), True, samples=()),
    case("batch_norm", normal(4, 3), normal(3), positive(3), normal(3), normal(3), True,
         constant=(1, 2), samples=(), label="running"),
    case("batch_norm", normal(4, 3), normal(3), positive(3), normal(3), normal(3),
         constant=(1, 2), label="evaluation"),
    case("group_norm", normal(2, 4, 3), 2, normal(4), normal(4)),
    case("instance_norm", normal(2, 3, 4), None, None, normal(3), normal(3)),
    case("layer_norm", normal(3, 4), (4,), normal(4), normal(4)),
    case("rms_norm", normal(3, 4), (4,), normal(4), 1e-3),
    case("local_response_norm", normal(2, 5, 3), 3, alpha=0.5),
    case("normalize", nonzero(3, 4)),
    *(case("normalize", nonzero(3, 4), p, label=f"p={p}") for p in (1.0, 3.0, np.inf)),

    case("scaled_dot_product_attention", normal(2, 3, 4), normal(2, 5, 4), normal(2, 5, 2),
         samples=(0, 1, 2)),
    case("scaled_dot_product_attention", normal(2, 3, 4), normal(2, 3, 4), normal(2, 3, 2),
         is_causal=True, samples=(0, 1, 2), label="causal"),
    case("scaled_dot_product_attention", normal(2, 3, 4), normal(2, 3, 4), normal(2, 3, 2),
         np.array([[True, False, True], [True, True, True], [False, True, False]]),
         samples=(0, 1, 2), label="masked"),
    case("multi_head_attention_forward", normal(3, 2, 4), normal(5, 2, 4), normal(5, 2, 4), 4, 2,
         normal(12, 4), normal(12), None, None, False, 0.0, normal(4, 4), normal(4), samples=()),

    case("affine_grid", normal(2, 2, 3), (2, 3, 4, 5), align_corners=False, samples=()),
    case("channel_shuffle", normal(2, 6, 3), 2),
    case("grid_sample", image(2), uniform(-0.9, 0.9, 2, 3, 4, 2), align_corners=False,
         samples=(0, 1)),
    case("grid_sample", image(2), uniform(-1.4, 1.4, 2, 3, 4, 2), padding_mode="border",
         align_corners=True, samples=(0, 1), label="border"),
    case("interpolate", image(1), 5, mode="linear", label="linear"),
    case("interpolate", image(2), 7, mode="bilinear", label="bilinear"),
    case("interpolate", image(2), 7, mode="bicubic", label="bicubic"),
    case("interpolate", image(2), 7, label="nearest"),
    case("interpolate", image(2), 4, mode="area", label="area"),
    case("interpolate", image(3), 5, mode="trilinear", label="trilinear"),
    *(case("pad", image(2), (1, 2, 0, 3), mode, label=mode)
      for mode in ("constant", "reflect", "replicate", "circular")),
    case("pixel_shuffle", normal(2, 8, 3, 2), 2),
    case("pixel_unshuffle", normal(2, 2, 4, 6), 2),
    case("upsample", image(2), scale_factor=2),
    case("upsample_bilinear", image(2), scale_factor=2),
    case("upsample_nearest", image(2), scale_factor=2),

    case("binary_cross_entropy", probabilities(5, 4), probabilities(5, 4), samples=()),
    case("binary_cross_entropy", probabilities(5, 4), probabilities(5, 4), **EACH, samples=(0, 1),
         label="none"),
    case("binary_cross_entropy_with_logits", X, probabilities(5, 4), **EACH, samples=(0, 1)),
    case("binary_cross_entropy_with_logits", X, probabilities(5, 4), pos_weight=np.full(4, 1.5),
         samples=(), label="mean"),
    case("cosine_embedding_loss", X, X, signs(5), constant=(2,), samples=(0, 1, 2), **EACH),
    case("cosine_similarity", X, X, samples=(0, 1)),
    case("cross_entropy", X, LABELS, samples=()),
    case("cross_entropy", X, LABELS, **EACH, samples=(0, 1), label="none"),
    case("cross_entropy", normal(2, 4, 3), integers(0, 4, 2, 3), weight=np.array([1., .5, 2., 1.5]),
         label_smoothing=0.1, samples=(), label="smooth"),
    case("cross_entropy", X, probabilities(5, 4), **EACH, samples=(0, 1), label="probabilities"),
    case("ctc_loss", uniform(-3, -0.5, 6, 2, 3), np.array([[1, 2, 2], [2, 1, 0]]), (6, 5), (3, 2),
         samples=(), order2=False, torch=False),
    case("gaussian_nll_loss", X, X, positive(5, 4), **EACH, samples=(0, 1, 2)),
    case("hinge_embedding_loss", nonzero(5, 4), signs(5, 4), **EACH, constant=(1,),
         samples=(0, 1)),
    case("huber_loss", X, X, **EACH, samples=(0, 1)),
    case("kl_div", X, probabilities(5, 4), **EACH, samples=(0, 1)),
    case("l1_loss", X, X, **EACH, samples=(0, 1)),
    case("margin_ranking_loss", normal(5), normal(5), signs(5), margin=0.1, **EACH, constant=(2,),
         samples=(0, 1, 2)),
    case("mse_loss", X, X, samples=()),
    case("mse_loss", X, X, **EACH, samples=(0, 1), label="none"),
    case("multi_margin_loss", X, LABELS, **EACH, samples=(0, 1)),
    case("multi_margin_loss", X, LABELS, p=2, samples=(), label="mean"),
    case("multilabel_margin_loss", normal(4, 4), MARGIN_TARGETS, **EACH, samples=(0, 1)),
    case("multilabel_soft_margin_loss", X, probabilities(5, 4), **EACH, constant=(1,),
         samples=(0, 1)),
    case("nll_loss", X, LABELS, **EACH, samples=(0, 1)),
    case("nll_loss", X, LABELS, samples=(), label="mean"),
    case("pairwise_distance", X, X, samples=(0, 1)),
    case("pdist", X, samples=()),
    case("poisson_nll_loss", X, positive(5, 4), **EACH, samples=(0, 1)),
    case("smooth_l1_loss", X, X, beta=0.5, **EACH, samples=(0, 1)),
    case("soft_margin_loss", X, signs(5, 4), **EACH, constant=(1,), samples=(0, 1)),
    case("triplet_margin_loss", X, X, X, margin=3.0, **EACH, samples=(0, 1, 2)),
    case("triplet_margin_with_distance_loss", X, X, X, margin=3.0, **EACH, samples=(0, 1, 2)),
]  # fmt: skip


def _layer(kind: str) -> Callable[[Any], tuple[Any, ...]]:
    def init(lib: Any) -> tuple[Any, ...]:
        return (getattr(lib.nn, f"Transformer{kind}Layer")(4, 2, 6, 0.0, batch_first=True), 2)

    return init


SEQUENCE = normal(2, 3, 4)
MODULES = [
    *(module(name, (), nonzero(3, 4), torch=name != "Hardsigmoid") for name in (
        "CELU", "ELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh",
        "LeakyReLU", "LogSigmoid", "Mish", "PReLU", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid",
        "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Identity",
    )),
    *(module(name, (1,), nonzero(3, 4)) for name in ("LogSoftmax", "Softmax", "Softmin")),
    module("ReLU", (True,), nonzero(3, 4), writes=True, label="in place"),
    module("RReLU", (), nonzero(3, 4), draws=True, torch=False),
    module("RReLU", (), nonzero(3, 4), training=False, label="evaluation"),
    module("Softmax2d", (), image(2)),
    module("Threshold", (0.1, 2.0), nonzero(3, 4)),
    *(module(name, (0.4,), normal(2, 4, *(3, 2, 2)[:n]), draws=True, torch=False)
      for name, n in (("AlphaDropout", 0), ("Dropout", 0), ("Dropout1d", 1), ("Dropout2d", 2),
                      ("Dropout3d", 3), ("FeatureAlphaDropout", 1))),

    *(module(f"Adaptive{kind}Pool{n}d", (3,), image(n, spaced))
      for kind in ("Avg", "Max") for n in (1, 2, 3)),
    *(module(f"{kind}Pool{n}d", (2,), image(n, spaced))
      for kind in ("Avg", "Max") for n in (1, 2, 3)),
    *(module(f"LPPool{n}d", (2, 2), image(n, positive)) for n in (1, 2, 3)),
    *(module(f"MaxUnpool{n}d", (2,), normal(2, 2, *(2,) * n), _unpool_places(n), samples=(0, 1))
      for n in (1, 2, 3)),
    *(module(f"{kind}Pad{n}d", (1,), image(n))
      for kind in ("Circular", "Reflection", "Replication", "Zero") for n in (1, 2, 3)),
    *(module(f"ConstantPad{n}d", (1, 2.5), image(n)) for n in (1, 2, 3)),
    *(module(f"Conv{n}d", (4, 6, 3), image(n), padding=1) for n in (1, 2, 3)),
    *(module(f"ConvTranspose{n}d", (4, 2, 2), image(n), stride=2) for n in (1, 2, 3)),

    module("ChannelShuffle", (2,), normal(2, 6, 3)),
    module("Flatten", (), normal(2, 3, 4)),
    module("Fold", ((4, 5), 2), normal(2, 12, 12)),
    module("PixelShuffle", (2,), normal(2, 8, 3, 2)),
    module("PixelUnshuffle", (2,), normal(2, 2, 4, 6)),
    module("Unflatten", (1, (2, 3)), normal(2, 6, 4)),
    module("Unfold", (2,), image(2)),
    module("Upsample", (), image(2), scale_factor=2, mode="bilinear"),
    module("UpsamplingBilinear2d", (), image(2), scale_factor=2),
    module("UpsamplingNearest2d", (), image(2), scale_factor=2),
    module("CosineSimilarity", (), X, X, samples=(0, 1)),
    module("PairwiseDistance", (), X, X, samples=(0, 1)),

    module("Bilinear", (3, 4, 2), normal(5, 3), normal(5, 4), samples=(0, 1)),
    module("Embedding", (7, 3), integers(0, 7, 4, 5), differentiable=False),
    module("EmbeddingBag", (7, 3), integers(0, 7, 4, 5), differentiable=False),
    module("Linear", (3, 4), normal(2, 3)),
    *(module(f"BatchNorm{n}d", (4,), image(n), samples=()) for n in (1, 2, 3)),
    module("BatchNorm1d", (4,), normal(3, 4), training=False, label="evaluation"),
    module("GroupNorm", (2, 4), normal(2, 4, 3)),
    *(module(f"InstanceNorm{n}d", (4,), image(n), affine=True) for n in (1, 2, 3)),
    module("LayerNorm", (4,), normal(3, 4)),
    module("LocalResponseNorm", (3,), normal(2, 5, 3), alpha=0.5),
    module("RMSNorm", (4, 1e-3), normal(3, 4)),
    *(module(name, (4, 3), SEQUENCE, batch_first=True, bidirectional=True)
      for name in ("GRU", "LSTM", "RNN")),
    *(module(name, (4, 3), SEQUENCE, label="one direction", samples=())
      for name in ("LSTM", "RNN")),
    module("RNNBase", ("GRU", 4, 3), SEQUENCE, batch_first=True, torch=False),
    *(module(name, (4, 3), normal(2, 4)) for name in ("GRUCell", "LSTMCell", "RNNCell")),
    module("MultiheadAttention", (4, 2), SEQUENCE, SEQUENCE, SEQUENCE, batch_first=True,
           samples=(0, 1, 2)),
    module("Transformer", (4, 2, 1, 1, 6, 0.0), SEQUENCE, SEQUENCE, batch_first=True,
           samples=(0, 1)),
    module("TransformerDecoder", _layer("Decoder"), SEQUENCE, SEQUENCE, samples=(0, 1)),
    module("TransformerDecoderLayer", (4, 2, 6, 0.0), SEQUENCE, SEQUENCE, batch_first=True,
           samples=(0, 1)),
    module("TransformerEncoder", _layer("Encoder"), SEQUENCE),
    module("TransformerEncoderLayer", (4, 2, 6, 0.0), SEQUENCE, batch_first=True),

    module("BCELoss", (), probabilities(5, 4), probabilities(5, 4), samples=()),
    module("BCEWithLogitsLoss", (), X, probabilities(5, 4), samples=()),
    module("CTCLoss", (), uniform(-3, -0.5, 6, 2, 3), np.array([[1, 2, 2], [2, 1, 0]]), (6, 5),
           (3, 2), samples=(), order2=False, torch=False),
    module("CosineEmbeddingLoss", (), X, X, signs(5), constant=(2,), samples=()),
    module("CrossEntropyLoss", (), X, LABELS, samples=()),
    module("GaussianNLLLoss", (), X, X, positive(5, 4), samples=()),
    module("HingeEmbeddingLoss", (), nonzero(5, 4), signs(5, 4), constant=(1,), samples=()),
    module("HuberLoss", (), X, X, samples=()),
    module("KLDivLoss", (), X, probabilities(5, 4), samples=()),
    module("L1Loss", (), X, X, samples=()),
    module("MSELoss", (), X, X, samples=()),
    module("MarginRankingLoss", (), normal(5), normal(5), signs(5), constant=(2,), samples=()),
    module("MultiLabelMarginLoss", (), normal(4, 4), MARGIN_TARGETS, samples=()),
    module("MultiLabelSoftMarginLoss", (), X, probabilities(5, 4), constant=(1,), samples=()),
    module("MultiMarginLoss", (), X, LABELS, samples=()),
    module("NLLLoss", (), X, LABELS, samples=()),
    module("PoissonNLLLoss", (), X, positive(5, 4), samples=()),
    module("SmoothL1Loss", (), X, X, samples=()),
    module("SoftMarginLoss", (), X, signs(5, 4), constant=(1,), samples=()),
    module("TripletMarginLoss", (), X, X, X, samples=()),
    module("TripletMarginWithDistanceLoss", (), X, X, X, samples=()),
]  # fmt: skip

CASES = [*FUNCTIONS, *MODULES]
#: Modules that compute nothing of their own.
CONTAINERS = ("Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "RNNCellBase",
              "Sequential")  # fmt: skip
