/* Loops over arrays: the kernels of _loops.h for each element type and instruction set, a pool of
 * threads that share a long one, and `run`, through which Python calls them by number.
 *
 * Arrays come by the buffer protocol, so nothing here depends on NumPy. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef _WIN32
#include <pthread.h>
#include <signal.h>
#endif

#define BUFFERS 9
#define NUMBERS 8
#define WIDTH 16384  /* elements of a block of a row */
#define COLUMNS 512  /* columns of a block */
#define GROUP 32     /* rows of a group */
#define SERIAL 32768 /* elements below which one thread does all */

typedef struct {
    void *data[BUFFERS];
    double number[NUMBERS];
    Py_ssize_t n, m; /* rows and their length */
    int *wrong;      /* set where an index is out of bounds */
    /* of a recurrence of m steps and n units: the weight, and each step's rows and their first */
    const void *weight;
    void *packed;
    const int64_t *sizes;
    const Py_ssize_t *starts;
    int reverse, back;
} task;

typedef void (*loop)(const task *, Py_ssize_t, Py_ssize_t);

/* What a unit of work is, and how large each buffer: N n·m elements, R n, M m, I n int64,
 * B a double per block of a row, O a double per row, D a double per column, G m elements per
 * group of rows.
 * Capital letters are written to; a `?` behind one says that it may be None. */
#define TABLE                                                                                     \
    ENTRY(erf, 'e', "Nn")                                                                         \
    ENTRY(sigmoid, 'e', "Nn")                                                                     \
    ENTRY(relu, 'e', "Nn")                                                                        \
    ENTRY(relu_slope, 'e', "Nnn?")                                                                \
    ENTRY(gelu, 'e', "Nn")                                                                        \
    ENTRY(gelu_slope, 'e', "Nnn?")                                                                \
    ENTRY(gelu_tanh, 'e', "Nn")                                                                   \
    ENTRY(gelu_tanh_slope, 'e', "Nnn?")                                                           \
    ENTRY(softmax, 'r', "Nn")                                                                     \
    ENTRY(log_softmax, 'r', "Nn")                                                                 \
    ENTRY(softmax_back, 'r', "Nnn")                                                               \
    ENTRY(log_softmax_back, 'r', "Nnn")                                                           \
    ENTRY(logsumexp, 'r', "RRRn")                                                                 \
    ENTRY(shares, 'r', "Nnrr")                                                                    \
    ENTRY(cross_entropy, 'r', "RRRnir")                                                           \
    ENTRY(cross_entropy_back, 'r', "Nnrrir")                                                      \
    ENTRY(sum_rows, 'b', "Bn")                                                                    \
    ENTRY(moments_rows, 'b', "BBn")                                                               \
    ENTRY(sum_columns, 'c', "Dn")                                                                 \
    ENTRY(dot_rows, 'b', "Bnn")                                                                   \
    ENTRY(dot_columns, 'c', "Dnn")                                                                \
    ENTRY(moments_columns, 'c', "DDn")                                                            \
    ENTRY(scale_rows, 'r', "Nnorr")                                                               \
    ENTRY(scale_columns, 'r', "Nndmm")                                                            \
    ENTRY(layer_norm, 'r', "NRRnm?m?")                                                            \
    ENTRY(layer_norm_back, 'g', "NGGnnrrm?")                                                      \
    ENTRY(sgd, 'e', "NN?n")                                                                       \
    ENTRY(adam, 'e', "NNNN?n")

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#define PRAGMA(x) _Pragma(#x)
#define SIMD(x) PRAGMA(omp simd x)
#else
#define INLINE static inline
#define SIMD(x)
#endif
#if defined(_MSC_VER)
#define restrict __restrict
#endif

#if defined(__GNUC__) && !defined(__APPLE__) /* whose BLAS has a unit for matrices */
#define SWEPT
#endif

/* The kernels, for the instruction sets of x86-64 or for the compiler's own choice */

#define JOIN(a, b, c) a##_##b##c
#define NAME(a, b, c) JOIN(a, b, c)
#define F(name) NAME(name, TYPE, SET)
#define HELPER INLINE TARGET
#define LOOP static TARGET

#if defined(__x86_64__) && defined(__GNUC__) && !defined(PLAIN)
#define DISPATCH

#define SET v3
#define VECTOR 32
#define REGISTERS 16
#define TARGET __attribute__((target("avx2,fma")))
#define SINGLE 1
#define TYPE f
#include "_loops.h"
#undef SINGLE
#undef TYPE
#define SINGLE 0
#define TYPE d
#include "_loops.h"
#undef SINGLE
#undef TYPE
#undef SET
#undef TARGET
#undef VECTOR
#undef REGISTERS

#define SET v4
#define VECTOR 64
#define REGISTERS 32
#if defined(__clang__)
#define TARGET __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")))
#else
#define TARGET                                                                                    \
    __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,prefer-vector-width=512")))
#endif
#define SINGLE 1
#define TYPE f
#include "_loops.h"
#undef SINGLE
#undef TYPE
#define SINGLE 0
#define TYPE d
#include "_loops.h"
#undef SINGLE
#undef TYPE
#undef SET
#undef TARGET
#undef VECTOR
#undef REGISTERS

#else

#define SET plain
#define VECTOR 16
#ifdef __aarch64__
#define REGISTERS 32
#else
#define REGISTERS 16
#endif
#define TARGET
#define SINGLE 1
#define TYPE f
#include "_loops.h"
#undef SINGLE
#undef TYPE
#define SINGLE 0
#define TYPE d
#include "_loops.h"
#undef SINGLE
#undef TYPE
#undef SET
#undef TARGET
#undef VECTOR
#undef REGISTERS
#endif

typedef struct {
    const char *name;
    char unit;
    const char *buffers;
} entry;

#define ENTRY(name, unit, buffers) {#name, unit, buffers},
static const entry entries[] = {TABLE};
#undef ENTRY
#define COUNT ((Py_ssize_t)(sizeof entries / sizeof entries[0]))

static loop const (*loops)[2];
static loop const (*sweeps)[2]; /* of the LSTM: forward, backward, packing */
static const char *instructions = "";

#ifdef SWEPT
#define SWEEPS(set)                                                                               \
    static loop const set##_sweeps[][2] = {                                                       \
        {lstm_f##set, lstm_d##set}, {lstm_back_f##set, lstm_back_d##set},                         \
        {lstm_pack_f##set, lstm_pack_d##set}};
#define TAKE(set) (loops = set, sweeps = set##_sweeps)
#else
#define SWEEPS(set)
#define TAKE(set) (loops = set)
#endif

#ifdef DISPATCH
#define ENTRY(name, unit, buffers) {name##_fv3, name##_dv3},
static loop const v3[][2] = {TABLE};
SWEEPS(v3)
#undef ENTRY
#define ENTRY(name, unit, buffers) {name##_fv4, name##_dv4},
static loop const v4[][2] = {TABLE};
SWEEPS(v4)
#undef ENTRY

/* Take the widest instructions that the processor has, at most AVX2 where `wide` is 0 */
static void choose(int wide) {
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return;
    TAKE(v3);
    instructions = "avx2";
    if (wide && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")) {
        TAKE(v4);
        instructions = "avx512";
    }
}
#else
#define ENTRY(name, unit, buffers) {name##_fplain, name##_dplain},
static loop const plain[][2] = {TABLE};
SWEEPS(plain)
#undef ENTRY

static void choose(int wide) {
    (void)wide;
    TAKE(plain);
    instructions = "plain";
}
#endif

/* The pool: threads that wait for a job and take pieces of it, as the caller does too. A caller
 * that finds it taken works alone. A forked child starts with no threads, and makes its own. */

static int threads = 1;

#ifndef _WIN32
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t some_work = PTHREAD_COND_INITIALIZER, all_done = PTHREAD_COND_INITIALIZER;
static int started = 0, taken = 0;

static struct {
    loop fn;
    const task *t;
    Py_ssize_t units, step, next, pending; /* pending: pieces begun and not finished */
} job;

/* Do pieces while there are any; called, and left, with the lock held */
static void work(void) {
    while (job.next < job.units) {
        const loop fn = job.fn;
        const task *t = job.t;
        const Py_ssize_t start = job.next, rest = job.units - start;
        const Py_ssize_t stop = start + (rest < job.step ? rest : job.step);
        job.next = stop;
        job.pending++;
        pthread_mutex_unlock(&lock);
        fn(t, start, stop);
        pthread_mutex_lock(&lock);
        if (--job.pending == 0 && job.next >= job.units) pthread_cond_signal(&all_done);
    }
}

static void *serve(void *unused) {
    (void)unused;
    pthread_mutex_lock(&lock);
    for (;;) {
        work();
        pthread_cond_wait(&some_work, &lock);
    }
    return NULL;
}

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void in_parent(void) { pthread_mutex_unlock(&lock); }
static void in_child(void) {
    pthread_mutex_init(&lock, NULL);
    pthread_cond_init(&some_work, NULL);
    pthread_cond_init(&all_done, NULL);
    started = taken = 0;
    job.next = job.units = job.pending = 0;
}

static void start_threads(void) {
    sigset_t all, before;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes)) return;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all); /* signals are for Python's own threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (started < threads - 1) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, serve, NULL)) break;
        started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
}

static void share(loop fn, const task *t, Py_ssize_t units, Py_ssize_t step) {
    pthread_mutex_lock(&lock);
    if (taken) {
        pthread_mutex_unlock(&lock);
        fn(t, 0, units);
        return;
    }
    taken = 1;
    start_threads();
    job.fn = fn;
    job.t = t;
    job.units = units;
    job.step = step;
    job.next = job.pending = 0;
    for (int i = 1; i < threads; i++) pthread_cond_signal(&some_work);
    work();
    while (job.pending) pthread_cond_wait(&all_done, &lock);
    job.units = job.next = 0;
    taken = 0;
    pthread_mutex_unlock(&lock);
}
#else
static void share(loop fn, const task *t, Py_ssize_t units, Py_ssize_t step) {
    (void)step;
    fn(t, 0, units);
}
#endif

/* Elements, or units, for each letter of the table */
static Py_ssize_t amount(char letter, Py_ssize_t n, Py_ssize_t m) {
    switch (letter | 32) {
    case 'n':
    case 'e': return n * m;
    case 'r':
    case 'o':
    case 'i': return n;
    case 'm':
    case 'd': return m;
    case 'b': return n * ((m + WIDTH - 1) / WIDTH);
    case 'c': return (m + COLUMNS - 1) / COLUMNS;
    case 'g': return (n + GROUP - 1) / GROUP;
    }
    return 0;
}

static size_t width(char letter, Py_ssize_t itemsize) {
    return strchr("iIbBdDoO", letter) ? 8 : (size_t)itemsize;
}

/* run(loop, itemsize, n, m, *buffers, *numbers) */
static PyObject *run(PyObject *module, PyObject *const *args, Py_ssize_t nargs) {
    (void)module;
    Py_ssize_t head[4];
    if (nargs < 4) {
        PyErr_SetString(PyExc_TypeError, "run: too few arguments");
        return NULL;
    }
    for (int i = 0; i < 4; i++) {
        head[i] = PyLong_AsSsize_t(args[i]);
        if (head[i] == -1 && PyErr_Occurred()) return NULL;
    }
    const Py_ssize_t which = head[0], itemsize = head[1], n = head[2], m = head[3];
    if (which < 0 || which >= COUNT || (itemsize != 4 && itemsize != 8) || n < 0 || m < 0 ||
        (m && n > PY_SSIZE_T_MAX / 16 / m)) {
        PyErr_SetString(PyExc_ValueError, "run: there is no such loop");
        return NULL;
    }
    int wrong = 0, held = 0;
    task t = {.n = n, .m = m, .wrong = &wrong};
    Py_ssize_t next = 4, slot = 0;
    for (const char *letter = entries[which].buffers; *letter; letter++) next += *letter != '?';
    for (int i = 0; next < nargs && i < NUMBERS; i++) {
        t.number[i] = PyFloat_AsDouble(args[next++]);
        if (t.number[i] == -1.0 && PyErr_Occurred()) return NULL;
    }
    next = 4;
    Py_buffer views[BUFFERS];
    PyObject *result = NULL;
    for (const char *letter = entries[which].buffers; *letter; letter++, slot++) {
        PyObject *array = next < nargs ? args[next++] : NULL;
        const char code = *letter;
        const int optional = letter[1] == '?';
        letter += optional;
        if (optional && array == Py_None) continue;
        if (!array || PyObject_GetBuffer(array, views + held,
                                         code < 'a' ? PyBUF_WRITABLE : PyBUF_SIMPLE) < 0) {
            if (!array) PyErr_SetString(PyExc_TypeError, "run: a buffer is missing");
            goto done;
        }
        t.data[slot] = views[held].buf;
        const size_t size = width(code, itemsize);
        const Py_ssize_t length = amount(code, n, m) * ((code | 32) == 'g' ? m : 1);
        const int fits = views[held].len == length * (Py_ssize_t)size;
        held++;
        if (!fits || (length && (uintptr_t)t.data[slot] % size)) {
            PyErr_Format(PyExc_ValueError, "run: buffer %zd of %s does not fit", slot,
                         entries[which].name);
            goto done;
        }
    }
    const loop fn = loops[which][itemsize == 8];
    const Py_ssize_t units = amount(entries[which].unit, n, m);
    if (n && m && units) {
        if (n * m < 2048)
            fn(&t, 0, units);
        else {
            Py_BEGIN_ALLOW_THREADS
            /* pieces of at least 8192 elements, and not many more than threads */
            const Py_ssize_t each = n * m / units;
            Py_ssize_t step = 8192 / (each ? each : 1), even = units / (6 * threads);
            step = step > even ? step : even;
            if (threads < 2 || n * m < SERIAL || step >= units)
                fn(&t, 0, units);
            else
                share(fn, &t, units, step > 0 ? step : 1);
            Py_END_ALLOW_THREADS
        }
    }
    if (wrong)
        PyErr_SetString(PyExc_IndexError, "a target is out of bounds");
    else
        result = Py_NewRef(Py_None);
done:
    while (held > 0) PyBuffer_Release(views + --held);
    return result;
}

#include "_calls.h"

static PyObject *set_threads(PyObject *module, PyObject *value) {
    (void)module;
    const long asked = PyLong_AsLong(value);
    if (asked == -1 && PyErr_Occurred()) return NULL;
    const int before = threads;
    threads = asked < 1 ? 1 : asked > 64 ? 64 : (int)asked;
    return PyLong_FromLong(before);
}

static PyObject *set_wide(PyObject *module, PyObject *value) {
    (void)module;
    const int wide = PyObject_IsTrue(value);
    if (wide < 0) return NULL;
    choose(wide);
    return PyUnicode_FromString(instructions);
}

/* What small arrays are reduced to: NumPy's set-up costs more than its work. */
enum { SUM, PROD, MEAN, MAX, MIN, VAR, STD, NORM, ALL, ANY };
static PyObject *empty, *truth; /* numpy.empty, and the dtype of truth values */
static int small_on = 1;

/* The sum in the order of NumPy's: eight running totals, joined in pairs. */
static double small_total(const double *a, Py_ssize_t n) {
    double part[8] = {0}, total;
    Py_ssize_t i;
    for (i = 0; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++) part[k] += a[i + k];
    total = ((part[0] + part[1]) + (part[2] + part[3])) +
            ((part[4] + part[5]) + (part[6] + part[7]));
    for (; i < n; i++) total += a[i];
    return total;
}

/* `a` is overwritten; `highest` is the largest number of its dtype, which a mean's sum must keep. */
static double reduced(int kind, double *a, Py_ssize_t n, double freedom, double highest) {
    double found = a[0];
    Py_ssize_t i;
    switch (kind) {
    case SUM: return small_total(a, n);
    case MEAN:
        found = small_total(a, n);
        return fabs(found) > highest ? copysign(INFINITY, found) : found / (double)n;
    case PROD:
        for (i = 1; i < n; i++) found *= a[i];
        return found;
    case MAX: /* NaN stays */
        for (i = 1; i < n && found == found; i++)
            if (!(a[i] <= found)) found = a[i];
        return found;
    case MIN:
        for (i = 1; i < n && found == found; i++)
            if (!(a[i] >= found)) found = a[i];
        return found;
    case VAR:
    case STD:
        found = small_total(a, n) / (double)n;
        for (i = 0; i < n; i++) a[i] = (a[i] - found) * (a[i] - found);
        found = small_total(a, n) / freedom;
        return kind == STD ? sqrt(found) : found;
    case NORM:
        for (i = 0; i < n; i++) a[i] *= a[i];
        return sqrt(small_total(a, n));
    case ALL:
        for (i = 0; i < n; i++)
            if (a[i] == 0) return 0;
        return 1;
    default:
        for (i = 0; i < n; i++)
            if (a[i] != 0) return 1;
        return 0;
    }
}

static double element(const Py_buffer *view, Py_ssize_t i) {
    const char type = *view->format;
    return type == 'd'   ? ((const double *)view->buf)[i]
           : type == 'f' ? (double)((const float *)view->buf)[i]
                         : (double)((const char *)view->buf)[i];
}

/* small(kind, x, axis, keepdims, correction=0): a reduction of a small contiguous NumPy array in
   double precision, over all axes (None) or neighbours in a tuple; None for anything else, and
   for what overflows, of which NumPy warns. */
static PyObject *small(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    Py_buffer view, target;
    PyObject *dtype = NULL, *shape = NULL, *out = NULL;
    Py_ssize_t first = 0, last, outer = 1, m = 1, inner = 1, i, j, k;
    double correction = 0, highest, row[1024];
    int kind, keepdims, truths, fits = 1;
    (void)module;
    if (!small_on || count < 4 || !PyBool_Check(args[3])) Py_RETURN_NONE;
    kind = (int)PyLong_AsLong(args[0]);
    keepdims = args[3] == Py_True;
    if (count > 4) correction = PyFloat_AsDouble(args[4]);
    if (PyErr_Occurred() ||
        PyObject_GetBuffer(args[1], &view, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS) < 0) {
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    truths = kind == ALL || kind == ANY;
    if (!view.format || !*view.format || view.format[1] || view.len > 1024 || !view.len ||
        !strchr(truths ? "df?" : "df", *view.format))
        goto done;
    highest = *view.format == 'f' ? FLT_MAX : DBL_MAX;
    last = view.ndim;
    if (args[2] != Py_None) {
        if (!PyTuple_Check(args[2]) || !(k = PyTuple_GET_SIZE(args[2]))) goto done;
        for (i = 0; i < k; i++) {
            j = PyLong_AsSsize_t(PyTuple_GET_ITEM(args[2], i));
            if (!i) first = j;
            if (j != first + i || j < 0 || j >= view.ndim) goto done;
        }
        last = first + k;
    }
    for (i = 0; i < view.ndim; i++) *(i < first ? &outer : i < last ? &m : &inner) *= view.shape[i];
    if ((kind == VAR || kind == STD) && !((double)m > correction)) goto done;
    shape = PyTuple_New(keepdims ? view.ndim : view.ndim - (last - first));
    if (!shape) goto done;
    for (i = k = 0; i < view.ndim; i++) {
        const int gone = first <= i && i < last;
        if (gone && !keepdims) continue;
        PyTuple_SET_ITEM(shape, k++, PyLong_FromSsize_t(gone ? 1 : view.shape[i]));
    }
    dtype = truths ? Py_NewRef(truth) : PyObject_GetAttrString(args[1], "dtype");
    if (dtype) out = PyObject_Vectorcall(empty, (PyObject *[]){shape, dtype}, 2, NULL);
    if (!out) goto done;
    if (Py_TYPE(out) != Py_TYPE(args[1]) || PyObject_GetBuffer(out, &target, PyBUF_WRITABLE) < 0) {
        Py_CLEAR(out);
        goto done;
    }
    for (i = 0; i < outer; i++)
        for (j = 0; j < inner; j++) {
            double found;
            for (k = 0; k < m; k++) row[k] = element(&view, (i * m + k) * inner + j);
            found = reduced(kind, row, m, (double)m - correction, highest);
            if (truths) ((char *)target.buf)[i * inner + j] = (char)found;
            else if (*view.format == 'd') ((double *)target.buf)[i * inner + j] = found;
            else ((float *)target.buf)[i * inner + j] = (float)found;
            if (kind <= NORM && kind != MAX && kind != MIN && !(fabs(found) <= highest)) {
                for (k = 0; k < m && fabs(element(&view, (i * m + k) * inner + j)) <= highest;) k++;
                if (k == m) fits = 0;
            }
        }
    PyBuffer_Release(&target);
    if (!fits) Py_CLEAR(out);
done:
    PyBuffer_Release(&view);
    Py_XDECREF(shape);
    Py_XDECREF(dtype);
    if (PyErr_Occurred()) {
        Py_XDECREF(out);
        return NULL;
    }
    return out ? out : Py_NewRef(Py_None);
}

static PyObject *set_small(PyObject *module, PyObject *value) {
    (void)module;
    const int before = small_on;
    small_on = PyObject_IsTrue(value);
    return PyBool_FromLong(before);
}

static PyMethodDef methods[] = {
    {"launch", (PyCFunction)(void (*)(void))launch, METH_FASTCALL,
     "Run a compiled program: launch(plan, values, ndarray)."},
    {"small", (PyCFunction)(void (*)(void))small, METH_FASTCALL,
     "Reduce a small array: small(kind, x, axis, keepdims, correction=0), or return None."},
    {"set_small", set_small, METH_O, "Choose whether `small` works; return the last choice."},
    {"run", (PyCFunction)(void (*)(void))run, METH_FASTCALL,
     "Run a loop by number on buffers: run(loop, itemsize, n, m, *buffers, *numbers)."},
#ifdef SWEPT
    {"lstm", (PyCFunction)(void (*)(void))lstm, METH_FASTCALL,
     "Run the recurrence of an LSTM: lstm(back, itemsize, n, reverse, sizes, *arrays)."},
#endif
    {"set_threads", set_threads, METH_O, "Set how many threads share a loop; return the last."},
    {"set_wide", set_wide, METH_O,
     "Choose whether AVX-512 is used where the processor has it; return what is used."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_loops", "Loops over arrays.", -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__loops(void) {
    choose(1);
    if (!loops) { /* older x86 processors are left to NumPy */
        PyErr_SetString(PyExc_ImportError, "the loops need a processor with AVX2");
        return NULL;
    }
    PyObject *numpy = PyImport_ImportModule("numpy");
    if (!numpy) return NULL;
    empty = PyObject_GetAttrString(numpy, "empty");
    truth = PyObject_GetAttrString(numpy, "bool");
    Py_DECREF(numpy);
    PyObject *module = empty && truth ? PyModule_Create(&definition) : NULL;
    if (!module) return NULL;
    PyObject *names = PyTuple_New(COUNT);
    for (Py_ssize_t i = 0; names && i < COUNT; i++) {
        PyObject *name = PyUnicode_FromString(entries[i].name);
        if (!name) Py_CLEAR(names);
        else PyTuple_SET_ITEM(names, i, name);
    }
    if (!names || PyModule_AddObjectRef(module, "NAMES", names) < 0 ||
        PyModule_AddIntConstant(module, "WIDTH", WIDTH) < 0 ||
        PyModule_AddIntConstant(module, "GROUP", GROUP) < 0) {
        Py_XDECREF(names);
        Py_DECREF(module);
        return NULL;
    }
    Py_DECREF(names);
#ifndef _WIN32
    pthread_atfork(before_fork, in_parent, in_child);
#endif
    return module;
}
