/* What Debian's libgcc for the lx106 leaves to a ROM that the emulator does not have: division and wide products of whole
 * numbers, and doubles (IEEE 754 binary64, to the nearest, ties to even; a NaN is the one of all operations). */
#include <stdint.h>
#include <string.h>

uint32_t __udivsi3(uint32_t a, uint32_t b);
uint32_t __umodsi3(uint32_t a, uint32_t b);
int32_t __divsi3(int32_t a, int32_t b);
int32_t __modsi3(int32_t a, int32_t b);
uint64_t __umulsidi3(uint32_t a, uint32_t b);
uint64_t __muldi3(uint64_t a, uint64_t b);
uint64_t __udivdi3(uint64_t a, uint64_t b);
uint64_t __umoddi3(uint64_t a, uint64_t b);
int64_t __divdi3(int64_t a, int64_t b);
int64_t __moddi3(int64_t a, int64_t b);
double __adddf3(double a, double b);
double __subdf3(double a, double b);
double __muldf3(double a, double b);
double __divdf3(double a, double b);
double __floatsidf(int32_t a);
double __floatunsidf(uint32_t a);
int32_t __fixdfsi(double a);
uint32_t __fixunsdfsi(double a);

/* ------------------------------------------------------------ whole numbers */

uint32_t __udivsi3(uint32_t a, uint32_t b)
{
    uint32_t quotient = 0;
    uint32_t left = 0;
    for (int i = 31; i >= 0; i--) {
        const uint32_t over = left >> 31U;
        left = (left << 1U) | ((a >> i) & 1U);
        quotient <<= 1U;
        if ((over != 0U) || (left >= b)) {
            left -= b;
            quotient |= 1U;
        }
    }
    return quotient;
}

uint32_t __umodsi3(uint32_t a, uint32_t b)
{
    return a - __udivsi3(a, b) * b;
}

static uint32_t size_of(int32_t a)
{
    return (a < 0) ? (0U - (uint32_t)a) : (uint32_t)a;
}

int32_t __divsi3(int32_t a, int32_t b)
{
    const uint32_t quotient = __udivsi3(size_of(a), size_of(b));
    return (int32_t)(((a < 0) != (b < 0)) ? (0U - quotient) : quotient);
}

int32_t __modsi3(int32_t a, int32_t b)
{
    const uint32_t left = __umodsi3(size_of(a), size_of(b));
    return (int32_t)((a < 0) ? (0U - left) : left);
}

uint64_t __umulsidi3(uint32_t a, uint32_t b)
{
    const uint32_t low = (a & 0xFFFFU) * (b & 0xFFFFU);
    const uint32_t one = (a >> 16U) * (b & 0xFFFFU) + (low >> 16U); /* does not overflow: (2 ** 16 - 1) ** 2 + 2 ** 16 - 1 */
    const uint32_t other = (a & 0xFFFFU) * (b >> 16U) + (one & 0xFFFFU);
    const uint32_t high = (a >> 16U) * (b >> 16U) + (one >> 16U) + (other >> 16U);
    return ((uint64_t)high << 32U) | ((other << 16U) | (low & 0xFFFFU));
}

uint64_t __muldi3(uint64_t a, uint64_t b)
{
    const uint32_t a_low = (uint32_t)a;
    const uint32_t b_low = (uint32_t)b;
    const uint32_t cross = (uint32_t)(a >> 32U) * b_low + a_low * (uint32_t)(b >> 32U);
    return __umulsidi3(a_low, b_low) + ((uint64_t)cross << 32U);
}

static uint64_t divide(uint64_t a, uint64_t b, uint64_t *left)
{
    uint64_t quotient = 0;
    uint64_t rest = 0;
    for (int i = 63; i >= 0; i--) {
        const int over = (rest >> 63U) != 0U;
        rest = (rest << 1U) | ((a >> i) & 1U);
        quotient <<= 1U;
        if (over || (rest >= b)) {
            rest -= b;
            quotient |= 1U;
        }
    }
    *left = rest;
    return quotient;
}

uint64_t __udivdi3(uint64_t a, uint64_t b)
{
    uint64_t left;
    return divide(a, b, &left);
}

uint64_t __umoddi3(uint64_t a, uint64_t b)
{
    uint64_t left;
    (void)divide(a, b, &left);
    return left;
}

static uint64_t wide_size_of(int64_t a)
{
    return (a < 0) ? (0U - (uint64_t)a) : (uint64_t)a;
}

int64_t __divdi3(int64_t a, int64_t b)
{
    const uint64_t quotient = __udivdi3(wide_size_of(a), wide_size_of(b));
    return (int64_t)(((a < 0) != (b < 0)) ? (0U - quotient) : quotient);
}

int64_t __moddi3(int64_t a, int64_t b)
{
    const uint64_t left = __umoddi3(wide_size_of(a), wide_size_of(b));
    return (int64_t)((a < 0) ? (0U - left) : left);
}

/* ------------------------------------------------------------ doubles */

#define INFINITE 0x7FF /* exponent of infinity and of what is not a number */
#define BIAS 1023
#define ONE ((uint64_t)1U << 62U) /* a fraction lies from ONE to below 2 * ONE; ten bits of it are for rounding */

struct number {
    uint64_t fraction; /* 0: zero; of an infinity 0, too */
    int exponent;
    int negative;
};

static uint64_t bits_of(double value)
{
    uint64_t bits;
    (void)memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double of_bits(int negative, uint64_t bits)
{
    const uint64_t all = bits | ((uint64_t)(negative ? 1U : 0U) << 63U);
    double value;
    (void)memcpy(&value, &all, sizeof value);
    return value;
}

static double infinity(int negative)
{
    return of_bits(negative, (uint64_t)INFINITE << 52U);
}

static double no_number(void)
{
    return of_bits(0, (uint64_t)0xFFF8U << 47U | (uint64_t)INFINITE << 52U);
}

static int is_no_number(double value)
{
    return (bits_of(value) << 1U) > ((uint64_t)INFINITE << 53U);
}

static struct number taken_apart(double value)
{
    const uint64_t bits = bits_of(value);
    struct number n;
    n.negative = (int)(bits >> 63U);
    n.exponent = (int)((bits >> 52U) & 0x7FFU);
    n.fraction = (bits << 12U) >> 2U;
    if ((n.exponent > 0) && (n.exponent < INFINITE)) {
        n.fraction |= ONE;
    } else if ((n.exponent == 0) && (n.fraction != 0U)) {
        n.exponent = 1;
        while (n.fraction < ONE) {
            n.fraction <<= 1U;
            n.exponent--;
        }
    } else if (n.exponent == 0) {
        n.exponent = -BIAS; /* a zero: smaller than all others */
    } else {
        /* infinite, or no number */
    }
    return n;
}

/* Shifted to the right; what falls out leaves a mark in the last bit. */
static uint64_t shifted(uint64_t fraction, int by)
{
    uint64_t found = fraction;
    if (by > 62) {
        found = (fraction != 0U) ? 1U : 0U;
    } else if (by > 0) {
        found = (fraction >> by) | (((fraction << (64 - by)) != 0U) ? 1U : 0U);
    }
    return found;
}

static double put_together(int negative, int exponent_given, uint64_t fraction_given)
{
    uint64_t fraction = fraction_given;
    int exponent = exponent_given;
    if (fraction >= 2U * ONE) {
        fraction = shifted(fraction, 1);
        exponent++;
    }
    while ((fraction < ONE) && (fraction != 0U)) {
        fraction <<= 1U;
        exponent--;
    }
    if ((exponent <= 0) || (fraction == 0U)) {
        fraction = shifted(fraction, 1 - exponent);
        exponent = 1;
    }
    fraction = (fraction + 0x1FFU + ((fraction >> 10U) & 1U)) >> 10U;
    fraction += (uint64_t)(exponent - 1) << 52U; /* the bit for ONE adds one to the exponent */
    return ((exponent >= INFINITE) || (fraction >= ((uint64_t)INFINITE << 52U))) ? infinity(negative)
                                                                                 : of_bits(negative, fraction);
}

double __adddf3(double a, double b)
{
    struct number large = taken_apart(a);
    struct number small = taken_apart(b);
    double sum;
    if ((large.exponent < small.exponent) || ((large.exponent == small.exponent) && (large.fraction < small.fraction))) {
        const struct number other = large;
        large = small;
        small = other;
    }
    if (is_no_number(a) || is_no_number(b)) {
        sum = no_number();
    } else if (large.exponent == INFINITE) {
        sum = ((small.exponent == INFINITE) && (small.negative != large.negative)) ? no_number() : infinity(large.negative);
    } else {
        const uint64_t other = (small.fraction != 0U) ? shifted(small.fraction, large.exponent - small.exponent) : 0U;
        const int same = large.negative == small.negative;
        const uint64_t fraction = same ? (large.fraction + other) : (large.fraction - other);
        sum = put_together((fraction != 0U) ? large.negative : (large.negative && same), large.exponent, fraction);
    }
    return sum;
}

double __subdf3(double a, double b)
{
    return __adddf3(a, -b);
}

double __muldf3(double a, double b)
{
    const struct number one = taken_apart(a);
    const struct number other = taken_apart(b);
    const int negative = one.negative != other.negative;
    const int infinite = (one.exponent == INFINITE) || (other.exponent == INFINITE);
    const int zero = (bits_of(a) << 1U == 0U) || (bits_of(b) << 1U == 0U);
    double product;
    if (is_no_number(a) || is_no_number(b) || (infinite && zero)) {
        product = no_number();
    } else if (infinite || zero) {
        product = infinite ? infinity(negative) : of_bits(negative, 0U);
    } else {
        const uint64_t x = one.fraction << 1U;
        const uint64_t y = other.fraction << 1U;
        const uint64_t low = __umulsidi3((uint32_t)x, (uint32_t)y);
        const uint64_t middle = __umulsidi3((uint32_t)(x >> 32U), (uint32_t)y) + (low >> 32U);
        const uint64_t cross = __umulsidi3((uint32_t)x, (uint32_t)(y >> 32U)) + (uint32_t)middle;
        const uint64_t high = __umulsidi3((uint32_t)(x >> 32U), (uint32_t)(y >> 32U)) + (middle >> 32U) + (cross >> 32U);
        const uint64_t rest = (uint64_t)(uint32_t)low | (cross << 32U);
        product = put_together(negative, one.exponent + other.exponent - BIAS, high | ((rest != 0U) ? 1U : 0U));
    }
    return product;
}

double __divdf3(double a, double b)
{
    const struct number one = taken_apart(a);
    const struct number other = taken_apart(b);
    const int negative = one.negative != other.negative;
    const int zero = bits_of(a) << 1U == 0U;
    const int by_zero = bits_of(b) << 1U == 0U;
    double quotient;
    if (is_no_number(a) || is_no_number(b) || (zero && by_zero) ||
        ((one.exponent == INFINITE) && (other.exponent == INFINITE))) {
        quotient = no_number();
    } else if (by_zero || (one.exponent == INFINITE)) {
        quotient = infinity(negative);
    } else if (zero || (other.exponent == INFINITE)) {
        quotient = of_bits(negative, 0U);
    } else {
        uint64_t found = 0;
        uint64_t left = one.fraction;
        for (int i = 0; i < 63; i++) {
            found <<= 1U;
            if (left >= other.fraction) {
                left -= other.fraction;
                found |= 1U;
            }
            left <<= 1U;
        }
        quotient = put_together(negative, one.exponent - other.exponent + BIAS, found | ((left != 0U) ? 1U : 0U));
    }
    return quotient;
}

double __floatunsidf(uint32_t a)
{
    return put_together(0, BIAS + 62, a);
}

double __floatsidf(int32_t a)
{
    return put_together(a < 0, BIAS + 62, size_of(a));
}

uint32_t __fixunsdfsi(double a)
{
    const struct number n = taken_apart(a);
    const int by = BIAS + 62 - n.exponent;
    return (n.negative || (by > 62)) ? 0U : ((by < 31) ? UINT32_MAX : (uint32_t)(n.fraction >> by));
}

int32_t __fixdfsi(double a)
{
    const struct number n = taken_apart(a);
    const int by = BIAS + 62 - n.exponent;
    const uint32_t most = n.negative ? 0x80000000U : 0x7FFFFFFFU;
    const uint32_t size = (by > 62) ? 0U : ((by < 32) ? most : (uint32_t)(n.fraction >> by));
    return n.negative ? (int32_t)(0U - size) : (int32_t)size;
}
