#include "values.h"

#include <string.h>

static int64_t failed(struct chart *me)
{
    me->failed = true;
    return 0;
}

int64_t chart_add(struct chart *me, int64_t a, int64_t b)
{
    const bool fits = (b > 0) ? (a <= (INT64_MAX - b)) : (a >= (INT64_MIN - b));
    return fits ? (a + b) : failed(me);
}

int64_t chart_subtract(struct chart *me, int64_t a, int64_t b)
{
    const bool fits = (b > 0) ? (a >= (INT64_MIN + b)) : (a <= (INT64_MAX + b));
    return fits ? (a - b) : failed(me);
}

int64_t chart_multiply(struct chart *me, int64_t a, int64_t b)
{
    bool fits = true;
    if ((a > 0) && (b > 0)) {
        fits = a <= (INT64_MAX / b);
    } else if ((a > 0) && (b < 0)) {
        fits = b >= (INT64_MIN / a);
    } else if ((a < 0) && (b > 0)) {
        fits = a >= (INT64_MIN / b);
    } else if ((a < 0) && (b < 0)) {
        fits = b >= (INT64_MAX / a);
    } else {
        /* nothing times something */
    }
    return fits ? (a * b) : failed(me);
}

int64_t chart_floor_divide(struct chart *me, int64_t a, int64_t b)
{
    int64_t quotient;
    if ((b == 0) || ((a == INT64_MIN) && (b == -1))) {
        quotient = failed(me);
    } else {
        quotient = a / b;
        if (((a % b) != 0) && ((a < 0) != (b < 0))) {
            quotient--;
        }
    }
    return quotient;
}

int64_t chart_modulo(struct chart *me, int64_t a, int64_t b)
{
    int64_t rest = 0;
    if (b == 0) {
        rest = failed(me);
    } else if (b != -1) {
        rest = a % b;
        if ((rest != 0) && ((rest < 0) != (b < 0))) {
            rest += b;
        }
    } else {
        /* nothing is left */
    }
    return rest;
}

int64_t chart_whole(struct chart *me, int64_t value, int64_t low, int64_t high)
{
    return ((value >= low) && (value <= high)) ? value : failed(me);
}

int64_t chart_least(int64_t a, int64_t b)
{
    return (b < a) ? b : a;
}

int64_t chart_most(int64_t a, int64_t b)
{
    return (b > a) ? b : a;
}

int64_t chart_magnitude(struct chart *me, int64_t value)
{
    return (value >= 0) ? value : chart_subtract(me, 0, value);
}

bool chart_same(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

int64_t chart_length(const char *text)
{
    int64_t characters = 0;
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (((unsigned char)text[i] & 0xC0U) != 0x80U) { /* else an octet inside a character */
            characters++;
        }
    }
    return characters;
}

bool chart_fits(const char *text, size_t low, size_t high)
{
    size_t length = 0;
    while ((text != NULL) && (length <= high) && (text[length] != '\0')) {
        length++;
    }
    return (text != NULL) && (length >= low) && (length <= high);
}

void chart_copy(char *to, size_t size, const char *text)
{
    size_t length = 0;
    while ((length < (size - 1U)) && (text[length] != '\0')) {
        to[length] = text[length];
        length++;
    }
    to[length] = '\0';
}

const char *chart_join(char *to, size_t size, const char *a, const char *b)
{
    size_t length = 0;
    chart_copy(to, size, a);
    while (to[length] != '\0') {
        length++;
    }
    chart_copy(&to[length], size - length, b);
    return to;
}

/* Without a division: where a core has none, one of 64 bits is some two thousand instructions. */
const char *chart_decimal(char *to, int64_t value)
{
    static const uint64_t powers[20] = {UINT64_C(10000000000000000000), UINT64_C(1000000000000000000),
        UINT64_C(100000000000000000), UINT64_C(10000000000000000), UINT64_C(1000000000000000),
        UINT64_C(100000000000000), UINT64_C(10000000000000), UINT64_C(1000000000000), UINT64_C(100000000000),
        UINT64_C(10000000000), UINT64_C(1000000000), UINT64_C(100000000), UINT64_C(10000000), UINT64_C(1000000),
        UINT64_C(100000), UINT64_C(10000), UINT64_C(1000), UINT64_C(100), UINT64_C(10), UINT64_C(1)};
    size_t length = 0;
    size_t place = 0;
    uint64_t rest = (value < 0) ? (0U - (uint64_t)value) : (uint64_t)value;
    if (value < 0) {
        to[length] = '-';
        length++;
    }
    while ((place < 19U) && (rest < powers[place])) {
        place++;
    }
    for (; place < 20U; place++) {
        char digit = '0';
        while (rest >= powers[place]) { /* nine times at most */
            rest -= powers[place];
            digit++;
        }
        to[length] = digit;
        length++;
    }
    to[length] = '\0';
    return to;
}

const char *chart_text(struct chart *me, const char *text, size_t low, size_t high)
{
    const bool fits = chart_fits(text, low, high);
    if (!fits) {
        (void)failed(me);
    }
    return fits ? text : "";
}

struct chart_octets chart_octets(const uint8_t *octet, uint16_t length)
{
    const struct chart_octets octets = {octet, length};
    return octets;
}

bool chart_same_octets(struct chart_octets a, struct chart_octets b)
{
    return (a.length == b.length) && ((a.length == 0U) || (memcmp(a.octet, b.octet, a.length) == 0));
}

int64_t chart_count(struct chart_octets octets)
{
    return octets.length;
}

bool chart_has_length(struct chart_octets octets, uint16_t low, uint16_t high)
{
    return (octets.length >= low) && (octets.length <= high) && ((octets.octet != NULL) || (octets.length == 0U));
}

struct chart_octets chart_sized(struct chart *me, struct chart_octets octets, uint16_t low, uint16_t high)
{
    const struct chart_octets none = {NULL, 0U};
    const bool fits = chart_has_length(octets, low, high);
    if (!fits) {
        (void)failed(me);
    }
    return fits ? octets : none;
}

struct chart_octets chart_joined(uint8_t *to, uint16_t size, struct chart_octets a, struct chart_octets b)
{
    uint16_t first = 0;
    uint16_t second = 0;
    chart_keep(to, size, &first, a);
    chart_keep(&to[first], (uint16_t)(size - first), &second, b);
    return chart_octets(to, (uint16_t)(first + second));
}

void chart_keep(uint8_t *to, uint16_t size, uint16_t *length, struct chart_octets octets)
{
    const uint16_t kept = (octets.length < size) ? octets.length : size;
    if (kept > 0U) {
        (void)memmove(to, octets.octet, kept);
    }
    *length = kept;
}
