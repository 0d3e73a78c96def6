/* libFuzzer on the pilot board: any octets of the host, samples, times, and a port and a record that fail. See test_fuzz_board.py. */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *rest;
static size_t left;
static int64_t now_us;
static uint16_t high, low, duty;
static uint8_t mood; /* bit 0: no bursts, 1: no room, 2: octets are lost, 3: samples are anything, 4: nothing is kept */
static uint8_t record[BOARD_RECORD];
static uint8_t given[256];
static size_t given_left;

static uint8_t octet(void)
{
    uint8_t found = 0;
    if (left > 0U) {
        found = *rest;
        rest++;
        left--;
    }
    return found;
}

static void check(bool good, const char *what)
{
    if (!good) {
        (void)fprintf(stderr, "%s\n", what);
        abort();
    }
}

int64_t platform_now_us(void) { return now_us; }

void platform_read_burst(struct board_burst *burst)
{
    burst->count = ((mood & 1U) != 0U) ? 0U : BOARD_BURST;
    burst->period_ns = 12000;
    burst->began_us = now_us - 3072;
    for (unsigned i = 0; i < BOARD_BURST; i++) {
        const bool positive = (i * 12U) % 1000U < duty / 10U;
        burst->raw[i] = ((mood & 8U) != 0U) ? (uint16_t)(octet() * 257U) : (positive ? high : low);
    }
}

uint16_t platform_mv(uint16_t raw) { return (uint16_t)(raw * 3100U / 4095U); }
uint16_t platform_input_mv(uint8_t input) { return input; }

void platform_set_pwm(uint16_t new_duty, uint32_t hz)
{
    check(new_duty <= BOARD_HIGH && hz >= 500U && hz <= 5000U, "a PWM that is none");
    duty = new_duty;
}

bool platform_put(const uint8_t *octets, uint16_t count)
{
    unsigned depth = 0;
    bool quoted = false;
    check(count > 2U && octets[0] == '{' && octets[count - 1U] == '\n' && octets[count - 2U] == '}', "a line that is none");
    for (uint16_t i = 0; i < count - 1U; i++) {
        check(octets[i] >= ' ' && octets[i] <= '~', "an octet that is no text");
        quoted = quoted != (octets[i] == '"');
        depth += (octets[i] == '{') ? 1U : 0U;
        depth -= (octets[i] == '}') ? 1U : 0U;
    }
    check(!quoted && depth == 0U, "a line that is no object");
    return (mood & 2U) == 0U;
}

uint16_t platform_get(uint8_t *octets, uint16_t most, bool *lost)
{
    const uint16_t count = (uint16_t)((given_left < most) ? given_left : most);
    *lost = (mood & 4U) != 0U;
    (void)memcpy(octets, given, count);
    (void)memmove(given, &given[count], given_left - count);
    given_left -= count;
    return count;
}

bool platform_load(uint8_t *to, uint16_t size)
{
    (void)memcpy(to, record, size);
    return (mood & 16U) == 0U;
}

bool platform_save(const uint8_t *from, uint16_t size)
{
    check(size <= BOARD_RECORD, "a record that is too long");
    (void)memcpy(record, from, size);
    return (mood & 16U) == 0U;
}

void platform_reset(void) {}
const char *platform_reset_reason(void) { return "power"; }
void platform_feed_watchdog(void) {}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const lines[] = {
        "{\"cmd\":\"ping\"}\n", "{\"cmd\":\"set_mode\",\"mode\":\"manual\"}\n", "{\"cmd\":\"set_mode\",\"mode\":\"dc\"}\n",
        "{\"cmd\":\"cp.auto_cal\"}\n", "{\"cmd\":\"restart_slac_hint\",\"ms\":50}\n", "{\"cmd\":\"reset\"}\n",
        "{\"cmd\":\"cp.scan\"}\n{\"cmd\":\"get_status\"}\n", "{\"cmd\":\"set_freq\",\"hz\":500}\n",
    };
    rest = data;
    left = size;
    now_us = 0;
    mood = 0;
    given_left = 0;
    high = 3235;
    low = 66;
    (void)memset(record, 0, sizeof record);
    board_init();
    while (left > 0U) {
        switch (octet() % 8U) {
        case 0:
            high = (uint16_t)(octet() * 16U);
            low = (uint16_t)(octet() * 4U);
            break;
        case 1:
            mood = octet() % 32U;
            break;
        case 2: { /* octets as they come */
            const size_t count = octet() % 64U;
            for (size_t i = 0; i < count && given_left < sizeof given; i++) {
                given[given_left] = octet();
                given_left++;
            }
            break;
        }
        case 3: { /* a command that is one, or a part of it */
            const char *const line = lines[octet() % 8U];
            const size_t whole = strlen(line), count = whole - ((octet() < 32U) ? octet() % whole : 0U);
            for (size_t i = 0; i < count && given_left < sizeof given; i++) {
                given[given_left] = (uint8_t)line[i];
                given_left++;
            }
            break;
        }
        case 4: {
            char line[80];
            const int count = snprintf(line, sizeof line, "{\"cmd\":\"set_pwm\",\"duty\":%u,\"enable\":true}\n", octet() % 101U);
            for (int i = 0; i < count && given_left < sizeof given; i++) {
                given[given_left] = (uint8_t)line[i];
                given_left++;
            }
            break;
        }
        case 5:
            now_us += (int64_t)octet() * 8000; /* it was late */
            break;
        default:
            for (unsigned steps = octet() % 32U; steps > 0U; steps--) {
                const int64_t next = board_next_deadline_us();
                now_us = (next > now_us) ? next : now_us + 1;
                check(next <= now_us + 5000, "it would sleep too long");
                board_step();
            }
            break;
        }
        board_step();
        check(board_fault() == 0U, "an assertion has failed");
    }
    return 0;
}
