#include "board.h"

#include "host.h"
#include "pilot_evse.h"
#include "pilot_firmware.h"
#include "plateau.h"
#include "scale.h"

#include <string.h>

#define ORDERS 32U        /* that wait for the end of a step */
#define ORDERS_A_ROUND 64U /* one that is told to a chart may bring others */
#define TIMERS_A_ROUND 16U
#define OCTETS_A_STEP 64U /* of the host: 5.5 ms of its line */
#define IDLE_US 5000
#define BLIND_US 50000    /* without a burst nobody knows what the pilot is */
#define SETTLE_US 100     /* after the period in which a duty changes */
#define STEP_MV 150       /* a level that has moved less is noise */
#define PITCH 5U          /* bursts whose median is cp_mv_robust */
#define DEFAULT_HZ 1000U

/* What one chart, or the measurement, tells the other: it waits until the step that told it is over. */
enum order_kind {
    LINE_X1, LINE_HLC, LINE_FAULT, LINE_NOMINAL,
    LINE_STATE, LINE_DIODE_FAULT, LINE_POWER_BACK, LINE_POWER_LOST, LINE_BCB_TOGGLE, LINE_STEP_DONE,
    FRONT_SHOWN, FRONT_CALIBRATED, FRONT_UNCALIBRATED, PILOT_LEVELS, PILOT_LOST, PILOT_FOUND
};

struct order {
    enum order_kind kind;
    int32_t value;
    int32_t other;
};

static struct {
    struct pilot_firmware firmware;
    struct pilot_evse line;
    struct order order[ORDERS];
    uint8_t first;
    uint8_t waiting;
    struct host_lines lines;
    struct host_reply reply;
    uint32_t unsent; /* lines to the host for which the port had no room */
    struct scale scale;
    struct board_burst burst;
    uint16_t highs[PITCH]; /* of the last bursts, millivolts at the converter */
    uint8_t pitched;
    uint8_t next_pitch;
    struct plateau seen; /* in the last burst that counted, raw */
    uint16_t cp_mv;      /* its high level */
    uint16_t noted_high_mv;
    uint16_t noted_low_mv;
    int32_t high_pilot_mv; /* as the charts were told */
    int32_t low_pilot_mv;
    bool blind;
    bool told_levels;
    bool restart;
    uint16_t duty; /* 0.01 %, on the line */
    uint32_t hz;
    int64_t settled_us; /* bursts from then on are of this duty */
    int64_t burst_us;   /* of the last one that counted */
    int64_t began_us;
    int64_t now_us; /* of this step */
    uint16_t fault;
} me;

static int64_t now_ns(void)
{
    return me.now_us * 1000;
}

static void fail(uint16_t number)
{
    if (me.fault == 0U) {
        me.fault = number;
        me.duty = 0;
        platform_set_pwm(0, DEFAULT_HZ);
        me.reply.length = 0;
        me.reply.full = false;
        host_add(&me.reply, "{\"type\":\"error\",\"msg\":\"fault: ");
        host_add_number(&me.reply, number);
        host_add(&me.reply, "\"}\n");
        (void)platform_put((const uint8_t *)me.reply.octet, me.reply.length); /* nothing else can be done */
    }
}

static void order(enum order_kind kind, int32_t value, int32_t other)
{
    if (me.waiting < ORDERS) {
        struct order *const next = &me.order[(me.first + me.waiting) % ORDERS];
        next->kind = kind;
        next->value = value;
        next->other = other;
        me.waiting++;
    } else {
        fail(BOARD_FAULT_ORDERS);
    }
}

/* ------------------------------------------------------------ lines to the host */

static const char *letter(enum pilot_firmware_word state)
{
    const char *text = "F";
    switch (state) {
    case PILOT_FIRMWARE_WORD_A:
        text = "A";
        break;
    case PILOT_FIRMWARE_WORD_B:
        text = "B";
        break;
    case PILOT_FIRMWARE_WORD_C:
        text = "C";
        break;
    case PILOT_FIRMWARE_WORD_D:
        text = "D";
        break;
    case PILOT_FIRMWARE_WORD_E:
        text = "E";
        break;
    default:
        break;
    }
    return text;
}

static const char *event_name(enum pilot_firmware_word name)
{
    const char *text = "unknown";
    switch (name) {
    case PILOT_FIRMWARE_WORD_state:
        text = "state";
        break;
    case PILOT_FIRMWARE_WORD_duty:
        text = "duty";
        break;
    case PILOT_FIRMWARE_WORD_mode:
        text = "mode";
        break;
    case PILOT_FIRMWARE_WORD_diode:
        text = "diode";
        break;
    case PILOT_FIRMWARE_WORD_host_silent:
        text = "host_silent";
        break;
    case PILOT_FIRMWARE_WORD_host_heard:
        text = "host_heard";
        break;
    case PILOT_FIRMWARE_WORD_blind:
        text = "blind";
        break;
    case PILOT_FIRMWARE_WORD_sees:
        text = "sees";
        break;
    default:
        break;
    }
    return text;
}

static void begin(const char *type)
{
    me.reply.length = 0;
    me.reply.full = false;
    host_add(&me.reply, "{\"type\":\"");
    host_add(&me.reply, type);
    host_add(&me.reply, "\"");
}

static void member(const char *name) /* ,"name": */
{
    host_add(&me.reply, ",\"");
    host_add(&me.reply, name);
    host_add(&me.reply, "\":");
}

static void say(void)
{
    host_add(&me.reply, "}\n");
    if (me.reply.full) {
        fail(BOARD_FAULT_LINE);
    } else if (!platform_put((const uint8_t *)me.reply.octet, me.reply.length)) {
        me.unsent++;
    } else {
        /* it is on its way */
    }
}

static void refuse(const char *reason)
{
    begin("error");
    member("msg");
    host_add_string(&me.reply, reason);
    say();
}

static void shown(enum pilot_firmware_word state, enum pilot_firmware_word mode, bool enabled, int64_t duty, int64_t out,
    int64_t hz, bool diode)
{
    struct host_reply *const reply = &me.reply;
    member("cp_mv");
    host_add_number(reply, me.cp_mv);
    member("cp_mv_robust");
    host_add_number(reply, plateau_median(me.highs, me.pitched));
    member("state");
    host_add_string(reply, letter(state));
    member("mode");
    host_add_string(reply, (mode == PILOT_FIRMWARE_WORD_dc) ? "dc" : "manual");
    host_add(reply, ",\"pwm\":{\"enabled\":");
    host_add_bool(reply, enabled);
    member("duty");
    host_add_number(reply, duty);
    member("hz");
    host_add_number(reply, hz);
    member("out");
    host_add_number(reply, out);
    host_add(reply, "}");
    member("diode");
    host_add_bool(reply, diode);
    member("up_ms");
    host_add_number(reply, (me.now_us - me.began_us) / 1000);
}

static void host_status(void *context, enum pilot_firmware_word state, enum pilot_firmware_word mode, bool enabled,
    int64_t duty, int64_t out, int64_t hz, bool diode)
{
    (void)context;
    begin("status");
    shown(state, mode, enabled, duty, out, hz, diode);
    member("reset");
    host_add_string(&me.reply, platform_reset_reason());
    if (me.unsent != 0U) {
        member("unsent");
        host_add_number(&me.reply, me.unsent);
    }
    host_add(&me.reply, ",\"thresh\":{");
    for (uint8_t i = 0; i < SCALE_THRESHOLDS; i++) {
        host_add(&me.reply, (i == 0U) ? "\"" : ",\"");
        host_add(&me.reply, scale_names[i]);
        host_add(&me.reply, "\":");
        host_add_number(&me.reply, me.scale.mv[i]);
    }
    host_add(&me.reply, "}");
    say();
}

static void host_event(void *context, enum pilot_firmware_word name, int64_t seq, enum pilot_firmware_word state,
    enum pilot_firmware_word mode, bool enabled, int64_t duty, int64_t out, int64_t hz, bool diode)
{
    (void)context;
    begin("event");
    member("event");
    host_add_string(&me.reply, event_name(name));
    member("seq");
    host_add_number(&me.reply, seq);
    shown(state, mode, enabled, duty, out, hz, diode);
    say();
}

static void host_refuse(void *context, enum pilot_firmware_word code)
{
    (void)context;
    refuse((code == PILOT_FIRMWARE_WORD_cal_failed) ? "cal_failed" : "mode_dc_auto");
}

static void host_ok(void *context, const char *command)
{
    (void)context;
    begin("ok");
    member("cmd");
    host_add_string(&me.reply, command);
    say();
}

static void host_pong(void *context)
{
    (void)context;
    begin("pong");
    say();
}

static void host_inputs(void *context)
{
    (void)context;
    begin("res");
    host_add(&me.reply, ",\"cmd\":\"cp.scan\",\"mv\":{");
    for (uint8_t i = 1; i <= BOARD_INPUTS; i++) {
        host_add(&me.reply, (i == 1U) ? "\"" : ",\"");
        host_add_number(&me.reply, i);
        host_add(&me.reply, "\":");
        host_add_number(&me.reply, platform_input_mv(i));
    }
    host_add(&me.reply, "},\"burst\":{\"peak\":");
    host_add_number(&me.reply, platform_mv(me.seen.peak));
    member("high");
    host_add_number(&me.reply, me.cp_mv);
    member("low");
    host_add_number(&me.reply, platform_mv(me.seen.low));
    member("min");
    host_add_number(&me.reply, platform_mv(me.seen.minimum));
    member("mean");
    host_add_number(&me.reply, platform_mv(me.seen.mean));
    host_add(&me.reply, "}");
    say();
}

/* ------------------------------------------------------------ the pilot's source and its measurement */

static void show(uint16_t duty, uint32_t hz)
{
    if (((duty != me.duty) || (hz != me.hz)) && (me.fault == 0U)) {
        const int32_t percent = (int32_t)((duty + 50U) / 100U);
        const bool other = percent != (int32_t)((me.duty + 50U) / 100U);
        me.settled_us = me.now_us + (int64_t)(1000000U / ((hz < me.hz) ? hz : me.hz)) + SETTLE_US;
        me.duty = duty;
        me.hz = hz;
        platform_set_pwm(duty, hz);
        if (other) {
            order(FRONT_SHOWN, percent, 0);
        }
    }
}

static void pilot_set_duty(void *context, double duty)
{
    (void)context;
    const double within = (duty < 0.0) ? 0.0 : ((duty > 100.0) ? 100.0 : duty);
    show((uint16_t)((within * 100.0) + 0.5), me.hz);
}

static bool read_pilot_high(void *context, double *volts)
{
    (void)context;
    *volts = (double)me.high_pilot_mv / 1000.0;
    return me.told_levels;
}

static void front_set_frequency(void *context, int64_t hz)
{
    (void)context;
    show(me.duty, (uint32_t)hz);
}

static void front_note_high(void *context)
{
    (void)context;
    me.noted_high_mv = plateau_median(me.highs, me.pitched);
}

static void front_note_low(void *context)
{
    (void)context;
    me.noted_low_mv = plateau_median(me.highs, me.pitched);
}

static void keep(void)
{
    uint8_t record[SCALE_RECORD];
    scale_keep(&me.scale, record);
    if (!platform_save(record, SCALE_RECORD)) {
        refuse("not_kept: the thresholds hold until the next restart only");
    }
}

static void front_calibrate(void *context)
{
    (void)context;
    const bool good = (!me.blind) && scale_calibrate(&me.scale, me.noted_high_mv, me.noted_low_mv);
    if (good) {
        keep();
    }
    order(good ? FRONT_CALIBRATED : FRONT_UNCALIBRATED, 0, 0);
}

static void front_restart(void *context)
{
    (void)context;
    me.restart = true;
}

static int32_t apart(int32_t one, int32_t other)
{
    return (one > other) ? (one - other) : (other - one);
}

static void tell_levels(int32_t high, int32_t low)
{
    if ((!me.told_levels) || (apart(high, me.high_pilot_mv) > STEP_MV) || (apart(low, me.low_pilot_mv) > STEP_MV)) {
        me.told_levels = true;
        order(PILOT_LEVELS, high, low);
    }
}

static void measure(void)
{
    struct plateau found;
    platform_read_burst(&me.burst);
    const uint16_t count = (me.burst.count > BOARD_BURST) ? BOARD_BURST : me.burst.count;
    const uint16_t span = plateau_span(count, me.burst.period_ns, me.hz);
    if ((me.burst.began_us >= me.settled_us) && plateau_find(me.burst.raw, span, me.duty, &found)) {
        me.burst_us = me.now_us;
        me.seen = found;
        me.cp_mv = platform_mv(found.high);
        me.highs[me.next_pitch] = me.cp_mv;
        me.next_pitch = (uint8_t)((me.next_pitch + 1U) % PITCH);
        me.pitched = (me.pitched < PITCH) ? (uint8_t)(me.pitched + 1U) : PITCH;
        if (me.blind) {
            me.blind = false;
            me.told_levels = false;
            order(PILOT_FOUND, 0, 0);
        }
        tell_levels(scale_pilot_mv(&me.scale, me.cp_mv), scale_pilot_mv(&me.scale, platform_mv(found.low)));
    } else if ((!me.blind) && ((me.now_us - me.burst_us) > BLIND_US)) {
        me.blind = true;
        tell_levels(0, 0);
        order(PILOT_LOST, 0, 0);
    } else {
        /* none, or one of another duty */
    }
}

/* ------------------------------------------------------------ what the charts order */

static void failed(void *context, uint16_t place) /* a guard or an action has no value */
{
    (void)context;
    refuse(pilot_firmware_places[place]);
}

static void line_failed(void *context, uint16_t place)
{
    (void)context;
    refuse(pilot_evse_places[place]);
}

static void assertion(void *context, uint16_t number)
{
    (void)context;
    fail(number);
}

static void send_state(void *context, enum pilot_evse_word state)
{
    (void)context;
    enum pilot_firmware_word word = PILOT_FIRMWARE_WORD_E;
    switch (state) {
    case PILOT_EVSE_WORD_A:
        word = PILOT_FIRMWARE_WORD_A;
        break;
    case PILOT_EVSE_WORD_B:
        word = PILOT_FIRMWARE_WORD_B;
        break;
    case PILOT_EVSE_WORD_C:
        word = PILOT_FIRMWARE_WORD_C;
        break;
    case PILOT_EVSE_WORD_D:
        word = PILOT_FIRMWARE_WORD_D;
        break;
    default:
        break;
    }
    order(LINE_STATE, (int32_t)word, 0);
}

static void send_diode_fault(void *context)
{
    (void)context;
    order(LINE_DIODE_FAULT, 0, 0);
}

static void send_power_back(void *context)
{
    (void)context;
    order(LINE_POWER_BACK, 0, 0);
}

static void send_power_lost(void *context)
{
    (void)context;
    order(LINE_POWER_LOST, 0, 0);
}

static void send_bcb_toggle(void *context)
{
    (void)context;
    order(LINE_BCB_TOGGLE, 0, 0);
}

static void send_step_done(void *context)
{
    (void)context;
    order(LINE_STEP_DONE, 0, 0);
}

static const struct pilot_evse_ports line_ports = {
    .pilot_set_duty = pilot_set_duty,
    .read_pilot_high = read_pilot_high,
    .send_state = send_state,
    .send_diode_fault = send_diode_fault,
    .send_power_back = send_power_back,
    .send_power_lost = send_power_lost,
    .send_bcb_toggle = send_bcb_toggle,
    .send_step_done = send_step_done,
    .error = line_failed,
    .fault = assertion,
};

static void start_line(void *context, int64_t debounce, int64_t unplug_grace, int64_t duty_change)
{
    struct pilot_evse_parameters parameters = pilot_evse_defaults;
    (void)context;
    parameters.T_debounce = debounce;
    parameters.T_unplug_grace = unplug_grace;
    parameters.T_duty_change = duty_change;
    if ((!pilot_evse_init(&me.line, &line_ports, NULL, &parameters)) || (!pilot_evse_begin(&me.line, now_ns()))) {
        fail(BOARD_FAULT_CHART);
    }
}

static void stop_line(void *context)
{
    (void)context;
    chart_finish(&me.line.chart, now_ns());
}

static void send_line_x1(void *context)
{
    (void)context;
    order(LINE_X1, 0, 0);
}

static void send_line_hlc(void *context)
{
    (void)context;
    order(LINE_HLC, 0, 0);
}

static void send_line_fault(void *context)
{
    (void)context;
    order(LINE_FAULT, 0, 0);
}

static void send_line_nominal(void *context, double duty)
{
    (void)context;
    order(LINE_NOMINAL, (int32_t)duty, 0);
}

static const struct pilot_firmware_ports firmware_ports = {
    .start_line = start_line,
    .stop_line = stop_line,
    .send_line_x1 = send_line_x1,
    .send_line_hlc = send_line_hlc,
    .send_line_fault = send_line_fault,
    .send_line_nominal = send_line_nominal,
    .host_event = host_event,
    .host_status = host_status,
    .host_refuse = host_refuse,
    .host_ok = host_ok,
    .host_pong = host_pong,
    .host_inputs = host_inputs,
    .front_note_high = front_note_high,
    .front_note_low = front_note_low,
    .front_calibrate = front_calibrate,
    .front_set_frequency = front_set_frequency,
    .front_restart = front_restart,
    .error = failed,
    .fault = assertion,
};

/* ------------------------------------------------------------ steps */

static bool carry_out(const struct order *one)
{
    const int64_t now = now_ns();
    bool good = true;
    switch (one->kind) {
    case LINE_X1:
        good = pilot_evse_x1(&me.line, now);
        break;
    case LINE_HLC:
        good = pilot_evse_hlc(&me.line, now);
        break;
    case LINE_FAULT:
        good = pilot_evse_fault(&me.line, now);
        break;
    case LINE_NOMINAL:
        good = pilot_evse_nominal(&me.line, now, (double)one->value);
        break;
    case LINE_STATE:
        good = pilot_firmware_line_state(&me.firmware, now, (enum pilot_firmware_word)one->value);
        break;
    case LINE_DIODE_FAULT:
        good = pilot_firmware_line_diode_fault(&me.firmware, now);
        break;
    case LINE_POWER_BACK:
        good = pilot_firmware_line_power_back(&me.firmware, now);
        break;
    case LINE_POWER_LOST:
        good = pilot_firmware_line_power_lost(&me.firmware, now);
        break;
    case LINE_BCB_TOGGLE:
        good = pilot_firmware_line_bcb_toggle(&me.firmware, now);
        break;
    case LINE_STEP_DONE:
        good = pilot_firmware_line_step_done(&me.firmware, now);
        break;
    case FRONT_SHOWN:
        good = pilot_firmware_front_shown(&me.firmware, now, (uint8_t)one->value);
        break;
    case FRONT_CALIBRATED:
        good = pilot_firmware_front_calibrated(&me.firmware, now);
        break;
    case FRONT_UNCALIBRATED:
        good = pilot_firmware_front_uncalibrated(&me.firmware, now);
        break;
    case PILOT_LEVELS:
        me.high_pilot_mv = one->value;
        me.low_pilot_mv = one->other;
        good = pilot_firmware_pilot_levels(&me.firmware, now, (double)one->value / 1000.0) &&
            pilot_evse_pilot_levels(&me.line, now, (double)one->value / 1000.0, (double)one->other / 1000.0);
        break;
    case PILOT_LOST:
        good = pilot_firmware_pilot_lost(&me.firmware, now);
        break;
    case PILOT_FOUND:
        good = pilot_firmware_pilot_found(&me.firmware, now);
        break;
    default:
        good = false;
        break;
    }
    return good;
}

/* What waits, and what that brings. */
static void settle(void)
{
    uint16_t rounds = 0;
    while ((me.waiting > 0U) && (me.fault == 0U)) {
        const struct order one = me.order[me.first];
        me.first = (uint8_t)((me.first + 1U) % ORDERS);
        me.waiting--;
        rounds++;
        if (!carry_out(&one)) {
            fail(BOARD_FAULT_CHART);
        } else if (rounds > ORDERS_A_ROUND) {
            fail(BOARD_FAULT_ORDERS);
        } else {
            /* the next one */
        }
    }
}

/* Timers that are due, the first one first. */
static void expire(void)
{
    bool any = true;
    for (uint8_t i = 0; (i < TIMERS_A_ROUND) && any && (me.fault == 0U); i++) {
        const int64_t of_firmware = chart_deadline_ns(&me.firmware.chart);
        const int64_t of_line = chart_deadline_ns(&me.line.chart);
        struct chart *const next = (of_line < of_firmware) ? &me.line.chart : &me.firmware.chart;
        any = chart_expire(next, now_ns());
        settle();
    }
}

static bool obey(const struct host_order *one)
{
    struct pilot_firmware *const chart = &me.firmware;
    const int64_t now = now_ns();
    bool good = true;
    switch (one->command) {
    case HOST_PING:
        good = pilot_firmware_host_ping(chart, now);
        break;
    case HOST_GET_STATUS:
        good = pilot_firmware_host_get_status(chart, now);
        break;
    case HOST_SET_PWM:
    case HOST_ENABLE_PWM:
        good = pilot_firmware_host_set_pwm(chart, now, one->with_duty, one->duty, one->with_enable, one->enable);
        break;
    case HOST_SET_FREQ:
        good = pilot_firmware_host_set_freq(chart, now, one->hz);
        break;
    case HOST_SET_MODE:
        good = pilot_firmware_host_set_mode(chart, now,
            one->manual ? PILOT_FIRMWARE_WORD_manual : PILOT_FIRMWARE_WORD_dc);
        break;
    case HOST_RESTART_SLAC_HINT:
        good = pilot_firmware_host_restart_slac_hint(chart, now, one->with_ms, (int64_t)one->ms * 1000000);
        break;
    case HOST_SET_THRESHOLDS:
        me.scale = one->scale;
        me.told_levels = false;
        keep();
        good = pilot_firmware_host_set_thresholds(chart, now);
        break;
    case HOST_AUTO_CAL:
        good = pilot_firmware_host_auto_cal(chart, now);
        break;
    case HOST_SCAN:
        good = pilot_firmware_host_scan(chart, now);
        break;
    case HOST_RESET:
        good = pilot_firmware_host_reset(chart, now);
        break;
    default:
        good = false;
        break;
    }
    return good;
}

static void listen(void)
{
    uint8_t octets[OCTETS_A_STEP];
    bool lost = false;
    const uint16_t count = platform_get(octets, OCTETS_A_STEP, &lost);
    me.lines.spoilt = me.lines.spoilt || lost;
    for (uint16_t i = 0; (i < count) && (i < OCTETS_A_STEP) && (me.fault == 0U); i++) {
        if (host_take(&me.lines, octets[i])) {
            struct host_order one;
            const char *const reason = host_read(&me.lines, &me.scale, &one);
            if (reason == NULL) {
                /* an empty line */
            } else if (reason[0] != '\0') {
                refuse(reason);
            } else if (!obey(&one)) {
                fail(BOARD_FAULT_CHART);
            } else {
                settle();
                expire();
            }
        }
    }
}

void board_init(void)
{
    uint8_t record[SCALE_RECORD];
    (void)memset(&me, 0, sizeof me);
    me.now_us = platform_now_us();
    me.began_us = me.now_us;
    me.burst_us = me.now_us;
    me.duty = BOARD_HIGH;
    me.hz = DEFAULT_HZ;
    me.settled_us = me.now_us + (1000000 / (int64_t)DEFAULT_HZ) + SETTLE_US;
    platform_set_pwm(me.duty, me.hz);
    me.scale = scale_default;
    if (platform_load(record, SCALE_RECORD)) {
        (void)scale_restore(&me.scale, record); /* a record that is none leaves the default */
    }
    if ((!pilot_firmware_init(&me.firmware, &firmware_ports, NULL, &pilot_firmware_defaults)) ||
        (!pilot_firmware_begin(&me.firmware, now_ns()))) {
        fail(BOARD_FAULT_CHART);
    }
    settle();
}

void board_step(void)
{
    if (me.fault == 0U) {
        me.now_us = platform_now_us();
        measure();
        settle();
        expire();
        listen();
        platform_feed_watchdog();
        if (me.restart) {
            platform_reset();
            board_init();
        }
    }
}

int64_t board_next_deadline_us(void)
{
    int64_t next = me.now_us + IDLE_US;
    const int64_t of_firmware = chart_deadline_ns(&me.firmware.chart) / 1000;
    const int64_t of_line = chart_deadline_ns(&me.line.chart) / 1000;
    next = (of_firmware < next) ? of_firmware : next;
    return (of_line < next) ? of_line : next;
}

uint16_t board_fault(void)
{
    return me.fault;
}
