/* The loops, included once for each element type T and instruction set. F(name) gives a loop its
 * own name, HELPER marks what is inlined. Plain C that compilers vectorise. A loop does its units
 * (elements, rows, blocks) from `start` to `stop` of a task; a task's buffers are in the order of
 * the table in _loops.c. */

#if SINGLE
#define T float
#define U uint32_t
#define FABS fabsf
#define SQRT sqrtf
#define LOG logf
#define MAGIC 12582912.0f /* 1.5 · 2^23: adding it rounds to an integer in the low bits */
#define SHIFT 23
#define BIAS 127u
#define C(x) x##f
#else
#define T double
#define U uint64_t
#define FABS fabs
#define SQRT sqrt
#define LOG log
#define MAGIC 6755399441055744.0
#define SHIFT 52
#define BIAS 1023u
#define C(x) x
#endif

/* 2^n of an integer n to which MAGIC was added */
HELPER T F(power2)(T shifted) {
    union { T value; U bits; } v;
    v.value = shifted;
    v.bits = (v.bits << SHIFT) + ((U)BIAS << SHIFT);
    return v.value;
}

/* e^r - 1 for x = n log 2 + r, |r| ≤ ½ log 2 */
HELPER T F(reduced)(T x, T *n) {
#if SINGLE
    *n = (x * 1.44269504f + MAGIC) - MAGIC;
    const T r = (x - *n * 0.693359375f) + *n * 2.12194440e-4f;
    T p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
#else
    *n = (x * 1.4426950408889634 + MAGIC) - MAGIC;
    const T r = (x - *n * 6.93147180369123816490e-01) - *n * 1.90821492927058770002e-10;
    T p = 2.5100472505694996e-8;
    p = p * r + 2.76202015910315488e-7;
    p = p * r + 2.75572682769056962e-6;
    p = p * r + 2.48015210578682052e-5;
    p = p * r + 1.9841269863171556e-4;
    p = p * r + 1.38888889173670806e-3;
    p = p * r + 8.3333333333300382e-3;
    p = p * r + 4.16666666666238205e-2;
    p = p * r + 1.66666666666666675e-1;
    p = p * r + 5.00000000000000103e-1;
#endif
    return p * r * r + r;
}

/* e^x = 2^n e^r; 2^n in two factors, so that neither end is lost early */
HELPER T F(exp)(T x) {
    x = x > (SINGLE ? C(89.0) : C(710.0)) ? (SINGLE ? C(89.0) : C(710.0)) : x; /* NaN passes */
    x = x < (SINGLE ? C(-104.0) : C(-746.0)) ? (SINGLE ? C(-104.0) : C(-746.0)) : x;
    T n;
    const T p = F(reduced)(x, &n) + C(1.0), half = n * C(0.5) + MAGIC;
    return p * F(power2)(half) * F(power2)((n - (half - MAGIC)) + MAGIC);
}

#if !SINGLE
/* ½ exp(z²) erfc(z) for z ≥ 0, by a polynomial in (z - 4) / (z + 4) */
HELPER T F(half_erfcx)(T z) {
    const T scale = 1.0 / ((z + 4.0) * (1.0 + 2.0 * z));
    const T u = (z - 4.0) * (1.0 + 2.0 * z) * scale;
    T p = -9.10304934015434167e-10;
    p = p * u - 6.83549493167369122e-9;
    p = p * u - 3.85770930720891507e-9;
    p = p * u + 5.76747187287707864e-8;
    p = p * u + 3.13536357859915544e-8;
    p = p * u - 4.17580984434842354e-7;
    p = p * u + 1.50675249724376974e-7;
    p = p * u + 2.8589436423160926e-6;
    p = p * u - 5.61239456757735035e-6;
    p = p * u - 1.22015846224870375e-5;
    p = p * u + 7.53111219741514962e-5;
    p = p * u - 9.96277537780747607e-5;
    p = p * u - 3.78886670706665022e-4;
    p = p * u + 2.51598487794771306e-3;
    p = p * u - 8.09886702955750354e-3;
    p = p * u + 1.8583757781246433e-2;
    p = p * u - 3.3165182905764692e-2;
    p = p * u + 4.68664174983970579e-2;
    p = p * u - 5.05195330181760658e-2;
    p = p * u + 3.4048527127368662e-2;
    p = p * u + 7.68982605131037065e-3;
    p = p * u - 6.98105584202814468e-2;
    p = p * u + 6.16497559312776253e-1;
    return p * (z + 4.0) * scale;
}
#endif

HELPER T F(erf_of)(T x) {
    T a = FABS(x);
    const T s = a * a;
#if SINGLE /* 1 - exp(polynomial) beyond 0.92, 1 ulp (after N. Juffa) */
    T p = -5.96761703e-4f;
    p = p * s + 4.99119423e-3f;
    p = p * s - 2.67681349e-2f;
    p = p * s + 1.12819925e-1f;
    p = p * s - 3.76125336e-1f;
    p = p * s + 1.28379166e-1f;
    p = p * x + x;
    const int small = a <= 0.927734375f;
    a = a > 4.0f ? 4.0f : a;
    T q = -1.72853470e-5f * a + 3.83197126e-4f;
    q = q * a - 3.88396438e-3f;
    q = q * a + 2.42546219e-2f;
    q = q * a - 1.06777877e-1f;
    q = q * a - 6.34846687e-1f;
    q = q * a - 1.28717512e-1f;
    q = 1.0f - F(exp)(q * a - a);
#else
    T p = -7.79589882700214224e-10;
    p = p * s + 1.37200645467776856e-8;
    p = p * s - 1.62084838018717059e-7;
    p = p * s + 1.64474247033173624e-6;
    p = p * s - 1.49247369074196603e-5;
    p = p * s + 1.20552949048397079e-4;
    p = p * s - 8.54832597538969208e-4;
    p = p * s + 5.22397760711642273e-3;
    p = p * s - 2.68661706432377704e-2;
    p = p * s + 1.12837916709450063e-1;
    p = p * s - 3.76126389031835404e-1;
    p = p * s + 1.28379167095512567e-1;
    p = p * x + x;
    const int small = a <= 1.0;
    a = a > 6.0 ? 6.0 : a;
    T q = 1.0 - 2.0 * F(exp)(-(a * a)) * F(half_erfcx)(a);
#endif
    q = x < 0 ? -q : q;
    return small ? p : q;
}

/* Φ(x), the normal distribution, and e = exp(-x²/2): Φ(-t) = e R(t) for t ≥ 0 */
HELPER T F(normal)(T x, T *e) {
    T t = FABS(x);
#if SINGLE /* a polynomial in (t - 3.5) / (t + 3.5) */
    t = t > 15.0f ? 15.0f : t;
    const T scale = 1.0f / ((t + 3.5f) * (1.0f + t));
    const T u = (t - 3.5f) * (1.0f + t) * scale;
    T p = 1.500395816e-4f;
    p = p * u + 9.950178331e-5f;
    p = p * u - 1.389004396e-3f;
    p = p * u + 2.903609649e-4f;
    p = p * u + 1.037120364e-2f;
    p = p * u - 3.026203076e-2f;
    p = p * u + 3.804867314e-2f;
    p = p * u + 7.872741566e-4f;
    p = p * u - 9.771261033e-2f;
    p = p * u + 4.785531864e-1f;
    p = p * (t + 3.5f) * scale;
#else
    t = t > 39.0 ? 39.0 : t;
    const T p = F(half_erfcx)(t * 0.70710678118654752);
#endif
    /* the square's rounding error is magnified by t²: it comes back as a factor */
    const T square = t * t, head = ((t * C(8.0) + MAGIC) - MAGIC) * C(0.125);
    const T rest = (head * head - square) + (t - head) * (t + head);
    *e = F(exp)(square * C(-0.5)) * (1 - C(0.5) * rest);
    const T tail = *e * p;
    return x > 0 ? 1 - tail : tail;
}

/* no tail is lost: the exponential does not overflow, its quotient is rounded once */
HELPER T F(sigmoid_of)(T x) {
    const T e = F(exp)(-FABS(x));
    return (x < 0 ? e : 1) / (1 + e);
}

/* e / (e + 2), e = e^{2|x|} - 1; beyond 22 the result is 1 */
HELPER T F(tanh_of)(T x) {
    T a = FABS(x), n;
    a = a > C(22.0) ? C(22.0) : a;
    const T p = F(reduced)(2 * a, &n), power = F(power2)(n + MAGIC);
    const T e = p * power + (power - 1);
    const T y = e / (e + 2);
    return x < 0 ? -y : x == 0 ? x : y;
}

/* y = x s, s = σ(2 v), v = √(2/π) (x + 0.044715 x³); *slope is dy/dx */
HELPER T F(gelu_tanh_of)(T x, T *slope) {
    T z = x > C(40.0) ? C(40.0) : x; /* beyond ±40 σ is 0 or 1; NaN passes */
    z = z < C(-40.0) ? C(-40.0) : z;
    const T b = C(1.5957691216057308), c = b * C(0.044715), s = z * z;
    const T v = z * (b + c * s), e = F(exp)(-FABS(v)), share = 1 / (1 + e);
    const T y = v < 0 ? e * share : share, rest = v < 0 ? share : e * share;
    *slope = y * (1 + z * rest * (b + 3 * c * s));
    return x * y;
}

/* Maps: out, x and where there is one a second operand, an array or one number */

#define ARGUMENTS const task *t, Py_ssize_t start, Py_ssize_t stop
#define IN(i) ((const T *)t->data[i])
#define OUT(i) ((T *restrict)t->data[i])

#define MAP(name, value)                                                                          \
    LOOP void F(name)(ARGUMENTS) {                                                                \
        T *restrict out = OUT(0);                                                                 \
        const T *in = IN(1);                                                                      \
        for (Py_ssize_t i = start; i < stop; i++) {                                               \
            const T x = in[i];                                                                    \
            T e;                                                                                  \
            (void)e;                                                                              \
            out[i] = value;                                                                       \
        }                                                                                         \
    }

#define HELD 1024
#define MAP2(name, value)                                                                         \
    LOOP void F(name)(ARGUMENTS) {                                                                \
        T held[HELD];                                                                             \
        const T *second = IN(2);                                                                  \
        if (!second)                                                                              \
            for (int i = 0; i < HELD; i++) held[i] = (T)t->number[0];                             \
        for (Py_ssize_t from = start; from < stop; from += HELD) {                                \
            const int n = (int)(stop - from < HELD ? stop - from : HELD);                         \
            T *restrict out = OUT(0) + from;                                                      \
            const T *in = IN(1) + from, *with = second ? second + from : held;                    \
            for (int i = 0; i < n; i++) {                                                         \
                const T x = in[i], y = with[i];                                                   \
                T e;                                                                              \
                (void)e;                                                                          \
                out[i] = value;                                                                   \
            }                                                                                     \
        }                                                                                         \
    }

MAP(erf, F(erf_of)(x))
MAP(sigmoid, F(sigmoid_of)(x))
MAP(relu, x <= 0 ? 0 : x) /* as NumPy: -0 becomes 0, NaN stays */
MAP2(relu_slope, x > 0 ? y : y * 0)
MAP(gelu, x * F(normal)(x, &e))
MAP2(gelu_slope, y * (F(normal)(x, &e) + x * (e * C(0.39894228040143268))))
MAP(gelu_tanh, F(gelu_tanh_of)(x, &e))
MAP2(gelu_tanh_slope, (F(gelu_tanh_of)(x, &e), y * e))

/* Rows of softmax and its kin */

#define ROW (r * t->m)

HELPER T F(largest)(const T *x, Py_ssize_t m) {
    T top = -INFINITY; /* NaN is passed over, and comes back in the sum */
    SIMD(reduction(max : top))
    for (Py_ssize_t j = 0; j < m; j++) top = x[j] > top ? x[j] : top;
    return top;
}

/* Sums of long rows go by blocks, so that rounding does not pile up */
#define BLOCKS(m)                                                                                 \
    for (Py_ssize_t from = 0, to; from < (m) && (to = from + 2048 < (m) ? from + 2048 : (m), 1);  \
         from = to)

/* The sum of exp(x - top), where x == top counts 1 even if that is inf */
HELPER double F(sum_exp)(const T *x, Py_ssize_t m, T top) {
    double total = 0;
    BLOCKS(m) {
        T s = 0;
        SIMD(reduction(+ : s))
        for (Py_ssize_t j = from; j < to; j++) s += F(exp)(x[j] - top);
        total += s;
    }
    return total;
}

LOOP void F(softmax)(ARGUMENTS) { /* out, x */
    for (Py_ssize_t r = start; r < stop; r++) {
        const T *x = IN(1) + ROW;
        T *restrict out = OUT(0) + ROW;
        const T top = F(largest)(x, t->m);
        double total = 0;
        BLOCKS(t->m) {
            T s = 0;
            SIMD(reduction(+ : s))
            for (Py_ssize_t j = from; j < to; j++) {
                const T e = F(exp)(x[j] - top);
                out[j] = e;
                s += e;
            }
            total += s;
        }
        const T share = (T)(1 / total);
        for (Py_ssize_t j = 0; j < t->m; j++) out[j] *= share;
    }
}

LOOP void F(log_softmax)(ARGUMENTS) { /* out, x */
    for (Py_ssize_t r = start; r < stop; r++) {
        const T *x = IN(1) + ROW;
        T *restrict out = OUT(0) + ROW;
        const T top = F(largest)(x, t->m);
        const T less = (T)log(F(sum_exp)(x, t->m, top));
        for (Py_ssize_t j = 0; j < t->m; j++) out[j] = (x[j] - top) - less;
    }
}

LOOP void F(softmax_back)(ARGUMENTS) { /* out, y, ct: y (ct - Σ y ct) */
    for (Py_ssize_t r = start; r < stop; r++) {
        const T *y = IN(1) + ROW, *ct = IN(2) + ROW;
        T *restrict out = OUT(0) + ROW;
        double total = 0;
        BLOCKS(t->m) {
            T s = 0;
            SIMD(reduction(+ : s))
            for (Py_ssize_t j = from; j < to; j++) s += y[j] * ct[j];
            total += s;
        }
        const T dot = (T)total;
        for (Py_ssize_t j = 0; j < t->m; j++) out[j] = y[j] * (ct[j] - dot);
    }
}

LOOP void F(log_softmax_back)(ARGUMENTS) { /* out, y, ct: ct - exp(y) Σ ct */
    for (Py_ssize_t r = start; r < stop; r++) {
        const T *y = IN(1) + ROW, *ct = IN(2) + ROW;
        T *restrict out = OUT(0) + ROW;
        double total = 0;
        BLOCKS(t->m) {
            T s = 0;
            SIMD(reduction(+ : s))
            for (Py_ssize_t j = from; j < to; j++) s += ct[j];
            total += s;
        }
        const T sum = (T)total;
        for (Py_ssize_t j = 0; j < t->m; j++) out[j] = ct[j] - F(exp)(y[j]) * sum;
    }
}

/* out, shift, total, x: log Σ exp x = shift + log total; shift is 0 where all are -inf */
LOOP void F(logsumexp)(ARGUMENTS) {
    for (Py_ssize_t r = start; r < stop; r++) {
        const T *x = IN(3) + ROW;
        T top = F(largest)(x, t->m);
        double total = 0;
        if (top == INFINITY) { /* those that are inf count, NaN stays */
            for (Py_ssize_t j = 0; j < t->m; j++)
                total += x[j] == top ? 1 : x[j] != x[j] ? x[j] : 0;
        } else {
            top = top == -INFINITY ? 0 : top;
            total = F(sum_exp)(x, t->m, top);
        }
        OUT(0)[r] = LOG((T)total) + top;
        OUT(1)[r] = top;
        OUT(2)[r] = (T)total;
    }
}

LOOP void F(shares)(ARGUMENTS) { /* out, x, shift, factor: factor · exp(x - shift) */
    for (Py_ssize_t r = start; r < stop; r++) {
        const T *x = IN(1) + ROW, shift = IN(2)[r], factor = IN(3)[r];
        T *restrict out = OUT(0) + ROW;
        for (Py_ssize_t j = 0; j < t->m; j++)
            out[j] = factor * F(exp)(x[j] == shift ? 0 : x[j] - shift);
    }
}

/* The place of a target in its row; counted from the end where negative, as NumPy does */
HELPER Py_ssize_t F(place)(const task *t, int64_t target) {
    const int64_t j = target < 0 ? target + t->m : target;
    if (j >= 0 && j < t->m) return (Py_ssize_t)j;
    *t->wrong = 1;
    return 0;
}

LOOP void F(cross_entropy)(ARGUMENTS) { /* losses, peaks, sums, x, target, scale */
    for (Py_ssize_t r = start; r < stop; r++) {
        const T *x = IN(3) + ROW;
        const T top = F(largest)(x, t->m);
        const T total = (T)F(sum_exp)(x, t->m, top);
        const T picked = x[F(place)(t, ((const int64_t *)t->data[4])[r])] - top;
        OUT(0)[r] = (LOG(total) - picked) * IN(5)[r];
        OUT(1)[r] = top;
        OUT(2)[r] = total;
    }
}

LOOP void F(cross_entropy_back)(ARGUMENTS) { /* out, x, peaks, share / sums, target, share */
    for (Py_ssize_t r = start; r < stop; r++) {
        const T *x = IN(1) + ROW, top = IN(2)[r], factor = IN(3)[r];
        T *restrict out = OUT(0) + ROW;
        for (Py_ssize_t j = 0; j < t->m; j++) out[j] = factor * F(exp)(x[j] - top);
        out[F(place)(t, ((const int64_t *)t->data[4])[r])] -= IN(5)[r];
    }
}

/* Sums and moments, in double precision; a unit is a block of a row, or of columns */

HELPER double F(sum)(const T *x, Py_ssize_t n) {
    double total = 0;
    BLOCKS(n) {
        double s = 0;
        SIMD(reduction(+ : s))
        for (Py_ssize_t j = from; j < to; j++) s += x[j];
        total += s;
    }
    return total;
}

LOOP void F(sum_rows)(ARGUMENTS) { /* a sum per block, x */
    const Py_ssize_t blocks = (t->m + WIDTH - 1) / WIDTH;
    for (Py_ssize_t i = start; i < stop; i++) {
        const Py_ssize_t r = i / blocks, first = (i % blocks) * WIDTH;
        const Py_ssize_t n = t->m - first < WIDTH ? t->m - first : WIDTH;
        ((double *)t->data[0])[i] = F(sum)(IN(1) + ROW + first, n);
    }
}

LOOP void F(dot_rows)(ARGUMENTS) { /* Σ x y per block, x, y */
    const Py_ssize_t blocks = (t->m + WIDTH - 1) / WIDTH;
    for (Py_ssize_t i = start; i < stop; i++) {
        const Py_ssize_t r = i / blocks, first = (i % blocks) * WIDTH;
        const Py_ssize_t n = t->m - first < WIDTH ? t->m - first : WIDTH;
        const T *x = IN(1) + ROW + first, *y = IN(2) + ROW + first;
        double total = 0;
        BLOCKS(n) {
            double s = 0;
            SIMD(reduction(+ : s))
            for (Py_ssize_t j = from; j < to; j++) s += (double)x[j] * y[j];
            total += s;
        }
        ((double *)t->data[0])[i] = total;
    }
}

LOOP void F(moments_rows)(ARGUMENTS) { /* per block the mean and Σ (x - mean)², x */
    const Py_ssize_t blocks = (t->m + WIDTH - 1) / WIDTH;
    for (Py_ssize_t i = start; i < stop; i++) {
        const Py_ssize_t r = i / blocks, first = (i % blocks) * WIDTH;
        const Py_ssize_t n = t->m - first < WIDTH ? t->m - first : WIDTH;
        const T *x = IN(2) + ROW + first;
        const double mean = F(sum)(x, n) / (double)n;
        double square = 0;
        BLOCKS(n) {
            double s = 0;
            SIMD(reduction(+ : s))
            for (Py_ssize_t j = from; j < to; j++) s += (x[j] - mean) * (x[j] - mean);
            square += s;
        }
        ((double *)t->data[0])[i] = mean;
        ((double *)t->data[1])[i] = square;
    }
}

LOOP void F(sum_columns)(ARGUMENTS) { /* a sum per column, x */
    for (Py_ssize_t i = start; i < stop; i++) {
        const Py_ssize_t from = i * COLUMNS;
        const Py_ssize_t n = t->m - from < COLUMNS ? t->m - from : COLUMNS;
        double s[COLUMNS] = {0};
        Py_ssize_t r = 0;
        for (; r + 4 <= t->n; r += 4) { /* four rows for each time that s is loaded and stored */
            const T *x = IN(1) + ROW + from, *y = x + t->m, *z = y + t->m, *w = z + t->m;
            for (Py_ssize_t j = 0; j < n; j++)
                s[j] += ((double)x[j] + (double)y[j]) + ((double)z[j] + (double)w[j]);
        }
        for (; r < t->n; r++) {
            const T *x = IN(1) + ROW + from;
            for (Py_ssize_t j = 0; j < n; j++) s[j] += x[j];
        }
        memcpy((double *)t->data[0] + from, s, (size_t)n * sizeof(double));
    }
}

LOOP void F(dot_columns)(ARGUMENTS) { /* Σ x y per column, x, y */
    for (Py_ssize_t i = start; i < stop; i++) {
        const Py_ssize_t from = i * COLUMNS;
        const Py_ssize_t n = t->m - from < COLUMNS ? t->m - from : COLUMNS;
        double s[COLUMNS] = {0};
        Py_ssize_t r = 0;
        for (; r + 2 <= t->n; r += 2) {
            const T *x = IN(1) + ROW + from, *y = IN(2) + ROW + from;
            const T *z = x + t->m, *w = y + t->m;
            for (Py_ssize_t j = 0; j < n; j++)
                s[j] += (double)x[j] * y[j] + (double)z[j] * w[j];
        }
        for (; r < t->n; r++) {
            const T *x = IN(1) + ROW + from, *y = IN(2) + ROW + from;
            for (Py_ssize_t j = 0; j < n; j++) s[j] += (double)x[j] * y[j];
        }
        memcpy((double *)t->data[0] + from, s, (size_t)n * sizeof(double));
    }
}

/* mean and Σ (x - mean)² per column, x: by blocks of rows, joined as Chan, Golub and LeVeque do */
LOOP void F(moments_columns)(ARGUMENTS) {
    for (Py_ssize_t i = start; i < stop; i++) {
        const Py_ssize_t from = i * COLUMNS;
        const Py_ssize_t n = t->m - from < COLUMNS ? t->m - from : COLUMNS;
        double mean[COLUMNS] = {0}, square[COLUMNS] = {0}, s[COLUMNS], d[COLUMNS];
        for (Py_ssize_t row = 0; row < t->n; row += 32) {
            const Py_ssize_t end = row + 32 < t->n ? row + 32 : t->n, count = end - row;
            memset(s, 0, sizeof s);
            for (Py_ssize_t r = row; r < end; r++) {
                const T *x = IN(2) + ROW + from;
                for (Py_ssize_t j = 0; j < n; j++) s[j] += x[j];
            }
            memset(d, 0, sizeof d);
            for (Py_ssize_t j = 0; j < n; j++) s[j] /= (double)count;
            for (Py_ssize_t r = row; r < end; r++) {
                const T *x = IN(2) + ROW + from;
                for (Py_ssize_t j = 0; j < n; j++) d[j] += (x[j] - s[j]) * (x[j] - s[j]);
            }
            const double part = (double)count / (double)end;
            for (Py_ssize_t j = 0; j < n; j++) {
                const double apart = s[j] - mean[j];
                mean[j] += apart * part;
                square[j] += d[j] + apart * apart * (double)row * part;
            }
        }
        memcpy((double *)t->data[0] + from, mean, (size_t)n * sizeof(double));
        memcpy((double *)t->data[1] + from, square, (size_t)n * sizeof(double));
    }
}

LOOP void F(scale_rows)(ARGUMENTS) { /* out, x, centre, scale, offset: (x - centre) scale + offset */
    for (Py_ssize_t r = start; r < stop; r++) {
        const T *x = IN(1) + ROW, scale = IN(3)[r], offset = IN(4)[r];
        const double centre = ((const double *)t->data[2])[r];
        T *restrict out = OUT(0) + ROW;
        for (Py_ssize_t j = 0; j < t->m; j++) out[j] = (T)(x[j] - centre) * scale + offset;
    }
}

LOOP void F(scale_columns)(ARGUMENTS) { /* as scale_rows, with the numbers of columns */
    const T *scale = IN(3), *offset = IN(4);
    const double *centre = t->data[2];
    for (Py_ssize_t r = start; r < stop; r++) {
        const T *x = IN(1) + ROW;
        T *restrict out = OUT(0) + ROW;
        for (Py_ssize_t j = 0; j < t->m; j++)
            out[j] = (T)(x[j] - centre[j]) * scale[j] + offset[j];
    }
}

/* Normalization of rows: out, means, scales, x, gain, shift (these may be missing); eps */
LOOP void F(layer_norm)(ARGUMENTS) {
    const T *gain = IN(4), *shift = IN(5);
    for (Py_ssize_t r = start; r < stop; r++) {
        const T *x = IN(3) + ROW;
        T *restrict out = OUT(0) + ROW;
        double square = 0;
        const T mean = (T)(F(sum)(x, t->m) / (double)t->m);
        BLOCKS(t->m) {
            T part = 0;
            SIMD(reduction(+ : part))
            for (Py_ssize_t j = from; j < to; j++) part += (x[j] - mean) * (x[j] - mean);
            square += part;
        }
        const T scale = (T)(1 / sqrt(square / (double)t->m + t->number[0]));
        for (Py_ssize_t j = 0; j < t->m; j++) out[j] = (x[j] - mean) * scale;
        if (gain)
            for (Py_ssize_t j = 0; j < t->m; j++) out[j] *= gain[j];
        if (shift)
            for (Py_ssize_t j = 0; j < t->m; j++) out[j] += shift[j];
        OUT(1)[r] = mean;
        OUT(2)[r] = scale;
    }
}

/* back, by_gain and by_shift per group of rows, x, ct, means, scales, gain (may be missing) */
LOOP void F(layer_norm_back)(ARGUMENTS) {
    const T *gain = IN(7);
    const Py_ssize_t m = t->m;
    for (Py_ssize_t group = start; group < stop; group++) {
        T *restrict by_gain = OUT(1) + group * m, *restrict by_shift = OUT(2) + group * m;
        memset(by_gain, 0, (size_t)m * sizeof(T));
        memset(by_shift, 0, (size_t)m * sizeof(T));
        const Py_ssize_t last = (group + 1) * GROUP < t->n ? (group + 1) * GROUP : t->n;
        for (Py_ssize_t r = group * GROUP; r < last; r++) {
            const T *x = IN(3) + ROW, *ct = IN(4) + ROW, mean = IN(5)[r], scale = IN(6)[r];
            T *restrict back = OUT(0) + ROW;
            T sum = 0, dot = 0;
            for (Py_ssize_t j = 0; j < m; j++) {
                by_gain[j] += ct[j] * ((x[j] - mean) * scale);
                by_shift[j] += ct[j];
            }
            if (gain)
                for (Py_ssize_t j = 0; j < m; j++) back[j] = ct[j] * gain[j];
            else
                memcpy(back, ct, (size_t)m * sizeof(T));
            SIMD(reduction(+ : sum, dot))
            for (Py_ssize_t j = 0; j < m; j++) {
                sum += back[j];
                dot += back[j] * (x[j] - mean);
            }
            sum /= (T)m;
            dot *= scale * scale / (T)m;
            for (Py_ssize_t j = 0; j < m; j++)
                back[j] = (back[j] - sum - (x[j] - mean) * dot) * scale;
        }
    }
}

/* Steps of optimizers, in place */

/* p, buffer (may be missing), g; lr, momentum, 1 - dampening, weight decay, sign, nesterov, first */
LOOP void F(sgd)(ARGUMENTS) {
    T *restrict p = OUT(0), *restrict b = OUT(1);
    const T *grad = IN(2);
    const double *c = t->number;
    const T lr = (T)c[0], decay = (T)c[3], sign = (T)c[4], nesterov = (T)c[5];
    if (!b) {
        for (Py_ssize_t i = start; i < stop; i++) p[i] -= lr * (sign * grad[i] + decay * p[i]);
        return;
    }
    const T keep = c[6] ? 0 : (T)c[1], take = c[6] ? 1 : (T)c[2], momentum = (T)c[1];
    if (c[6])
        for (Py_ssize_t i = start; i < stop; i++) b[i] = 0;
    for (Py_ssize_t i = start; i < stop; i++) {
        const T g = sign * grad[i] + decay * p[i];
        const T v = keep * b[i] + take * g;
        b[i] = v;
        p[i] -= lr * (nesterov ? g + momentum * v : v);
    }
}

/* p, m, v, greatest v (may be missing), g; size, root, beta1, beta2, decay, keep, eps, sign */
LOOP void F(adam)(ARGUMENTS) {
    T *restrict p = OUT(0), *restrict m = OUT(1), *restrict v = OUT(2), *restrict top = OUT(3);
    const T *grad = IN(4);
    const double *c = t->number;
    const T size = (T)c[0], root = (T)(1 / c[1]), rest1 = (T)(1 - c[2]), beta2 = (T)c[3],
            rest2 = (T)(1 - c[3]), decay = (T)c[4], keep = (T)c[5], eps = (T)c[6], sign = (T)c[7];
    for (Py_ssize_t i = start; i < stop; i++) {
        const T held = p[i] * keep, g = sign * grad[i] + decay * held;
        const T mean = m[i] + rest1 * (g - m[i]), square = beta2 * v[i] + rest2 * (g * g);
        m[i] = mean;
        v[i] = square;
        if (!top) p[i] = held - size * (mean / (SQRT(square) * root + eps));
    }
    if (!top) return;
    for (Py_ssize_t i = start; i < stop; i++) {
        top[i] = v[i] > top[i] || v[i] != v[i] ? v[i] : top[i];
        p[i] = p[i] * keep - size * (m[i] / (SQRT(top[i]) * root + eps));
    }
}

#include "_lstm.h"

#undef T
#undef U
#undef FABS
#undef SQRT
#undef LOG
#undef MAGIC
#undef SHIFT
#undef BIAS
#undef C
#undef MAP
#undef MAP2
#undef HELD
#undef ARGUMENTS
#undef IN
#undef OUT
#undef ROW
#undef BLOCKS
