/* Products of a few rows by a matrix that is packed once and used often.
 *
 * Packed, it is panels of two vectors' width that stay in the cache. To be included for each
 * element type T, with F(name) for names of its own, VECTOR the bytes of a vector and REGISTERS how
 * many the processor has. */
#include <stddef.h>
#include <string.h>

#define LANES ((ptrdiff_t)(VECTOR / sizeof(T)))
typedef T F(vector) __attribute__((vector_size(VECTOR), aligned(sizeof(T)), may_alias));
#define LOAD(p) (*(const F(vector) *)(p))

/* to = from + a @ panel for some rows (`from` may be missing); a panel has `inner` rows of two
 * vectors */
#define START(r)                                                                                  \
    F(vector) x##r = from ? LOAD(from + r * ld) : (F(vector)){0},                                 \
              y##r = from ? LOAD(from + r * ld + LANES) : (F(vector)){0};
#define STEP(r) { const T s = a[r * lda + k]; x##r += s * b0; y##r += s * b1; }
#define STORE(r)                                                                                  \
    *(F(vector) *)(to + r * ld) = x##r;                                                           \
    *(F(vector) *)(to + r * ld + LANES) = y##r;
#define PANEL(rows, EACH)                                                                         \
    HELPER void F(panel##rows)(const T *a, ptrdiff_t lda, const T *b, const T *from, T *to,      \
                               ptrdiff_t ld, ptrdiff_t inner) {                                 \
        EACH(START)                                                                               \
        for (ptrdiff_t k = 0; k < inner; k++, b += 2 * LANES) {                                  \
            const F(vector) b0 = LOAD(b), b1 = LOAD(b + LANES);                                   \
            EACH(STEP)                                                                            \
        }                                                                                         \
        EACH(STORE)                                                                               \
    }
#define EACH1(X) X(0)
#define EACH4(X) X(0) X(1) X(2) X(3)
#define EACH8(X) EACH4(X) X(4) X(5) X(6) X(7)
PANEL(1, EACH1)
PANEL(4, EACH4)
#if REGISTERS >= 32
PANEL(8, EACH8)
#endif
#undef START
#undef STEP
#undef STORE
#undef PANEL

HELPER void F(panel)(ptrdiff_t rows, const T *a, ptrdiff_t lda, const T *b, const T *from,
                     T *to, ptrdiff_t ld, ptrdiff_t inner) {
#define SOME(n)                                                                                   \
    for (; rows >= n; rows -= n, a += n * lda, to += n * ld, from = from ? from + n * ld : from)  \
        F(panel##n)(a, lda, b, from, to, ld, inner);
#if REGISTERS >= 32
    SOME(8)
#endif
    SOME(4)
    SOME(1)
#undef SOME
}

/* to = from + a @ b for packed b; `from` may be missing (0), or be `to` */
LOOP void F(product)(ptrdiff_t rows, const T *a, ptrdiff_t lda, const T *b, const T *from, T *to,
                     ptrdiff_t columns, ptrdiff_t inner) {
    const ptrdiff_t width = 2 * LANES;
    T part[8 * 2 * VECTOR / sizeof(T)];
    for (ptrdiff_t j = 0; j < columns; j += width, b += inner * width) {
        const ptrdiff_t n = columns - j < width ? columns - j : width;
        if (n == width) {
            F(panel)(rows, a, lda, b, from ? from + j : from, to + j, columns, inner);
            continue;
        }
        for (ptrdiff_t first = 0; first < rows; first += 8) {
            const ptrdiff_t some = rows - first < 8 ? rows - first : 8;
            memset(part, 0, sizeof part);
            for (ptrdiff_t r = 0; from && r < some; r++)
                memcpy(part + r * width, from + (first + r) * columns + j, n * sizeof(T));
            F(panel)(some, a + first * lda, lda, b, part, part, width, inner);
            for (ptrdiff_t r = 0; r < some; r++)
                memcpy(to + (first + r) * columns + j, part + r * width, n * sizeof(T));
        }
    }
}

/* Pack b, of which b[k][j] lies at k down + j right, into panels; the last is filled up with 0 */
LOOP void F(pack)(T *to, const T *b, ptrdiff_t inner, ptrdiff_t columns, ptrdiff_t down,
                  ptrdiff_t right) {
    const ptrdiff_t width = 2 * LANES, lanes = LANES;
    for (ptrdiff_t j = 0; j < columns; j += width, to += inner * width, b += width * right) {
        const ptrdiff_t some = columns - j < width ? columns - j : width;
        if (some < width) memset(to, 0, (size_t)(inner * width) * sizeof(T));
        if (right == 1)
            for (ptrdiff_t k = 0; k < inner; k++)
                memcpy(to + k * width, b + k * down, (size_t)some * sizeof(T));
        else
            for (ptrdiff_t first = 0; first < inner; first += lanes) /* by lines of the cache */
                for (ptrdiff_t i = 0; i < some; i++)
                    for (ptrdiff_t k = first; k < inner && k < first + lanes; k++)
                        to[k * width + i] = b[i * right + k * down];
    }
}
#undef LOAD
#undef LANES
#undef EACH1
#undef EACH4
#undef EACH8
