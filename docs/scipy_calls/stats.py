"""scipy.stats and scipy.stats.mstats."""

import numpy as np

from scipy_calls.samples import POSITIVE, U, X, Y, Z

OBSERVED, EXPECTED = np.array([16.0, 18, 16, 14, 12, 12]), np.array([16.0, 16, 16, 16, 16, 8])


def _mean(x, axis=-1):
    return x.mean(axis)


def _normal_cdf(x):
    return 1 / (1 + 2.718281828459045 ** (-1.7 * x))


ONE = (
    "circmean circstd circvar describe differential_entropy gstd hmean gmean iqr jarque_bera kstat kstatvar "
    "kurtosis kurtosistest lmoment median_abs_deviation mode normaltest rankdata sem sigmaclip skew "
    "skewtest tmax tmean tmin tsem tstd tvar variation zscore gzscore entropy"
).split()
TWO = (
    "ansari brunnermunzel chatterjeexi cramervonmises_2samp epps_singleton_2samp f_oneway fligner kruskal levene "
    "mannwhitneyu mood pearsonr spearmanrho ttest_ind ttest_rel wilcoxon bartlett alexandergovern"
).split()
CALLS = {
    **{n: (POSITIVE,) for n in ONE},
    **{n: (X, Y) for n in TWO},
    "friedmanchisquare": (X, Y, Z),
    "bootstrap": (
        lambda f, x: f((x,), _mean, n_resamples=30, rng=1, method="percentile").standard_error,
        X,
    ),
    "boxcox_llf": (lambda f, x: f(0.7, x), POSITIVE),
    "yeojohnson_llf": (lambda f, x: f(0.7, x), X),
    "chisquare": (lambda f, o, e: f(o, e * (o.sum() / e.sum())), OBSERVED, EXPECTED),
    "power_divergence": (
        lambda f, o, e: f(o, e * (o.sum() / e.sum()), lambda_=0.5),
        OBSERVED,
        EXPECTED,
    ),
    "combine_pvalues": (U,),
    "false_discovery_control": (U,),
    "cramervonmises": (lambda f, x: f(x, _normal_cdf), X),
    "ks_1samp": (lambda f, x: f(x, _normal_cdf), X),
    "directional_stats": (np.random.default_rng(3).normal(size=(9, 3)) + 1,),
    "monte_carlo_test": (
        lambda f, x: f(x, lambda size: _standard(x, size), _mean, n_resamples=30).statistic,
        X,
    ),
    "permutation_test": (
        lambda f, x, y: (
            f(
                (x, y), lambda x, y, axis: x.mean(axis) - y.mean(axis), n_resamples=30, rng=1
            ).statistic
        ),
        X,
        Y,
    ),
    "power": (
        lambda f, x: (
            f(
                lambda a, axis=-1: _P(a.mean(axis)),
                lambda size: _standard(x, size),
                10,
                n_resamples=20,
            ).power
        ),
        X,
    ),
    "moment": (lambda f, x: f(x, 3), X),
    "pmean": (lambda f, x: f(x, 2.5), POSITIVE),
    "quantile": (lambda f, x: f(x, 0.3), X),
    "trim_mean": (lambda f, x: f(x, 0.1), X),
    "ttest_1samp": (lambda f, x, m: f(x, m), X, np.array(0.2)),
    "ttest_ind_from_stats": (
        lambda f, m, s, k, t: f(m, s, 20, k, t, 20),
        np.array(0.3),
        np.array(1.1),
        np.array(0.6),
        np.array(0.9),
    ),
    "zmap": (X, Y),
}


def _standard(like, size):
    from scipy_calls.signal import namespace

    return namespace(like).asarray(np.random.default_rng(5).normal(size=size))


class _P:
    def __init__(self, value):
        self.pvalue = abs(value)


MSTATS = {
    "gmean": (POSITIVE,),
    "hmean": (POSITIVE,),
    "zmap": (X, Y),
    "zscore": (X,),
    "chisquare": (lambda f, o, e: f(o, e * (o.sum() / e.sum())), OBSERVED, EXPECTED),
}
