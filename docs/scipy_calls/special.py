"""scipy.special."""

import numpy as np

from scipy_calls.samples import K, P2, P3, P, R, U, A

CALLS = {
    "bdtr": (np.array([1.0, 2.0, 3.0, 4.0]), K + 3, U), "bdtrc": (np.array([1.0, 2.0, 3.0, 4.0]), K + 3, U),
    "bdtri": (np.array([1.0, 2.0, 3.0, 4.0]), K + 3, U),
    "betainc": (P, P2, U), "betaincc": (P, P2, U), "betaincinv": (P, P2, U),
    "boxcox": (P, R), "boxcox1p": (P, R), "chdtr": (P, P2), "chdtrc": (P, P2), "chdtri": (P, U),
    "entr": (P,), "erfinv": (U,), "expn": (K, P), "fdtr": (P, P2, P3), "fdtrc": (P, P2, P3),
    "fdtri": (P, P2, U), "gdtr": (P, P2, P3), "gdtrc": (P, P2, P3), "huber": (P, R * 3),
    "hyp1f1": (P, P2, R), "inv_boxcox": (R, U), "inv_boxcox1p": (R, U), "kl_div": (P, P2),
    "lpmv": (np.array([0, 1, 1, 2]), K, U), "nbdtr": (K, K, U), "nbdtrc": (K, K, U), "nbdtri": (K, K, U),
    "ndtri": (U,), "pdtr": (P, P2), "pdtrc": (P, P2), "pdtri": (K, U), "poch": (P, P2),
    "pseudo_huber": (P, R), "rel_entr": (P, P2), "spence": (P,), "stdtr": (P, R), "stdtrit": (P + 1, U),
    "yn": (K, P), "binom": (P + 3, P2), "exp1": (P,), "expi": (P,), "expit": (R,), "exprel": (R,),
    "gamma": (P,), "gammaln": (P,), "loggamma": (P,), "logit": (U,), "psi": (P,), "rgamma": (P,),
    "zetac": (P + 1,), "sindg": (R,), "cosdg": (R,), "tandg": (R,), "cotdg": (R,), "i0": (R,), "i0e": (R,),
    "i1": (R,), "i1e": (R,), "k0": (P,), "k0e": (P,), "k1": (P,), "k1e": (P,), "y0": (P,), "y1": (P,),
    "j0": (R,), "j1": (R,), "betaln": (P, P2), "gammasgn": (P,), "cbrt": (P,), "radian": (P, P2, P3),
    "cosm1": (R,), "gammainc": (P, P2), "gammaincinv": (P, U), "gammaincc": (P, P2),
    "gammainccinv": (P, U), "ellipk": (U,), "ellipkm1": (U,), "erf": (R,), "erfc": (R,), "erfcx": (R,),
    "ndtr": (R,), "log_ndtr": (R,), "exp2": (R,), "exp10": (R,), "xlogy": (P, P2), "xlog1py": (P, P2),
    "digamma": (P,), "polygamma": (lambda f, n, x: f(n, x), K - 1, P), "sinc": (R,), "zeta": (P + 1, P2),
    "logsumexp": (lambda f, x: f(x, axis=-1), A), "softmax": (lambda f, x: f(x, axis=-1), A),
    "log_softmax": (lambda f, x: f(x, axis=-1), A), "multigammaln": (lambda f, a: f(a, 2), P + 1),
}
