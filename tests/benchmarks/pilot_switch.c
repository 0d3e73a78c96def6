/* The chart machines/pilot/evse.yaml written by hand, with a variable a region and a switch an event: what its C on
 * firmware/core is measured against. bench_c_events.c compares what both tell. */
#include "pilot_switch.h"

#include <stddef.h>

static void start(struct pilot_switch *me, enum switch_timer timer, int64_t delay)
{
    me->due[timer] = me->now + delay;
}

static void stop(struct pilot_switch *me, enum switch_timer timer)
{
    me->due[timer] = INT64_MAX;
}

static bool pwm(const struct pilot_switch *me)
{
    return (me->signal == SIGNAL_HLC) || (me->signal == SIGNAL_CHANGED) || (me->signal == SIGNAL_SETTLED);
}

static void settle(struct pilot_switch *me)
{
    me->report = REPORT_SETTLING;
    start(me, TIMER_SETTLING, me->is->T_debounce);
}

static void decide(struct pilot_switch *me)
{
    if (me->seen != me->reported) {
        me->reported = me->seen;
        me->ports->send_state(NULL, me->reported);
    }
    me->report = REPORT_STABLE;
}

static void power_on(struct pilot_switch *me)
{
    me->power = POWER_ON;
    me->ports->send_power_back(NULL);
}

static void power_off(struct pilot_switch *me)
{
    me->power = POWER_OFF;
    me->ports->send_power_lost(NULL);
}

/* The vehicle has another state: the power path, the report and the toggle hear of it. */
static void sample(struct pilot_switch *me)
{
    const bool ready = (me->seen == PILOT_EVSE_WORD_C) || (me->seen == PILOT_EVSE_WORD_D);
    switch (me->power) {
    case POWER_OFF:
        if (ready && (me->is->T_power_filter == 0)) {
            power_on(me);
        } else if (ready) {
            me->power = POWER_OFF_DOUBTFUL;
            start(me, TIMER_POWER, me->is->T_power_filter);
        } else {
            /* as before */
        }
        break;
    case POWER_OFF_DOUBTFUL:
        if (!ready) {
            stop(me, TIMER_POWER);
            me->power = POWER_OFF;
        }
        break;
    case POWER_ON:
        if ((!ready) && (me->is->T_power_filter == 0)) {
            power_off(me);
        } else if (!ready) {
            me->power = POWER_ON_DOUBTFUL;
            start(me, TIMER_POWER, me->is->T_power_filter);
        } else {
            /* as before */
        }
        break;
    case POWER_ON_DOUBTFUL:
    default:
        if (ready) {
            stop(me, TIMER_POWER);
            me->power = POWER_ON;
        }
        break;
    }
    switch (me->report) {
    case REPORT_STABLE:
        if (me->seen != me->reported) {
            if (me->seen == PILOT_EVSE_WORD_A) {
                me->report = REPORT_LEAVING;
                start(me, TIMER_LEAVING, me->is->T_unplug_grace);
            } else {
                settle(me);
            }
        }
        break;
    case REPORT_SETTLING:
        me->bounces++;
        if (me->seen == PILOT_EVSE_WORD_A) {
            stop(me, TIMER_SETTLING);
            me->report = REPORT_LEAVING;
            start(me, TIMER_LEAVING, me->is->T_unplug_grace);
        } else {
            settle(me);
        }
        break;
    case REPORT_LEAVING:
    default:
        if (me->seen != PILOT_EVSE_WORD_A) {
            me->bounces++;
            stop(me, TIMER_LEAVING);
            settle(me);
        }
        break;
    }
    switch (me->toggle) {
    case TOGGLE_IDLE:
        if ((me->seen == PILOT_EVSE_WORD_C) && (me->reported == PILOT_EVSE_WORD_B)) {
            me->toggle = TOGGLE_SHORT;
            start(me, TIMER_TOGGLE, me->is->TP_EV_vald_state_duration_min);
        }
        break;
    case TOGGLE_SHORT:
        if (!ready) {
            stop(me, TIMER_TOGGLE);
            me->toggle = TOGGLE_IDLE;
        }
        break;
    case TOGGLE_RIGHT:
    default:
        if (!ready) {
            stop(me, TIMER_TOGGLE);
            me->toggle = TOGGLE_IDLE;
            if (me->seen == PILOT_EVSE_WORD_B) {
                me->ports->send_bcb_toggle(NULL);
            }
        }
        break;
    }
}

static void no_diode(struct pilot_switch *me)
{
    me->vehicle = VEHICLE_DIODE;
    me->seen = PILOT_EVSE_WORD_E;
    if ((me->power == POWER_ON) || (me->power == POWER_ON_DOUBTFUL)) {
        stop(me, TIMER_POWER);
        power_off(me);
    }
    me->ports->send_diode_fault(NULL);
    sample(me);
}

static bool shorted(const struct pilot_switch *me, double high)
{
    return (high <= me->is->U_E_high) && (high >= me->is->U_E_low) && (me->vehicle != VEHICLE_E) &&
        (me->vehicle != VEHICLE_DIODE) && (me->signal != SIGNAL_F) && (me->signal != SIGNAL_EF_LOW);
}

static void vehicle(struct pilot_switch *me, enum switch_vehicle state, enum pilot_evse_word seen)
{
    me->vehicle = state;
    me->seen = seen;
    sample(me);
}

void switch_levels(struct pilot_switch *me, int64_t now, double high, double low)
{
    const struct pilot_evse_parameters *const is = me->is;
    me->now = now;
    switch (me->check) {
    case CHECK_GOOD:
        if (pwm(me) && (low > is->U_diode) && (high < is->U_B_high) && (high > is->U_E_high)) {
            me->check = CHECK_SUSPECT;
            start(me, TIMER_DIODE, is->T_debounce);
        }
        break;
    case CHECK_SUSPECT:
    default:
        if ((low <= is->U_diode) || (high >= is->U_B_high) || (high <= is->U_E_high) || !pwm(me)) {
            stop(me, TIMER_DIODE);
            me->check = CHECK_GOOD;
        }
        break;
    }
    if (high >= is->U_A) {
        if (me->vehicle != VEHICLE_A) {
            vehicle(me, VEHICLE_A, PILOT_EVSE_WORD_A);
        }
    } else if ((high <= is->U_B_high) && (high >= is->U_B_low)) {
        if ((me->vehicle != VEHICLE_B) && (me->vehicle != VEHICLE_DIODE)) {
            vehicle(me, VEHICLE_B, PILOT_EVSE_WORD_B);
        }
    } else if ((high <= is->U_C_high) && (high >= is->U_C_low)) {
        if ((me->vehicle != VEHICLE_C) && (me->vehicle != VEHICLE_DIODE)) {
            vehicle(me, VEHICLE_C, PILOT_EVSE_WORD_C);
        }
    } else if ((high <= is->U_D_high) && (high >= is->U_D_low)) {
        if ((me->vehicle != VEHICLE_D) && (me->vehicle != VEHICLE_DIODE)) {
            vehicle(me, VEHICLE_D, PILOT_EVSE_WORD_D);
        }
    } else if (shorted(me, high)) {
        vehicle(me, VEHICLE_E, PILOT_EVSE_WORD_E);
    } else {
        /* between two bands */
    }
}

static void show(struct pilot_switch *me, enum switch_signal signal, double duty)
{
    const bool positive = (me->signal == SIGNAL_F) || (me->signal == SIGNAL_EF_LOW);
    double high;
    stop(me, TIMER_SIGNAL);
    me->signal = signal;
    me->ports->pilot_set_duty(NULL, duty);
    if (positive && me->ports->read_pilot_high(NULL, &high) && shorted(me, high)) {
        vehicle(me, VEHICLE_E, PILOT_EVSE_WORD_E);
    }
}

static void change(struct pilot_switch *me)
{
    me->duty = me->wanted_duty;
    show(me, SIGNAL_CHANGED, me->duty);
    start(me, TIMER_SIGNAL, me->is->T_duty_change);
}

void switch_order(struct pilot_switch *me, int64_t now, enum switch_event event, double duty)
{
    me->now = now;
    switch (event) {
    case EVENT_X1:
        show(me, SIGNAL_X1, 100.0);
        break;
    case EVENT_HLC:
        show(me, SIGNAL_HLC, me->is->D_HLC);
        break;
    case EVENT_FAULT:
        show(me, SIGNAL_F, 0.0);
        break;
    case EVENT_STEP_EF:
        show(me, SIGNAL_EF_LOW, 0.0);
        start(me, TIMER_SIGNAL, me->is->T_step_EF);
        break;
    case EVENT_STEP_X1:
        show(me, SIGNAL_STEP_X1, 100.0);
        start(me, TIMER_SIGNAL, me->is->T_step_X1);
        break;
    case EVENT_NOMINAL:
    default:
        me->wanted_duty = duty;
        if ((me->signal != SIGNAL_CHANGED) && (me->signal != SIGNAL_SETTLED)) {
            change(me);
        } else if ((me->signal == SIGNAL_SETTLED) && ((duty < me->duty) || (duty > me->duty))) {
            change(me);
        } else {
            /* later */
        }
        break;
    }
}

static void signal_over(struct pilot_switch *me)
{
    switch (me->signal) {
    case SIGNAL_CHANGED:
        if ((me->wanted_duty < me->duty) || (me->wanted_duty > me->duty)) {
            change(me);
        } else {
            me->signal = SIGNAL_SETTLED;
        }
        break;
    case SIGNAL_EF_LOW:
        show(me, SIGNAL_EF_HIGH, 100.0);
        start(me, TIMER_SIGNAL, me->is->T_step_EF_x1);
        break;
    case SIGNAL_EF_HIGH:
    case SIGNAL_STEP_X1:
    default:
        me->ports->send_step_done(NULL);
        show(me, SIGNAL_X1, 100.0);
        break;
    }
}

bool switch_expire(struct pilot_switch *me, int64_t now)
{
    uint8_t first = 0;
    bool due;
    for (uint8_t i = 1; i < SWITCH_TIMERS; i++) {
        if (me->due[i] < me->due[first]) {
            first = i;
        }
    }
    due = me->due[first] <= now;
    if (due) {
        me->now = now;
        me->due[first] = INT64_MAX;
        switch ((enum switch_timer)first) {
        case TIMER_POWER:
            if (me->power == POWER_OFF_DOUBTFUL) {
                power_on(me);
            } else {
                power_off(me);
            }
            break;
        case TIMER_DIODE:
            me->check = CHECK_GOOD;
            if (pwm(me)) {
                no_diode(me);
            }
            break;
        case TIMER_SETTLING:
        case TIMER_LEAVING:
            decide(me);
            break;
        case TIMER_TOGGLE:
            if (me->toggle == TOGGLE_SHORT) {
                me->toggle = TOGGLE_RIGHT;
                start(me, TIMER_TOGGLE, me->is->TP_EV_vald_state_duration_max - me->is->TP_EV_vald_state_duration_min);
            } else {
                me->toggle = TOGGLE_IDLE;
            }
            break;
        case TIMER_SIGNAL:
        default:
            signal_over(me);
            break;
        }
    }
    return due;
}

void switch_begin(struct pilot_switch *me, const struct pilot_evse_ports *ports, int64_t now)
{
    const struct pilot_switch empty = {.ports = ports, .is = &pilot_evse_defaults, .now = now, .duty = 100.0};
    *me = empty;
    me->wanted_duty = 100.0;
    for (uint8_t i = 0; i < SWITCH_TIMERS; i++) {
        me->due[i] = INT64_MAX;
    }
    me->ports->pilot_set_duty(NULL, 100.0);
}
