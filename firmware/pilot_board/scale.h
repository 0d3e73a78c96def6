/* Millivolts at the converter to millivolts of the pilot, by thresholds that the host sets or a calibration finds. The board's
 * divider has an offset, so no threshold follows from another one.
 *
 * A threshold is where the middle between two states' voltages is: t12 is 10.5 V, t9 7.5 V, t6 4.5 V, t3 1.5 V, t0 -1.5 V, and
 * a hysteresis is 1 V around it. Where a state begins and ends is the chart's business; it has 1 V between two bands. */
#ifndef SCALE_H
#define SCALE_H

#include <stdbool.h>
#include <stdint.h>

#define SCALE_THRESHOLDS 7U
#define SCALE_RECORD 20U /* octets of a record that is kept */

enum { SCALE_T12, SCALE_T9, SCALE_T6, SCALE_T3, SCALE_T0, SCALE_HYS, SCALE_HYS_AB };

struct scale {
    uint16_t mv[SCALE_THRESHOLDS];
};

extern const struct scale scale_default; /* 100 mV a volt, 0 V at 1250 mV */
extern const char *const scale_names[SCALE_THRESHOLDS];

/* Whether the thresholds are in their order, with their hysteresis. */
bool scale_holds(const struct scale *scale);

/* Millivolts of the pilot; rises with `mv`. The scale holds. */
int32_t scale_pilot_mv(const struct scale *scale, uint16_t mv);

/* By the millivolts of +12 V and -12 V. False, and nothing changes, when they cannot be those: less than 50 mV a volt. */
bool scale_calibrate(struct scale *scale, uint16_t high_mv, uint16_t low_mv);

/* As a record and back. False, and nothing changes, when it is none. */
void scale_keep(const struct scale *scale, uint8_t record[SCALE_RECORD]);
bool scale_restore(struct scale *scale, const uint8_t record[SCALE_RECORD]);

#endif
