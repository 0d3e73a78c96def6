/* The same sessions for the pilot chart on firmware/core and for pilot_switch.c. Prints for each kind of event how many
 * there were and what machine_count says for both; ends with 1 where they do not tell the same. */
#include "machine.h"
#include "pilot_evse.h"
#include "pilot_switch.h"
#include "values.h"

#include <string.h>

#define TOLD 8192U
#define ROUNDS 20U
#define MS INT64_C(1000000)

enum kind { LEVELS_SAME, LEVELS_NEW, ORDERS, TIMERS, KINDS };
static const char *const names[KINDS] = {"levels as before", "levels of another state", "orders", "timers"};

static struct pilot_evse machine;
static struct pilot_switch hand;
static bool by_hand;
static uint32_t counts[2][KINDS];
static uint32_t events[2][KINDS];
static uint8_t told[2][TOLD];
static uint16_t told_count[2];

static void tell(uint8_t what)
{
    told[by_hand ? 1 : 0][told_count[by_hand ? 1 : 0] % TOLD] = what;
    told_count[by_hand ? 1 : 0]++;
}

static void set_duty(void *context, double duty)
{
    (void)context;
    tell((uint8_t)duty);
}

static bool read_high(void *context, double *value)
{
    (void)context;
    *value = 12.0;
    return true;
}

static void send_state(void *context, enum pilot_evse_word state)
{
    (void)context;
    tell((uint8_t)(110U + (unsigned)state));
}

#define TELLS(name, what) \
    static void name(void *context) \
    { \
        (void)context; \
        tell(what); \
    }
TELLS(diode_fault, 120U)
TELLS(power_back, 121U)
TELLS(power_lost, 122U)
TELLS(bcb_toggle, 123U)
TELLS(step_done, 124U)

static void wrong(void *context, uint16_t number)
{
    (void)context;
    (void)number;
    machine_exit(2);
}

static const struct pilot_evse_ports ports = {
    set_duty, diode_fault, power_back, power_lost, read_high, send_state, bcb_toggle, step_done, wrong, wrong,
};

static void counted(enum kind kind, uint32_t before)
{
    counts[by_hand ? 1 : 0][kind] += machine_count() - before;
    events[by_hand ? 1 : 0][kind]++;
}

static void expire(int64_t until)
{
    int64_t now = 0;
    bool any = true;
    while (any) {
        /* each at its own time: what a timer starts counts from there */
        now = INT64_MAX;
        if (by_hand) {
            for (uint8_t i = 0; i < SWITCH_TIMERS; i++) {
                now = (hand.due[i] < now) ? hand.due[i] : now;
            }
        } else {
            now = chart_deadline_ns(&machine.chart);
        }
        any = now <= until;
        if (any) {
            const uint32_t before = machine_count();
            (void)(by_hand ? switch_expire(&hand, now) : chart_expire(&machine.chart, now));
            counted(TIMERS, before);
        }
    }
}

static void levels(enum kind kind, int64_t now, double high, double low)
{
    expire(now);
    const uint32_t before = machine_count();
    if (by_hand) {
        switch_levels(&hand, now, high, low);
    } else {
        (void)pilot_evse_pilot_levels(&machine, now, high, low);
    }
    counted(kind, before);
}

static void order(int64_t now, enum switch_event event, double duty)
{
    expire(now);
    const uint32_t before = machine_count();
    if (by_hand) {
        switch_order(&hand, now, event, duty);
    } else {
        switch (event) {
        case EVENT_X1:
            (void)pilot_evse_x1(&machine, now);
            break;
        case EVENT_HLC:
            (void)pilot_evse_hlc(&machine, now);
            break;
        case EVENT_FAULT:
            (void)pilot_evse_fault(&machine, now);
            break;
        case EVENT_STEP_EF:
            (void)pilot_evse_step_ef(&machine, now);
            break;
        case EVENT_STEP_X1:
            (void)pilot_evse_step_x1(&machine, now);
            break;
        case EVENT_NOMINAL:
        default:
            (void)pilot_evse_nominal(&machine, now, duty);
            break;
        }
    }
    counted(ORDERS, before);
}

/* A vehicle is plugged in, wakes the station, charges, pauses, and leaves; one without a diode; one that is shorted. */
static void session(int64_t at)
{
    levels(LEVELS_SAME, at, 12.0, 12.0);
    levels(LEVELS_NEW, at + 10 * MS, 9.1, 9.1);
    levels(LEVELS_NEW, at + 30 * MS, 12.0, 12.0);
    levels(LEVELS_NEW, at + 40 * MS, 9.0, 9.0);
    order(at + 100 * MS, EVENT_HLC, 0.0);
    levels(LEVELS_NEW, at + 500 * MS, 6.0, -12.0);
    levels(LEVELS_NEW, at + 800 * MS, 9.0, -12.0); /* a toggle */
    order(at + 900 * MS, EVENT_STEP_EF, 0.0);
    levels(LEVELS_SAME, at + 910 * MS, -12.0, -12.0);
    levels(LEVELS_SAME, at + 5000 * MS, 9.0, 9.0);
    order(at + 6000 * MS, EVENT_NOMINAL, 16.0);
    levels(LEVELS_NEW, at + 6100 * MS, 6.0, -12.0);
    for (uint8_t i = 0; i < 20U; i++) {
        levels(LEVELS_SAME, at + (6200 + 200 * i) * MS, 6.0 + 0.01 * i, -12.0);
    }
    order(at + 11000 * MS, EVENT_NOMINAL, 20.0);
    order(at + 12000 * MS, EVENT_NOMINAL, 26.0);
    levels(LEVELS_NEW, at + 12100 * MS, 3.0, -12.0);
    levels(LEVELS_NEW, at + 18000 * MS, 9.0, -12.0);
    order(at + 18100 * MS, EVENT_X1, 0.0);
    levels(LEVELS_NEW, at + 19000 * MS, 12.0, 12.0);
    order(at + 20000 * MS, EVENT_HLC, 0.0);
    levels(LEVELS_NEW, at + 20100 * MS, 6.0, -6.0); /* no diode */
    levels(LEVELS_SAME, at + 20200 * MS, 6.0, -6.0);
    levels(LEVELS_NEW, at + 20300 * MS, 12.0, -12.0);
    levels(LEVELS_NEW, at + 21000 * MS, 0.0, 0.0);
    order(at + 21100 * MS, EVENT_FAULT, 0.0);
    order(at + 22000 * MS, EVENT_STEP_X1, 0.0);
    levels(LEVELS_NEW, at + 22100 * MS, 12.0, 12.0);
    order(at + 28000 * MS, EVENT_X1, 0.0);
}

static void say(const char *text)
{
    bench_tell((const uint8_t *)text, strlen(text));
}

static void say_number(uint32_t number)
{
    char text[21];
    say(" ");
    say(chart_decimal(text, (int64_t)number));
}

int main(void)
{
    say("ready\n");
    for (uint8_t which = 0; which < 2U; which++) {
        by_hand = which != 0U;
        if (by_hand) {
            switch_begin(&hand, &ports, 0);
        } else if ((!pilot_evse_init(&machine, &ports, NULL, &pilot_evse_defaults)) || (!pilot_evse_begin(&machine, 0))) {
            machine_exit(3);
        } else {
            /* begun */
        }
        for (uint8_t i = 0; i < ROUNDS; i++) {
            session((1 + 30000 * (int64_t)i) * MS);
        }
    }
    for (uint8_t kind = 0; kind < KINDS; kind++) {
        say(names[kind]);
        say(":");
        say_number(events[0][kind]);
        say_number(counts[0][kind]);
        say_number(counts[1][kind]);
        say("\n");
        if (events[0][kind] != events[1][kind]) {
            machine_exit(4);
        }
    }
    return ((told_count[0] == told_count[1]) && (told_count[0] <= TOLD) &&
               (memcmp(told[0], told[1], told_count[0]) == 0)) ? 0 : 1;
}
