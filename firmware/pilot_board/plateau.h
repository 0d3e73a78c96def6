/* The two levels of a PWM, found in a burst of samples by rank: the median of as many of the highest samples as the duty
 * makes high, and the median of the others. A few samples on an edge, or disturbed, move neither. */
#ifndef PLATEAU_H
#define PLATEAU_H

#include <stdbool.h>
#include <stdint.h>

struct plateau { /* raw values */
    uint16_t peak;    /* the greatest sample */
    uint16_t high;    /* of the source's positive half; steady: the level */
    uint16_t low;     /* of its negative half; steady: the level */
    uint16_t minimum; /* the smallest sample */
    uint16_t mean;
};

/* Whole periods of `hz` at the beginning of a burst, in samples; 0: there is not even one. */
uint16_t plateau_span(uint16_t count, uint32_t period_ns, uint32_t hz);

/* The levels of `count` samples of at most 12 bit while the source shows `duty`, in 0.01 %. False: there is no sample. */
bool plateau_find(const uint16_t *raw, uint16_t count, uint16_t duty, struct plateau *found);

/* The middle one of five, of which the first `count` are there. */
uint16_t plateau_median(const uint16_t value[5], uint8_t count);

#endif
