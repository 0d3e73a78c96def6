/* Lines of the host and lines to it (docs/pilot_board.md). Any octets are a command whose values are in their ranges, or the
 * reason why they are none. */
#ifndef HOST_H
#define HOST_H

#include "json.h"
#include "scale.h"

#include <stdbool.h>
#include <stdint.h>

#define HOST_REPLY 480U /* octets of a line to the host at most */

enum host_command {
    HOST_PING, HOST_GET_STATUS, HOST_SET_PWM, HOST_ENABLE_PWM, HOST_SET_FREQ, HOST_SET_MODE, HOST_RESTART_SLAC_HINT,
    HOST_SET_THRESHOLDS, HOST_AUTO_CAL, HOST_SCAN, HOST_RESET, HOST_COMMANDS
};

/* A command; a field that was left out has `with_…` false. */
struct host_order {
    enum host_command command;
    bool with_duty;
    bool with_enable;
    bool with_ms;
    bool enable;
    bool manual;
    uint8_t duty; /* % */
    uint16_t hz;
    uint16_t ms;
    struct scale scale; /* the one that holds, with what the host sets */
};

/* A line that grows. */
struct host_lines {
    uint8_t octet[JSON_LINE];
    uint16_t length;
    bool too_long;
    bool spoilt; /* octets of it were lost */
};

/* The next octet: true when a line is whole, which is then read and cleared by host_read. */
bool host_take(struct host_lines *lines, uint8_t octet);

/* What the line says. NULL: nothing, it was empty; "" a command, in `order`; else why it is none: a code, with more behind a
 * colon. `scale` is the one that holds. */
const char *host_read(struct host_lines *lines, const struct scale *scale, struct host_order *order);

/* A line to the host, put together. */
struct host_reply {
    char octet[HOST_REPLY];
    uint16_t length;
    bool full; /* there was no room */
};

void host_add(struct host_reply *reply, const char *text);
void host_add_string(struct host_reply *reply, const char *text); /* in quotes; what JSON does not take as it is is a '?' */
void host_add_number(struct host_reply *reply, int64_t value);
void host_add_bool(struct host_reply *reply, bool value);

#endif
