/* The kernels of the machine: one loop over n elements for each operation, type and form.
 *
 * A kernel is named operation.type.form: v is an operand of n elements, s one element for all.
 * Types are f (float), d (double), l (int64) and b (bool as one byte). Values keep NumPy's
 * special cases: no flag that assumes finite numbers is used. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef MACHINE_VECTOR_MATH /* glibc's libmvec: several elements in one call, within 4 ulp */
#define SIMD1(name) _Pragma("omp declare simd notinbranch") extern double name(double); \
    _Pragma("omp declare simd notinbranch") extern float name##f(float);
#define SIMD2(name) _Pragma("omp declare simd notinbranch") extern double name(double, double); \
    _Pragma("omp declare simd notinbranch") extern float name##f(float, float);
SIMD1(exp) SIMD1(log) SIMD1(sin) SIMD1(cos) SIMD1(tan) SIMD1(tanh) SIMD1(sinh) SIMD1(cosh)
SIMD1(exp2) SIMD1(expm1) SIMD1(log1p) SIMD1(log2) SIMD1(log10) SIMD1(asin) SIMD1(acos)
SIMD1(atan) SIMD1(asinh) SIMD1(acosh) SIMD1(atanh) SIMD1(erf) SIMD1(erfc) SIMD1(cbrt)
SIMD2(pow) SIMD2(atan2) SIMD2(hypot)
#endif

#define EACH _Pragma("omp simd") for (long i = 0; i < n; i++)
#define ARGS long n, char *pd, const char *pa, const char *pb, const char *pc, \
    const int64_t *aux, int64_t first
typedef void (*Kernel)(ARGS);
typedef float tf;
typedef double td;
typedef int64_t tl;
typedef uint8_t tb;
#define M_f(name) name##f
#define M_d(name) name

/* name, expression in x */
#define UNARY(X, S, M) \
    X(S, negative, -x) X(S, abs, M(fabs)(x)) X(S, sqrt, M(sqrt)(x)) X(S, square, x * x) \
    X(S, reciprocal, 1 / x) X(S, floor, M(floor)(x)) X(S, ceil, M(ceil)(x)) \
    X(S, trunc, M(trunc)(x)) X(S, round, M(rint)(x)) \
    X(S, sign, (t##S)((x > 0) - (x < 0)) + (x != x ? x : 0)) \
    X(S, exp, M(exp)(x)) X(S, log, M(log)(x)) X(S, sin, M(sin)(x)) X(S, cos, M(cos)(x)) \
    X(S, tan, M(tan)(x)) X(S, tanh, M(tanh)(x)) X(S, sinh, M(sinh)(x)) X(S, cosh, M(cosh)(x)) \
    X(S, exp2, M(exp2)(x)) X(S, expm1, M(expm1)(x)) X(S, log1p, M(log1p)(x)) \
    X(S, log2, M(log2)(x)) X(S, log10, M(log10)(x)) X(S, asin, M(asin)(x)) \
    X(S, acos, M(acos)(x)) X(S, atan, M(atan)(x)) X(S, asinh, M(asinh)(x)) \
    X(S, acosh, M(acosh)(x)) X(S, atanh, M(atanh)(x)) X(S, erf, M(erf)(x)) \
    X(S, erfc, M(erfc)(x)) X(S, cbrt, M(cbrt)(x)) X(S, sigmoid, sigmoid_##S(x)) \
    X(S, normal, normal_##S(x)) \
    X(S, relu, x > 0 || x != x ? x : 0)
#define PREDICATE(X, S, M) \
    X(S, isnan, x != x) X(S, isinf, M(fabs)(x) == INFINITY) X(S, isfinite, M(fabs)(x) < INFINITY)
/* name, expression in x and y */
#define ARITHMETIC(X, S) X(S, add, x + y) X(S, subtract, x - y) X(S, multiply, x * y)
#define BINARY(X, S, M) ARITHMETIC(X, S) \
    X(S, divide, x / y) X(S, maximum, x > y || x != x ? x : y) \
    X(S, minimum, x < y || x != x ? x : y) X(S, pow, M(pow)(x, y)) X(S, atan2, M(atan2)(x, y)) \
    X(S, hypot, M(hypot)(x, y)) X(S, copysign, M(copysign)(x, y)) \
    X(S, logaddexp, (x > y || x != x ? x : y) + M(log1p)(M(exp)(x == y ? 0 : -M(fabs)(x - y)))) \
    X(S, remainder, remainder_##S(x, y)) X(S, floor_divide, floor_divide_##S(x, y)) \
    X(S, shifted, x == y ? 0 : x - y) /* inf - inf is 0 here */
#define WHOLE(X, S) ARITHMETIC(X, S) X(S, maximum, x > y ? x : y) X(S, minimum, x < y ? x : y) \
    X(S, remainder, remainder_##S(x, y)) X(S, floor_divide, floor_divide_##S(x, y))
#define COMPARE(X, S) X(S, less, x < y) X(S, less_equal, x <= y) X(S, greater, x > y) \
    X(S, greater_equal, x >= y) X(S, equal, x == y) X(S, not_equal, x != y)
#define LOGICAL(X, S) X(S, logical_and, x & y) X(S, logical_or, x | y) X(S, logical_xor, x ^ y)

/* The logistic function, whose exponential does not overflow. The normal distribution as
 * ½ erfc(-x √½), times what the rounding of the argument costs in the tail, where erfc'/erfc is
 * near -(a + √(a² + 1.5)). NumPy's floor division and remainder, which has the divisor's sign. */
#define ROOT_f 0.70710677f, 1.21016171e-8f
#define ROOT_d 0.70710678118654752, -4.83364665672645672e-17
#define FLOATING(S, M) \
    static inline t##S normal_##S(t##S x) { \
        const t##S root[2] = {ROOT_##S}; \
        t##S a = -x * root[0], rest = M(fma)(-x, root[0], -a) - x * root[1]; \
        t##S half = M(erfc)(a) * (t##S)0.5; \
        t##S share = 1 - rest * (a + M(sqrt)(a * a + (t##S)1.5)); \
        return a > 1 && a < 40 ? half * share : half; } \
    static inline t##S sigmoid_##S(t##S x) { \
        t##S e = M(exp)(-M(fabs)(x)); \
        return (x < 0 ? e : 1) / (1 + e); } \
    static inline t##S remainder_##S(t##S x, t##S y) { \
        t##S r = M(fmod)(x, y); \
        if (y == 0 || r != r) return r; \
        if (r != 0) return (y < 0) != (r < 0) ? r + y : r; \
        return M(copysign)((t##S)0, y); } \
    static inline t##S floor_divide_##S(t##S x, t##S y) { \
        if (y == 0 || x != x || y != y) return x / y; \
        if (M(fabs)(x) == INFINITY || M(fabs)(y) == INFINITY) return M(floor)(x / y); \
        t##S r = M(fmod)(x, y), q = (x - r) / y; \
        if (r != 0 && (y < 0) != (r < 0)) q -= 1; \
        if (q == 0) return M(copysign)((t##S)0, x / y); \
        t##S whole = M(floor)(q); \
        return q - whole > (t##S)0.5 ? whole + 1 : whole; }
FLOATING(f, M_f)
FLOATING(d, M_d)
static inline tl remainder_l(tl x, tl y) {
    if (y == 0 || y == -1) return 0;
    tl r = x % y;
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
static inline tl floor_divide_l(tl x, tl y) {
    if (y == 0) return 0;
    if (y == -1) return (tl)(0 - (uint64_t)x);
    tl q = x / y;
    return q * y != x && (x < 0) != (y < 0) ? q - 1 : q;
}

#define DEF1(S, name, e) DEF1_(S, S, name, e)
#define DEF1B(S, name, e) DEF1_(S, b, name, e)
#define DEF1_(S, R, name, e) static void name##_##S##_v(ARGS) { \
    t##R *d = (t##R *)pd; const t##S *a = (const t##S *)pa; \
    EACH { t##S x = a[i]; d[i] = e; } }
#define DEF2(S, name, e) DEF2_(S, S, name, e)
#define DEF2B(S, name, e) DEF2_(S, b, name, e)
#define DEF2_(S, R, name, e) \
    static void name##_##S##_vv(ARGS) { \
        t##R *d = (t##R *)pd; const t##S *a = (const t##S *)pa, *b = (const t##S *)pb; \
        EACH { t##S x = a[i], y = b[i]; d[i] = e; } } \
    static void name##_##S##_vs(ARGS) { \
        t##R *d = (t##R *)pd; const t##S *a = (const t##S *)pa, y = *(const t##S *)pb; \
        EACH { t##S x = a[i]; d[i] = e; } } \
    static void name##_##S##_sv(ARGS) { \
        t##R *d = (t##R *)pd; const t##S *b = (const t##S *)pb, x = *(const t##S *)pa; \
        EACH { t##S y = b[i]; d[i] = e; } }
UNARY(DEF1, f, M_f)
UNARY(DEF1, d, M_d)
DEF1(l, negative, (tl)(0 - (uint64_t)x))
DEF1(l, abs, (tl)(x < 0 ? 0 - (uint64_t)x : (uint64_t)x))
DEF1(l, square, x * x)
DEF1(l, sign, (x > 0) - (x < 0))
DEF1(b, logical_not, !x)
DEF1(f, move, x) DEF1(d, move, x) DEF1(l, move, x) DEF1(b, move, x)
PREDICATE(DEF1B, f, M_f)
PREDICATE(DEF1B, d, M_d)
BINARY(DEF2, f, M_f)
BINARY(DEF2, d, M_d)
WHOLE(DEF2, l)
COMPARE(DEF2B, f)
COMPARE(DEF2B, d)
COMPARE(DEF2B, l)
COMPARE(DEF2B, b)
LOGICAL(DEF2, b)

/* where: the condition in c, the values in a and b */
#define SELECT(S) SELECT_(S, vv, a[i], b[i]) SELECT_(S, vs, a[i], *b) \
    SELECT_(S, sv, *a, b[i]) SELECT_(S, ss, *a, *b)
#define SELECT_(S, form, u, v) static void where_##S##_##form(ARGS) { \
    t##S *d = (t##S *)pd; const t##S *a = (const t##S *)pa, *b = (const t##S *)pb; \
    const tb *c = (const tb *)pc; t##S x = *a, y = *b; (void)x; (void)y; \
    EACH { d[i] = c[i] ? u : v; } }
SELECT(f) SELECT(d) SELECT(l) SELECT(b)

#define CAST(S, R, e) static void to_##R##_##S##_v(ARGS) { \
    t##R *d = (t##R *)pd; const t##S *a = (const t##S *)pa; \
    EACH { t##S x = a[i]; d[i] = (t##R)(e); } }
CAST(f, d, x) CAST(d, f, x) CAST(l, f, x) CAST(l, d, x) CAST(b, f, x) CAST(b, d, x) CAST(b, l, x)
CAST(f, b, x != 0) CAST(d, b, x != 0) CAST(l, b, x != 0) CAST(f, l, x) CAST(d, l, x)

/* Row operations: n rows of aux[0] elements. */
#define EXPAND(S) static void expand_##S##_v(ARGS) { \
    t##S *d = (t##S *)pd; const t##S *a = (const t##S *)pa; int64_t width = aux[0]; \
    for (long r = 0; r < n; r++) { t##S x = a[r]; \
        _Pragma("omp simd") for (int64_t i = 0; i < width; i++) d[i] = x; \
        d += width; } }
EXPAND(f) EXPAND(d) EXPAND(l) EXPAND(b)

enum { LANES = 32 };
/* A fold of `width` elements in LANES partial results, in the wider type W. */
#define FOLD(S, W, name, start, e) \
    static inline t##W fold_##name##_##S(const t##S *a, int64_t width) { \
        t##W lane[LANES]; int64_t i = 0; \
        for (int j = 0; j < LANES; j++) lane[j] = start; \
        for (; i + LANES <= width; i += LANES) \
            _Pragma("omp simd") for (int j = 0; j < LANES; j++) { \
                t##W m = lane[j], v = a[i + j]; lane[j] = e; } \
        for (; i < width; i++) { t##W m = lane[0], v = a[i]; lane[0] = e; } \
        for (int half = LANES / 2; half; half /= 2) \
            for (int j = 0; j < half; j++) { t##W m = lane[j], v = lane[j + half]; lane[j] = e; } \
        return lane[0]; } \
    static void rows_##name##_##S##_v(ARGS) { \
        t##S *d = (t##S *)pd; const t##S *a = (const t##S *)pa; int64_t width = aux[0]; \
        for (long r = 0; r < n; r++) d[r] = (t##S)fold_##name##_##S(a + r * width, width); }
#define MOST m > v || m != m ? m : v
#define LEAST m < v || m != m ? m : v
FOLD(f, d, sum, 0, m + v) FOLD(d, d, sum, 0, m + v) FOLD(l, l, sum, 0, m + v)
FOLD(f, d, prod, 1, m * v) FOLD(d, d, prod, 1, m * v) FOLD(l, l, prod, 1, m * v)
FOLD(f, f, max, -INFINITY, MOST) FOLD(d, d, max, -INFINITY, MOST) FOLD(l, l, max, INT64_MIN, MOST)
FOLD(f, f, min, INFINITY, LEAST) FOLD(d, d, min, INFINITY, LEAST) FOLD(l, l, min, INT64_MAX, LEAST)

/* A place in C order of a shape: aux is (dimensions, shape, strides of one or two arrays). */
enum { DIMS = 8 };
typedef struct { int64_t left[DIMS]; int64_t at[2]; } Place;
static void place_at(Place *p, const int64_t *aux, int64_t flat, int arrays) {
    int64_t dims = aux[0];
    const int64_t *shape = aux + 1;
    p->at[0] = p->at[1] = 0;
    for (int64_t i = dims - 1; i >= 0; i--) {
        int64_t size = shape[i] ? shape[i] : 1, j = flat % size; /* an empty one has no place */
        flat /= size;
        p->left[i] = size - j;
        for (int k = 0; k < arrays; k++) p->at[k] += j * shape[dims * (k + 1) + i];
    }
}
/* Move on by `run` elements, at most those that are left in the last dimension. */
static inline void advance(Place *p, const int64_t *aux, int64_t run, int arrays) {
    int64_t dims = aux[0], i = dims - 1;
    const int64_t *shape = aux + 1;
    for (int k = 0; k < arrays; k++) p->at[k] += run * shape[dims * (k + 1) + i];
    p->left[i] -= run;
    while (p->left[i] == 0 && i > 0) {
        p->left[i] = shape[i];
        for (int k = 0; k < arrays; k++)
            p->at[k] += shape[dims * (k + 1) + i - 1] - shape[i] * shape[dims * (k + 1) + i];
        p->left[--i]--;
    }
}

/* Add elements to accumulators: a at flat place aux[0] * first and on, strides in elements. */
#define ACCUMULATE(S, W, name, e) static void gather_##name##_##S##_v(ARGS) { \
    t##W *d = (t##W *)pd; const t##S *a = (const t##S *)pa; Place p; \
    const int64_t *shape = aux + 1; int64_t dims = shape[0], step = shape[2 * dims]; \
    place_at(&p, shape, aux[0] * first, 1); \
    while (n > 0) { \
        int64_t run = p.left[dims - 1] < n ? p.left[dims - 1] : n; t##W *q = d + p.at[0]; \
        if (step == 0) { t##W m = *q, v = fold_##name##_##S(a, run); *q = e; } \
        else if (step == 1) { \
            _Pragma("omp simd") for (int64_t i = 0; i < run; i++) { \
                t##W m = q[i], v = a[i]; q[i] = e; } } \
        else for (int64_t i = 0; i < run; i++) { t##W m = q[i * step], v = a[i]; q[i * step] = e; } \
        a += run; n -= run; \
        advance(&p, shape, run, 1); } }
ACCUMULATE(f, d, sum, m + v) ACCUMULATE(d, d, sum, m + v) ACCUMULATE(l, l, sum, m + v)
ACCUMULATE(f, d, prod, m * v) ACCUMULATE(d, d, prod, m * v) ACCUMULATE(l, l, prod, m * v)
ACCUMULATE(f, d, max, MOST) ACCUMULATE(d, d, max, MOST) ACCUMULATE(l, l, max, MOST)
ACCUMULATE(f, d, min, LEAST) ACCUMULATE(d, d, min, LEAST) ACCUMULATE(l, l, min, LEAST)

/* d[...] = a[...] over a shape, strides in elements of both (aux as for place_at). */
#define COPY(S) static void copy_##S##_v(ARGS) { \
    t##S *d = (t##S *)pd; const t##S *a = (const t##S *)pa; Place p; \
    int64_t dims = aux[0], to = aux[2 * dims], from = aux[3 * dims]; \
    place_at(&p, aux, 0, 2); \
    for (int64_t width = aux[dims]; n > 0; n -= width) { \
        t##S *q = d + p.at[0]; const t##S *r = a + p.at[1]; \
        if (to == 1 && from == 1) memcpy(q, r, width * sizeof *d); \
        else if (to == 1 && from == 0) for (int64_t i = 0; i < width; i++) q[i] = *r; \
        else for (int64_t i = 0; i < width; i++) q[i * to] = r[i * from]; \
        advance(&p, aux, width, 2); } }
COPY(f) COPY(d) COPY(l) COPY(b)

/* aux: rows, inner, columns, then the strides of a and b in elements */
#define MATMUL(S) static void matmul_##S##_v(ARGS) { \
    t##S *d = (t##S *)pd; const t##S *a = (const t##S *)pa, *b = (const t##S *)pb; \
    int64_t m = aux[0], inner = aux[1], c = aux[2]; \
    for (int64_t i = 0; i < m; i++) for (int64_t j = 0; j < c; j++) { \
        td total = 0; const t##S *u = a + i * aux[3], *v = b + j * aux[6]; \
        for (int64_t k = 0; k < inner; k++) total += (td)u[k * aux[4]] * v[k * aux[5]]; \
        *d++ = (t##S)total; } }
MATMUL(f) MATMUL(d)

/* Products by a matrix that is packed once. pack: inner, columns, strides of b in elements;
 * product: rows, inner, columns, the stride of the rows of a */
#if defined(__AVX2__) || defined(__aarch64__) /* elsewhere BLAS knows the processor better */
#if defined(__AVX512F__)
#define VECTOR 64
#elif defined(__AVX2__)
#define VECTOR 32
#else
#define VECTOR 16
#endif
#if defined(__AVX512F__) || defined(__aarch64__)
#define REGISTERS 32
#else
#define REGISTERS 16
#endif
#define HELPER static inline __attribute__((always_inline))
#define LOOP static
#define T float
#define F(name) name##_f
#include "../../_backend/_panels.h"
#undef T
#undef F
#define T double
#define F(name) name##_d
#include "../../_backend/_panels.h"
#undef T
#undef F
#define PACKED(S) \
    static void pack_##S##_v(ARGS) { \
        pack_##S((t##S *)pd, (const t##S *)pa, aux[0], aux[1], aux[2], aux[3]); } \
    static void product_##S##_v(ARGS) { \
        product_##S(aux[0], (const t##S *)pa, aux[3], (const t##S *)pb, NULL, (t##S *)pd, aux[2], \
                    aux[1]); }
PACKED(f) PACKED(d)
#define ENTERP(X, S) X(S, pack, 0) X(S, product, 0)
#else
#define ENTERP(X, S)
#endif
