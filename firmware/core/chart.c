#include "chart.h"

#include <string.h>

/* ------------------------------------------------------------ assertions, errors */

void chart_assert(struct chart *me, bool holds, uint16_t number)
{
    if ((!holds) && (me->fault == 0U)) {
        me->fault = number;
        me->running = false;
        if (me->is != NULL) {
            me->is->fault(me, number);
        }
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
static uint16_t take(struct chart *me)
{
    me->event = (const struct chart_event *)(const void *)&me->queue[(size_t)me->first * me->is->event_size];
    me->first = (uint16_t)((me->first < me->is->queue) ? (me->first + 1U) : 0U);
    me->waiting--;
    return me->event->name;
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
    return ((me->is != NULL) && (me->due != CHART_NO_TIMER)) ? me->timer[me->due].due_ns : CHART_NEVER;
}

/* ------------------------------------------------------------ selection */

static bool within(uint8_t state, uint8_t outer, uint8_t last)
{
    return (state >= outer) && (state <= last);
}

/* Exit sets meet where one domain lies in the other. The states inside a state follow it in document order. */
static bool rivals(const struct chart_transition *t1, const struct chart_transition *t2)
{
    return (t1->domain != CHART_NONE) && (t2->domain != CHART_NONE) &&
        (within(t1->domain, t2->domain, t2->domain_last) || within(t2->domain, t1->domain, t1->domain_last));
}

/* removeConflictingTransitions, for one more transition: it goes first before a rival whose source is further out, else
 * the rival does. Returns the end of those that are left. */
uint16_t *chart_compete(const struct chart *me, uint16_t *first, uint16_t *end, uint16_t transition)
{
    const struct chart_transition *const t1 = &me->is->transition[transition];
    bool preempted = false;
    uint16_t *kept = first;
    for (const uint16_t *at = first; at < end; at++) {
        const struct chart_transition *const t2 = &me->is->transition[*at];
        if (rivals(t1, t2)) {
            preempted = preempted || (t1->source == t2->source) || !within(t1->source, t2->source, t2->source_last);
        }
    }
    for (const uint16_t *at = first; at < end; at++) {
        if (preempted || !rivals(t1, &me->is->transition[*at])) {
            *kept = *at;
            kept++;
        }
    }
    if (!preempted) {
        *kept = transition;
        kept++;
    }
    return kept;
}

uint16_t *chart_none(struct chart *me, uint16_t *all)
{
    (void)me;
    return all;
}

/* ------------------------------------------------------------ microstep */

void chart_nothing(struct chart *me)
{
    (void)me;
}

/* exitStates, executeTransitionContent, enterStates. No domain lies in another, so whole domains follow each other. */
static void microstep(struct chart *me, const uint16_t *first, const uint16_t *end)
{
    const struct chart_transition *const transition = me->is->transition;
    const chart_block *const block = me->is->block;
    if ((end - first) == 1) { /* most often */
        const struct chart_transition *const only = &transition[*first];
        block[only->leaves](me);
        block[only->actions](me);
        block[only->enters](me);
    } else {
        for (const uint16_t *at = end; at > first; at--) {
            block[transition[at[-1]].leaves](me);
        }
        for (const uint16_t *at = first; at < end; at++) {
            block[transition[*at].actions](me);
        }
        for (const uint16_t *at = first; at < end; at++) {
            block[transition[*at].enters](me);
        }
    }
#ifdef CHART_TRACE
    for (const uint16_t *at = first; at < end; at++) {
        chart_trace(me, *at);
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

/* mainEventLoop from one event to the next: what it enables, then eventless transitions and internal events until nothing
 * is left. `trigger`: an event, a timer, or CHART_EVENTLESS at the start. */
static void macrostep(struct chart *me, uint16_t first)
{
    const struct chart_definition *const is = me->is;
    uint16_t trigger = first;
    uint32_t count = (first == CHART_EVENTLESS) ? 1U : 0U; /* microsteps */
    bool resting = false;
    for (uint32_t round = 0; me->running && !resting && (round < is->rounds); round++) {
        uint16_t enabled[CHART_ENABLED];
        const uint16_t *const last = is->choice[trigger](me, enabled);
        if (last != enabled) {
            count++;
            if (count <= CHART_MICROSTEPS) {
                microstep(me, enabled, last);
            } else {
                chart_assert(me, false, CHART_FAULT_ENDLESS);
            }
        }
        if (trigger != CHART_EVENTLESS) {
            count = (count > 0U) ? count : 1U; /* whatever came from outside is one of them */
            trigger = CHART_EVENTLESS;
            if (me->fired != CHART_NO_TIMER) {
                if (is->again != NULL) {
                    is->again(me, me->fired);
                }
                me->fired = CHART_NO_TIMER;
            }
        } else if (last != enabled) {
            /* there may be more of them */
        } else if (me->waiting > 0U) {
            trigger = take(me);
        } else {
            if (is->invoke != NULL) {
                is->invoke(me);
            }
            resting = me->waiting == 0U;
        }
    }
    if (!resting) {
        chart_assert(me, !me->running, CHART_FAULT_ENDLESS);
        if (me->fault == 0U) {
            end(me, true);
        }
    }
    me->event = NULL;
    me->inside = false;
}

static bool open_step(struct chart *me, int64_t now_ns)
{
    bool good = false;
    if (me->is == NULL) {
        chart_assert(me, false, CHART_FAULT_NO_INIT);
    } else if (me->inside) {
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

bool chart_begin(struct chart *me, int64_t now_ns)
{
    const bool good = open_step(me, now_ns);
    if (good) {
        chart_assert(me, !me->running, CHART_FAULT_BEGUN);
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
        macrostep(me, CHART_EVENTLESS);
    }
    return good && (me->fault == 0U);
}

bool chart_process(struct chart *me, const struct chart_event *event, int64_t now_ns)
{
    if (open_step(me, now_ns)) {
        if (!me->running) {
            chart_assert(me, false, CHART_FAULT_NOT_BEGUN);
        } else if ((event->name == 0U) || (event->name > me->is->events)) {
            chart_assert(me, false, CHART_FAULT_EVENT);
        } else {
            me->event = event;
        }
        macrostep(me, event->name);
    }
    return me->fault == 0U;
}

void chart_fire(struct chart *me, uint16_t timer, int64_t now_ns)
{
    if (open_step(me, now_ns)) {
        if (!me->running) {
            chart_assert(me, false, CHART_FAULT_NOT_BEGUN);
        } else if (timer >= me->is->timers) {
            chart_assert(me, false, CHART_FAULT_TIMER);
        } else {
            chart_stop(me, timer);
            me->fired = timer;
        }
        macrostep(me, (uint16_t)(me->is->events + 1U + timer));
    }
}

bool chart_expire(struct chart *me, int64_t now_ns)
{
    const bool due = chart_deadline_ns(me) <= now_ns;
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
