/* The machine: runs programs of kernels over blocks that stay in the cache, on a few threads.
 *
 * A program is a list of regions. A region is a list of instructions that run for `rows` rows,
 * some rows (a block) at a time; what passes from one instruction to the next lies in a buffer
 * of the block's size. A region of one row is a straight line over small arrays. It is compiled
 * once for a machine, not once for a program. */
#include <fenv.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "kernels.h"

enum { SCRATCH, CONSTANTS, WORK, TOTALS, OUTSIDE }; /* bases; from OUTSIDE on: arrays, then pointers */

typedef struct { int32_t op, count, aux, unused, base[4], offset[4]; } Instruction;
/* Where a pointer that moves with the rows lies. Gathered ones are copied into the scratch. */
typedef struct {
    int64_t base, offset, row_bytes, gathered, item, scratch, width, aux;
} Pointer;
typedef struct {
    int64_t at, count, kind, base, offset, type; /* type: 0 float, 1 double, 2 int64 */
} Total;
typedef struct {
    int64_t first, last, pointer, pointers, total, totals, rows, block, scratch, total_bytes, threads;
} Region;
typedef struct {
    const Instruction *code;
    const Pointer *pointers;
    const Total *totals;
    const Region *regions;
    const int64_t *aux;
    char *constants;
    int64_t regions_count, outside, told, work, dynamic; /* told: whether errors are */
} Program;
/* The errors of floating-point numbers that NumPy warns of. */
enum { ERRORS = FE_DIVBYZERO | FE_OVERFLOW | FE_INVALID };

#define ENTER(S, R, name) {#name "." #S ".v", name##_##S##_v},
#define ENTER2(S, R, name) {#name "." #S ".vv", name##_##S##_vv}, \
    {#name "." #S ".vs", name##_##S##_vs}, {#name "." #S ".sv", name##_##S##_sv},
#define ENTERW(S) ENTER2(S, S, where) {"where." #S ".ss", where_##S##_ss}, \
    ENTER(S, S, expand) ENTER(S, S, copy)
#define ENTERR(S, W, name) ENTER(S, W, rows_##name) ENTER(S, W, gather_##name)
static const struct { const char *name; Kernel run; } table[] = {
    FORMULAS(ENTER, ENTER2, ENTER, ENTER2) ENTERW(f) ENTERW(d) ENTERW(l) ENTERW(b) REDUCTIONS(ENTERR)
    ENTER(f, f, matmul) ENTER(d, d, matmul) ENTERP(ENTER, f) ENTERP(ENTER, d)
};

const char *machine_kernel(int i) {
    return i < (int)(sizeof table / sizeof *table) ? table[i].name : NULL;
}

static void gather(const Pointer *p, const int64_t *aux, char *to, const char *from,
                   int64_t first, int64_t rows) {
    Place place;
    int64_t n = rows * p->width, dims = aux[0], step = aux[2 * dims];
    place_at(&place, aux, first * p->width, 1);
    while (n > 0) {
        int64_t run = place.left[dims - 1] < n ? place.left[dims - 1] : n;
#define MOVE(T) { T *d = (T *)to; const T *a = (const T *)from + place.at[0]; \
        if (step == 1) memcpy(d, a, run * sizeof(T)); \
        else if (step == 0) for (int64_t i = 0; i < run; i++) d[i] = *a; \
        else for (int64_t i = 0; i < run; i++) d[i] = a[i * step]; }
        if (p->item == 8) MOVE(uint64_t) else if (p->item == 4) MOVE(uint32_t) else MOVE(uint8_t)
        to += run * p->item;
        n -= run;
        advance(&place, aux, run, 1);
    }
}

/* Where totals begin, and those of another chunk (`from`) taken into those in `to`. */
#define KINDS(X, S, to, ...) \
    if (x->kind == 0) X(sum, S, to, __VA_ARGS__) else if (x->kind == 1) X(prod, S, to, __VA_ARGS__) \
    else if (x->kind == 2) X(max, S, to, __VA_ARGS__) else X(min, S, to, __VA_ARGS__)
#define START(name, S, to, unused) \
    for (int64_t i = 0; i < x->count; i++) ((t##S *)(to))[i] = start_##name##_##S();
#define MERGE(name, S, to, from) for (int64_t i = 0; i < x->count; i++) \
    ((t##S *)(to))[i] = take_##name##_##S(((t##S *)(to))[i], ((const t##S *)(from))[i]);
static void start_totals(const Program *p, const Region *r, char *totals) {
    for (const Total *x = p->totals + r->total; x < p->totals + r->total + r->totals; x++) {
        if (x->type == 2) { KINDS(START, l, totals + x->at, 0) }
        else { KINDS(START, d, totals + x->at, 0) }
    }
}
static void merge(const Total *x, char *to, const char *from) {
    if (x->type == 2) { KINDS(MERGE, l, to, from) } else { KINDS(MERGE, d, to, from) }
}

static void finish(const Total *x, const char *from, char *to) {
    if (x->type == 0)
        for (int64_t i = 0; i < x->count; i++) ((float *)to)[i] = (float)((double *)from)[i];
    else memcpy(to, from, x->count * 8);
}

static void run_rows(const Program *p, const Region *r, char **bases, int64_t first, int64_t last) {
    for (int64_t row = first; row < last; row += r->block) {
        int64_t rows = last - row < r->block ? last - row : r->block;
        char **moving = bases + OUTSIDE + p->outside;
        for (int64_t i = 0; i < r->pointers; i++) {
            const Pointer *x = p->pointers + r->pointer + i;
            char *from = bases[x->base] + x->offset;
            if (x->gathered) {
                moving[i] = bases[SCRATCH] + x->scratch;
                gather(x, p->aux + x->aux, moving[i], from, row, rows);
            } else moving[i] = from + row * x->row_bytes;
        }
        for (const Instruction *x = p->code + r->first; x < p->code + r->last; x++)
            table[x->op].run(x->count * rows, bases[x->base[0]] + x->offset[0],
                bases[x->base[1]] + x->offset[1], bases[x->base[2]] + x->offset[2],
                bases[x->base[3]] + x->offset[3], p->aux + x->aux, row);
    }
}

/* The work of a region on several threads: chunks of rows that whoever is free takes next. A
 * helper that starts only when all are taken finds nothing to do, and nobody waits for it. */
typedef struct {
    const Program *program;
    const Region *region;
    atomic_long next, helpers, users, errors;
    long chunks, left;
    int64_t rows; /* of a chunk */
    size_t own, totals;
    char *memory;
    pthread_mutex_t lock;
    pthread_cond_t finished;
} Job;

static void leave(Job *j) {
    if (atomic_fetch_sub(&j->users, 1) != 1) return;
    pthread_mutex_destroy(&j->lock);
    pthread_cond_destroy(&j->finished);
    free(j);
}

static void take_chunks(Job *j, char **bases) {
    for (long i; (i = atomic_fetch_add(&j->next, 1)) < j->chunks;) {
        int64_t first = i * j->rows, last = first + j->rows, rows = j->region->rows;
        bases[TOTALS] = j->memory + i * j->totals;
        start_totals(j->program, j->region, bases[TOTALS]);
        run_rows(j->program, j->region, bases, first, last < rows ? last : rows);
        atomic_fetch_or(&j->errors, fetestexcept(ERRORS));
        pthread_mutex_lock(&j->lock);
        if (--j->left == 0) pthread_cond_signal(&j->finished);
        pthread_mutex_unlock(&j->lock);
    }
}

static void *help(void *given) {
    Job *j = given;
    if (atomic_load(&j->next) < j->chunks)
        take_chunks(j, (char **)(j->memory + j->chunks * j->totals
                                 + atomic_fetch_add(&j->helpers, 1) * j->own));
    leave(j);
    return NULL;
}

static void finish_totals(const Program *p, const Region *r, char **bases, char *from, long chunks,
                          size_t size) {
    for (int64_t i = r->total; i < r->total + r->totals; i++) {
        const Total *x = p->totals + i;
        for (long c = 1; c < chunks; c++) merge(x, from + x->at, from + c * size + x->at);
        finish(x, from + x->at, bases[x->base] + x->offset);
    }
}

static size_t rounded(size_t n) { return (n + 63) / 64 * 64; }

enum { MOST_THREADS = 64, MOST_TOTALS = 1 << 22 };

static int run_region(const Program *p, const Region *r, char **bases, int64_t limit) {
    int64_t blocks = (r->rows + r->block - 1) / r->block, n = r->threads < limit ? r->threads : limit;
    size_t scratch = rounded(r->scratch), totals = rounded(r->total_bytes);
    if (n > blocks) n = blocks;
    if (n > MOST_THREADS) n = MOST_THREADS;
    if (n <= 1) {
        char *memory = scratch + totals ? malloc(scratch + totals + 64) : NULL;
        if (memory == NULL && scratch + totals) return 1;
        bases[SCRATCH] = (char *)rounded((size_t)memory);
        bases[TOTALS] = bases[SCRATCH] + scratch;
        start_totals(p, r, bases[TOTALS]);
        run_rows(p, r, bases, 0, r->rows);
        finish_totals(p, r, bases, bases[TOTALS], 1, 0);
        free(memory);
        return 0;
    }
    int64_t chunks = 8 * n;
    if (chunks > blocks) chunks = blocks;
    if (chunks * totals > MOST_TOTALS) chunks = n;
    int64_t each = (blocks + chunks - 1) / chunks;
    chunks = (blocks + each - 1) / each;
    size_t count = OUTSIDE + p->outside + p->dynamic, table = rounded(count * sizeof(char *));
    Job *j = malloc(sizeof *j + 64 + chunks * totals + n * (table + scratch));
    if (j == NULL) return 1;
    *j = (Job){.program = p, .region = r, .chunks = chunks, .left = chunks,
               .rows = each * r->block, .own = table + scratch, .totals = totals,
               .memory = (char *)rounded((size_t)(j + 1))};
    atomic_init(&j->next, 0);
    atomic_init(&j->helpers, 1);
    atomic_init(&j->errors, 0);
    atomic_init(&j->users, 1);
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->finished, NULL);
    for (int64_t t = 0; t < n; t++) {
        char *own = j->memory + chunks * totals + t * j->own;
        memcpy(own, bases, count * sizeof(char *));
        ((char **)own)[SCRATCH] = own + table;
    }
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    for (int64_t t = 1; t < n; t++) {
        pthread_t thread;
        atomic_fetch_add(&j->users, 1);
        if (pthread_create(&thread, &attributes, help, j)) atomic_fetch_sub(&j->users, 1);
    }
    pthread_attr_destroy(&attributes);
    take_chunks(j, (char **)(j->memory + chunks * totals));
    pthread_mutex_lock(&j->lock);
    while (j->left) pthread_cond_wait(&j->finished, &j->lock);
    pthread_mutex_unlock(&j->lock);
    finish_totals(p, r, bases, j->memory, chunks, totals);
    if (p->told) feraiseexcept((int)atomic_load(&j->errors));
    leave(j);
    return 0;
}

/* Run on arrays whose data pointers are given. 0: done; 1: no memory; 2: done, and there was an
 * error of floating-point numbers that the program is to tell of. */
int machine_run(const Program *p, char *const *arrays, int64_t limit) {
    size_t count = OUTSIDE + p->outside + p->dynamic;
    char *memory = malloc(count * sizeof(char *) + p->work + 64);
    if (memory == NULL) return 1;
    char **bases = (char **)memory;
    bases[SCRATCH] = NULL;
    bases[CONSTANTS] = p->constants;
    bases[WORK] = (char *)(((uintptr_t)memory + count * sizeof(char *) + 63) & ~(uintptr_t)63);
    memcpy(bases + OUTSIDE, arrays, p->outside * sizeof(char *));
    int failed = 0;
    if (p->told) feclearexcept(ERRORS);
    for (int64_t i = 0; i < p->regions_count && !failed; i++)
        failed = run_region(p, p->regions + i, bases, limit);
    free(memory);
    return failed ? failed : p->told && fetestexcept(ERRORS) ? 2 : 0;
}
