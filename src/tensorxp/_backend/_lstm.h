/* The LSTM's recurrence, included by _loops.h once for each element type and instruction set.
 *
 * The rows of a batch don't know each other, so a thread takes some of them through all steps. */

#ifdef SWEPT
#include "_panels.h"

/* Pack the weight (4n, n), forward its transpose */
LOOP void F(lstm_pack)(const task *t, Py_ssize_t start, Py_ssize_t stop) {
    const Py_ssize_t n = t->n;
    (void)start, (void)stop;
    F(pack)(t->packed, t->weight, t->back ? 4 * n : n, t->back ? n : 4 * n, t->back ? n : 1,
            t->back ? 1 : n);
}

#define ROWS_OF(s) ((Py_ssize_t)t->sizes[s] < stop ? (Py_ssize_t)t->sizes[s] : stop)

/* gates, h, c (both on to the last), weight; activated gates, outputs, cells, tanh of cells */
LOOP void F(lstm)(const task *t, Py_ssize_t start, Py_ssize_t stop) {
    const Py_ssize_t n = t->n, n4 = 4 * n;
    const T *gates = t->data[0], *packed = t->packed;
    T *h = t->data[1], *c = t->data[2];
    for (Py_ssize_t i = 0; i < t->m; i++) {
        const Py_ssize_t s = t->reverse ? t->m - 1 - i : i, rows = ROWS_OF(s);
        if (rows <= start) continue;
        const Py_ssize_t at = t->starts[s] + start;
        T *z = (T *)t->data[4] + at * n4;
        F(product)(rows - start, h + start * n, n, packed, gates + at * n4, z, n4, n);
        for (Py_ssize_t r = start; r < rows; r++, z += n4) {
            const Py_ssize_t row = (t->starts[s] + r) * n;
            T *restrict zi = z, *restrict zf = z + n, *restrict zg = zf + n, *restrict zo = zg + n;
            T *restrict state = h + r * n, *restrict cell = c + r * n;
            T *restrict out = (T *)t->data[5] + row, *restrict cells = (T *)t->data[6] + row,
              *restrict squashed = (T *)t->data[7] + row;
            SIMD()
            for (Py_ssize_t j = 0; j < n; j++) {
                const T in = F(sigmoid_of)(zi[j]), keep = F(sigmoid_of)(zf[j]);
                const T g = F(tanh_of)(zg[j]), o = F(sigmoid_of)(zo[j]);
                const T next = keep * cell[j] + in * g, y = F(tanh_of)(next);
                zi[j] = in;
                zf[j] = keep;
                zg[j] = g;
                zo[j] = o;
                cell[j] = cells[j] = next;
                squashed[j] = y;
                state[j] = out[j] = o * y;
            }
        }
    }
}

/* activated gates, cells, tanh of cells, first c, ct of outputs, dh, dc (both on to the first), dz.
 * dh += ct; dc += dh o (1 - y²); dz = (dc g, dc c, dc i, dh y) times the slopes; dc *= f;
 * dh = dz @ weight */
LOOP void F(lstm_back)(const task *t, Py_ssize_t start, Py_ssize_t stop) {
    const Py_ssize_t n = t->n, n4 = 4 * n;
    const T *first = t->data[3], *packed = t->packed;
    T *ct_h = t->data[5], *ct_c = t->data[6];
    for (Py_ssize_t i = t->m - 1; i >= 0; i--) {
        const Py_ssize_t s = t->reverse ? t->m - 1 - i : i, rows = ROWS_OF(s);
        if (rows <= start) continue;
        const Py_ssize_t from = t->reverse ? s + 1 : s - 1; /* the step before in the recurrence */
        T *dz = (T *)t->data[7] + (t->starts[s] + start) * n4, *to = dz;
        for (Py_ssize_t r = start; r < rows; r++, to += n4) {
            const Py_ssize_t row = t->starts[s] + r;
            const int begins = from < 0 || from >= t->m || r >= (Py_ssize_t)t->sizes[from];
            const T *before = begins ? first + r * n
                                     : (const T *)t->data[1] + (t->starts[from] + r) * n;
            const T *z = (const T *)t->data[0] + row * n4, *zf = z + n, *zg = zf + n, *zo = zg + n;
            const T *squashed = (const T *)t->data[2] + row * n, *ct = (const T *)t->data[4] + row * n;
            T *restrict dh = ct_h + r * n, *restrict dc = ct_c + r * n;
            T *restrict di = to, *restrict df = to + n, *restrict dg = df + n, *restrict dout = dg + n;
            SIMD()
            for (Py_ssize_t j = 0; j < n; j++) {
                const T in = z[j], keep = zf[j], g = zg[j], o = zo[j], y = squashed[j];
                const T h = dh[j] + ct[j], d = dc[j] + h * o * (1 - y * y);
                di[j] = d * g * (in - in * in);
                df[j] = d * before[j] * (keep - keep * keep);
                dg[j] = d * in * (1 - g * g);
                dout[j] = h * y * (o - o * o);
                dc[j] = d * keep;
            }
        }
        F(product)(rows - start, dz, n4, packed, NULL, ct_h + start * n, n, n4);
    }
}
#undef ROWS_OF
#endif
