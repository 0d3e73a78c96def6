/* The board on a host, its time and its surroundings from a script on standard input; see host_board.py.
 *
 *   T us         until then: bursts as the PWM and the levels give them, timers
 *   L high low   raw values of the converter while the source is positive, negative
 *   N noise      largest disturbance of a sample, raw;  S n: of each n samples one is 4095 or 0, 0: none
 *   Q 0|1        bursts stop, or come
 *   U hex        octets of the host;  O: octets of the host were lost here
 *   F 0|1        the port has no room
 *   R            the board begins anew, with what it has kept
 *
 * It answers with lines: `< line` to the host, `pwm us duty hz`, `kept`, `restart`, `starved us`, `fault n`, and `.` at the end.
 */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t now_us;
static int64_t fed_us;
static uint16_t duty = BOARD_HIGH;
static uint32_t hz = 1000;
static int64_t changed_us; /* the period with which a new duty holds */
static uint16_t old_duty = BOARD_HIGH;
static unsigned high, low, noise, spikes;
static bool converting = true, no_room, octets_lost;
static int64_t next_burst_us;
static uint8_t input[1 << 17];
static size_t from, to;
static uint8_t record[BOARD_RECORD];
static uint16_t kept;
static uint32_t seed = 1;

static unsigned any(unsigned below)
{
    seed = seed * 1664525U + 1013904223U;
    return (below == 0U) ? 0U : (seed >> 8U) % below;
}

int64_t platform_now_us(void) { return now_us; }

static uint16_t sample(double at_us)
{
    const double period = 1e6 / hz, phase = at_us - (double)(int64_t)(at_us / period) * period;
    const uint16_t now = (at_us < (double)changed_us) ? old_duty : duty;
    const bool positive = now == BOARD_HIGH || (now != 0U && phase < period * now / 10000.0);
    int value = (int)(positive ? high : low);
    if (positive && now != BOARD_HIGH && phase < 2.0) { /* its rise, seen in the middle of it */
        value = (int)((high + low) / 2U);
    }
    value += (int)any(2U * noise + 1U) - (int)noise;
    if (spikes != 0U && any(spikes) == 0U) {
        value = (any(2U) == 0U) ? 4095 : 0;
    }
    return (uint16_t)((value < 0) ? 0 : (value > 4095) ? 4095 : value);
}

void platform_read_burst(struct board_burst *burst)
{
    burst->count = 0;
    if (converting && now_us >= next_burst_us) {
        burst->period_ns = 12000;
        burst->count = BOARD_BURST;
        burst->began_us = now_us - BOARD_BURST * 12;
        for (unsigned i = 0; i < BOARD_BURST; i++) {
            burst->raw[i] = sample((double)burst->began_us + i * 12.0);
        }
        next_burst_us = now_us + BOARD_BURST * 12;
    }
}

uint16_t platform_mv(uint16_t raw) { return (uint16_t)(raw * 3100U / 4095U); }
uint16_t platform_input_mv(uint8_t number) { return (uint16_t)(number * 100U); }

void platform_set_pwm(uint16_t new_duty, uint32_t new_hz)
{
    old_duty = duty;
    duty = new_duty;
    hz = new_hz;
    changed_us = now_us;
    (void)printf("pwm %lld %u %lu\n", (long long)now_us, duty, (unsigned long)hz);
}

bool platform_put(const uint8_t *octets, uint16_t count)
{
    if (!no_room) {
        (void)printf("< %.*s", (int)count, (const char *)octets);
    }
    return !no_room;
}

uint16_t platform_get(uint8_t *octets, uint16_t most, bool *lost)
{
    uint16_t count = 0;
    *lost = octets_lost;
    octets_lost = false;
    while (count < most && from < to) {
        octets[count] = input[from];
        count++;
        from++;
    }
    return count;
}

bool platform_load(uint8_t *to_record, uint16_t size)
{
    if (kept == size) {
        (void)memcpy(to_record, record, size);
    }
    return kept == size;
}

bool platform_save(const uint8_t *from_record, uint16_t size)
{
    if (size > sizeof record) {
        abort();
    }
    (void)memcpy(record, from_record, size);
    kept = size;
    (void)printf("kept\n");
    return true;
}

void platform_reset(void) { (void)printf("restart\n"); }
const char *platform_reset_reason(void) { return "power"; }
void platform_feed_watchdog(void) { fed_us = now_us; }

static void until(int64_t to_us)
{
    int64_t next = now_us;
    while (next <= to_us) {
        now_us = next;
        board_step();
        if (now_us - fed_us > 1000000) {
            (void)printf("starved %lld\n", (long long)now_us);
            break;
        }
        next = board_next_deadline_us();
        next = (converting && next_burst_us < next) ? next_burst_us : next;
        next = (next <= now_us) ? now_us + 1 : next;
        next = (next > to_us && now_us < to_us) ? to_us : next;
    }
    now_us = to_us;
}

int main(void)
{
    static char line[1 << 18];
    board_init();
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *const rest = line + 1;
        char *second = rest;
        const unsigned long first = strtoul(rest, &second, 10);
        line[strcspn(line, "\n")] = '\0';
        switch (line[0]) {
        case 'T':
            until(strtoll(rest, NULL, 10));
            break;
        case 'L':
            high = (unsigned)first;
            low = (unsigned)strtoul(second, NULL, 10);
            break;
        case 'N':
            noise = (unsigned)first;
            break;
        case 'S':
            spikes = (unsigned)first;
            break;
        case 'Q':
            converting = first != 0U;
            next_burst_us = now_us + BOARD_BURST * 12;
            break;
        case 'U':
            from = to = 0;
            for (const char *at = rest + 1; at[0] != '\0' && at[1] != '\0'; at += 2) {
                unsigned octet = 0;
                (void)sscanf(at, "%2x", &octet);
                input[to] = (uint8_t)octet;
                to++;
            }
            for (size_t steps = 0; from < to && steps < sizeof input; steps++) {
                board_step();
            }
            break;
        case 'O':
            octets_lost = true;
            break;
        case 'F':
            no_room = first != 0U;
            break;
        case 'R':
            board_init();
            break;
        default:
            return 3;
        }
        if (board_fault() != 0U) {
            (void)printf("fault %u\n", board_fault());
        }
        (void)printf(".\n");
        (void)fflush(stdout);
    }
    return 0;
}
