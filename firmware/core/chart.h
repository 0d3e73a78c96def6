/* Runs state charts that `engine export --to c` has turned into C.
 *
 * One macrostep is W3C SCXML 1.0, Appendix A, as engine/semantics/reference has it. What depends on the chart alone is
 * written out by the exporter: which guards are asked for an event and in which order, which states a transition leaves
 * and enters. Here is what is the same for all charts: the loop, the queue, the timers. No allocation, no recursion, no
 * floating point; every loop is bounded. A machine is used from one thread, and never from inside its own step.
 */
#ifndef CHART_H
#define CHART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef CHART_STATES
#define CHART_STATES 64 /* the most states of a chart, the root included; at most 255 */
#endif
#define CHART_WORDS ((CHART_STATES + 31) / 32)

#define CHART_NONE 255U           /* no state */
#define CHART_MICROSTEPS 1000U    /* of one macrostep; beyond it the chart loops without end */
#define CHART_NEVER INT64_MAX     /* no deadline */
#define CHART_EVENTLESS 0U        /* the trigger of eventless transitions; then the events, then the timers */
#ifndef CHART_ENABLED
#define CHART_ENABLED 16 /* the most transitions of one microstep: one a region */
#endif
#define CHART_NO_TIMER UINT16_MAX /* behind the last one that runs */

/* Numbered assertions: what chart.fault says. A machine with a fault does nothing any more. */
#define CHART_FAULT_INSIDE 101U     /* called from inside its own step */
#define CHART_FAULT_QUEUE 102U      /* more internal events than the export has counted, or could count: NAME_QUEUE */
#define CHART_FAULT_ENDLESS 103U    /* no rest after CHART_MICROSTEPS */
#define CHART_FAULT_NO_INIT 104U    /* called before NAME_init; nobody can be told: look at chart.fault */
#define CHART_FAULT_TIMER 105U      /* a timer that the chart does not have */
#define CHART_FAULT_EVENT 106U      /* an event that the chart does not have */
#define CHART_FAULT_NOT_BEGUN 107U  /* an event before the start */
#define CHART_FAULT_TABLE 108U      /* more states than CHART_STATES of this core */
#define CHART_FAULT_BEGUN 109U      /* begun a second time */

struct chart;

typedef struct {
    uint32_t word[CHART_WORDS];
} chart_set; /* of states, by their number in document order */

typedef void (*chart_block)(struct chart *me);
typedef uint16_t *(*chart_choice)(struct chart *me, uint16_t *all); /* writes transitions to *all; returns their end */

struct chart_transition {
    uint8_t source;
    uint8_t source_last; /* the last state inside the source; the source itself when there is none */
    uint8_t domain;      /* all states inside are left; CHART_NONE: none is */
    uint8_t domain_last;
    uint16_t leaves;  /* block that leaves states; 0: the one that does nothing */
    uint16_t actions; /* block */
    uint16_t enters;  /* block that enters states */
};

struct chart_event {
    uint16_t name; /* its trigger; what it carries follows */
};

struct chart_timer { /* `after` and `poll` */
    int64_t due_ns; /* CHART_NEVER: it does not run */
    uint16_t next;  /* of those that run, by deadline; of equal ones the one set first comes first */
};

/* A chart: constant. */
struct chart_definition {
    uint16_t states;
    uint16_t events; /* triggers 1 … events are events, those after them timers */
    uint16_t timers;
    uint16_t queue;      /* internal events that may wait; there is room for one more, the one in work */
    uint16_t event_size; /* octets of an event with what it may carry */
    uint16_t failure;    /* the event error.execution; 0: no transition hears it */
    uint32_t rounds;     /* of the inner loop: no macrostep has more */
    const chart_choice *choice; /* by trigger: which transitions are enabled */
    const struct chart_transition *transition;
    const chart_block *block;
    chart_block data;   /* gives data their initial values */
    chart_block begin;  /* enters the first states */
    chart_block end;    /* leaves all */
    chart_block forget; /* what was read from adapters counts for one step; NULL: nothing is read */
    chart_block invoke; /* begins the invocations of the states in `starting`; NULL: there are none */
    void (*again)(struct chart *me, uint16_t timer); /* sets a `poll` anew; NULL: there are none */
    void (*error)(struct chart *me, uint16_t place); /* tells of a guard or an action without a value */
    void (*fault)(struct chart *me, uint16_t number); /* an assertion failed */
    void (*done)(struct chart *me);                  /* a top-level final state was reached */
};

/* A machine: the first member of what the exporter writes for a chart. */
struct chart {
    const struct chart_definition *is;
    struct chart_timer *timer;
    uint32_t *told; /* transitions whose guards have failed in this step: told once */
    unsigned char *queue;            /* internal events that wait, a ring */
    const struct chart_event *event; /* the event being processed; NULL: none, or a timer */
    int64_t now_ns;
    chart_set active;
    chart_set starting; /* states whose invocations have not begun */
    uint16_t told_words; /* 0: no guard can fail */
    uint16_t free;    /* of the queue: where the next event goes */
    uint16_t first;   /* of the queue */
    uint16_t waiting;
    uint16_t due;   /* the timer that is due first; CHART_NO_TIMER: none runs */
    uint16_t fired; /* the timer in work, as long as its state is not left */
    uint16_t fault; /* 0: none */
    bool running;
    bool ended;
    bool inside; /* a step is being computed */
    bool failed; /* the expression in work has no value */
    bool any_told;
};

/* Octets that are somewhere else: of a machine, or of its host, where they stay until the step is over. */
struct chart_octets {
    const uint8_t *octet;
    uint16_t length;
};

/* What a host calls through the functions written for its chart. Each runs one macrostep. False: the machine has a fault, or
 * had one before; none runs that has ended. A machine is zeros (`static`) until NAME_init. */
bool chart_begin(struct chart *me, int64_t now_ns);
bool chart_process(struct chart *me, const struct chart_event *event, int64_t now_ns);
void chart_fire(struct chart *me, uint16_t timer, int64_t now_ns);
bool chart_expire(struct chart *me, int64_t now_ns);
void chart_finish(struct chart *me, int64_t now_ns);
int64_t chart_deadline_ns(const struct chart *me);

static inline bool chart_in(const struct chart *me, uint8_t state)
{
    return ((me->active.word[state / 32U] >> (state % 32U)) & 1U) != 0U;
}

/* What the functions written for a chart call. */
void chart_signal(struct chart *me, uint16_t name); /* raises an event that carries nothing */
void chart_raise(struct chart *me, const struct chart_event *event);
bool chart_failure(struct chart *me, uint16_t place);
bool chart_holds(struct chart *me, bool value, uint16_t place);
bool chart_decided(struct chart *me, bool value, uint16_t transition, uint16_t place);
uint16_t *chart_compete(const struct chart *me, uint16_t *first, uint16_t *end, uint16_t transition);
void chart_start(struct chart *me, uint16_t timer, int64_t delay_ns);
void chart_start_checked(struct chart *me, uint16_t timer, int64_t delay_ns, uint16_t place);
void chart_stop(struct chart *me, uint16_t timer);
void chart_nothing(struct chart *me); /* the block of what has none */
uint16_t *chart_none(struct chart *me, uint16_t *all); /* the choice where nothing is heard */
void chart_assert(struct chart *me, bool holds, uint16_t number);

#ifdef CHART_TRACE
/* A trace point, for tests: a transition was taken. */
void chart_trace(const struct chart *me, uint16_t transition);
#endif

#endif
