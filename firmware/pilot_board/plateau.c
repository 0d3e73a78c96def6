#include "plateau.h"

#include "board.h"

#include <string.h>

#define COARSE 64U /* bins for the upper six bits of a sample, and for its lower six */
#define FULL 10000U

uint16_t plateau_span(uint16_t count, uint32_t period_ns, uint32_t hz)
{
    uint16_t span = 0;
    if ((period_ns != 0U) && (hz != 0U)) {
        const uint64_t of_period = 1000000000ULL / hz; /* ns */
        const uint64_t whole = ((uint64_t)count * period_ns) / of_period;
        span = (uint16_t)((whole * of_period) / period_ns);
    }
    return span;
}

/* The sample that `rank` others are not greater than: two looks at all of them, whatever they are. */
static uint16_t ranked(const uint16_t *raw, uint16_t count, const uint16_t coarse[COARSE], uint16_t rank)
{
    uint16_t fine[COARSE];
    uint16_t below = 0;
    uint16_t bin = 0;
    while ((bin < (COARSE - 1U)) && ((uint16_t)(below + coarse[bin]) <= rank)) {
        below = (uint16_t)(below + coarse[bin]);
        bin++;
    }
    (void)memset(fine, 0, sizeof fine);
    for (uint16_t i = 0; i < count; i++) {
        if (((raw[i] & BOARD_RAW_MOST) / COARSE) == bin) {
            fine[raw[i] % COARSE]++;
        }
    }
    uint16_t last = 0;
    while ((last < (COARSE - 1U)) && ((uint16_t)(below + fine[last]) <= rank)) {
        below = (uint16_t)(below + fine[last]);
        last++;
    }
    return (uint16_t)((bin * COARSE) + last);
}

bool plateau_find(const uint16_t *raw, uint16_t count, uint16_t duty, struct plateau *found)
{
    uint16_t coarse[COARSE];
    uint32_t sum = 0;
    if (count == 0U) {
        return false;
    }
    (void)memset(coarse, 0, sizeof coarse);
    found->peak = 0;
    found->minimum = BOARD_RAW_MOST;
    for (uint16_t i = 0; i < count; i++) {
        const uint16_t sample = raw[i] & BOARD_RAW_MOST;
        coarse[sample / COARSE]++;
        sum += sample;
        found->peak = (sample > found->peak) ? sample : found->peak;
        found->minimum = (sample < found->minimum) ? sample : found->minimum;
    }
    found->mean = (uint16_t)(sum / count);
    if ((duty == 0U) || (duty >= FULL)) {
        found->high = ranked(raw, count, coarse, count / 2U);
        found->low = found->high;
    } else {
        uint16_t highs = (uint16_t)((((uint32_t)count * duty) + (FULL / 2U)) / FULL);
        highs = (highs == 0U) ? 1U : highs;
        highs = (highs == count) ? (uint16_t)(count - 1U) : highs;
        if (count == 1U) {
            highs = 1U;
        }
        found->high = ranked(raw, count, coarse, (uint16_t)(count - 1U - (highs / 2U)));
        found->low = ranked(raw, count, coarse, (uint16_t)((count - highs) / 2U));
    }
    return true;
}

uint16_t plateau_median(const uint16_t value[5], uint8_t count)
{
    uint16_t sorted[5] = {0};
    for (uint8_t i = 0; i < count; i++) {
        uint8_t at = i;
        while ((at > 0U) && (sorted[at - 1U] > value[i])) {
            sorted[at] = sorted[at - 1U];
            at--;
        }
        sorted[at] = value[i];
    }
    return (count == 0U) ? 0U : sorted[count / 2U];
}
