/* Numbers and texts as expressions of charts have them. What has no value sets `failed` of the machine and gives 0. */
#ifndef CHART_VALUES_H
#define CHART_VALUES_H

#include "chart.h"

int64_t chart_add(struct chart *me, int64_t a, int64_t b);
int64_t chart_subtract(struct chart *me, int64_t a, int64_t b);
int64_t chart_multiply(struct chart *me, int64_t a, int64_t b);
int64_t chart_floor_divide(struct chart *me, int64_t a, int64_t b); /* rounds towards minus infinity */
int64_t chart_modulo(struct chart *me, int64_t a, int64_t b);       /* with the sign of b */
int64_t chart_whole(struct chart *me, int64_t value, int64_t low, int64_t high); /* value, which lies between */
int64_t chart_least(int64_t a, int64_t b);
int64_t chart_most(int64_t a, int64_t b);
int64_t chart_magnitude(struct chart *me, int64_t value);

/* Texts end with a zero octet and are UTF-8; lengths are octets. */
bool chart_same(const char *a, const char *b);
int64_t chart_length(const char *text);
bool chart_fits(const char *text, size_t low, size_t high); /* no longer than high; does not read on */
void chart_copy(char *to, size_t size, const char *text);   /* what has no room is cut off */
const char *chart_join(char *to, size_t size, const char *a, const char *b);
const char *chart_decimal(char *to, int64_t value); /* to[21] */
const char *chart_text(struct chart *me, const char *text, size_t low, size_t high); /* text, of such a length */

struct chart_octets chart_octets(const uint8_t *octet, uint16_t length);
bool chart_same_octets(struct chart_octets a, struct chart_octets b);
int64_t chart_count(struct chart_octets octets);
bool chart_has_length(struct chart_octets octets, uint16_t low, uint16_t high);
struct chart_octets chart_sized(struct chart *me, struct chart_octets octets, uint16_t low, uint16_t high);
struct chart_octets chart_joined(uint8_t *to, uint16_t size, struct chart_octets a, struct chart_octets b);
void chart_keep(uint8_t *to, uint16_t size, uint16_t *length, struct chart_octets octets); /* to[size], *length of it */

#endif
