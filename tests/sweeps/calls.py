"""A call of every public function with numbers, for sweeps over their parameters.

`CALLS` names functions by what their required arguments are, in letters: see `argument`.
"""

from typing import Any

import numpy as np

_RNG = np.random.default_rng(0)
_SHAPES = {
    "v": (4,), "m": (3, 3), "s": (), "t": (2, 3, 4), "b": (1, 2, 6), "i": (1, 2, 5, 5),
    "c": (1, 2, 4, 4, 4), "r": (1, 3), "g": (1, 4, 4, 2),
}  # fmt: skip
_ARRAYS: dict[str, Any] = {k: _RNG.uniform(0.2, 1.2, shape) for k, shape in _SHAPES.items()}
_ARRAYS["n"] = np.asarray([0, 1, 1])
_ARRAYS["q"] = np.asarray([[0, 1], [2, 1]])
_ARRAYS["k"] = np.asarray(1)
_ARRAYS["p"] = np.eye(3) + 0.1


def argument(code: str) -> Any:
    """Return what a letter stands for: an array (n, q, k of integers, p positive), or a number."""
    if code in _ARRAYS:
        return _ARRAYS[code].copy()
    if code.startswith("("):
        return tuple(int(n) for n in code.strip("()").split(","))
    return float(code) if "." in code else int(code)


CALLS: dict[str, dict[str, str]] = {
    "xp": {
        "v": """
            abs acos acosh all angle any argmax argmin argsort argwhere asarray asin asinh atan
            atanh average cbrt ceil clip conj copy corrcoef cos cosh count_nonzero cov cumprod
            cumsum cumulative_prod cumulative_sum deg2rad diag diff empty_like exp exp2
            expand_dims expm1 finfo flatnonzero flatten flip floor from_dlpack imag isfinite isinf
            isnan log log10 log1p log2 logical_not max mean median min nan_to_num nanmax nanmean
            nanmin nansum negative nonzero ones_like positive prod ptp rad2deg ravel real
            reciprocal round sign signbit sin sinh sort sqrt square squeeze stack std sum tan tanh
            tensor transpose trapezoid trunc unique_all unique_counts unique_inverse unique_values
            unstack var zeros_like
        """,
        "v v": """
            add allclose atan2 copysign divide dot equal floor_divide fmax fmin full_like greater
            greater_equal hypot inner isclose isin kron less less_equal logaddexp logical_and
            logical_or logical_xor matmul maximum minimum multiply nextafter not_equal outer pow
            remainder searchsorted subtract vecdot
        """,
        "s": "arange",
        "v 2": "atleast_nd pad repeat roll take tile",
        "n": "bincount bitwise_invert iinfo",
        "2 n": "bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor",
        "": "broadcast_arrays broadcast_shapes meshgrid",
        "r (2,3)": "broadcast_to",
        "m": "concat concatenate matrix_transpose tril triu",
        "2": "empty eye ones zeros",
        "2 s": "full",
        "v 2 s": "index_add",
        "s s 2": "linspace",
        "s s": "logspace",
        "m k k": "moveaxis swapaxes",
        "v s": "percentile quantile",
        "k k": "reshape",
        "v (2,3)": "take_along_axis",
        "m m": "tensordot",
        "v v v": "where",
    },
    "linalg": {
        "m": """
            adjugate cond det diagonal eig eigh eigvals eigvalsh expm inv matrix_norm matrix_rank
            matrix_transpose pinv qr slogdet svd svdvals trace
        """,
        "p": "cholesky",
        "m m": "cross lstsq solve tensordot",
        "v v": "matmul outer vecdot",
        "m 2": "matrix_power",
        "v": "norm vector_norm",
        "m m s": "solve_triangular",
    },
    "fft": {
        "v": "fft fftn fftshift hfft ifft ifftn ifftshift ihfft irfft irfftn rfft rfftn",
        "m": "fft2 ifft2 irfft2 rfft2",
        "2": "fftfreq rfftfreq",
    },
    "special": {
        "v v v": """
            bdtr bdtrc bdtri betainc betaincc betaincinv fdtr fdtrc fdtri gdtr gdtrc hyp1f1 lpmv
            nbdtr nbdtrc nbdtri radian
        """,
        "v v": """
            beta betaln binom boxcox boxcox1p chdtr chdtrc chdtri expn gammainc gammaincc
            gammainccinv gammaincinv huber hyp0f1 inv_boxcox inv_boxcox1p iv ive jv kl_div kv kve
            pdtr pdtrc pdtri poch polygamma pseudo_huber rel_entr stdtr stdtrit xlog1py xlogy yn
            yv
        """,
        "v": """
            cbrt cosdg cosm1 cotdg digamma ellipe ellipk ellipkm1 entr erf erfc erfcinv erfcx
            erfinv exp1 exp10 exp2 expi expit expm1 exprel gamma gammaln gammasgn i0 i0e i1 i1e j0
            j1 k0 k0e k1 k1e log1p log_expit log_ndtr log_softmax loggamma logit logsumexp ndtr
            ndtri psi rgamma sinc sindg softmax softplus spence tandg y0 y1 zeta
        """,
        "v v v v": "hyp2f1",
        "v 2": "multigammaln",
    },
    "F": {
        "m s": "adaptive_avg_pool1d",
        "t s": "adaptive_avg_pool2d",
        "i s": "adaptive_avg_pool3d",
        "m 2": "adaptive_max_pool1d avg_pool1d max_pool1d",
        "t 2": "adaptive_max_pool2d avg_pool2d local_response_norm max_pool2d unfold",
        "i 2": "adaptive_max_pool3d avg_pool3d max_pool3d",
        "v": """
            alpha_dropout celu celu_ dropout elu elu_ feature_alpha_dropout gelu glu
            gumbel_softmax hardshrink hardsigmoid hardswish hardtanh hardtanh_ leaky_relu
            leaky_relu_ log_softmax logsigmoid mish relu relu6 relu_ rrelu rrelu_ selu selu_
            sigmoid silu softmax softmin softplus softshrink softsign tanh tanhshrink
        """,
        "m n n": "batch_norm",
        "m v t": "bilinear",
        "v v": """
            binary_cross_entropy binary_cross_entropy_with_logits cross_entropy
            hinge_embedding_loss huber_loss kl_div l1_loss linear mse_loss
            multilabel_soft_margin_loss pairwise_distance poisson_nll_loss smooth_l1_loss
            soft_margin_loss
        """,
        "m k": "channel_shuffle group_norm",
        "t t": "conv1d",
        "i i": "conv2d",
        "c c": "conv3d",
        "b t": "conv_transpose1d",
        "b i": "conv_transpose2d",
        "i c": "conv_transpose3d",
        "v v v": """
            cosine_embedding_loss gaussian_nll_loss margin_ranking_loss threshold threshold_
            triplet_margin_loss triplet_margin_with_distance_loss
        """,
        "m m": "cosine_similarity",
        "m": "dropout1d normalize pdist",
        "t": "dropout2d instance_norm",
        "i": "dropout3d",
        "n v": "embedding",
        "q m": "embedding_bag",
        "t 2 k": "fold",
        "i g": "grid_sample",
        "b 4": "interpolate",
        "v 4": "layer_norm rms_norm",
        "m s 2": "lp_pool1d",
        "t s 2": "lp_pool2d",
        "i s 2": "lp_pool3d",
        "v k": "multi_margin_loss nll_loss prelu",
        "n n": "multilabel_margin_loss",
        "n": "one_hot",
        "v (2,3)": "pad",
        "t k": "pixel_shuffle pixel_unshuffle",
        "m m m": "scaled_dot_product_attention",
    },
    "random": {
        "v v": "beta",
        "v": "choice gamma permutation rand_like randn_like shuffle",
        "v 2": "multinomial randint_like",
        "": "rand randn",
        "2": "randint randperm",
    },
    "Tensor": {
        "v": """
            abs all amax amin any argmax argmin argsort bool ceil clamp clamp_ clip clone conj
            conjugate contiguous copy cos cosh cpu cumprod cumsum detach dim double element_size
            exp expm1 flatten float floor half int is_complex is_contiguous is_floating_point
            isfinite isinf isnan log log10 log1p log2 long max mean min neg new_ones new_zeros
            nonzero norm numel numpy prod ravel reciprocal relu round sigmoid sign sin sinh sqrt
            square squeeze std sum t tan tanh to tobytes tolist transpose trunc unbind var zero_
        """,
        "v v": """
            add add_ bmm copy_ div div_ dot eq expand_as fill_ ge gt le lt matmul maximum minimum
            mm mul mul_ mv ne pow pow_ reshape_as sub sub_ type_as view_as
        """,
        "v 2": "chunk repeat split take",
        "m": "diagonal trace",
        "m k 2": "index_select",
        "m k": "log_softmax logsumexp softmax",
        "v v v": "masked_fill",
        "v k v": "masked_fill_",
        "v k": "masked_select unsqueeze",
        "m k k": "swapaxes",
    },
    "np": {
        "v": """
            abs absolute acos acosh all amax amin angle any arccos arccosh arcsin arcsinh arctan
            arctanh argmax argmin argsort argwhere around array array2string array_repr array_str
            asanyarray asarray asarray_chkfinite ascontiguousarray asfortranarray asin asinh
            asmatrix atan atanh average cbrt ceil clip column_stack conj conjugate copy corrcoef
            cos cosh count_nonzero cov cumprod cumsum cumulative_prod cumulative_sum deg2rad
            degrees diag diagflat diff dstack ediff1d empty_like exp exp2 expm1 fabs fix
            flatnonzero flip flipud floor frexp from_dlpack gradient histogram histogram_bin_edges
            histogramdd hstack i0 imag iscomplex iscomplexobj isfinite isinf isnan isneginf
            isposinf isreal isrealobj isscalar iterable lexsort log log10 log1p log2 logical_not
            max mean median min min_scalar_type mintypecode modf nan_to_num nanargmax nanargmin
            nancumprod nancumsum nanmax nanmean nanmedian nanmin nanprod nanstd nansum nanvar ndim
            negative nonzero ones_like permute_dims poly polyder polyint positive prod ptp rad2deg
            radians ravel real real_if_close reciprocal require rint roots round row_stack shape
            sign signbit sin sinc sinh size sort sort_complex spacing sqrt square squeeze stack
            std sum tan tanh transpose trapezoid trim_zeros trunc unique unique_all unique_counts
            unique_inverse unique_values unstack unwrap vander var vstack where zeros_like
        """,
        "v v": """
            add allclose append arctan2 array_equal array_equiv array_split atan2 compress
            convolve copysign copyto correlate divide divmod dot dsplit equal extract float_power
            floor_divide fmax fmin fmod full_like geomspace greater greater_equal heaviside
            histogram2d hsplit hypot inner intersect1d isclose isin kron less less_equal linspace
            logaddexp logaddexp2 logical_and logical_or logical_xor logspace matmul matvec maximum
            may_share_memory minimum mod multiply nanpercentile nanquantile nextafter not_equal
            outer polyadd polydiv polymul polysub polyval pow power remainder searchsorted
            setxor1d shares_memory split subtract tile true_divide union1d vdot vecdot vsplit
        """,
        "k": """
            arange bartlett base_repr binary_repr blackman diag_indices eye
            format_float_positional format_float_scientific hamming hanning identity tri
            tril_indices triu_indices
        """,
        "v 2": "argpartition delete pad partition repeat resize roll rollaxis take",
        "n": """
            bincount bitwise_count bitwise_invert bitwise_not empty indices invert ones packbits
            zeros
        """,
        "2 n": """
            bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor gcd lcm
            left_shift right_shift
        """,
        "r (2,3)": "broadcast_to",
        "s n": "busday_offset",
        "v s": "can_cast fromiter percentile quantile",
        "2 v": "choose",
        "m": """
            concat concatenate diag_indices_from diagonal fliplr matrix_transpose rot90 trace tril
            tril_indices_from triu triu_indices_from
        """,
        "m m": "cross tensordot",
        "v (2,3)": "digitize take_along_axis",
        "v 1": "expand_dims",
        "m v": "fill_diagonal",
        "2 k": "full",
        "v 2 v": "insert",
        "v v v": "interp place putmask",
        "s k": "kaiser reshape",
        "v k": "ldexp",
        "m k k": "moveaxis swapaxes",
        "v v (2,3)": "piecewise",
        "v v s": "polyfit",
        "v s v": "put",
        "n 2": "unravel_index",
        "v c": "vecmat",
    },
    "np.linalg": {
        "m": """
            cond det diagonal eig eigh eigvals eigvalsh inv matrix_norm matrix_rank
            matrix_transpose pinv qr slogdet svd svdvals trace
        """,
        "m m": "cross lstsq solve tensordot",
        "v v": "matmul outer vecdot",
        "m 2": "matrix_power",
        "v": "norm vector_norm",
        "m n": "tensorsolve",
    },
    "np.fft": {
        "v": "fft fftn fftshift hfft ifft ifftn ifftshift ihfft irfft irfftn rfft rfftn",
        "m": "fft2 ifft2 irfft2 rfft2",
    },
}
