/* Runs state charts that `engine export --to c` has turned into constant tables.
 *
 * One macrostep is W3C SCXML 1.0, Appendix A, as engine/semantics/reference has it. No allocation, no recursion, no
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

#define CHART_NONE 255U         /* no state */
#define CHART_MICROSTEPS 1000U  /* of one macrostep; beyond it the chart loops without end */
#define CHART_NEVER INT64_MAX   /* no deadline */
#define CHART_EVENTLESS 0U      /* the trigger of eventless transitions; then the events, then the timers */
#define CHART_ENABLED 16U       /* the most transitions of one microstep: one a region */

/* Numbered assertions: what chart.fault says. A machine with a fault does nothing any more. */
#define CHART_FAULT_INSIDE 101U     /* called from inside its own step */
#define CHART_FAULT_QUEUE 102U      /* more internal events than the chart can have */
#define CHART_FAULT_ENDLESS 103U    /* no rest after CHART_MICROSTEPS */
#define CHART_FAULT_ENABLED 104U    /* more transitions at once than CHART_ENABLED */
#define CHART_FAULT_TIMER 105U      /* a timer that the chart does not have */
#define CHART_FAULT_EVENT 106U      /* an event that the chart does not have */
#define CHART_FAULT_NOT_BEGUN 107U  /* an event before the start */
#define CHART_FAULT_TABLE 108U      /* a table that does not fit CHART_STATES */

struct chart;

typedef struct {
    uint32_t word[CHART_WORDS];
} chart_set; /* of states, by their number in document order */

typedef bool (*chart_guard)(struct chart *me);
typedef void (*chart_block)(struct chart *me);
typedef int64_t (*chart_delay)(struct chart *me);

enum chart_kind { CHART_ATOMIC, CHART_COMPOUND, CHART_PARALLEL, CHART_FINAL };

struct chart_state {
    uint8_t parent; /* CHART_NONE: the root */
    uint8_t last;   /* the last state inside; itself when there is none */
    uint8_t kind;
    uint8_t timers; /* how many it has, from first_timer on */
    uint16_t first_timer;
    uint16_t entry; /* block, 0: none */
    uint16_t exit;
    uint16_t invoke; /* block that starts its invocations */
    uint16_t cancel; /* block that ends them */
    uint16_t output; /* block that tells the output of a top-level final state */
};

struct chart_transition {
    uint8_t source;
    uint8_t domain; /* all states inside are left; CHART_NONE: none is */
    uint16_t entered; /* the set of states that are entered */
    uint16_t guard;   /* 0: none */
    uint16_t actions; /* block, 0: none */
    uint16_t place;   /* in the YAML, for a guard without a value */
};

struct chart_clock { /* `after` and `poll` */
    chart_delay delay;
    uint16_t place;
    uint8_t state;
    bool periodic; /* it starts again unless its expiry leaves the state */
};

struct chart_heard {
    uint16_t transition;
    uint16_t source; /* the same as in its row */
};

struct chart_trigger {
    uint16_t first; /* of the list `heard`: transitions in document order, so their sources rise */
    uint16_t count;
    chart_set sources; /* the sources of these */
    chart_set atoms;   /* the atomic states from which one of them is reached */
};

struct chart_event {
    uint16_t name; /* its trigger; what it carries follows */
};

struct chart_timer {
    int64_t due_ns; /* CHART_NEVER: it does not run */
    uint32_t sequence; /* of equal deadlines the one set first comes first */
};

/* A chart: constant. */
struct chart_definition {
    uint16_t states;
    uint16_t events; /* triggers 1 … events are events, those after them timers */
    uint16_t timers;
    uint16_t transitions;
    uint16_t queue;      /* internal events that may wait */
    uint16_t event_size; /* octets of an event with what it may carry */
    uint16_t failure;    /* the event error.execution; 0: no transition hears it */
    uint16_t initial;    /* the set of states entered first */
    chart_set atomic;
    const struct chart_state *state;
    const struct chart_transition *transition;
    const struct chart_trigger *trigger;
    const struct chart_heard *heard;
    const chart_set *set;
    const chart_guard *guard;
    const chart_block *block;
    const struct chart_clock *clock;
    chart_block data;    /* gives data their initial values */
    chart_block forget;  /* what was read from adapters counts for one step; NULL: nothing is read */
    void (*error)(struct chart *me, uint16_t place); /* tells of a guard or an action without a value */
    void (*fault)(struct chart *me, uint16_t number); /* an assertion failed */
    void (*done)(struct chart *me);                  /* a top-level final state was reached */
};

/* A machine: the first member of what the exporter writes for a chart. */
struct chart {
    const struct chart_definition *is;
    struct chart_timer *timer;
    uint32_t *told; /* transitions whose guards have failed in this step: told once */
    uint16_t told_words;
    unsigned char *queue;         /* internal events that wait, a ring */
    unsigned char *taken;         /* the one being processed */
    const struct chart_event *event; /* the event being processed; NULL: none, or a timer */
    int64_t now_ns;
    chart_set active;
    chart_set starting; /* states whose invocations have not begun */
    uint32_t sequence;
    uint16_t first; /* of the queue */
    uint16_t waiting;
    uint16_t fault;  /* 0: none */
    bool running;
    bool ended;
    bool inside; /* a step is being computed */
    bool failed; /* the expression in work has no value */
    bool any;    /* whether a state was active that hears the event */
};

/* Octets that are somewhere else: of a machine, or of its host, where they stay until the step is over. */
struct chart_octets {
    const uint8_t *octet;
    uint16_t length;
};

/* What a host calls through the functions written for its chart. Each runs one macrostep. */
bool chart_begin(struct chart *me, int64_t now_ns);
bool chart_process(struct chart *me, const struct chart_event *event, int64_t now_ns);
bool chart_fire(struct chart *me, uint16_t timer, int64_t now_ns);
bool chart_expire(struct chart *me, int64_t now_ns);
void chart_finish(struct chart *me, int64_t now_ns);
int64_t chart_deadline_ns(const struct chart *me);
bool chart_in(const struct chart *me, uint8_t state);

/* What the functions written for a chart call. */
void chart_raise(struct chart *me, const struct chart_event *event);
bool chart_failure(struct chart *me, uint16_t place);
bool chart_holds(struct chart *me, bool value, uint16_t place);
void chart_assert(struct chart *me, bool holds, uint16_t number);

#ifdef CHART_TRACE
/* Trace points, for tests: a transition was taken, a state left ('x') or entered ('n'). */
void chart_trace(const struct chart *me, char what, uint16_t number);
#endif

#endif
