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
#define WIDE 32 /* elements that every vector divides */
#define ARGS long n, char *pd, const char *pa, const char *pb, const char *pc, \
    const int64_t *aux, int64_t first
typedef void (*Kernel)(ARGS);
typedef float tf;
typedef double td;
typedef int64_t tl;
typedef uint8_t tb;
#define FUNCTION static inline __attribute__((always_inline))
#include "formulas.h" /* what operations compute: written by `ir/formulas.py` */

#define ONE(S, R, name) static void name##_##S##_v(ARGS) { \
    t##R *d = (t##R *)pd; const t##S *a = (const t##S *)pa; \
    EACH { d[i] = do_##name##_##S(a[i]); } }
#define TWO(S, R, name) \
    static void name##_##S##_vv(ARGS) { \
        t##R *d = (t##R *)pd; const t##S *a = (const t##S *)pa, *b = (const t##S *)pb; \
        EACH { d[i] = do_##name##_##S(a[i], b[i]); } } \
    static void name##_##S##_vs(ARGS) { \
        t##R *d = (t##R *)pd; const t##S *a = (const t##S *)pa, y = *(const t##S *)pb; \
        EACH { d[i] = do_##name##_##S(a[i], y); } } \
    static void name##_##S##_sv(ARGS) { \
        t##R *d = (t##R *)pd; const t##S *b = (const t##S *)pb, x = *(const t##S *)pa; \
        EACH { d[i] = do_##name##_##S(x, b[i]); } }
/* What calls functions of the library gives equal results for equal elements wherever they stand:
 * a vector's formula and a single number's differ, so that the end of a loop is made a full one. */
#define FILLED(S) static const t##S *filled_##S(t##S *to, const t##S *from, long n) { \
    for (int i = 0; i < WIDE; i++) to[i] = from[i < n ? i : n - 1]; /* no flag of its own */ \
    return to; }
FILLED(f) FILLED(d)
#define FULL(S, R, result) \
    for (; n > 0; n -= WIDE, d += WIDE, a += WIDE) { \
        const t##S *from = n < WIDE ? filled_##S(u, a, n) : a; t##R *to = n < WIDE ? end : d; \
        _Pragma("omp simd") for (int i = 0; i < WIDE; i++) to[i] = result; \
        if (n < WIDE) memcpy(d, end, n * sizeof(t##R)); }
#define CALL1(S, R, name) static void name##_##S##_v(ARGS) { \
    t##R *d = (t##R *)pd, end[WIDE]; const t##S *a = (const t##S *)pa; t##S u[WIDE]; \
    FULL(S, R, do_##name##_##S(from[i])) }
#define CALL2(S, R, name) \
    static void name##_##S##_vv(ARGS) { \
        t##R *d = (t##R *)pd, end[WIDE]; t##S u[WIDE], w[WIDE]; \
        const t##S *a = (const t##S *)pa, *b = (const t##S *)pb; \
        for (; n > 0; n -= WIDE, d += WIDE, a += WIDE, b += WIDE) { \
            const t##S *left = n < WIDE ? filled_##S(u, a, n) : a; \
            const t##S *right = n < WIDE ? filled_##S(w, b, n) : b; \
            t##R *to = n < WIDE ? end : d; \
            _Pragma("omp simd") for (int i = 0; i < WIDE; i++) \
                to[i] = do_##name##_##S(left[i], right[i]); \
            if (n < WIDE) memcpy(d, end, n * sizeof(t##R)); } } \
    static void name##_##S##_vs(ARGS) { \
        t##R *d = (t##R *)pd, end[WIDE]; t##S u[WIDE]; \
        const t##S *a = (const t##S *)pa, y = *(const t##S *)pb; \
        FULL(S, R, do_##name##_##S(from[i], y)) } \
    static void name##_##S##_sv(ARGS) { \
        t##R *d = (t##R *)pd, end[WIDE]; t##S u[WIDE]; \
        const t##S *a = (const t##S *)pb, x = *(const t##S *)pa; \
        FULL(S, R, do_##name##_##S(x, from[i])) }
FORMULAS(ONE, TWO, CALL1, CALL2)

/* where: the condition in c, the values in a and b */
#define SELECT(S) SELECT_(S, vv, a[i], b[i]) SELECT_(S, vs, a[i], *b) \
    SELECT_(S, sv, *a, b[i]) SELECT_(S, ss, *a, *b)
#define SELECT_(S, form, u, v) static void where_##S##_##form(ARGS) { \
    t##S *d = (t##S *)pd; const t##S *a = (const t##S *)pa, *b = (const t##S *)pb; \
    const tb *c = (const tb *)pc; t##S x = *a, y = *b; (void)x; (void)y; \
    EACH { d[i] = c[i] ? u : v; } }
SELECT(f) SELECT(d) SELECT(l) SELECT(b)

/* Row operations: n rows of aux[0] elements. */
#define EXPAND(S) static void expand_##S##_v(ARGS) { \
    t##S *d = (t##S *)pd; const t##S *a = (const t##S *)pa; int64_t width = aux[0]; \
    for (long r = 0; r < n; r++) { t##S x = a[r]; \
        _Pragma("omp simd") for (int64_t i = 0; i < width; i++) d[i] = x; \
        d += width; } }
EXPAND(f) EXPAND(d) EXPAND(l) EXPAND(b)

enum { LANES = 32 };
/* A fold of `width` elements in LANES partial results, in the wider type W. */
#define FOLD(S, W, name) \
    static inline t##W fold_##name##_##S(const t##S *a, int64_t width) { \
        t##W lane[LANES]; int64_t i = 0; \
        for (int j = 0; j < LANES; j++) lane[j] = start_##name##_##W(); \
        for (; i + LANES <= width; i += LANES) \
            _Pragma("omp simd") for (int j = 0; j < LANES; j++) \
                lane[j] = take_##name##_##W(lane[j], a[i + j]); \
        for (; i < width; i++) lane[0] = take_##name##_##W(lane[0], a[i]); \
        for (int half = LANES / 2; half; half /= 2) \
            for (int j = 0; j < half; j++) \
                lane[j] = take_##name##_##W(lane[j], lane[j + half]); \
        return lane[0]; } \
    static void rows_##name##_##S##_v(ARGS) { \
        t##S *d = (t##S *)pd; const t##S *a = (const t##S *)pa; int64_t width = aux[0]; \
        for (long r = 0; r < n; r++) d[r] = (t##S)fold_##name##_##S(a + r * width, width); }
REDUCTIONS(FOLD)

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

/* Take elements into accumulators: a at flat place aux[0] * first and on, strides in elements. */
#define GATHER(S, W, name) static void gather_##name##_##S##_v(ARGS) { \
    t##W *d = (t##W *)pd; const t##S *a = (const t##S *)pa; Place p; \
    const int64_t *shape = aux + 1; int64_t dims = shape[0], step = shape[2 * dims]; \
    place_at(&p, shape, aux[0] * first, 1); \
    while (n > 0) { \
        int64_t run = p.left[dims - 1] < n ? p.left[dims - 1] : n; t##W *q = d + p.at[0]; \
        if (step == 0) *q = take_##name##_##W(*q, fold_##name##_##S(a, run)); \
        else if (step == 1) { \
            _Pragma("omp simd") for (int64_t i = 0; i < run; i++) \
                q[i] = take_##name##_##W(q[i], a[i]); } \
        else for (int64_t i = 0; i < run; i++) \
            q[i * step] = take_##name##_##W(q[i * step], a[i]); \
        a += run; n -= run; \
        advance(&p, shape, run, 1); } }
#define TOTALS_OF(name) GATHER(f, d, name) GATHER(d, d, name) GATHER(l, l, name)
TOTALS_OF(sum) TOTALS_OF(prod) TOTALS_OF(max) TOTALS_OF(min)

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
#define ENTERP(X, S) X(S, S, pack) X(S, S, product)
#else
#define ENTERP(X, S)
#endif
