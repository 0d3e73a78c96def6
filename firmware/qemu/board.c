/* The pilot board on an emulated machine. The converter, the PWM and the time are the bench's: it sends how much time has
 * passed and the samples of a burst, and is told the PWM. So the board's clock is the bench's, however busy the computer is.
 * Numbers are little-endian.
 *
 * to the board: microseconds that have passed (4), octets sent to the serial port meanwhile, for which it waits (2), samples
 *               (2), nanoseconds between them (4), the samples (2 each), of which the last one is of now
 * from it:      duty in 0.01 % (2), failed assertion (2), Hz (4), machine_count from the burst to the change of the PWM, 0
 *               without one (4); also at the start
 */
#include "board.h"
#include "machine.h"

#include <string.h>

#define HEADER 12U
#define ANSWER 12U
#define FULL_MV 3100 /* at raw BOARD_RAW_MOST: 12 bit, 12 dB of attenuation */
#define WATCHDOG_US 1000000
#define SPINS 20000U /* looks at the serial port for octets that the bench says were sent */
#define SERIAL 2048U

static struct {
    int64_t now_us;
    int64_t fed_us;
    struct board_burst burst;
    uint8_t serial[SERIAL]; /* octets that have come in */
    uint16_t first;
    uint16_t waiting;
    uint16_t duty;
    uint32_t hz;
    uint32_t burst_count; /* machine_count when the burst was handed over */
    uint32_t to_pwm;
    bool reset;
    bool measuring;
    const char *reason;
    uint8_t record[BOARD_RECORD];
    uint16_t recorded;
} bench;

static uint32_t number(const uint8_t *octets, uint8_t size)
{
    uint32_t value = 0;
    for (uint8_t i = size; i > 0U; i--) {
        value = (value << 8U) | octets[i - 1U];
    }
    return value;
}

static void put_number(uint8_t *octets, uint8_t size, uint32_t value)
{
    for (uint8_t i = 0; i < size; i++) {
        octets[i] = (uint8_t)(value >> (8U * i));
    }
}

int64_t platform_now_us(void)
{
    return bench.now_us;
}

void platform_read_burst(struct board_burst *burst)
{
    *burst = bench.burst;
    bench.burst.count = 0;
    if (burst->count != 0U) {
        bench.measuring = true;
        bench.burst_count = machine_count();
    }
}

uint16_t platform_mv(uint16_t raw)
{
    return (uint16_t)((uint32_t)raw * FULL_MV / BOARD_RAW_MOST);
}

uint16_t platform_input_mv(uint8_t input)
{
    const uint16_t newest = bench.burst.raw[0];
    return (input == 1U) ? platform_mv(newest) : 0U;
}

void platform_set_pwm(uint16_t duty, uint32_t hz)
{
    bench.duty = duty;
    bench.hz = hz;
    if (bench.measuring) {
        bench.to_pwm = machine_count() - bench.burst_count;
        bench.measuring = false;
    }
}

bool platform_put(const uint8_t *octets, uint16_t count)
{
    machine_put(octets, count);
    return true;
}

/* What has come in, into the ring; how many. */
static uint16_t hear(void)
{
    uint8_t octets[16];
    const size_t room = SERIAL - bench.waiting;
    const size_t count = machine_get(octets, (room < sizeof octets) ? room : sizeof octets);
    for (size_t i = 0; i < count; i++) {
        bench.serial[(bench.first + bench.waiting) % SERIAL] = octets[i];
        bench.waiting++;
    }
    return (uint16_t)count;
}

uint16_t platform_get(uint8_t *octets, uint16_t most, bool *lost)
{
    uint16_t count = 0;
    *lost = false; /* the emulator holds back what does not fit */
    while ((count < most) && (bench.waiting > 0U)) {
        octets[count] = bench.serial[bench.first];
        bench.first = (uint16_t)((bench.first + 1U) % SERIAL);
        bench.waiting--;
        count++;
    }
    return count;
}

bool platform_load(uint8_t *record, uint16_t size)
{
    const bool there = (bench.recorded == size) && (size <= BOARD_RECORD);
    if (there) {
        (void)memcpy(record, bench.record, size);
    }
    return there;
}

bool platform_save(const uint8_t *record, uint16_t size)
{
    const bool fits = size <= BOARD_RECORD;
    if (fits) {
        (void)memcpy(bench.record, record, size);
        bench.recorded = size;
    }
    return fits;
}

void platform_reset(void)
{
    bench.reset = true;
}

const char *platform_reset_reason(void)
{
    return bench.reason;
}

void platform_feed_watchdog(void)
{
    bench.fed_us = bench.now_us;
}

static void answer(void)
{
    uint8_t octets[ANSWER];
    put_number(octets, 2U, bench.duty);
    put_number(&octets[2], 2U, board_fault());
    put_number(&octets[4], 4U, bench.hz);
    put_number(&octets[8], 4U, bench.to_pwm);
    bench_tell(octets, ANSWER);
    bench.to_pwm = 0;
}

static void begin(const char *reason)
{
    bench.reason = reason;
    bench.reset = false;
    bench.fed_us = bench.now_us;
    board_init();
}

/* One step, and what follows from it. */
static void step(void)
{
    board_step();
    bench.measuring = false;
    if (bench.reset) {
        begin("reset");
    } else if ((bench.now_us - bench.fed_us) > WATCHDOG_US) {
        begin("watchdog");
    } else {
        /* it lives */
    }
}

/* Time passes up to `until_us`, the burst comes last, and the octets that were sent meanwhile are worked off. */
static void pass(int64_t until_us, uint16_t sent)
{
    uint16_t heard = 0;
    while (bench.now_us < until_us) {
        const int64_t next = board_next_deadline_us();
        const bool last = next >= until_us;
        bench.now_us = last ? until_us : ((next > bench.now_us) ? next : (bench.now_us + 1));
        if (!last) {
            const uint16_t count = bench.burst.count;
            bench.burst.count = 0; /* it is not there yet */
            step();
            bench.burst.count = count;
        }
    }
    for (uint32_t i = 0; (i < SPINS) && (heard < sent); i++) {
        heard = (uint16_t)(heard + hear());
    }
    while (hear() != 0U) {
    }
    do {
        step();
    } while ((bench.waiting > 0U) && (board_fault() == 0U));
}

int main(void)
{
    uint8_t octets[HEADER];
    static uint8_t samples[2U * BOARD_BURST];
    begin("power");
    answer();
    while (bench_hear(octets, HEADER) != 0) {
        const int64_t until_us = bench.now_us + (int64_t)number(octets, 4U);
        const uint16_t sent = (uint16_t)number(&octets[4], 2U);
        const uint16_t count = (uint16_t)number(&octets[6], 2U);
        const uint32_t period_ns = number(&octets[8], 4U);
        if ((count > BOARD_BURST) || (bench_hear(samples, 2U * (size_t)count) == 0)) {
            machine_exit(1);
        }
        for (uint16_t i = 0; i < count; i++) {
            bench.burst.raw[i] = (uint16_t)number(&samples[2U * i], 2U);
        }
        bench.burst.count = count;
        bench.burst.period_ns = period_ns;
        bench.burst.began_us = until_us - (int64_t)(((uint64_t)count * period_ns) / 1000U);
        pass(until_us, sent);
        answer();
    }
    return 0;
}
