#include "real.h"

#define TOO_LARGE 9223372036854775808.0 /* 2 ** 63 */

double chart_divide(struct chart *me, double a, double b)
{
    const bool nothing = (b >= 0.0) && (b <= 0.0);
    if (nothing) {
        me->failed = true;
    }
    return nothing ? 0.0 : (a / b);
}

bool chart_is_number(double value)
{
    union { /* a comparison is some fifty instructions where there is no floating point */
        double real;
        uint64_t bits;
    } one;
    one.real = value;
    return (one.bits << 1U) <= ((uint64_t)0x7FFU << 53U);
}

bool chart_between(double value, double low, double high)
{
    return (value >= low) && (value <= high);
}

double chart_real(struct chart *me, double value, double low, double high)
{
    const bool fits = chart_between(value, low, high);
    if (!fits) {
        me->failed = true;
    }
    return fits ? value : 0.0;
}

double chart_real_least(double a, double b)
{
    return (b < a) ? b : a;
}

double chart_real_most(double a, double b)
{
    return (b > a) ? b : a;
}

double chart_real_magnitude(double value)
{
    return (value < 0.0) ? -value : ((value > 0.0) ? value : 0.0);
}

int64_t chart_cut(struct chart *me, double value)
{
    const bool fits = (value >= -TOO_LARGE) && (value < TOO_LARGE);
    if (!fits) {
        me->failed = true;
    }
    return fits ? (int64_t)value : 0;
}

int64_t chart_floor(struct chart *me, double value)
{
    const int64_t whole = chart_cut(me, value);
    return (!me->failed && ((double)whole > value)) ? (whole - 1) : whole;
}

int64_t chart_ceiling(struct chart *me, double value)
{
    const int64_t whole = chart_cut(me, value);
    return (!me->failed && ((double)whole < value)) ? (whole + 1) : whole;
}

int64_t chart_round(struct chart *me, double value)
{
    const int64_t below = chart_floor(me, value);
    const double over = me->failed ? 0.0 : (value - (double)below);
    const bool up = (over > 0.5) || ((over >= 0.5) && ((below % 2) != 0));
    return up ? (below + 1) : below;
}
