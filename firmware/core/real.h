/* Floating point, for the charts that use it: IEEE 754 doubles, as the engine's. What has no value sets `failed`. */
#ifndef CHART_REAL_H
#define CHART_REAL_H

#include "chart.h"

double chart_divide(struct chart *me, double a, double b);
double chart_real(struct chart *me, double value, double low, double high); /* value, a number that lies between */
double chart_real_least(double a, double b);
double chart_real_most(double a, double b);
double chart_real_magnitude(double value);
int64_t chart_round(struct chart *me, double value); /* to the nearest whole number, half to even */
int64_t chart_cut(struct chart *me, double value);   /* towards zero */
int64_t chart_floor(struct chart *me, double value);
int64_t chart_ceiling(struct chart *me, double value);
bool chart_is_number(double value);
bool chart_between(double value, double low, double high); /* false for what is not a number */

#endif
