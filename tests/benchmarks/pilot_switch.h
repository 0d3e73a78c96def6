/* machines/pilot/evse.yaml by hand: see pilot_switch.c. */
#ifndef PILOT_SWITCH_H
#define PILOT_SWITCH_H

#include "pilot_evse.h"

enum switch_vehicle { VEHICLE_A, VEHICLE_B, VEHICLE_C, VEHICLE_D, VEHICLE_E, VEHICLE_DIODE };
enum switch_power { POWER_OFF, POWER_OFF_DOUBTFUL, POWER_ON, POWER_ON_DOUBTFUL };
enum switch_check { CHECK_GOOD, CHECK_SUSPECT };
enum switch_report { REPORT_STABLE, REPORT_SETTLING, REPORT_LEAVING };
enum switch_toggle { TOGGLE_IDLE, TOGGLE_SHORT, TOGGLE_RIGHT };
enum switch_signal {
    SIGNAL_X1, SIGNAL_HLC, SIGNAL_CHANGED, SIGNAL_SETTLED, SIGNAL_F, SIGNAL_EF_LOW, SIGNAL_EF_HIGH, SIGNAL_STEP_X1
};
enum switch_event { EVENT_X1, EVENT_HLC, EVENT_NOMINAL, EVENT_FAULT, EVENT_STEP_EF, EVENT_STEP_X1 };
enum switch_timer {
    TIMER_POWER, TIMER_DIODE, TIMER_SETTLING, TIMER_LEAVING, TIMER_TOGGLE, TIMER_SIGNAL, SWITCH_TIMERS
};

struct pilot_switch {
    const struct pilot_evse_ports *ports;
    const struct pilot_evse_parameters *is;
    int64_t now;
    int64_t due[SWITCH_TIMERS];
    enum switch_vehicle vehicle;
    enum switch_power power;
    enum switch_check check;
    enum switch_report report;
    enum switch_toggle toggle;
    enum switch_signal signal;
    enum pilot_evse_word seen;
    enum pilot_evse_word reported;
    double duty;
    double wanted_duty;
    int64_t bounces;
};

void switch_begin(struct pilot_switch *me, const struct pilot_evse_ports *ports, int64_t now);
void switch_levels(struct pilot_switch *me, int64_t now, double high, double low);
void switch_order(struct pilot_switch *me, int64_t now, enum switch_event event, double duty);
bool switch_expire(struct pilot_switch *me, int64_t now);

#endif
