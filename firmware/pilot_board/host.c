#include "host.h"
#include "values.h"

#include <string.h>

#define BAD_VALUE(text) "bad_value: " text

static const char *const names[HOST_COMMANDS] = {
    "ping", "get_status", "set_pwm", "enable_pwm", "set_freq", "set_mode", "restart_slac_hint",
    "cp.set_thresholds", "cp.auto_cal", "cp.scan", "reset",
};

/* ------------------------------------------------------------ lines of the host */

bool host_take(struct host_lines *lines, uint8_t octet)
{
    const bool whole = octet == (uint8_t)'\n';
    if ((!whole) && (lines->length < JSON_LINE)) {
        lines->octet[lines->length] = octet;
        lines->length++;
    } else if (!whole) {
        lines->too_long = true;
    } else {
        /* its end is not kept */
    }
    return whole;
}

/* An integer of a command. True when it is there; `*wrong` when it is not one from `least` to `most`. */
static bool number(const uint8_t *line, uint16_t length, const char *name, int32_t least, int32_t most, uint16_t *to,
    bool *wrong)
{
    const struct json_value value = json_member(line, length, name);
    const bool there = value.kind != JSON_ABSENT;
    if (there) {
        const int32_t given = (value.kind == JSON_INTEGER) ? json_integer(line, value) : (least - 1);
        if ((given < least) || (given > most)) {
            *wrong = true;
        } else {
            *to = (uint16_t)given;
        }
    }
    return there;
}

static bool truth(const uint8_t *line, uint16_t length, const char *name, bool *to, bool *wrong)
{
    const struct json_value value = json_member(line, length, name);
    const bool there = value.kind != JSON_ABSENT;
    *wrong = *wrong || (there && (value.kind != JSON_TRUE) && (value.kind != JSON_FALSE));
    *to = value.kind == JSON_TRUE;
    return there;
}

static const char *fields(const uint8_t *line, uint16_t length, const struct scale *scale, struct host_order *order)
{
    const char *reason = "";
    bool wrong = false;
    uint16_t duty = 0;
    switch (order->command) {
    case HOST_SET_PWM:
        order->with_duty = number(line, length, "duty", 0, 100, &duty, &wrong);
        order->duty = (uint8_t)duty;
        reason = wrong ? BAD_VALUE("'duty' is an integer from 0 to 100") : reason;
        wrong = false;
        order->with_enable = truth(line, length, "enable", &order->enable, &wrong);
        reason = wrong ? BAD_VALUE("'enable' is true or false") : reason;
        break;
    case HOST_ENABLE_PWM:
        order->with_enable = truth(line, length, "enable", &order->enable, &wrong);
        reason = (!order->with_enable) ? BAD_VALUE("'enable' is missing") : reason;
        reason = wrong ? BAD_VALUE("'enable' is true or false") : reason;
        break;
    case HOST_SET_FREQ:
        reason = number(line, length, "hz", 500, 5000, &order->hz, &wrong) ? reason : BAD_VALUE("'hz' is missing");
        reason = wrong ? BAD_VALUE("'hz' is an integer from 500 to 5000") : reason;
        break;
    case HOST_SET_MODE: {
        const struct json_value mode = json_member(line, length, "mode");
        order->manual = json_is(line, mode, "manual");
        reason = (order->manual || json_is(line, mode, "dc")) ? reason : "bad_mode";
        break;
    }
    case HOST_RESTART_SLAC_HINT:
        order->with_ms = number(line, length, "ms", 50, 2000, &order->ms, &wrong);
        reason = wrong ? BAD_VALUE("'ms' is an integer from 50 to 2000") : reason;
        break;
    case HOST_SET_THRESHOLDS:
        order->scale = *scale;
        for (uint8_t i = 0; i < SCALE_THRESHOLDS; i++) {
            (void)number(line, length, scale_names[i], 0, 3300, &order->scale.mv[i], &wrong);
        }
        if (wrong) {
            reason = BAD_VALUE("a threshold is an integer from 0 to 3300");
        } else if (!scale_holds(&order->scale)) {
            reason = BAD_VALUE("t12, t9, t6, t3, t0 fall, each with its hysteresis between it and the next");
        } else {
            /* they hold */
        }
        break;
    default:
        break;
    }
    return reason;
}

static const char *command(const uint8_t *line, uint16_t length, const struct scale *scale, struct host_order *order)
{
    const char *reason = "bad_json: not an object in JSON";
    if (json_is_object(line, length)) {
        const struct json_value cmd = json_member(line, length, "cmd");
        uint8_t at = 0;
        while ((at < (uint8_t)HOST_COMMANDS) && (!json_is(line, cmd, names[at]))) {
            at++;
        }
        if ((cmd.kind == JSON_ABSENT) || (cmd.kind == JSON_NULL)) {
            reason = "missing_cmd";
        } else if (at == (uint8_t)HOST_COMMANDS) {
            reason = "unknown_cmd";
        } else {
            order->command = (enum host_command)at;
            reason = fields(line, length, scale, order);
        }
    }
    return reason;
}

const char *host_read(struct host_lines *lines, const struct scale *scale, struct host_order *order)
{
    const char *reason = NULL;
    uint16_t from = 0;
    uint16_t to = lines->length;
    (void)memset(order, 0, sizeof *order);
    while ((from < to) && (lines->octet[from] == (uint8_t)'\r')) {
        from++;
    }
    while ((to > from) && (lines->octet[to - 1U] == (uint8_t)'\r')) {
        to--;
    }
    if (lines->spoilt) {
        reason = "overflow: octets of a line were lost";
    } else if (lines->too_long) {
        reason = "too_long: a line of more than 240 octets";
    } else if (to > from) {
        reason = command(&lines->octet[from], (uint16_t)(to - from), scale, order);
    } else {
        /* an empty line */
    }
    lines->length = 0;
    lines->too_long = false;
    lines->spoilt = false;
    return reason;
}

/* ------------------------------------------------------------ lines to the host */

static void add_octet(struct host_reply *reply, char octet)
{
    if (reply->length < HOST_REPLY) {
        reply->octet[reply->length] = octet;
        reply->length++;
    } else {
        reply->full = true;
    }
}

void host_add(struct host_reply *reply, const char *text)
{
    for (uint16_t i = 0; (text[i] != '\0') && (!reply->full); i++) {
        add_octet(reply, text[i]);
    }
}

void host_add_string(struct host_reply *reply, const char *text)
{
    add_octet(reply, '"');
    for (uint16_t i = 0; (text[i] != '\0') && (!reply->full); i++) {
        const bool plain = (text[i] >= ' ') && (text[i] <= '~') && (text[i] != '"') && (text[i] != '\\');
        add_octet(reply, plain ? text[i] : '?');
    }
    add_octet(reply, '"');
}

void host_add_number(struct host_reply *reply, int64_t value)
{
    char digits[21];
    host_add(reply, chart_decimal(digits, value));
}

void host_add_bool(struct host_reply *reply, bool value)
{
    host_add(reply, value ? "true" : "false");
}
