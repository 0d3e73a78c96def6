#include "chart.h"

#include <string.h>

/* ------------------------------------------------------------ sets of states */

static bool has(const chart_set *set, uint8_t state)
{
    return ((set->word[state / 32U] >> (state % 32U)) & 1U) != 0U;
}

static void add(chart_set *set, uint8_t state)
{
    set->word[state / 32U] |= (uint32_t)1U << (state % 32U);
}

static void drop(chart_set *set, uint8_t state)
{
    set->word[state / 32U] &= ~((uint32_t)1U << (state % 32U));
}

static bool meet(const chart_set *one, const chart_set *other)
{
    bool found = false;
    for (uint8_t i = 0; i < CHART_WORDS; i++) {
        found = found || ((one->word[i] & other->word[i]) != 0U);
    }
    return found;
}

static bool empty(const chart_set *set)
{
    uint32_t any = 0;
    for (uint8_t i = 0; i < CHART_WORDS; i++) {
        any |= set->word[i];
    }
    return any == 0U;
}

/* Of a word that is not 0: the number of its lowest bit. Each power of two times the factor has other five high bits. */
static uint8_t lowest(uint32_t word)
{
    static const uint8_t numbers[32] = {0, 1, 28, 2, 29, 14, 24, 3, 30, 22, 20, 15, 25, 17, 4, 8,
        31, 27, 13, 23, 21, 19, 16, 7, 26, 12, 18, 6, 11, 5, 10, 9};
    return numbers[((uint32_t)((word & (0U - word)) * 0x077CB531U)) >> 27U];
}

static uint8_t highest(uint32_t word)
{
    uint32_t below = word | (word >> 1U);
    below |= below >> 2U;
    below |= below >> 4U;
    below |= below >> 8U;
    below |= below >> 16U;
    return lowest(below ^ (below >> 1U));
}

static chart_set both(const chart_set *one, const chart_set *other)
{
    chart_set found;
    for (uint8_t i = 0; i < CHART_WORDS; i++) {
        found.word[i] = one->word[i] & other->word[i];
    }
    return found;
}

/* Takes the first state in document order out of a set; CHART_NONE: it is empty. */
static uint8_t take_first(chart_set *set)
{
    uint8_t found = CHART_NONE;
    for (uint8_t i = 0; (i < CHART_WORDS) && (found == CHART_NONE); i++) {
        const uint32_t word = set->word[i];
        if (word != 0U) {
            found = (uint8_t)((32U * i) + lowest(word));
            set->word[i] = word & (word - 1U);
        }
    }
    return found;
}

/* The member before `to`, the last of them; CHART_NONE when there is none. */
static uint8_t last_of(const chart_set *set, uint16_t to)
{
    uint8_t found = CHART_NONE;
    for (uint16_t i = CHART_WORDS; (i > 0U) && (found == CHART_NONE); i--) {
        const uint16_t begin = (uint16_t)(32U * (i - 1U));
        const uint32_t kept = (to >= (begin + 32U)) ? UINT32_MAX
                                                    : ((to > begin) ? ~(UINT32_MAX << (to - begin)) : 0U);
        const uint32_t word = set->word[i - 1U] & kept;
        if (word != 0U) {
            found = (uint8_t)(begin + highest(word));
        }
    }
    return found;
}

/* Whether a state lies in another one, or is it. The states inside a state follow it in document order. */
static bool within(const struct chart *me, uint8_t state, uint8_t outer)
{
    return (state >= outer) && (state <= me->is->state[outer].last);
}

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
            const struct chart_event event = {me->is->failure};
            chart_raise(me, &event);
        }
    }
    return failed;
}

bool chart_holds(struct chart *me, bool value, uint16_t place)
{
    return (!chart_failure(me, place)) && value;
}

bool chart_in(const struct chart *me, uint8_t state)
{
    return has(&me->active, state);
}

/* ------------------------------------------------------------ the internal queue */

void chart_raise(struct chart *me, const struct chart_event *event)
{
    const uint16_t room = me->is->queue;
    chart_assert(me, me->waiting < room, CHART_FAULT_QUEUE);
    if (me->waiting < room) {
        const uint16_t behind = (uint16_t)(me->first + me->waiting);
        const uint16_t slot = (behind < room) ? behind : (uint16_t)(behind - room);
        const size_t size = (event->name == me->is->failure) ? sizeof *event : me->is->event_size;
        (void)memcpy(&me->queue[(size_t)slot * me->is->event_size], event, size);
        me->waiting++;
    }
}

static void take(struct chart *me)
{
    (void)memcpy(me->taken, &me->queue[(size_t)me->first * me->is->event_size], me->is->event_size);
    me->first = (uint16_t)(((me->first + 1U) < me->is->queue) ? (me->first + 1U) : 0U);
    me->waiting--;
    me->event = (const struct chart_event *)(const void *)me->taken;
}

/* ------------------------------------------------------------ timers */

static void start_timer(struct chart *me, uint16_t timer)
{
    const struct chart_clock *const clock = &me->is->clock[timer];
    const int64_t delay_ns = clock->delay(me);
    if (!chart_failure(me, clock->place)) {
        const bool representable = delay_ns < (CHART_NEVER - me->now_ns);
        me->timer[timer].due_ns = representable ? (me->now_ns + delay_ns) : CHART_NEVER;
        me->timer[timer].sequence = me->sequence;
        me->sequence++;
    }
}

/* The timer that is due first; the number of timers when none runs. */
static uint16_t first_timer(const struct chart *me)
{
    const uint16_t count = me->is->timers;
    const struct chart_timer *timer = me->timer;
    const struct chart_timer *best = timer;
    int64_t due_ns = CHART_NEVER;
    uint16_t first = count;
    for (uint16_t i = 0; i < count; i++) {
        if (timer->due_ns <= due_ns) {
            /* Sequence numbers may wrap: the older one is less than half their range behind. */
            const bool older = ((uint32_t)(best->sequence - timer->sequence)) < 0x80000000U;
            if ((timer->due_ns < due_ns) || ((timer->due_ns != CHART_NEVER) && older)) {
                first = i;
                best = timer;
                due_ns = timer->due_ns;
            }
        }
        timer++;
    }
    return first;
}

int64_t chart_deadline_ns(const struct chart *me)
{
    const uint16_t timer = first_timer(me);
    return (timer < me->is->timers) ? me->timer[timer].due_ns : CHART_NEVER;
}

/* ------------------------------------------------------------ selection */

struct enabled {
    uint16_t count;
    uint16_t transition[CHART_ENABLED];
};

/* conditionMatch. A guard without a value does not hold, and is told once in a step. */
static bool holds(struct chart *me, uint16_t number)
{
    const struct chart_transition *const t = &me->is->transition[number];
    bool value = true;
    if (t->guard != 0U) {
        value = me->is->guard[t->guard](me);
        if (me->failed) {
            const uint32_t bit = (uint32_t)1U << (number % 32U);
            value = false;
            if ((me->told[number / 32U] & bit) == 0U) {
                me->told[number / 32U] |= bit;
                (void)chart_failure(me, t->place);
            }
            me->failed = false;
        }
    }
    return value;
}

/* The first transition of a state that the trigger enables; UINT16_MAX: none. */
static uint16_t first_enabled(struct chart *me, const struct chart_trigger *trigger, uint8_t source)
{
    uint16_t found = UINT16_MAX;
    const struct chart_heard *heard = &me->is->heard[trigger->first];
    const struct chart_heard *const end = &heard[trigger->count];
    while ((heard < end) && (heard->source < source)) { /* sources rise */
        heard++;
    }
    while ((heard < end) && (heard->source == source) && (found == UINT16_MAX)) {
        if (holds(me, heard->transition)) {
            found = heard->transition;
        }
        heard++;
    }
    return found;
}

/* removeConflictingTransitions, for one more transition. Exit sets meet where one domain lies in the other. */
static void enable(struct chart *me, struct enabled *all, uint16_t number)
{
    const struct chart_transition *const t1 = &me->is->transition[number];
    bool preempted = false;
    struct enabled kept;
    kept.count = 0;
    for (uint16_t i = 0; (i < all->count) && !preempted; i++) {
        const struct chart_transition *const t2 = &me->is->transition[all->transition[i]];
        const bool conflict = (t1->domain != CHART_NONE) && (t2->domain != CHART_NONE) &&
                              (within(me, t1->domain, t2->domain) || within(me, t2->domain, t1->domain));
        if (conflict && (t1->source != t2->source) && within(me, t1->source, t2->source)) {
            /* the inner one goes first */
        } else {
            preempted = conflict;
            kept.transition[kept.count] = all->transition[i];
            kept.count++;
        }
    }
    if (!preempted) {
        chart_assert(me, kept.count < CHART_ENABLED, CHART_FAULT_ENABLED);
        if (kept.count < CHART_ENABLED) {
            kept.transition[kept.count] = number;
            kept.count++;
            for (uint16_t i = 0; i < kept.count; i++) {
                all->transition[i] = kept.transition[i];
            }
            all->count = kept.count;
        }
    }
}

/* selectTransitions, selectEventlessTransitions: the innermost enabled one of each active atomic state. */
static void choose(struct chart *me, uint16_t name, struct enabled *all)
{
    const struct chart_trigger *const trigger = &me->is->trigger[name];
    all->count = 0;
    me->any = meet(&me->active, &trigger->sources);
    if (me->any) {
        const chart_set sources = both(&me->active, &trigger->sources);
        chart_set atoms = both(&me->active, &trigger->atoms);
        chart_set tried = {{0}};
        chart_set found = {{0}}; /* sources of which a transition is enabled */
        uint8_t atom = take_first(&atoms);
        for (uint16_t i = 0; (atom != CHART_NONE) && (i < me->is->states); i++) {
            uint8_t state = last_of(&sources, (uint16_t)(atom + 1U));
            bool searching = true;
            for (uint16_t s = 0; searching && (state != CHART_NONE) && (s < me->is->states); s++) {
                if (within(me, atom, state)) {
                    if (!has(&tried, state)) {
                        const uint16_t number = first_enabled(me, trigger, state);
                        add(&tried, state);
                        if (number != UINT16_MAX) {
                            add(&found, state);
                            enable(me, all, number);
                        }
                    }
                    searching = !has(&found, state);
                }
                state = last_of(&sources, state);
            }
            atom = take_first(&atoms);
        }
    }
}

/* ------------------------------------------------------------ microstep */

static void perform(struct chart *me, uint16_t block)
{
    if (block != 0U) {
        me->is->block[block](me);
    }
}

static void leave(struct chart *me, uint8_t number)
{
    const struct chart_state *const state = &me->is->state[number];
    for (uint8_t i = 0; i < state->timers; i++) {
        me->timer[state->first_timer + i].due_ns = CHART_NEVER;
    }
    perform(me, state->exit);
    if (!has(&me->starting, number)) { /* else its invocations have not begun */
        perform(me, state->cancel);
    }
    drop(&me->active, number);
#ifdef CHART_TRACE
    chart_trace(me, 'x', number);
#endif
}

static void enter(struct chart *me, uint8_t number)
{
    const struct chart_state *const state = &me->is->state[number];
    add(&me->active, number);
#ifdef CHART_TRACE
    chart_trace(me, 'n', number);
#endif
    if (state->invoke != 0U) {
        add(&me->starting, number);
    }
    perform(me, state->entry);
    for (uint8_t i = 0; i < state->timers; i++) {
        start_timer(me, (uint16_t)(state->first_timer + i));
    }
    if ((state->kind == (uint8_t)CHART_FINAL) && (state->parent == 0U)) {
        me->running = false;
    }
}

static void enter_all(struct chart *me, const chart_set *states)
{
    chart_set rest_of = *states;
    uint8_t state = take_first(&rest_of);
    for (uint16_t i = 0; (state != CHART_NONE) && (i < me->is->states); i++) {
        enter(me, state);
        state = take_first(&rest_of);
    }
}

/* To `left` those of `active` that lie inside a state: from the one behind it up to the last one in it. */
static void add_inside(chart_set *left, const chart_set *active, uint8_t outer, uint8_t last)
{
    for (uint8_t i = 0; i < CHART_WORDS; i++) {
        const uint16_t begin = (uint16_t)(32U * i);
        uint32_t inside = active->word[i];
        if (outer >= begin) { /* the shift is by two steps, since one by 32 is none */
            inside &= (outer < (begin + 32U)) ? ((UINT32_MAX << (outer - begin)) << 1U) : 0U;
        }
        if (last < (begin + 31U)) {
            inside &= (last >= begin) ? ~((UINT32_MAX << (last - begin)) << 1U) : 0U;
        }
        left->word[i] |= inside;
    }
}

/* exitStates, executeTransitionContent, enterStates. */
static void microstep(struct chart *me, const struct enabled *all, chart_set *left)
{
    chart_set entered = {{0}};
    uint8_t state;
    (void)memset(left, 0, sizeof *left);
    for (uint16_t i = 0; i < all->count; i++) {
        const struct chart_transition *const t = &me->is->transition[all->transition[i]];
        if (t->domain != CHART_NONE) {
            const chart_set *const set = &me->is->set[t->entered];
            for (uint8_t w = 0; w < CHART_WORDS; w++) {
                entered.word[w] |= set->word[w];
            }
            add_inside(left, &me->active, t->domain, me->is->state[t->domain].last);
        }
    }
    state = last_of(left, me->is->states);
    for (uint16_t i = 0; (state != CHART_NONE) && (i < me->is->states); i++) {
        leave(me, state);
        state = last_of(left, state);
    }
    for (uint8_t w = 0; w < CHART_WORDS; w++) {
        me->starting.word[w] &= ~left->word[w];
    }
    for (uint16_t i = 0; i < all->count; i++) {
        perform(me, me->is->transition[all->transition[i]].actions);
    }
    enter_all(me, &entered);
#ifdef CHART_TRACE
    for (uint16_t i = 0; i < all->count; i++) {
        chart_trace(me, 't', all->transition[i]);
    }
#endif
}

/* ------------------------------------------------------------ macrostep */

static void invoke(struct chart *me)
{
    if (!empty(&me->starting)) {
        chart_set rest_of = me->starting;
        uint8_t state = take_first(&rest_of);
        for (uint16_t i = 0; (state != CHART_NONE) && (i < me->is->states); i++) {
            perform(me, me->is->state[state].invoke);
            state = take_first(&rest_of);
        }
        (void)memset(&me->starting, 0, sizeof me->starting);
    }
}

/* exitInterpreter. */
static void end(struct chart *me, bool final)
{
    for (uint16_t i = me->is->states; i > 0U; i--) {
        const uint8_t number = (uint8_t)(i - 1U);
        if (has(&me->active, number)) {
            const struct chart_state *const state = &me->is->state[number];
            leave(me, number);
            if (final && (state->kind == (uint8_t)CHART_FINAL) && (state->parent == 0U)) {
                perform(me, state->output);
            }
        }
    }
    (void)memset(&me->starting, 0, sizeof me->starting);
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
    const uint32_t most = CHART_MICROSTEPS * ((uint32_t)me->is->queue + 2U);
    for (uint32_t round = 0; me->running && !resting && (round < most); round++) {
        struct enabled all;
        chart_set left;
        choose(me, CHART_EVENTLESS, &all);
        if ((all.count == 0U) && (me->waiting > 0U)) {
            take(me);
            choose(me, me->event->name, &all);
        } else if (all.count == 0U) {
            invoke(me);
            resting = me->waiting == 0U;
        } else {
            /* eventless transitions */
        }
        if (all.count > 0U) {
            count++;
            chart_assert(me, count <= CHART_MICROSTEPS, CHART_FAULT_ENDLESS);
            if (me->fault == 0U) {
                microstep(me, &all, &left);
            }
        }
    }
    chart_assert(me, resting || !me->running, CHART_FAULT_ENDLESS);
}

static bool open_step(struct chart *me, int64_t now_ns)
{
    bool good;
    chart_assert(me, !me->inside, CHART_FAULT_INSIDE);
    good = (me->fault == 0U) && !me->ended;
    if (good) {
        me->inside = true;
        me->now_ns = now_ns;
        me->failed = false;
        me->any = false;
        for (uint16_t i = 0; i < me->told_words; i++) {
            me->told[i] = 0U;
        }
        if (me->is->forget != NULL) {
            me->is->forget(me);
        }
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
            for (uint16_t i = 0; i < me->is->timers; i++) {
                me->timer[i].due_ns = CHART_NEVER;
            }
            me->is->data(me);
            enter_all(me, &me->is->set[me->is->initial]);
        }
        close_step(me);
    }
    return good;
}

/* One macrostep of mainEventLoop. */
static bool external(struct chart *me, uint16_t name, uint16_t timer)
{
    struct enabled all;
    chart_set left = {{0}};
    bool any;
    choose(me, name, &all);
    any = me->any;
    if (all.count > 0U) {
        microstep(me, &all, &left);
    }
    if (timer < me->is->timers) {
        const struct chart_clock *const clock = &me->is->clock[timer];
        if (clock->periodic && has(&me->active, clock->state) && !has(&left, clock->state)) {
            start_timer(me, timer);
        }
    }
    close_step(me);
    return any;
}

bool chart_process(struct chart *me, const struct chart_event *event, int64_t now_ns)
{
    bool any = false;
    if (open_step(me, now_ns)) {
        chart_assert(me, me->running, CHART_FAULT_NOT_BEGUN);
        chart_assert(me, (event->name > 0U) && (event->name <= me->is->events), CHART_FAULT_EVENT);
        if (me->fault == 0U) {
            me->event = event;
            any = external(me, event->name, UINT16_MAX);
        }
        me->inside = false;
    }
    return any;
}

bool chart_fire(struct chart *me, uint16_t timer, int64_t now_ns)
{
    bool any = false;
    if (open_step(me, now_ns)) {
        chart_assert(me, me->running, CHART_FAULT_NOT_BEGUN);
        chart_assert(me, timer < me->is->timers, CHART_FAULT_TIMER);
        if (me->fault == 0U) {
            me->event = NULL;
            me->timer[timer].due_ns = CHART_NEVER;
            any = external(me, (uint16_t)(me->is->events + 1U + timer), timer);
        }
        me->inside = false;
    }
    return any;
}

bool chart_expire(struct chart *me, int64_t now_ns)
{
    const uint16_t timer = first_timer(me);
    const bool due = (timer < me->is->timers) && (me->timer[timer].due_ns <= now_ns);
    if (due) {
        (void)chart_fire(me, timer, now_ns);
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
