/* What Python calls beside `run`: the LSTM's recurrence and compiled programs. Part of _loops.c. */

#ifdef SWEPT
/* What the arrays of `lstm` hold, forward and backward: Z gates of all rows, R units of all rows,
 * B units of a batch, W the weight; capital letters are written to */
static const char *const swept[] = {"zBBwZRRR", "zrrbrBBZw"};

/* lstm(back, itemsize, n, reverse, sizes, *arrays); sizes are int64 and don't increase */
static PyObject *lstm(PyObject *module, PyObject *const *args, Py_ssize_t nargs) {
    (void)module;
    Py_ssize_t head[4], few[64], *starts = few;
    const char *letters = NULL;
    if (nargs < 5) return PyErr_Format(PyExc_TypeError, "lstm: too few arguments");
    for (int i = 0; i < 4; i++) {
        head[i] = PyLong_AsSsize_t(args[i]);
        if (head[i] == -1 && PyErr_Occurred()) return NULL;
    }
    const Py_ssize_t back = head[0], itemsize = head[1], n = head[2];
    if (back < 0 || back > 1 || (itemsize != 4 && itemsize != 8) || n < 1 || n > 1 << 20 ||
        nargs != 5 + (Py_ssize_t)strlen(letters = swept[back]))
        return PyErr_Format(PyExc_ValueError, "lstm: there is no such loop");
    Py_buffer views[BUFFERS + 1];
    Py_ssize_t held = 0, total = 0;
    PyObject *result = NULL;
    task t = {.n = n, .reverse = head[3] != 0, .back = (int)back};
    char *memory = NULL;
    if (PyObject_GetBuffer(args[4], views + held, PyBUF_SIMPLE) < 0) return NULL;
    held++;
    t.sizes = views[0].buf;
    t.m = views[0].len / 8;
    if (t.m > 64 && !(starts = PyMem_RawMalloc((size_t)t.m * sizeof *starts))) {
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t s = 0; s < t.m; s++) {
        starts[s] = total;
        if (t.sizes[s] < 0 || t.sizes[s] > (s ? t.sizes[s - 1] : 1 << 30)) {
            PyErr_SetString(PyExc_ValueError, "lstm: the sizes increase");
            goto done;
        }
        total += (Py_ssize_t)t.sizes[s];
    }
    t.starts = starts;
    const Py_ssize_t batch = t.m ? (Py_ssize_t)t.sizes[0] : 0;
    for (Py_ssize_t slot = 0; letters[slot]; slot++, held++) {
        const char code = letters[slot];
        if (PyObject_GetBuffer(args[5 + slot], views + held,
                               code < 'a' ? PyBUF_WRITABLE : PyBUF_SIMPLE) < 0)
            goto done;
        const Py_ssize_t rows = (code | 32) == 'z' ? 4 * total : code == 'w' ? 4 * n
                                : (code | 32) == 'b' ? batch : total;
        if (views[held].len / n != rows * itemsize || views[held].len % n ||
            (rows && (uintptr_t)views[held].buf % (size_t)itemsize)) {
            held++;
            PyErr_Format(PyExc_ValueError, "lstm: array %zd does not fit", slot);
            goto done;
        }
        t.data[slot] = views[held].buf;
    }
    /* in panels of at most 128 bytes */
    const size_t row = (size_t)((back ? n : 4 * n) * itemsize + 127) / 128 * 128;
    memory = PyMem_RawMalloc(row * (size_t)(back ? 4 * n : n) + 64);
    if (!memory) {
        PyErr_NoMemory();
        goto done;
    }
    t.weight = t.data[back ? 8 : 3];
    t.packed = memory + 64 - (uintptr_t)memory % 64;
    Py_BEGIN_ALLOW_THREADS
    sweeps[2][itemsize == 8](&t, 0, 0);
    const loop fn = sweeps[back][itemsize == 8];
    /* some rows for each thread, in whole panels, and not so many that they leave the cache */
    Py_ssize_t step = ((batch + threads - 1) / threads + 7) / 8 * 8;
    step = step > 64 ? 64 : step;
    if (threads < 2 || step >= batch || total * n < 4096 / n)
        fn(&t, 0, batch);
    else
        share(fn, &t, batch, step);
    Py_END_ALLOW_THREADS
    result = Py_NewRef(Py_None);
done:
    if (starts != few) PyMem_RawFree(starts);
    PyMem_RawFree(memory);
    while (held > 0) PyBuffer_Release(views + --held);
    return result;
}
#endif

/* A compiled program and the arrays that it takes: their places in a list of values */
typedef struct {
    int (*run)(const void *, char *const *, int64_t);
    const void *program;
    int64_t data, flags, limit, long_; /* where an array's data and flags are; threads; let others run */
    int64_t count, places[];
} launch_plan;

/* launch(plan, values, ndarray): run it; False where an array is not a plain one, and nothing is
 * done, None where an error of floating-point numbers is to be told. Arrays are read where NumPy's binary interface has their data and flags. */
static PyObject *launch(PyObject *module, PyObject *const *args, Py_ssize_t nargs) {
    (void)module;
    char *few[64], **arrays = few;
    if (nargs != 3 || !PyBytes_CheckExact(args[0]) || !PyList_CheckExact(args[1])) {
        PyErr_SetString(PyExc_TypeError, "launch takes bytes, a list and a type");
        return NULL;
    }
    const launch_plan *plan = (const launch_plan *)PyBytes_AS_STRING(args[0]);
    const Py_ssize_t have = PyList_GET_SIZE(args[1]);
    if (plan->count > 64 && !(arrays = PyMem_Malloc((size_t)plan->count * sizeof *arrays)))
        return PyErr_NoMemory();
    int fits = 1, failed = 0;
    for (int64_t i = 0; i < plan->count && fits; i++) {
        const PyObject *x = plan->places[i] < have ? PyList_GET_ITEM(args[1], plan->places[i]) : NULL;
        /* C-contiguous and aligned */
        fits = x && (PyObject *)Py_TYPE(x) == args[2] &&
               (*(const int *)((const char *)x + plan->flags) & 0x101) == 0x101;
        if (fits) arrays[i] = *(char *const *)((const char *)x + plan->data);
    }
    if (fits && plan->long_) {
        Py_BEGIN_ALLOW_THREADS
        failed = plan->run(plan->program, arrays, plan->limit);
        Py_END_ALLOW_THREADS
    } else if (fits)
        failed = plan->run(plan->program, arrays, plan->limit);
    if (arrays != few) PyMem_Free(arrays);
    if (failed == 2) Py_RETURN_NONE;
    return failed ? PyErr_NoMemory() : PyBool_FromLong(fits);
}
