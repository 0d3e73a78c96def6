#include "chart.h"

#include <string.h>

/* ------------------------------------------------------------ assertions, errors */

void chart_assert(struct chart *me, bool holds, uint16_t number)
{
    if ((!holds) && (me->fault == 0U)) {
        me->fault = number;
        me->running = false;
        me->is->fault(me, number);
    }
}

bool chart_failure(struct chart *me, uint16_t place)
{
    const bool failed = me->failed;
    if (failed) {
        me->failed = false;
        me->is->error(me, place);
        if (me->is->failure != 0U) {
            chart_signal(me, me->is->failure);
        }
    }
    return failed;
}

bool chart_holds(struct chart *me, bool value, uint16_t place)
{
    return (!chart_failure(me, place)) && value;
}

/* A guard without a value does not hold, and is told once in a step. */
bool chart_decided(struct chart *me, bool value, uint16_t transition, uint16_t place)
{
    bool holds = value;
    if (me->failed) {
        const uint32_t bit = (uint32_t)1U << (transition % 32U);
        holds = false;
        if ((me->told[transition / 32U] & bit) == 0U) {
            me->told[transition / 32U] |= bit;
            me->any_told = true;
            (void)chart_failure(me, place);
        }
        me->failed = false;
    }
    return holds;
}

/* ------------------------------------------------------------ the internal queue */

/* Where the next event goes; NULL, and a fault: there is no room. */
static struct chart_event *room(struct chart *me)
{
    struct chart_event *found = NULL;
    if (me->waiting < me->is->queue) {
        found = (struct chart_event *)(void *)&me->queue[(size_t)me->free * me->is->event_size];
        me->free = (uint16_t)((me->free < me->is->queue) ? (me->free + 1U) : 0U);
        me->waiting++;
    } else {
        chart_assert(me, false, CHART_FAULT_QUEUE);
    }
    return found;
}

void chart_signal(struct chart *me, uint16_t name)
{
    struct chart_event *const to = room(me);
    if (to != NULL) {
        to->name = name;
    }
}

void chart_raise(struct chart *me, const struct chart_event *event)
{
    struct chart_event *const to = room(me);
    if (to != NULL) {
        (void)memcpy(to, event, me->is->event_size);
    }
}

/* The one in work stays where it is until the next one is taken: it has a place of its own. */
static void take(struct chart *me)
{
    me->event = (const struct chart_event *)(const void *)&me->queue[(size_t)me->first * me->is->event_size];
    me->first = (uint16_t)((me->first < me->is->queue) ? (me->first + 1U) : 0U);
    me->waiting--;
}

/* ------------------------------------------------------------ timers */

void chart_stop(struct chart *me, uint16_t timer)
{
    struct chart_timer *const own = &me->timer[timer];
    if (me->fired == timer) {
        me->fired = CHART_NO_TIMER;
    }
    if (own->due_ns != CHART_NEVER) {
        uint16_t *link = &me->due;
        for (uint16_t i = 0; (*link != timer) && (i < me->is->timers); i++) {
            link = &me->timer[*link].next;
        }
        *link = own->next;
        own->due_ns = CHART_NEVER;
    }
}

void chart_start(struct chart *me, uint16_t timer, int64_t delay_ns)
{
    struct chart_timer *const own = &me->timer[timer];
    if (delay_ns < (CHART_NEVER - me->now_ns)) { /* else it never comes */
        const int64_t due_ns = me->now_ns + delay_ns;
        uint16_t *link = &me->due;
        for (uint16_t i = 0; (*link != CHART_NO_TIMER) && (me->timer[*link].due_ns <= due_ns) && (i < me->is->timers); i++) {
            link = &me->timer[*link].next;
        }
        own->due_ns = due_ns;
        own->next = *link;
        *link = timer;
    }
}

void chart_start_checked(struct chart *me, uint16_t timer, int64_t delay_ns, uint16_t place)
{
    if (!chart_failure(me, place)) {
        chart_start(me, timer, delay_ns);
    }
}

int64_t chart_deadline_ns(const struct chart *me)
{
    return (me->due != CHART_NO_TIMER) ? me->timer[me->due].due_ns : CHART_NEVER;
}

/* ------------------------------------------------------------ selection */

void chart_enable(struct chart_enabled *all, uint16_t transition)
{
    all->transition[all->count] = transition; /* the exporter has counted how many there may be */
    all->count++;
}

static bool within(uint8_t state, uint8_t outer, uint8_t last)
{
    return (state >= outer) && (state <= last);
}

/* removeConflictingTransitions, for one more transition. Exit sets meet where one domain lies in the other. The states
 * inside a state follow it in document order. */
void chart_compete(const struct chart *me, struct chart_enabled *all, uint16_t transition)
{
    const struct chart_transition *const t1 = &me->is->transition[transition];
    bool preempted = false;
    struct chart_enabled kept;
    kept.count = 0;
    for (uint16_t i = 0; (i < all->count) && !preempted; i++) {
        const struct chart_transition *const t2 = &me->is->transition[all->transition[i]];
        const bool conflict = (t1->domain != CHART_NONE) && (t2->domain != CHART_NONE) &&
                              (within(t1->domain, t2->domain, t2->domain_last) ||
                                  within(t2->domain, t1->domain, t1->domain_last));
        if (conflict && (t1->source != t2->source) && within(t1->source, t2->source, t2->source_last)) {
            /* the inner one goes first */
        } else {
            preempted = conflict;
            chart_enable(&kept, all->transition[i]);
        }
    }
    if (!preempted) {
        chart_enable(&kept, transition);
        for (uint16_t i = 0; i < kept.count; i++) {
            all->transition[i] = kept.transition[i];
        }
        all->count = kept.count;
    }
}

static void choose(struct chart *me, uint16_t trigger, struct chart_enabled *all)
{
    const chart_choice choice = me->is->choice[trigger];
    all->count = 0;
    if (choice != NULL) {
        choice(me, all);
    }
}

/* ------------------------------------------------------------ microstep */

static void perform(struct chart *me, uint16_t block)
{
    if (block != 0U) {
        me->is->block[block](me);
    }
}

/* exitStates, executeTransitionContent, enterStates. No domain lies in another, so whole domains follow each other. */
static void microstep(struct chart *me, const struct chart_enabled *all)
{
    const struct chart_transition *const transition = me->is->transition;
    if (all->count == 1U) { /* most often */
        const struct chart_transition *const only = &transition[all->transition[0]];
        perform(me, only->leaves);
        perform(me, only->actions);
        perform(me, only->enters);
    } else {
        for (uint16_t i = all->count; i > 0U; i--) {
            perform(me, transition[all->transition[i - 1U]].leaves);
        }
        for (uint16_t i = 0; i < all->count; i++) {
            perform(me, transition[all->transition[i]].actions);
        }
        for (uint16_t i = 0; i < all->count; i++) {
            perform(me, transition[all->transition[i]].enters);
        }
    }
#ifdef CHART_TRACE
    for (uint16_t i = 0; i < all->count; i++) {
        chart_trace(me, all->transition[i]);
    }
#endif
}

/* ------------------------------------------------------------ macrostep */

/* exitInterpreter. */
static void end(struct chart *me, bool final)
{
    me->is->end(me);
    me->running = false;
    me->ended = true;
    me->waiting = 0;
    if (final) {
        me->is->done(me);
    }
}

/* The inner loop of mainEventLoop: eventless transitions and internal events until nothing is left. */
static void rest(struct chart *me)
{
    uint32_t count = 1;
    bool resting = false;
    for (uint32_t round = 0; me->running && !resting && (round < me->is->rounds); round++) {
        struct chart_enabled all;
        choose(me, CHART_EVENTLESS, &all);
        if ((all.count == 0U) && (me->waiting > 0U)) {
            take(me);
            choose(me, me->event->name, &all);
        } else if (all.count == 0U) {
            if (me->is->invoke != NULL) {
                me->is->invoke(me);
            }
            resting = me->waiting == 0U;
        } else {
            /* eventless transitions */
        }
        if (all.count > 0U) {
            count++;
            if (count <= CHART_MICROSTEPS) {
                microstep(me, &all);
            } else {
                chart_assert(me, false, CHART_FAULT_ENDLESS);
            }
        }
    }
    if (!resting) {
        chart_assert(me, !me->running, CHART_FAULT_ENDLESS);
    }
}

static bool open_step(struct chart *me, int64_t now_ns)
{
    bool good = false;
    if (me->inside) {
        chart_assert(me, false, CHART_FAULT_INSIDE);
    } else if ((me->fault == 0U) && !me->ended) {
        good = true;
        me->inside = true;
        me->now_ns = now_ns;
        me->failed = false;
        if (me->any_told) {
            me->any_told = false;
            (void)memset(me->told, 0, (size_t)me->told_words * sizeof me->told[0]);
        }
        if (me->is->forget != NULL) {
            me->is->forget(me);
        }
    } else {
        /* over */
    }
    return good;
}

static void close_step(struct chart *me)
{
    rest(me);
    if ((!me->running) && (me->fault == 0U)) {
        end(me, true);
    }
    me->event = NULL;
    me->inside = false;
}

bool chart_begin(struct chart *me, int64_t now_ns)
{
    const bool good = open_step(me, now_ns);
    if (good) {
        chart_assert(me, (me->is->states <= CHART_STATES) && (me->is->states < CHART_NONE), CHART_FAULT_TABLE);
        me->running = me->fault == 0U;
        if (me->running) {
            me->due = CHART_NO_TIMER;
            me->fired = CHART_NO_TIMER;
            for (uint16_t i = 0; i < me->is->timers; i++) {
                me->timer[i].due_ns = CHART_NEVER;
            }
            me->is->data(me);
            me->is->begin(me);
        }
        close_step(me);
    }
    return good;
}

/* One macrostep of mainEventLoop. `number`: of the assertion that fails when the chart does not have the trigger. */
static void external(struct chart *me, uint16_t trigger, bool known, uint16_t number)
{
    if (known && me->running) {
        struct chart_enabled all;
        choose(me, trigger, &all);
        if (all.count > 0U) {
            microstep(me, &all);
        }
        if (me->fired != CHART_NO_TIMER) {
            if (me->is->again != NULL) {
                me->is->again(me, me->fired);
            }
            me->fired = CHART_NO_TIMER;
        }
        close_step(me);
    } else {
        chart_assert(me, known, number);
        chart_assert(me, me->running, CHART_FAULT_NOT_BEGUN);
        me->inside = false;
    }
}

void chart_process(struct chart *me, const struct chart_event *event, int64_t now_ns)
{
    if (open_step(me, now_ns)) {
        me->event = event;
        external(me, event->name, (event->name > 0U) && (event->name <= me->is->events), CHART_FAULT_EVENT);
    }
}

void chart_fire(struct chart *me, uint16_t timer, int64_t now_ns)
{
    if (open_step(me, now_ns)) {
        const bool known = timer < me->is->timers;
        me->event = NULL;
        if (known) {
            chart_stop(me, timer);
            me->fired = timer;
        }
        external(me, (uint16_t)(me->is->events + 1U + timer), known, CHART_FAULT_TIMER);
    }
}

bool chart_expire(struct chart *me, int64_t now_ns)
{
    const bool due = (me->due != CHART_NO_TIMER) && (me->timer[me->due].due_ns <= now_ns);
    if (due) {
        chart_fire(me, me->due, now_ns);
    }
    return due;
}

void chart_finish(struct chart *me, int64_t now_ns)
{
    if (me->running && open_step(me, now_ns)) {
        end(me, false);
        me->inside = false;
    }
}
