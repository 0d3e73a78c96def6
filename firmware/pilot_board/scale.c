#include "scale.h"

#define KNOTS 10U
#define LEAST_SPAN 1200U /* millivolts between +12 V and -12 V */
#define VERSION 1U

const struct scale scale_default = {{2300U, 2000U, 1700U, 1400U, 1100U, 100U, 100U}};
const char *const scale_names[SCALE_THRESHOLDS] = {"t12", "t9", "t6", "t3", "t0", "hys", "hys_ab"};

/* Of the pilot, at the knots from the lowest threshold less half its hysteresis to the highest with half of it. */
static const int32_t pilot_mv[KNOTS] = {-2000, -1000, 1000, 2000, 4000, 5000, 7000, 8000, 10000, 11000};

static void knots_of(const struct scale *scale, int32_t knots[KNOTS])
{
    for (uint8_t i = 0; i < 5U; i++) {
        const int32_t width = scale->mv[(i == 4U) ? SCALE_HYS_AB : SCALE_HYS];
        knots[2U * i] = (int32_t)scale->mv[4U - i] - (width / 2);
        knots[(2U * i) + 1U] = knots[2U * i] + width;
    }
}

bool scale_holds(const struct scale *scale)
{
    int32_t knots[KNOTS];
    bool rises = true;
    knots_of(scale, knots);
    for (uint8_t i = 1; i < KNOTS; i++) {
        rises = rises && (knots[i - 1U] < knots[i]);
    }
    return rises;
}

static int32_t between(int32_t value, int32_t from, int32_t to, int32_t out_from, int32_t out_to)
{
    return out_from + (((value - from) * (out_to - out_from)) / (to - from));
}

int32_t scale_pilot_mv(const struct scale *scale, uint16_t mv)
{
    int32_t knots[KNOTS];
    const int32_t at = mv;
    int32_t found;
    knots_of(scale, knots);
    const int32_t low = scale->mv[SCALE_T0];
    const int32_t high = scale->mv[SCALE_T12]; /* 12 V above */
    if (at <= knots[0]) {
        found = pilot_mv[0] - between(knots[0], at, at + (high - low), 0, 12000);
    } else if (at >= knots[KNOTS - 1U]) {
        found = pilot_mv[KNOTS - 1U] + between(at, knots[KNOTS - 1U], knots[KNOTS - 1U] + (high - low), 0, 12000);
    } else {
        uint8_t i = 1;
        while ((i < (KNOTS - 1U)) && (at > knots[i])) {
            i++;
        }
        found = between(at, knots[i - 1U], knots[i], pilot_mv[i - 1U], pilot_mv[i]);
    }
    return found;
}

bool scale_calibrate(struct scale *scale, uint16_t high_mv, uint16_t low_mv)
{
    static const uint8_t half_volts[5] = {45U, 39U, 33U, 27U, 21U}; /* above -12 V */
    struct scale next;
    bool good = (high_mv > low_mv) && ((uint16_t)(high_mv - low_mv) >= LEAST_SPAN);
    if (good) {
        const uint32_t span = (uint32_t)high_mv - low_mv; /* 24 V */
        for (uint8_t i = 0; i < 5U; i++) {
            next.mv[i] = (uint16_t)(low_mv + (((span * half_volts[i]) + 24U) / 48U));
        }
        next.mv[SCALE_HYS] = (uint16_t)((span + 12U) / 24U);
        next.mv[SCALE_HYS_AB] = next.mv[SCALE_HYS];
        good = scale_holds(&next);
    }
    if (good) {
        *scale = next;
    }
    return good;
}

/* CRC-16/CCITT-FALSE. */
static uint16_t crc_of(const uint8_t *octets, uint8_t count)
{
    uint16_t crc = 0xFFFFU;
    for (uint8_t i = 0; i < count; i++) {
        crc = (uint16_t)(crc ^ (uint16_t)((uint16_t)octets[i] << 8U));
        for (uint8_t bit = 0; bit < 8U; bit++) {
            const uint16_t carry = crc & 0x8000U;
            crc = (uint16_t)(crc << 1U);
            crc = (carry != 0U) ? (uint16_t)(crc ^ 0x1021U) : crc;
        }
    }
    return crc;
}

void scale_keep(const struct scale *scale, uint8_t record[SCALE_RECORD])
{
    record[0] = (uint8_t)'P';
    record[1] = (uint8_t)'B';
    record[2] = VERSION;
    record[3] = SCALE_THRESHOLDS;
    for (uint8_t i = 0; i < SCALE_THRESHOLDS; i++) {
        record[4U + (2U * i)] = (uint8_t)(scale->mv[i] & 0xFFU);
        record[5U + (2U * i)] = (uint8_t)(scale->mv[i] >> 8U);
    }
    const uint16_t crc = crc_of(record, SCALE_RECORD - 2U);
    record[SCALE_RECORD - 2U] = (uint8_t)(crc & 0xFFU);
    record[SCALE_RECORD - 1U] = (uint8_t)(crc >> 8U);
}

bool scale_restore(struct scale *scale, const uint8_t record[SCALE_RECORD])
{
    struct scale next;
    const uint16_t crc = (uint16_t)(record[SCALE_RECORD - 2U] | (uint16_t)((uint16_t)record[SCALE_RECORD - 1U] << 8U));
    bool good = (record[0] == (uint8_t)'P') && (record[1] == (uint8_t)'B') && (record[2] == VERSION) &&
        (record[3] == SCALE_THRESHOLDS) && (crc == crc_of(record, SCALE_RECORD - 2U));
    for (uint8_t i = 0; i < SCALE_THRESHOLDS; i++) {
        next.mv[i] = (uint16_t)(record[4U + (2U * i)] | (uint16_t)((uint16_t)record[5U + (2U * i)] << 8U));
    }
    good = good && scale_holds(&next);
    if (good) {
        *scale = next;
    }
    return good;
}
